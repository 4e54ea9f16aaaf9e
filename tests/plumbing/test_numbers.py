"""One rule for numbers that users give."""

import math
from fractions import Fraction

import numpy as np
import pytest

from zeroloss.plumbing import InputError
from zeroloss.plumbing.numbers import MOST, choice, real_number, whole_number


@pytest.mark.parametrize("value", [2, 2.0, np.int8(2), np.float32(2), Fraction(2)])
def test_whole_numbers_of_every_type(value):
    found = whole_number("n", value)
    assert found == 2
    assert type(found) is int


@pytest.mark.parametrize(
    "value", [0, -1, 1.5, math.nan, math.inf, True, np.True_, "2", None, 1j, [2], np.array([2]), 2**70, MOST + 1]
)
def test_what_is_no_count(value):
    with pytest.raises(InputError, match=r"^n=.*give a whole number"):
        whole_number("n", value)


def test_ends_of_counts():
    assert whole_number("n", 0, 0) == 0
    assert whole_number("n", MOST) == MOST
    with pytest.raises(InputError, match="n=4: give a whole number, from 1 to 3"):
        whole_number("n", 4, 1, 3)


@pytest.mark.parametrize("value", [0.5, np.float32(0.5), Fraction(1, 2)])
def test_real_numbers_of_every_type(value):
    found = real_number("t", value)
    assert found == 0.5
    assert type(found) is float


@pytest.mark.parametrize("value", [0, -0.0, -1, math.nan, math.inf, True, np.False_, "2", None, 1j, [2.0], 10**400])
def test_what_is_no_positive_number(value):
    with pytest.raises(InputError, match=r"^t=.*must be a positive number"):
        real_number("t", value)


def test_ends_of_real_numbers():
    assert real_number("t", 0, closed=True) == 0
    assert real_number("t", -3, -math.inf) == -3
    for value in (1, 1.5):
        with pytest.raises(InputError, match="finite number, above 0 and below 1"):
            real_number("t", value, 0, 1)


def test_choices():
    assert choice("kind", "a", ("a", "b")) == "a"
    for value in ("", "c", None, 1, ["a"]):
        with pytest.raises(InputError, match="choose one of a, b"):
            choice("kind", value, ("a", "b"))
