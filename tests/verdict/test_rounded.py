"""Numbers in sentences err on the side on which the sentence stays true."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zeroloss.verdict import at_least, at_most


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(1, 8))
def test_the_side_and_the_closeness(value, digits):
    low, high = Decimal(at_least(value, digits)), Decimal(at_most(value, digits))
    exact = Decimal(value)
    assert low <= exact <= high
    assert high - low <= abs(exact) * Decimal(10) ** (1 - digits) * 2


@pytest.mark.parametrize(
    ("value", "low", "high"), [(0.0, "0", "0"), (1234.5, "1230", "1240"), (2.0**-30, "9.31e-10", "9.32e-10")]
)
def test_as_people_write_them(value, low, high):
    assert (at_least(value), at_most(value)) == (low, high)
