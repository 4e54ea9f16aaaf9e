"""What comes in is the same number, entry by entry, or is refused in one sentence."""

from __future__ import annotations

from fractions import Fraction

import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest

import zeroloss as zl
from zeroloss.networks import MLP
from zeroloss.plumbing import InputError, double
from zeroloss.plumbing.exact import as_float64
from zeroloss.plumbing.precision import as_double

KEPT = [
    (np.array([2**53, -(2**53), 2**53 + 2, -(2**63)]), [2.0**53, -(2.0**53), 2.0**53 + 2, -(2.0**63)]),
    (np.array([2**64 - 2048], np.uint64), [2.0**64 - 2048]),
    (np.array([1e-40, 1e-45, np.nan, np.inf], np.float32), [float(np.float32(1e-40)), 2.0**-149, np.nan, np.inf]),
    (np.array([6e-8], np.float16), [2.0**-24]),
    (np.array([1.5], ml_dtypes.bfloat16), [1.5]),
    (np.array([True, False]), [1.0, 0.0]),
    (np.array([0.5, np.nan], np.longdouble), [0.5, np.nan]),
    (np.array([2**70, 1], object), [2.0**70, 1.0]),
    ([Fraction(1, 2), 3], [0.5, 3.0]),
    ([Fraction(1, 3), 3], [1 / 3, 3.0]),  # the nearest, as a decimal in a text
    (np.ma.array([1.0, 2.0]), [1.0, 2.0]),
]
REFUSED = [
    (np.array([2**53 + 1]), "cannot hold exactly"),
    (np.array([2**63 - 1]), "cannot hold exactly"),
    (np.array([2**64 - 1], np.uint64), "cannot hold exactly"),
    (np.array([1.0], np.longdouble) / 3, "cannot hold exactly"),
    ([2**53 + 1, 0.5], "cannot hold exactly"),
    (np.array([2**70 + 1], object), "cannot hold exactly"),
    ([Fraction(1, 3), Fraction(1, 3) + Fraction(1, 2**80)], "cannot distinguish"),
    (np.array([1 + 0j]), "complex"),
    (np.array([1 + 0j], object), "complex"),
    (np.array(["1.5"]), "texts"),
    (np.array(["2026-01-01"], "M8[ns]"), "times"),
    (np.array([None]), "missing"),
    (np.ma.array([1.0, 2.0], mask=[False, True]), "masked"),
]


@pytest.mark.parametrize(("given", "wanted"), KEPT)
def test_numbers_are_kept(given, wanted):
    found = as_float64(given, "x")
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.skipif(np.finfo(np.longdouble).nmant == 52, reason="long double is double here")
@pytest.mark.parametrize(("given", "words"), REFUSED)
def test_what_would_change_is_refused(given, words):
    with pytest.raises(InputError, match=words) as caught:
        as_float64(given, "inputs")
    assert str(caught.value).startswith("the inputs")
    assert "\n" not in str(caught.value)


def test_weights_keep_their_subnormal_numbers():
    """XLA's cast to float64 takes them for 0."""
    numbers = np.array([1e-40, -1e-45, 3e-39, 1.0], np.float32)
    with double():
        found = np.asarray(as_double({"w": jnp.asarray(numbers)})["w"])
    np.testing.assert_array_equal(found, numbers.astype(np.float64))


def test_complex_weights_are_refused():
    with double(), pytest.raises(InputError, match="complex"):
        as_double([jnp.ones(2, jnp.complex64)])


@pytest.mark.parametrize(
    ("matrix", "words"),
    [
        (np.eye(2) * (1 + 0j), "complex"),
        (np.array([[2**53 + 1, 0], [0, 1]]), "cannot hold exactly"),
        (np.array([["1", "0"], ["0", "1"]]), "texts"),
        (np.ma.array(np.eye(2), mask=[[True, False], [False, False]]), "masked"),
        (np.ones((2, 3)), "square"),
        (np.zeros((0, 0)), "square"),
        (np.ones(3), "give a matrix"),
        (np.array([[1.0, np.nan], [np.nan, 1.0]]), "NaN"),
    ],
)
def test_doors_of_linear_algebra(matrix, words):
    """A complex Hermitian matrix has other eigenvalues than its real part; and so on."""
    for bound in (zl.tangent.smallest_eigenvalue, zl.tangent.largest_eigenvalue):
        with pytest.raises(InputError, match=words):
            bound(matrix)


def test_the_doors_of_proofs_keep_numbers_apart():
    """Two different whole numbers are no contradiction: refused, not REFUTED."""
    x, y = np.array([[2**53], [2**53 + 1]]), np.array([[0.0], [1.0]])
    net = MLP(1, 1, 4, 1, "tanh", key=0)
    for call in (
        lambda: zl.certify(net, (x, y)),
        lambda: zl.prove(net, (x, y)),
        lambda: zl.data.collapse(x, y),
        lambda: zl.data.contradictions(x, y),
        lambda: zl.data.groups(x),
        lambda: zl.theorems.find_card("repeated-inputs").check(None, (x, y)),
    ):
        with pytest.raises(InputError, match="cannot hold exactly"):
            call()
