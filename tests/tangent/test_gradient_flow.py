"""The closed form against an ODE solver, simulated descent, and limits whose values are known."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from zeroloss.plumbing import InputError
from zeroloss.tangent.gradient_flow import FlowPrediction, GradientFlow, gradient_flow
from zeroloss.verdict import from_json

RNG = np.random.default_rng(0)
N, M, C, P = 6, 4, 2, 9
J = RNG.standard_normal((N + M, C, P))  # a linear model's Jacobian at training and test inputs
Y = RNG.standard_normal((N, C))
F0 = RNG.standard_normal((N + M, C))
FULL = np.einsum("iap,jbp->ijab", J, J)
SCALAR = FULL[:, :, 0, 0]


def gradient(u, ridge):
    """Of `1/(2n) (|f0 + J u - y|^2 + r |u|^2)`."""
    residual = F0[:N] + J[:N] @ u - Y
    return (np.einsum("iap,ia->p", J[:N], residual) + ridge * u) / N


@pytest.mark.parametrize("ridge", [0.0, 0.3])
def test_flow_of_a_full_kernel_is_the_ode(ridge):
    times = np.array([0.0, 0.1, 1.0, 7.0])
    solved = solve_ivp(lambda _, u: -gradient(u, ridge), (0, 7), np.zeros(P), t_eval=times, rtol=1e-11, atol=1e-12)
    outputs = F0 + np.einsum("iap,pt->tia", J, solved.y)
    found = gradient_flow(FULL[:N, :N], Y, FULL[N:, :N], f0_train=F0[:N], f0_test=F0[N:], time=times, ridge=ridge)
    np.testing.assert_allclose(found.train, outputs[:, :N], rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(found.test, outputs[:, N:], rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(found.loss, ((outputs[:, :N] - Y) ** 2).sum((1, 2)) / (2 * N), rtol=1e-7)


@pytest.mark.parametrize("ridge", [0.0, 0.3])
def test_steps_are_simulated_descent(ridge):
    top = np.linalg.eigvalsh(FULL[:N, :N].transpose(0, 2, 1, 3).reshape(N * C, -1))[-1]
    size = 1.9 * N / (top + ridge)  # nearly unstable, so that factors below 0 occur
    u, outputs = np.zeros(P), []
    for _ in range(31):
        outputs.append(F0 + J @ u)
        u = u - size * gradient(u, ridge)
    found = gradient_flow(
        FULL[:N, :N],
        Y,
        FULL[N:, :N],
        f0_train=F0[:N],
        f0_test=F0[N:],
        steps=np.arange(31),
        step_size=size,
        ridge=ridge,
    )
    np.testing.assert_allclose(found.train, np.array(outputs)[:, :N], rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(found.test, np.array(outputs)[:, N:], rtol=1e-9, atol=1e-11)


def test_one_kernel_for_all_outputs_is_one_output_at_a_time():
    together = gradient_flow(SCALAR[:N, :N], Y, SCALAR[N:, :N], time=2.0, ridge=0.1)
    for a in range(C):
        alone = gradient_flow(SCALAR[:N, :N], Y[:, a], SCALAR[N:, :N], time=2.0, ridge=0.1)
        np.testing.assert_allclose(together.test[:, a], alone.test[:, 0], rtol=1e-12)
        np.testing.assert_allclose(together.train[:, a], alone.train[:, 0], rtol=1e-12)
    block = SCALAR[:, :, None, None] * np.eye(C)
    full = gradient_flow(block[:N, :N], Y, block[N:, :N], time=2.0, ridge=0.1)
    np.testing.assert_allclose(full.test, together.test, rtol=1e-10)


def test_the_limits():
    k, test = SCALAR[:N, :N], SCALAR[N:, :N]
    start = gradient_flow(k, Y, test, f0_train=F0[:N], f0_test=F0[N:], time=0)
    np.testing.assert_allclose(start.train, F0[:N], rtol=1e-14)
    np.testing.assert_allclose(start.test, F0[N:], rtol=1e-14)
    end = gradient_flow(k, Y, test)
    np.testing.assert_allclose(end.train, Y, rtol=1e-9)
    np.testing.assert_allclose(end.test, test @ np.linalg.solve(k, Y), rtol=1e-8)
    ridged = gradient_flow(k, Y, test, ridge=0.5)
    np.testing.assert_allclose(ridged.test, test @ np.linalg.solve(k + 0.5 * np.eye(N), Y), rtol=1e-10)
    late = gradient_flow(k, Y, test, time=1e12)
    np.testing.assert_allclose(late.test, end.test, rtol=1e-9)


def test_repeated_inputs_reach_their_mean():
    """A zero eigenvalue: the direction moves at rate t/n in the dual and not at all in the outputs."""
    order = np.array([0, 0, 1, 2])
    k, test = SCALAR[np.ix_(order, order)], SCALAR[np.ix_(range(N, N + M), order)]
    y = np.array([0.0, 1.0, 3.0, -1.0])
    found = gradient_flow(k, y, test, time=[1e3, 1e25, np.inf])
    np.testing.assert_allclose(found.train[-1][:, 0], [0.5, 0.5, 3.0, -1.0], rtol=1e-9)
    np.testing.assert_allclose(found.train[1], found.train[-1], rtol=1e-9)
    np.testing.assert_allclose(found.test[1], found.test[-1], rtol=1e-9)
    assert found.loss[-1] == pytest.approx(0.5 / (2 * 4))
    flow = GradientFlow(k, y)
    assert flow.eigenvalues[0] < 1e-12
    null = np.array([1.0, -1.0, 0.0, 0.0]) / np.sqrt(2)
    assert null @ flow.dual(time=12.0)[:, 0] == pytest.approx(12.0 / 4 * (null @ y))
    assert null @ flow.dual()[:, 0] == pytest.approx(0.0, abs=1e-10)


def test_a_zero_kernel_never_moves():
    found = gradient_flow(np.zeros((3, 3)), np.ones(3), np.zeros((2, 3)), time=[0.0, 5.0, np.inf])
    assert not found.train.any() and not found.test.any()
    np.testing.assert_array_equal(found.loss, 0.5)


def test_small_steps_are_the_flow():
    k, test = SCALAR[:N, :N], SCALAR[N:, :N]
    steps, time = 10**7, 3.0
    discrete = gradient_flow(k, Y, test, steps=steps, step_size=time / steps)
    np.testing.assert_allclose(discrete.test, gradient_flow(k, Y, test, time=time).test, rtol=1e-5)


def test_the_dual_predicts():
    flow = GradientFlow(FULL[:N, :N], Y, ridge=0.2)
    expected = np.einsum("ijab,jb->ia", FULL[N:, :N], flow.dual(time=1.5))
    np.testing.assert_allclose(flow.predict(FULL[N:, :N], time=1.5).test, expected, rtol=1e-10)


def test_round_trip():
    found = gradient_flow(SCALAR[:N, :N], Y, time=[1.0, 2.0])
    assert found.test is None
    assert isinstance(from_json(found.to_json()), FlowPrediction)
    assert from_json(found.to_json()) == found


K = SCALAR[:N, :N]


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        ((K[:3], Y), {}, "a training kernel of shape"),
        ((FULL[:N, :N, :1, :1], Y), {}, "a training kernel of shape"),
        ((K, np.full((N, C), np.nan)), {}, "targets y: give finite numbers"),
        ((np.full((N, N), np.inf), Y), {}, "the training kernel holds NaN or infinity"),
        ((K, Y), {"ridge": -1.0}, "ridge=-1.0"),
        ((K, Y), {"f0_train": np.zeros((N, C + 1))}, "f0_train of shape"),
        ((K, Y, K[:2, :3]), {}, "test inputs first"),
        ((K, Y, K[:2]), {"f0_test": np.zeros((3, C))}, "f0_test of shape"),
        ((K, Y), {"time": -1.0}, "0 or more"),
        ((K, Y), {"time": np.nan}, "0 or more"),
        ((K, Y), {"steps": 3}, "give steps and step_size together"),
        ((K, Y), {"steps": 2.5, "step_size": 0.1}, "whole numbers"),
        ((K, Y), {"steps": 3, "step_size": 0.0}, "positive number"),
        ((K, Y), {"steps": 100_000, "step_size": 100.0}, "diverges"),
    ],
)
def test_bad_input(arguments, options, words):
    with pytest.raises(InputError, match=words) as caught:
        gradient_flow(*arguments, **options)
    assert "\n" not in str(caught.value)
