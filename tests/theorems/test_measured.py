"""What the atlas measures: lambda0 as an enclosure, and the parameter count at which training reaches zero."""

import flint
import numpy as np
import pytest

from zeroloss.plumbing import InputError
from zeroloss.theorems import atlas, measure_threshold
from zeroloss.theorems.lambda0 import MOST, hidden_kernel, lambda0, measured_lambda0
from zeroloss.theorems.threshold import _jacobian, _residual, bracket, parameters_of, widths_tried

RNG = np.random.default_rng(0)
X = RNG.standard_normal((12, 5))


def exact_kernel(x):
    """`t (pi - acos t)/(2 pi)` in ball arithmetic, on the exact float inputs."""
    rows = [[flint.arb(v) for v in row] for row in x.tolist()]

    def dot(a, b):
        return sum((p * q for p, q in zip(a, b, strict=True)), flint.arb(0))

    pi = flint.arb.pi()
    n = len(rows)
    k = [[flint.arb(1) / 2 for _ in range(n)] for _ in range(n)]
    for i in range(n):
        for j in range(i):
            t = dot(rows[i], rows[j]) / (dot(rows[i], rows[i]) * dot(rows[j], rows[j])).sqrt()
            k[i][j] = k[j][i] = t * (pi - t.acos()) / (2 * pi)
    return k


def test_the_kernels_error_is_bounded():
    near = X.copy()
    near[1] = near[0] * (1 + 1e-9)  # nearly parallel, where arccos is steep
    near[2] = -3 * near[0] + 1e-12
    with flint.ctx.workprec(200):
        exact = exact_kernel(near)
        stored, error = hidden_kernel(near)
        off = [[flint.arb(float(stored[i, j])) - exact[i][j] for j in range(12)] for i in range(12)]
        norm = float(sum((v * v for row in off for v in row), flint.arb(0)).sqrt().mid())
    assert norm <= error < 1e-6


def test_orthogonal_inputs_have_the_kernel_known_by_hand():
    kernel, _ = hidden_kernel(7 * np.eye(6))
    np.testing.assert_allclose(kernel, np.eye(6) / 2, atol=1e-15)
    found = lambda0(np.eye(6))
    assert 0.4999 < found.lower <= 0.5 <= found.upper


def test_it_agrees_with_the_mean_over_random_weights():
    w = np.random.default_rng(1).standard_normal((200_000, 5))
    unit = X / np.linalg.norm(X, axis=1)[:, None]
    on = (unit @ w.T > 0).astype(float)
    drawn = (unit @ unit.T) * (on @ on.T) / len(w)
    assert np.abs(drawn - hidden_kernel(X)[0]).max() < 5e-3


def test_parallel_inputs_leave_no_lower_end():
    twice = np.concatenate([X, 2 * X[:1]])
    value, upper, how = measured_lambda0(twice)
    assert upper and value < 1e-6 and "parallel" in how
    assert atlas((twice, np.ones(13)), lambda0=1e-300).find("song-yang-2019").needed == np.inf
    value, upper, how = measured_lambda0(np.concatenate([X, X]))  # equal inputs are one
    assert not upper and value > 0 and "12 distinct" in how


def test_of_many_inputs_a_part_bounds_all_from_above():
    many = np.random.default_rng(2).standard_normal((MOST + 5, 3))
    import zeroloss.theorems.lambda0 as module

    module.MOST, before = 40, module.MOST
    try:
        value, upper, how = measured_lambda0(many[:60])
    finally:
        module.MOST = before
    assert upper and "40 distinct" in how and "of 60" in how
    assert value >= lambda0(many[:60]).lower


def test_a_zero_input_has_no_direction():
    with pytest.raises(InputError, match="no direction"):
        lambda0(np.zeros((2, 3)))
    with pytest.raises(InputError, match="no kernel"):
        measured_lambda0(np.zeros((2, 3)))


def test_the_jacobian_is_that_of_the_residual():
    y, width = RNG.standard_normal((12, 2)), 4
    point = RNG.standard_normal(width * 5 + width + 2 * width + 2)
    numeric = [
        (_residual(point + 1e-6 * e, X, y, width) - _residual(point - 1e-6 * e, X, y, width)) / 2e-6
        for e in np.eye(len(point))
    ]
    np.testing.assert_allclose(_jacobian(point, X, 2, width), np.stack(numeric, axis=1), atol=1e-8)
    assert len(point) == parameters_of(width, 5, 2)


def test_random_targets_are_reached_from_about_one_parameter_an_equation():
    found = measure_threshold((RNG.standard_normal((60, 4)), np.zeros(60)), equations=60, seeds=3, steps=200)
    low, high = found.per_equation
    assert 0.7 <= low < high <= 1.7
    assert found.share[0] == 0 and found.share[-1] == 1
    assert found.expected == (low * 60, high * 60) and "extrapolation" in repr(found)
    assert type(found).from_json(found.to_json()) == found


def test_targets_that_a_small_network_makes_are_reached_with_few_parameters():
    x = RNG.standard_normal((60, 4))
    given = measure_threshold((x, np.tanh(x[:, 0])), targets="given", equations=60, seeds=3, steps=200)
    assert given.per_equation[0] == 0 and given.per_equation[1] < 0.6


def test_where_the_share_passes_a_half():
    assert bracket([10, 20, 30], [0.0, 1.0, 1.0], 20) == (0.5, 1.0)
    assert bracket([10, 20, 30], [0.0, 1.0, 0.2], 20) == (1.5, np.inf)
    assert bracket([10, 20], [1.0, 1.0], 20) == (0.0, 0.5)
    widths = widths_tried(120, 3, 1)
    assert widths == sorted(set(widths)) and parameters_of(widths[-1], 3, 1) >= 240 - 5


def test_the_atlas_takes_both():
    found = atlas((X, RNG.standard_normal(12)), measure=True)
    assert 0 < found.size.lambda0 < 0.5 and "proved lower end" in found.size.lambda0_from
    assert found.threshold.targets == "random" and "Measured on 12 inputs" in repr(found)
    assert not found.find("du-2019-shallow").at_least


def test_bad_input_is_one_line():
    with pytest.raises(InputError, match="choose one of random, given"):
        measure_threshold((X, X), targets="labels")
    with pytest.raises(InputError, match="at least 2"):
        measure_threshold((np.ones((4, 2)), np.ones(4)))
