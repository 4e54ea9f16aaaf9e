"""Enclosures against matrices whose eigenvalues are known, and every case that fooled a weaker criterion."""

import tracemalloc
from fractions import Fraction

import flint
import numpy as np
import pytest
import scipy.linalg
from flint import arb, arb_mat
from hypothesis import given, settings
from hypothesis import strategies as st

from zeroloss.plumbing import InputError
from zeroloss.tangent import Enclosure, largest_eigenvalue, smallest_eigenvalue
from zeroloss.verdict import from_json
from zeroloss.verified.directed import gamma
from zeroloss.verified.eigenvalues import is_above, rayleigh_upper


def pivots(matrix, shift):
    """Signs of the pivots of `matrix - shift I` in exact rational arithmetic (None where one is zero)."""
    a = [[Fraction(float(v)) for v in row] for row in matrix]
    for i in range(len(a)):
        a[i][i] -= Fraction(shift)
    signs = []
    for k in range(len(a)):
        if a[k][k] == 0:
            return None
        signs.append(a[k][k] > 0)
        for i in range(k + 1, len(a)):
            ratio = a[i][k] / a[k][k]
            a[i] = [p - ratio * q for p, q in zip(a[i], a[k], strict=True)]
    return signs


def is_positive_definite(matrix, shift):
    """Exact: Sylvester's criterion."""
    signs = pivots(matrix, shift)
    return signs is not None and all(signs)


def assert_encloses_exactly(matrix, found):
    """`lower <= lambda_min <= upper`, decided in exact rational arithmetic (nudged by a sliver of its width)."""
    nudge = (Fraction(found.upper) - Fraction(found.lower)) / 2**40
    assert is_positive_definite(matrix, Fraction(found.lower) - nudge)
    assert not is_positive_definite(matrix, Fraction(found.upper) + nudge)


def true_extremes(matrix):
    """Balls for the smallest and the largest eigenvalue of a stored symmetric matrix, by FLINT at 200 bits."""
    with flint.ctx.workprec(200):
        values = [v.real for v in arb_mat(matrix.tolist()).eig(nonstop=True)]
        assert all(v.is_finite() for v in values)
        return min(values, key=lambda v: float(v.mid())), max(values, key=lambda v: float(v.mid()))


def from_spectrum(values, rng):
    q = np.linalg.qr(rng.standard_normal((len(values), len(values))))[0]
    matrix = (q * np.asarray(values)) @ q.T
    return 0.5 * (matrix + matrix.T)


@pytest.mark.parametrize("scale", [1.0, 2.0**-900, 2.0**900, 2.0**-60])
@pytest.mark.parametrize("smallest", [1.0, 1e-3, 1e-8, 1e-12, 0.0, -1e-9, -1.0])
def test_prescribed_spectrum(smallest, scale):
    n = 12
    rng = np.random.default_rng(n)
    matrix = from_spectrum(np.r_[smallest, np.linspace(1.0, 3.0, n - 1)], rng)
    found = smallest_eigenvalue(matrix * scale)
    assert_encloses_exactly(matrix * scale, found)
    # Close as well: within a few times n u trace.
    assert found.upper - found.lower <= scale * max(100 * n * 2.0**-53 * 3 * n, 2e-7 * abs(smallest))
    assert found.lower / scale == pytest.approx(smallest, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("power", [-1000, -300, 0, 300, 900])
def test_integer_matrices_with_known_eigenvalues(power):
    """`(a - b) I + b 1 1^T` has the eigenvalues `a - b` and `a + (n - 1) b`, exactly; any power of two scales them."""
    for n, a, b in ((3, 2, 1), (6, 5, 5), (5, 1, 2), (8, 7, -1)):
        matrix = ((a - b) * np.eye(n) + b) * 2.0**power
        low, high = sorted([a - b, a + (n - 1) * b])
        assert low * 2.0**power in smallest_eigenvalue(matrix)
        assert high * 2.0**power in largest_eigenvalue(matrix)


def test_second_difference_matrix():
    """Eigenvalues `2 - 2 cos(k pi/(n + 1))`, for a size above the dense one too."""
    for n in (10, 450):
        matrix = 2 * np.eye(n) - np.eye(n, k=1) - np.eye(n, k=-1)
        for found, k in ((smallest_eigenvalue(matrix), 1), (largest_eigenvalue(matrix), n)):
            true = 2 - 2 * (arb.pi() * k / (n + 1)).cos()
            assert arb(found.lower) <= true <= arb(found.upper)
            assert found.upper - found.lower < 5e-3 * float(true.mid())


def assert_never_false(count, seed, sizes):
    rng = np.random.default_rng(seed)
    for _ in range(count):
        n = int(rng.integers(1, sizes))
        kind = rng.integers(4)
        if kind == 0:
            matrix = rng.standard_normal((n, n))
            matrix = matrix + matrix.T
        elif kind == 1:  # rank deficient, rounded
            j = rng.standard_normal((n, max(1, n - 1)))
            matrix = j @ j.T
            matrix = np.tril(matrix) + np.tril(matrix, -1).T
        elif kind == 2:
            matrix = from_spectrum(10.0 ** rng.uniform(-16, 0, n), rng)
        else:  # nearly a multiple of the identity, shifted below zero
            matrix = from_spectrum(-rng.uniform(0, 1) + 1e-12 * rng.standard_normal(n), rng)
        matrix = matrix * 2.0 ** int(rng.integers(-30, 30))
        low, high = true_extremes(matrix)
        smallest, largest = smallest_eigenvalue(matrix), largest_eigenvalue(matrix)
        # "not above": a bound is false only if it is beyond the whole ball.
        assert not arb(smallest.lower) > low
        assert not arb(smallest.upper) < low
        assert not arb(largest.lower) > high
        assert not arb(largest.upper) < high


def relu_kernel(x):
    """The arc-cosine tangent kernel of the inputs' directions: a kernel as users have it, formed with rounding."""
    x = x / np.linalg.norm(x, axis=1)[:, None]
    cosine = np.clip(x @ x.T, -1, 1)
    angle = np.arccos(cosine)
    k = (2 * (np.pi - angle) * cosine + np.sin(angle)) / np.pi
    return np.tril(k) + np.tril(k, -1).T


def test_near_duplicates_of_every_distance():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((60, 10))
    x /= np.linalg.norm(x, axis=1)[:, None]
    for distance in (0.0, 1e-12, 1e-7, 1e-3):
        x[1] = x[0] + distance * rng.standard_normal(10)
        matrix = relu_kernel(x)
        low, high = true_extremes(matrix)
        smallest, largest = smallest_eigenvalue(matrix), largest_eigenvalue(matrix)
        assert arb(smallest.lower) <= low <= arb(smallest.upper)
        assert arb(largest.lower) <= high <= arb(largest.upper)
        if distance == 1e-3:
            assert smallest.lower > 0


def exact_dense(values):
    """A dense matrix that has exactly these eigenvalues, `2^k` integers below 2^53/n: `H diag(values) H^T/n`, Hadamard."""
    n = len(values)
    h = scipy.linalg.hadamard(n).astype(float)
    return (h * values) @ h.T / n


def exact_of_any_size(n, rng):
    """An `n x n` matrix of integer eigenvalues, and the extreme ones: blocks as above, rows and columns permuted."""
    high = 2.0 ** rng.integers(1, 40)
    low = float(rng.choice([1.0, 0.0, -1.0, -np.floor(high), np.ceil(rng.uniform() * high)]))
    values = np.round(low + (high - low) * rng.uniform(size=n) ** int(rng.integers(1, 12)))
    values[0] = low
    sizes = [2**k for k in range(n.bit_length()) if n >> k & 1]
    order = rng.permutation(n)
    blocks = [exact_dense(part) for part in np.split(rng.permutation(values), np.cumsum(sizes)[:-1])]
    return scipy.linalg.block_diag(*blocks)[np.ix_(order, order)], values.min(), values.max()


@pytest.mark.parametrize("n", [512, 1024])
@pytest.mark.parametrize("smallest", [2**36, 2**20, 2**8, 1, 0, -1, -(2**10), -(2**39)])
def test_prescribed_spectra_of_large_matrices(n, smallest):
    """Exactly known, down to 2^-40 = 9e-13 of the largest."""
    rng = np.random.default_rng(n)
    values = np.floor(2.0 ** rng.uniform(37, 40, n))
    values[3], values[5] = smallest, 2.0**40
    matrix = exact_dense(values)
    found, top = smallest_eigenvalue(matrix), largest_eigenvalue(matrix)
    assert smallest in found and 2.0**40 in top
    lost = 10 * n * 2.0**-53 * (np.trace(matrix) + n * max(0, -smallest))
    assert found.upper - found.lower <= 0.01 * abs(smallest) + lost
    assert top.upper - top.lower <= 1e-3 * top.upper


def assert_never_false_at_any_size(count, seed, bias):
    rng = np.random.default_rng(seed)
    for _ in range(count):
        matrix, low, high = exact_of_any_size(int(2000 ** rng.uniform() ** bias), rng)
        scale = 2.0 ** int(rng.integers(-50, 50))
        assert low * scale in smallest_eigenvalue(matrix * scale)
        assert high * scale in largest_eigenvalue(matrix * scale)


def test_never_a_false_bound_at_any_size():
    assert_never_false_at_any_size(300, 0, 8)


@pytest.mark.slow
def test_never_a_false_bound_in_ten_thousand_of_any_size():
    assert_never_false_at_any_size(10_000, 1, 20)


@pytest.mark.slow
def test_duplicates_in_two_thousand_rows():
    rng = np.random.default_rng(1)
    x = rng.standard_normal((2000, 20))
    x /= np.linalg.norm(x, axis=1)[:, None]
    apart = relu_kernel(x)
    found = smallest_eigenvalue(apart)
    assert 0.99 * found.upper < found.lower and found.factorisations == 1
    near = np.linalg.eigvalsh(apart)
    assert near[0] in smallest_eigenvalue(apart, entry_error=1e-9)
    assert near[-1] in largest_eigenvalue(apart, entry_error=1e-9)
    order = np.r_[0, np.arange(1999)]  # the first row twice: the stored matrix is singular, exactly
    twice = apart[np.ix_(order, order)]
    found = smallest_eigenvalue(twice)
    assert found.lower <= 0 and found.upper >= np.linalg.eigvalsh(twice)[0] - 1e-9
    assert found.upper - found.lower < 1e-7


def test_the_matrix_is_left_as_it_was():
    rng = np.random.default_rng(0)
    for n in (5, 450):
        matrix = from_spectrum(rng.uniform(0.1, 3, n), rng)
        matrix[0, -1] += 1e-3
        for stored in (matrix, 0.5 * (matrix + matrix.T), np.asfortranarray(matrix)):
            before = stored.copy()
            smallest_eigenvalue(stored)
            largest_eigenvalue(stored)
            np.testing.assert_array_equal(stored, before)


def test_views_and_single_precision():
    rng = np.random.default_rng(0)
    big = from_spectrum(rng.uniform(0.1, 3, 20), rng)
    assert smallest_eigenvalue(big[::2, ::2]) == smallest_eigenvalue(big[::2, ::2].copy())
    single = big.astype(np.float32)
    assert smallest_eigenvalue(single) == smallest_eigenvalue(single.astype(np.float64))


@pytest.mark.parametrize("function", [smallest_eigenvalue, largest_eigenvalue])
def test_beside_the_matrix_one_more_is_needed(function):
    """Peak memory of both ends: one copy for the factor, and a little."""
    rng = np.random.default_rng(0)
    n = 1000
    for matrix in (from_spectrum(rng.uniform(0.1, 3, n), rng), from_spectrum(rng.uniform(0.1, 3, n), rng) * 40.0):
        tracemalloc.start()
        function(matrix)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 1.2 * matrix.nbytes


def test_never_a_false_bound():
    assert_never_false(1000, 0, 6)


@pytest.mark.slow
def test_never_a_false_bound_in_ten_thousand():
    assert_never_false(10_000, 1, 8)


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 5), st.integers(0, 10_000), st.floats(-2, 2))
def test_the_criterion_itself(n, seed, tau):
    """`is_above` near the true eigenvalue: never true where exact arithmetic says no."""
    rng = np.random.default_rng(seed)
    matrix = from_spectrum(tau + rng.choice([0, 1e-16, 1e-15, 1e-13, 1e-3, 1], n) * rng.choice([-1, 1], n), rng)
    matrix /= 2.0 ** np.frexp(np.abs(np.diag(matrix)).max() or 1.0)[1] / 2
    for shift in (tau, tau * (1 + 1e-15), -tau, 0.0):
        if is_above(matrix, shift):
            assert is_positive_definite(matrix, shift)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("n", [1, 2, 7, 500])
@pytest.mark.parametrize("function", [smallest_eigenvalue, largest_eigenvalue])
def test_not_finite(bad, n, function):
    for place in ((0, 0), (n - 1, n // 2), (n - 1, n - 1)):
        matrix = 3 * np.eye(n)
        matrix[place] = matrix[place[::-1]] = bad
        with pytest.raises(InputError, match="NaN or infinity"):
            function(matrix)
        if np.isnan(bad):
            assert not is_above(matrix, 0.0)  # where LAPACK itself reports success


def test_asymmetric():
    found = smallest_eigenvalue(np.array([[1.0, 5.0], [0.0, 1.0]]))
    assert found.lower <= -1.5 <= found.upper
    assert largest_eigenvalue(np.array([[1.0, 5.0], [0.0, 1.0]])).upper >= 3.5
    mirrored = smallest_eigenvalue(np.array([[1.0, 0.0], [5.0, 1.0]]))
    assert mirrored.lower <= -1.5 <= mirrored.upper
    # Either triangle of a nearly symmetric matrix may be the meant one.
    for n in (2, 5):
        rng = np.random.default_rng(n)
        meant = from_spectrum(np.linspace(0.1, 1, n), rng)
        stored = meant + 1e-6 * rng.standard_normal((n, n))
        low, _ = true_extremes(0.5 * (stored + stored.T))
        found = smallest_eigenvalue(stored)
        assert arb(found.lower) <= low <= arb(found.upper)


def test_negative_shift_with_a_small_trace():
    """The trace that counts is that of the shifted matrix: here the matrix's own is zero, or negative."""
    rng = np.random.default_rng(0)
    for n in (2, 4, 6):
        for _ in range(60):
            matrix = from_spectrum(rng.standard_normal(n), rng)
            matrix -= np.eye(n) * np.trace(matrix) / n
            found = smallest_eigenvalue(matrix)
            assert found.lower < 0
            assert_encloses_exactly(matrix, found)
    for n in (30, 100):
        matrix = -np.eye(n)
        assert not is_above(matrix, -1.0)
        assert -1.0 in smallest_eigenvalue(matrix)


def test_bordered_by_subnormals():
    """Cholesky runs to completion on this indefinite matrix: its products underflow."""
    n, s, corner = 100, 1e-314, 1e-322
    b = np.sqrt(2.0) * 1e-319  # b^2/s = 2e-324, which rounds to zero
    matrix = s * np.eye(n + 1)
    matrix[n, :n] = matrix[:n, n] = b
    matrix[n, n] = corner
    schur = Fraction(float(corner)) - n * Fraction(float(b)) ** 2 / Fraction(s)
    assert schur < 0
    assert np.isfinite(np.linalg.cholesky(matrix)).all()
    # Eigenvalues: s, and the roots of t^2 - (s + corner) t + (s corner - n b^2).
    s_, c_, b_ = (Fraction(float(v)) for v in (s, corner, b))
    assert smallest_eigenvalue(matrix).lower < 0
    lower, upper = (Fraction(v) for v in (smallest_eigenvalue(matrix).lower, smallest_eigenvalue(matrix).upper))

    def polynomial(t):
        return t * t - (s_ + c_) * t + (s_ * c_ - n * b_ * b_)

    assert polynomial(lower) >= 0  # left of both roots
    assert polynomial(upper) <= 0


def test_equal_rows_of_a_long_jacobian():
    """Rounding alone makes the stored kernel definite; with the entries' error counted nothing is claimed."""
    p = 20_000
    seen = []
    for seed in range(8):
        j = np.random.default_rng(seed).standard_normal((6, p))
        j[1] = j[0]
        kernel = np.array([[float(np.sum(a * b)) for b in j] for a in j])
        kernel[0, 1] = kernel[1, 0] = np.nextafter(kernel[0, 1] * (1 - 50 * 2.0**-53), 0)  # another order of summation
        error = gamma(p) / (1 - gamma(p)) * np.trace(kernel) * (1 + 1e-10)
        stored, meant = smallest_eigenvalue(kernel), smallest_eigenvalue(kernel, entry_error=error)
        seen.append(stored.upper > 0)
        assert meant.lower <= 0 <= meant.upper
        assert "meant" in meant.about
        assert "stored" in stored.about
    assert any(seen)


def test_the_rayleigh_quotient_counts_its_rounding():
    rng = np.random.default_rng(0)
    missed = 0
    for _ in range(200):
        n = int(rng.integers(2, 7))
        matrix = from_spectrum(np.r_[1e-3, 10.0 ** rng.uniform(-3, 0, n - 1)], rng)
        vector = np.linalg.eigh(matrix)[1][:, 0]
        low, _ = true_extremes(matrix)
        missed += bool(arb(float(vector @ (matrix @ vector) / (vector @ vector))) < low)
        assert arb(rayleigh_upper(matrix, vector)) >= low
    assert missed > 0  # the plain quotient would have been below the truth


@pytest.mark.parametrize("value", [3.0, -2.5, 0.0, 1e-310, -5e-324, 1e300, 2.0**-1000])
def test_one_row(value):
    for function in (smallest_eigenvalue, largest_eigenvalue):
        found = function(np.array([[value]]))
        assert found.lower <= value <= found.upper
        assert found.upper - found.lower <= 1e-12 * abs(value) + 1e-320


@pytest.mark.parametrize("n", [1, 2, 50, 401])
def test_zero_matrix(n):
    for function in (smallest_eigenvalue, largest_eigenvalue):
        found = function(np.zeros((n, n)))
        assert -1e-250 < found.lower <= 0 <= found.upper < 1e-250


@pytest.mark.parametrize(
    "diagonal",
    [[1e300, 1e-300], [1.0, 1e-200, 1e200], [1e-310, 3e-320], [5e-324, 5e-324], [1e308, -1e308], [1.0, -1e-300, 1e-5]],
)
def test_diagonals_of_a_huge_range(diagonal):
    low, high = smallest_eigenvalue(np.diag(diagonal)), largest_eigenvalue(np.diag(diagonal))
    assert low.lower <= min(diagonal) <= low.upper
    assert high.lower <= max(diagonal) <= high.upper


def test_off_diagonal_only():
    matrix = np.array([[0.0, 3.0], [3.0, 0.0]])
    assert -3.0 in smallest_eigenvalue(matrix)
    assert 3.0 in largest_eigenvalue(matrix)


def test_above_the_dense_size():
    rng = np.random.default_rng(0)
    for smallest in (1e-3, -0.5):
        values = np.r_[smallest, rng.uniform(0.5, 2, 419)]
        found = smallest_eigenvalue(from_spectrum(values, rng))
        # The construction is off by some n u; the bounds must hold up to that.
        assert found.lower - 1e-12 <= smallest <= found.upper + 1e-12
        assert found.factorisations >= 1
        if smallest > 1e-6:
            assert found.lower > 0.99 * smallest


def test_a_full_kernel_and_its_matrix_are_the_same():
    rng = np.random.default_rng(0)
    matrix = from_spectrum(np.linspace(1, 2, 6), rng)
    full = matrix.reshape(3, 2, 3, 2).transpose(0, 2, 1, 3)
    assert smallest_eigenvalue(full) == smallest_eigenvalue(matrix)


def test_entry_error_widens_both_ends():
    plain, wide = smallest_eigenvalue(np.eye(3)), smallest_eigenvalue(np.eye(3), entry_error=0.25)
    assert wide.lower <= 0.75 < plain.lower
    assert wide.upper >= 1.25 > plain.upper


@pytest.mark.parametrize(
    ("matrix", "options", "words"),
    [
        (np.ones((2, 3)), {}, "give a square one"),
        (np.ones((0, 0)), {}, "give a square one"),
        (np.ones(3), {}, "give a matrix"),
        (np.eye(2), {"entry_error": -1.0}, "must be a finite number, 0 or more"),
        (np.eye(2), {"entry_error": np.nan}, "must be a finite number, 0 or more"),
        (np.eye(2), {"entry_error": np.inf}, "must be a finite number, 0 or more"),
        (np.array([[1e-200, 1.0], [1.0, 1e-200]]), {}, "rescale the matrix"),
    ],
)
def test_bad_input(matrix, options, words):
    for function in (smallest_eigenvalue, largest_eigenvalue):
        with pytest.raises(InputError, match=words) as caught:
            function(matrix, **options)
        assert "\n" not in str(caught.value)


def test_too_large_for_the_analysis():
    with pytest.raises(InputError, match="more than the rounding analysis covers"):
        gamma(2**50)


def test_round_trip():
    found = smallest_eigenvalue(np.eye(3))
    assert isinstance(from_json(found.to_json()), Enclosure)
    assert from_json(found.to_json()) == found
    assert "smallest eigenvalue in [" in repr(found)
