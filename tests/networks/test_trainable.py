"""Fields that are declared constant are never trained, wherever in a network they are."""

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest

from zeroloss.networks import MLP, trainable_mask
from zeroloss.networks.trainable import constant
from zeroloss.plumbing import InputError


class Shifted(eqx.Module):
    weight: jax.Array
    kept: dict = constant()

    def __call__(self, x):
        return self.weight @ x + self.kept["shift"]


class Sum(eqx.Module):
    parts: list
    named: dict

    def __call__(self, x):
        return sum(part(x) for part in [*self.parts, *self.named.values()])


def shifted():
    return Shifted(jnp.ones((2, 3)), {"shift": jnp.ones(2)})


@pytest.mark.parametrize("trainable", [None, lambda leaf: True, lambda leaf: leaf.ndim < 3])
def test_constant_fields_are_left_out(trainable):
    mask = trainable_mask(shifted(), trainable)
    assert mask.weight is True and mask.kept == {"shift": False}


def test_also_inside_lists_dicts_and_other_modules():
    mask = trainable_mask(Sum([shifted(), MLP(3, 2, 4, key=0)], {"one": shifted()}))
    for part in (mask.parts[0], mask.named["one"]):
        assert part.weight is True and part.kept == {"shift": False}
    assert all(jax.tree.leaves(mask.parts[1]))


def test_a_mask_cannot_bring_them_back():
    given = jax.tree.map(lambda _: True, shifted())
    assert trainable_mask(shifted(), given).kept == {"shift": False}


def test_nothing_but_constants_is_nothing_to_train():
    with pytest.raises(InputError, match="no parameter to train"):
        trainable_mask(shifted(), lambda leaf: leaf.ndim == 1)
