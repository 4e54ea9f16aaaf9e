"""Rows of a data set in the shape that a network takes."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zeroloss as zl
from zeroloss.networks.shaped import layouts, on_rows
from zeroloss.plumbing import InputError

RNG = np.random.default_rng(0)
COLOURS = np.arange(9) % 3
PICTURES = RNG.uniform(0, 0.2, (9, 4, 5, 3))
PICTURES[np.arange(9), :, :, COLOURS] += 0.7


class MeanColour(eqx.Module):
    """Right by construction on `PICTURES`, if it sees colours where it looks for them."""

    weight: jax.Array
    first: bool = eqx.field(static=True)

    def __call__(self, x):
        rows, columns, colours = x.shape[::-1][1], x.shape[-1], x.shape[0]
        if self.first:
            assert (colours, rows, columns) == (3, 4, 5)
            return self.weight @ x.mean((1, 2))
        assert x.shape == (4, 5, 3)
        return self.weight @ x.mean((0, 1))


@pytest.mark.parametrize("first", [True, False], ids=["channels first", "channels last"])
@pytest.mark.parametrize("stored", ["channels first", "channels last"])
def test_channels_are_moved_to_where_the_network_takes_them(first, stored):
    pictures = PICTURES.transpose(0, 3, 1, 2) if stored == "channels first" else PICTURES
    data = zl.from_arrays(pictures, COLOURS)
    net = MeanColour(jnp.eye(3), first)
    assert zl.audit(net, data).numbers["train_errors"] == 0
    fit = zl.descend(net, data, steps=1)
    assert isinstance(fit.network, MeanColour)
    assert zl.audit(fit.network, data, initial=net).numbers["train_errors"] == 0


def test_grey_pictures_get_the_axis_a_network_wants():
    data = zl.from_arrays(RNG.standard_normal((6, 4, 5)), np.arange(6) % 2)
    for shape in ((4, 5), (4, 5, 1), (1, 4, 5)):

        def function(p, x, shape=shape):
            assert x.shape[1:] == shape
            return x.reshape(len(x), -1) @ p

        net = zl.wrap(function, RNG.standard_normal((20, 2)).astype(np.float32))
        expected = data.x_train.astype(np.float32) @ np.asarray(net.params)
        np.testing.assert_allclose(zl.predict(on_rows(net, data), data.x_train), expected, rtol=1e-5, atol=1e-5)


def test_a_network_of_flat_rows_and_a_function_of_a_batch_are_left_alone():
    data = zl.from_arrays(PICTURES, COLOURS)
    net = zl.MLP(60, 3, width=2, key=0)
    assert on_rows(net, data) is net
    black = zl.wrap(lambda p, x: x.reshape(len(x), -1) @ p, np.zeros((60, 3), np.float32))
    assert on_rows(black, data) is black
    function = len
    assert on_rows(function, data) is function


def test_shapes_that_fit_nowhere_are_named():
    data = zl.from_arrays(PICTURES, COLOURS)
    with pytest.raises(InputError, match=r"neither flat \(60,\) nor as \(4, 5, 3\), \(3, 4, 5\)"):
        zl.descend(zl.wrap(lambda p, x: x @ p, np.zeros((7, 3), np.float32)), data, steps=1)


def test_every_layout_keeps_each_number_once():
    for shape in ((4, 5), (4, 5, 3), (1, 4, 5), (4, 5, 1), (3, 3, 3)):
        row = np.arange(np.prod(shape))
        for layout in layouts(shape):
            found = np.asarray(layout(row))
            assert found.shape == layout.final
            np.testing.assert_array_equal(np.sort(found.ravel()), row)
            np.testing.assert_array_equal(np.asarray(layout.batch(row[None]))[0], found)
