"""Every assumption of every card: what means nothing is refused by its name, what means something arrives in its own type."""

import math

import numpy as np
import pytest
from card_cases import X, Y

from zeroloss.networks import wrap
from zeroloss.plumbing import InputError
from zeroloss.theorems import cards, check
from zeroloss.theorems.assumptions import _KINDS, check_assumptions

NUMBERS = ("many", "", True, False, float("nan"), math.inf, -1, -0.5, [3], 1j)
WRONG = {
    **dict.fromkeys(("smoothness", "tail", "radius", "gamma", "c_eta", "step_size"), (*NUMBERS, 0)),
    **dict.fromkeys(("noise_variance", "b"), NUMBERS),
    **dict.fromkeys(("atoms", "width"), (*NUMBERS, 0, 1.5, 2**40)),
    "layers": (*NUMBERS, 1.5, 2**40),
    "design": ("wrong", "Random", "", True, 3, 0.5),
    "minimises": ("yes", "no", "true", 0, 1, 0.0, 2),
}


def test_every_assumption_of_a_card_has_a_rule():
    assert {name for card in cards() for name in card.options} == set(_KINDS) == set(WRONG) | {"trainable"}


@pytest.mark.parametrize("name", WRONG)
def test_nonsense_is_refused_by_its_name(name):
    for value in WRONG[name]:
        with pytest.raises(InputError, match=f"^{name}=") as caught:
            check(None, (X, Y), **{name: value})
        assert "\n" not in str(caught.value)


def test_what_means_something_arrives_in_its_own_type():
    given = {
        "atoms": 8.0,
        "noise_variance": 0,
        "smoothness": np.float32(2),
        "design": "fixed",
        "minimises": np.bool_(True),
        "tail": None,
    }
    found = check_assumptions(given)
    assert found == {"atoms": 8, "noise_variance": 0.0, "smoothness": 2.0, "design": "fixed", "minimises": True}
    assert [type(v) for v in found.values()] == [int, float, float, str, bool]
    with pytest.raises(InputError, match="no 'atom' among"):
        check_assumptions({"atom": 3})


def test_a_part_that_no_network_has_is_refused():
    foreign = wrap(lambda p, x: x @ p, np.ones((X.shape[1], np.shape(Y)[-1] if np.ndim(Y) > 1 else 1), np.float32))
    with pytest.raises(InputError, match="trainable"):
        check(foreign, (X, Y), trainable="layer9")
