"""Norms and products against exact rational arithmetic, at every scale of float64."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from zeroloss.verified import directed as norms
from zeroloss.verified import symmetric as prepare


def exact_square(values) -> Fraction:
    return sum((Fraction(float(v)) ** 2 for v in np.ravel(values)), Fraction(0))


@pytest.mark.parametrize("scale", [-1074, -1070, -600, -511, -400, -160, 0, 200, 400, 511, 900, 1019])
@pytest.mark.parametrize("spread", [1, 60, 600])
def test_norms_are_upper_bounds_and_close(scale, spread):
    rng = np.random.default_rng(abs(scale) + spread)
    a = np.ldexp(rng.standard_normal((6, 5)), scale - rng.integers(0, spread, (6, 5)))
    a[rng.random(a.shape) < 0.2] = 0
    for found, square in [
        (norms.norm_upper(a), exact_square(a)),
        *((v, exact_square(row)) for v, row in zip(norms.norms_upper(a), a, strict=True)),
        *((v, exact_square(row)) for v, row in zip(norms.norms_upper(a, 0), a.T, strict=True)),
    ]:
        assert Fraction(float(found)) ** 2 >= square
        assert found == 0 if square == 0 else Fraction(max(float(found) * (1 - 1e-8) - 1.5e-323, 0.0)) ** 2 <= square


def test_norms_of_what_is_no_number():
    assert math.isnan(norms.norm_upper([np.nan, 1.0, np.inf]))
    assert norms.norm_upper([np.inf, 1.0]) == math.inf
    assert norms.norm_upper([1e308] * 10) == math.inf
    assert norms.norm_upper(np.zeros((3, 2))) == 0
    assert norms.norm_upper(np.zeros((0, 2))) == 0
    found = norms.norms_upper(np.array([[np.nan, 0.0], [np.inf, 0.0], [0.0, 0.0], [1e-300, 0.0]]))
    assert math.isnan(found[0])
    assert found[1] == math.inf
    assert found[2] == 0
    assert 1e-300 <= found[3] < 1.0000001e-300


def test_sums_are_taken_in_blocks(monkeypatch):
    """No sum is longer than a block, so none is handed to 32-bit counts; every entry is in one block exactly."""
    monkeypatch.setattr(norms, "BLOCK", 1000)
    many = np.broadcast_to(np.array([[0.5]]), (4000, 300))
    sizes = [piece.size for piece in norms.blocks(many)]
    assert sum(sizes) == many.size
    assert max(sizes) <= 1000
    assert norms.norm_upper(many) >= 0.5 * math.sqrt(many.size)
    assert norms.norm_upper(many) <= 0.5 * math.sqrt(many.size) * (1 + 1e-8)
    rows = np.arange(24.0).reshape(2, 3, 4)
    assert sorted(np.concatenate([p.ravel() for p in norms.blocks(rows, 5)]).tolist()) == list(range(24))


def test_sums_of_blas_are_taken_in_parts(monkeypatch):
    """BLAS counts in 32 bits: `ddot` of a matrix of 46,341 rows would leave entries out; a NaN among them must be seen."""
    assert prepare.MOST_ENTRIES < 2**31
    monkeypatch.setattr(prepare, "MOST_ENTRIES", 7)
    a = np.arange(25.0).reshape(5, 5)
    assert prepare.sum_of_squares(a) == float(np.sum(a**2))
    a[-1, -1] = np.nan
    assert math.isnan(prepare.sum_of_squares(a))
    assert prepare.sum_of_squares(np.full((3, 3), 1e200)) == math.inf


def test_ratios_are_upper_bounds():
    rng = np.random.default_rng(1)
    for _ in range(300):
        top, bottom = (np.ldexp(rng.uniform(1, 2, 3), rng.integers(-1070, 1000, 3)).tolist() for _ in range(2))
        exact = math.prod(map(Fraction, top), start=Fraction(1)) / math.prod(map(Fraction, bottom), start=Fraction(1))
        found = norms.ratio_upper(top, bottom)
        assert found == math.inf or Fraction(found) >= exact
        if 1e-300 < found < 1e300:
            assert Fraction(found) <= exact * Fraction(1 + 1e-13)
    assert norms.ratio_upper((0.0, 1.0)) == 0
    assert norms.ratio_upper((1.0,), (0.0,)) == math.inf
    assert norms.ratio_upper((1.0,), (math.inf,)) > 0
    assert math.isnan(norms.ratio_upper((math.nan,)))


def test_squares_and_powers_of_two_are_rounded_to_their_side():
    for value in (5e-324, 1.6e-162, 1e-150, 1e-145, 0.1, 3.0, 1e154, 1e200):
        square = Fraction(value) ** 2
        assert Fraction(norms.square_lower(value)) <= square
        upper = norms.square_upper(value)
        assert upper == math.inf or Fraction(upper) >= square
        for power in (-1100, -600, 0, 600, 1100):
            exact = Fraction(value) * Fraction(2) ** power
            assert Fraction(norms.ldexp_down(value, power)) <= exact
            up = norms.ldexp_up(value, power)
            assert up == math.inf or Fraction(up) >= exact
