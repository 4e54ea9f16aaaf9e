"""Spectra prescribed, then measured; densities against the eigenvalues they estimate."""

import math

import numpy as np
import pytest

from zeroloss.networks import MLP
from zeroloss.plumbing import InputError
from zeroloss.tangent import KernelOperator, kernel, kernel_matrix, largest_eigenvalue, smallest_eigenvalue
from zeroloss.tangent.density import SpectralDensity, spectral_density
from zeroloss.tangent.spectrum import Spectrum, alignment, condition_number, spectrum
from zeroloss.verdict import from_json

RNG = np.random.default_rng(0)
X = RNG.standard_normal((12, 3))
NET = MLP(3, 2, 8, dtype="float64", key=0)


def from_spectrum(values):
    q = np.linalg.qr(RNG.standard_normal((len(values), len(values))))[0]
    matrix = (q * np.asarray(values, float)) @ q.T
    return 0.5 * (matrix + matrix.T), q


def test_a_prescribed_spectrum():
    values = np.array([0.5, 1.0, 2.0, 4.0])
    matrix, q = from_spectrum(values)
    y = q @ np.array([3.0, 0.0, 0.0, 4.0])
    found = spectrum(matrix, y)
    np.testing.assert_allclose(found.eigenvalues, values, rtol=1e-13)
    np.testing.assert_allclose(found.target_energy, [9 / 25, 0, 0, 16 / 25], atol=1e-13)
    assert found.trace == pytest.approx(values.sum())
    assert found.participation_rank == pytest.approx(values.sum() ** 2 / (values**2).sum())
    p = values / values.sum()
    assert found.entropy_rank == pytest.approx(math.exp(-(p * np.log(p)).sum()))
    assert 0.5 in found.smallest and 4.0 in found.largest
    assert found.condition.lower <= 8 <= found.condition.upper < 8 * (1 + 1e-5)
    assert found.alignment == pytest.approx((9 * 0.5 + 16 * 4) / (25 * np.linalg.norm(values)))


@pytest.mark.parametrize("n", [1, 5])
def test_ranks_of_a_flat_spectrum_and_of_one_direction(n):
    flat = spectrum(2 * np.eye(n))
    assert flat.entropy_rank == pytest.approx(n) and flat.participation_rank == pytest.approx(n)
    one = spectrum(np.ones((n, n)))
    assert one.entropy_rank == pytest.approx(1) and one.participation_rank == pytest.approx(1)


def test_the_second_rank_is_never_above_the_first():
    for _ in range(20):
        found = spectrum(from_spectrum(10.0 ** RNG.uniform(-9, 0, 7))[0])
        assert 1 <= found.participation_rank <= found.entropy_rank * (1 + 1e-12) <= 7 * (1 + 1e-9)


def test_condition_numbers():
    for low in (1.0, 1e-5, 1e-10):
        found = condition_number(from_spectrum([low, 1.0, 3.0])[0])
        assert found.lower <= 3 / low * (1 + 1e-5) and found.upper >= 3 / low * (1 - 1e-5)
        assert found.upper < found.lower * 1.001
    singular = condition_number(np.array([[1.0, 1.0], [1.0, 1.0]]))
    assert math.isinf(singular.upper) and "no positive lower bound" in singular.reason
    assert from_json(singular.to_json()) == singular
    indefinite = condition_number(np.diag([-1.0, 1.0]))
    assert math.isinf(indefinite.lower) and "not positive definite" in indefinite.reason


def test_alignment():
    y = RNG.standard_normal((6, 2))
    assert alignment(y @ y.T, y) == pytest.approx(1.0)
    assert alignment(3 * np.outer(y[:, 0], y[:, 0]), y[:, 0]) == pytest.approx(1.0)
    matrix, _ = from_spectrum([1, 2, 3, 4, 5, 6])
    expected = np.trace(matrix @ y @ y.T) / np.linalg.norm(matrix) / np.linalg.norm(y @ y.T)
    assert alignment(matrix, y) == pytest.approx(expected)
    h = np.eye(6) - 1 / 6
    shifted = y + np.array([5.0, -2.0])
    centered = np.trace(h @ matrix @ h @ y @ y.T) / np.linalg.norm(h @ matrix @ h) / np.linalg.norm(h @ y @ y.T @ h)
    assert alignment(matrix, shifted, centered=True) == pytest.approx(centered)
    assert alignment(matrix, shifted) != pytest.approx(centered, rel=1e-3)


def test_alignment_of_a_full_kernel():
    y = RNG.standard_normal((12, 2))
    full, matrix = kernel(NET, X), kernel_matrix(NET, X)
    v = y.ravel()
    assert alignment(full, y) == pytest.approx(v @ matrix @ v / np.linalg.norm(matrix) / (v @ v))
    h = np.kron(np.eye(12) - 1 / 12, np.eye(2))
    v, m = h @ v, h @ matrix @ h
    assert alignment(full, y, centered=True) == pytest.approx(v @ m @ v / np.linalg.norm(m) / (v @ v))
    found = spectrum(full, y)
    assert found.target_energy.sum() == pytest.approx(1)
    assert len(found.eigenvalues) == 24


def test_a_rank_one_kernel_is_all_its_targets():
    y = RNG.standard_normal(5)
    found = spectrum(np.outer(y, y) + 0.0, y)
    assert found.target_energy[-1] == pytest.approx(1)
    assert found.alignment == pytest.approx(1)


def test_round_trip():
    found = spectrum(from_spectrum([1, 2, 3])[0], np.ones(3))
    assert isinstance(from_json(found.to_json()), Spectrum)
    assert from_json(found.to_json()) == found
    density = spectral_density(from_spectrum([1, 2, 3])[0], probes=2, points=5)
    assert isinstance(from_json(density.to_json()), SpectralDensity)
    assert from_json(density.to_json()) == density


@pytest.mark.parametrize(
    ("function", "arguments", "words"),
    [
        (spectrum, (np.zeros((3, 3)),), "no positive eigenvalue"),
        (spectrum, (np.eye(3), np.ones(4)), "do not fit"),
        (spectrum, (np.eye(3), np.zeros(3)), "not all zero"),
        (alignment, (np.zeros((2, 2)), np.ones(2)), "are zero"),
        (alignment, (np.full((2, 2), np.nan), np.ones(2)), "finite numbers"),
        (spectral_density, (np.ones((2, 3)),), "give a square one"),
    ],
)
def test_bad_input(function, arguments, words):
    with pytest.raises(InputError, match=words) as caught:
        function(*arguments)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "options", [{"probes": 1}, {"steps": 0}, {"points": 1}, {"scale": "sqrt"}, {"width": 0.0}, {"width": np.nan}]
)
def test_bad_options_of_the_density(options):
    with pytest.raises(InputError):
        spectral_density(np.diag([1.0, 2.0, 3.0]), **options)


def test_all_the_steps_are_exact_moments():
    """With as many steps as rows each row of the quadrature is that probe's measure: moments `v^T K^j v`."""
    matrix, _ = from_spectrum([0.5, 1.0, 2.0, 4.0, 8.0])
    found = spectral_density(matrix, probes=3, steps=9, seed=4)
    rng = np.random.default_rng(4)
    assert found.nodes.shape == (3, 5)
    for row in range(3):
        v = rng.standard_normal(5)
        v = v / np.linalg.norm(v)
        for power in range(4):
            measured = found.weights[row] @ found.nodes[row] ** power
            assert measured == pytest.approx(v @ np.linalg.matrix_power(matrix, power) @ v, rel=1e-9)


def test_density_and_traces_of_a_kernel():
    matrix = kernel_matrix(NET, X)
    values = np.linalg.eigvalsh(matrix)
    for operator in (KernelOperator(NET, X), matrix, kernel(NET, X)):
        found = spectral_density(operator, probes=24, steps=24, points=400)
        for function in (lambda t: t, lambda t: np.log1p(np.maximum(t, 0)), lambda t: np.exp(-t)):
            mean, error = found.mean(function)
            assert error > 0
            assert abs(mean - function(values).mean()) < 4 * error
        assert np.trapezoid(found.density, found.grid) == pytest.approx(1, rel=1e-3)
        true = np.exp(-0.5 * ((found.grid[:, None] - values) / found.width) ** 2).mean(1)
        true /= found.width * math.sqrt(2 * math.pi)
        assert np.mean(np.abs(found.density - true) <= 4 * found.standard_error + 1e-3 * true.max()) > 0.97


def test_density_on_a_logarithmic_scale():
    matrix, _ = from_spectrum(np.r_[np.full(30, 1e-6), np.full(10, 1.0)])
    found = spectral_density(matrix, probes=16, scale="log")
    small = found.grid < -3
    share = np.trapezoid(found.density[small], found.grid[small])
    error = found.mean(lambda t: (t < 1e-3).astype(float))[1]
    assert abs(share - 0.75) < 4 * error + 1e-2


def test_density_when_lanczos_has_found_everything():
    found = spectral_density(3 * np.eye(8), probes=2)
    assert found.mean(lambda t: t) == (pytest.approx(3), pytest.approx(0, abs=1e-12))
    np.testing.assert_allclose(found.weights.sum(1), 1)
    assert np.isfinite(found.density).all()


def test_an_operator_is_bounded_on_one_side_only():
    matrix, operator = kernel_matrix(NET, X), KernelOperator(NET, X)
    values = np.linalg.eigvalsh(matrix)
    low, high = smallest_eigenvalue(operator), largest_eigenvalue(operator)
    assert low.lower == 0 and low.upper >= values[0] * (1 - 1e-9)
    assert high.lower == pytest.approx(values[-1], rel=1e-6) and high.lower <= values[-1] * (1 + 1e-12)
    assert math.isinf(high.upper)
    assert "no positive bound is known" in low.method
    assert "no upper bound is known" in high.method
    for found in (low, high):
        assert "not counted" in found.about
        assert found.factorisations == 0
        assert from_json(found.to_json()) == found
    found = condition_number(operator)
    assert math.isinf(found.upper) and found.lower <= values[-1] / values[0] * (1 + 1e-9)


def test_operators_of_two_sets_have_no_spectrum():
    operator = KernelOperator(NET, X, x2=X[:5])
    for function in (smallest_eigenvalue, largest_eigenvalue, spectral_density):
        with pytest.raises(InputError, match="between two sets of points"):
            function(operator)
    with pytest.raises(InputError, match="entry_error is for a stored matrix"):
        smallest_eigenvalue(KernelOperator(NET, X), entry_error=0.1)
