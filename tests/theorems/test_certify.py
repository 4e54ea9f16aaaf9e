"""The verdicts before training, on problems whose answer is known."""

import jax.numpy as jnp
import numpy as np
import pytest

from zeroloss.descent import descend
from zeroloss.networks import MLP, AntisymmetricMLP, FeedForward, wrap
from zeroloss.plumbing import InputError, double
from zeroloss.theorems import Certificate, certify, judge_curve
from zeroloss.verdict import Status

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((12, 4)), RNG.standard_normal((12, 2))


def test_wide_enough_readout_proves_existence():
    found = certify(MLP(4, 2, 32, 1), (X, Y)).verdicts
    assert found["exists"].status is Status.PROVED
    assert found["generic"].status is Status.PROVED
    assert found["reaches"].status is Status.UNKNOWN
    assert found["reaches"].evidence["ratio"] > 1


def test_contradictory_repeats_refute_zero_loss_and_nothing_else():
    x, y = np.concatenate([X, X[:1]]), np.concatenate([Y, Y[:1] + 1])
    found = certify(MLP(4, 2, 32, 1), (x, y)).verdicts
    assert found["exists"].status is Status.REFUTED
    assert "each of the 12 distinct inputs" in found["generic"].claim
    assert found["reaches"].status is not Status.REFUTED


def test_counting_refutes_nothing_of_a_function_that_may_not_be_lipschitz():
    foreign = wrap(lambda p, v: v[:, :1] * p + jnp.zeros((1, 2)), jnp.ones(()))
    assert certify(foreign, (X, Y)).verdicts["generic"].status is Status.UNKNOWN


def test_few_parameters_refute_only_the_generic_claim():
    """`y = 2 x` is fitted by one weight whatever n: counting says nothing of the targets given."""
    net = FeedForward([jnp.ones((1, 1))], [None], [])
    x = np.linspace(1, 2, 20)[:, None]
    found = certify(net, (x, 2 * x)).verdicts
    assert found["generic"].status is Status.REFUTED
    assert found["exists"].status is not Status.REFUTED
    fit = descend(net, (x, 2 * x), steps=500)
    assert fit.loss < 1e-10


def test_readout_alone_is_proved_and_keeps_its_promise():
    with double():
        net = MLP(4, 2, 64, 1, dtype="float64", key=2)
    found = certify(net, (X, Y), trainable="readout")
    verdict = found.verdicts["reaches"]
    assert verdict.status is Status.PROVED
    fit = descend(net, (X, Y), step_size=found.theorem.step_size, steps=400, trainable="readout")
    losses, steps = np.array(fit.history["loss"]), np.array(fit.history["step"])
    assert (losses <= losses[0] * found.theorem.rate**steps * (1 + 1e-9) + 1e-25).all()


@pytest.mark.slow
def test_hidden_layers_with_targets_of_unit_size_are_proved_and_behave():
    """n = 10 orthonormal inputs, fixed read-out of signs, antisymmetric start: PROVED at 22,784 units."""
    rng = np.random.default_rng(0)
    width, x = 22_784, np.eye(20)[:10]
    y = np.sign(rng.standard_normal(10))[:, None]
    with double():
        first = jnp.asarray(np.repeat(rng.standard_normal((width // 2, 20)), 2, 0))
        signs = jnp.asarray(np.tile([1.0, -1.0], width // 2)[None])
        net = FeedForward([first, signs], [None, None], ["tanh"], [1.0, width**-0.5])
    found = certify(net, (x, y), trainable="hidden")
    assert found.verdicts["reaches"].status is Status.PROVED
    fit = descend(net, (x, y), step_size=found.theorem.step_size, steps=100, trainable="hidden")
    losses, steps = np.array(fit.history["loss"]), np.array(fit.history["step"])
    assert (losses <= losses[0] * found.theorem.rate**steps * (1 + 1e-9) + 1e-25).all()
    moved = float(np.linalg.norm(np.asarray(fit.network.weights[0]) - np.asarray(first)))
    assert moved <= found.theorem.radius


def test_kinks_and_foreign_networks_are_unknown():
    assert certify(MLP(4, 2, 32, 1, "relu"), (X, Y)).verdicts["reaches"].status is Status.UNKNOWN
    foreign = wrap(lambda p, v: v @ p, jnp.ones((4, 2)))
    found = certify(foreign, (X, Y)).verdicts
    assert {found[k].status for k in ("exists", "reaches")} == {Status.UNKNOWN}


def test_curve_is_supported_where_the_model_is_linear_and_contradicted_where_it_is_not():
    linear = MLP(4, 2, 8, 0, key=1)
    found = certify(linear, (X, Y))
    assert judge_curve(found, descend(linear, (X, Y), step_size=found.step_size, steps=200)).status is Status.SUPPORTED
    small = MLP(4, 2, 3, 2, key=1)
    found = certify(small, (X, Y))
    verdict = judge_curve(found, descend(small, (X, Y), step_size=found.step_size, steps=2000))
    assert verdict.status is Status.CONTRADICTED
    assert verdict.evidence["leaves_at_step"] > 0


def test_curve_cannot_be_judged_by_another_method():
    net = MLP(4, 2, 8, 1)
    assert judge_curve(certify(net, (X, Y)), descend(net, (X, Y), "adam", steps=5)).status is Status.UNKNOWN


def test_announces_in_order_and_survives_json():
    announced = []
    found = certify(MLP(4, 2, 16, 1), (X, Y), announce=lambda name, verdict: announced.append(name))
    assert announced == ["exists", "generic", "reaches", "curve"]
    back = Certificate.from_json(found.to_json())
    assert back.verdicts["exists"].status is found.verdicts["exists"].status
    assert back.theorem.ratio == found.theorem.ratio


def test_bad_input_is_one_line():
    with pytest.raises(InputError, match="out_size=2"):
        certify(MLP(4, 3, 8, 1), (X, Y))
    with pytest.raises(InputError, match="NaN"):
        certify(MLP(4, 2, 8, 1), (X * np.nan, Y))


@pytest.mark.parametrize("step", [0.0, -1.0, np.nan, np.inf])
def test_a_step_that_is_none_is_refused(step):
    with pytest.raises(InputError, match="positive"):
        certify(MLP(4, 2, 8, 1), (X, Y), step_size=step)


def test_targets_beyond_all_numbers_and_targets_already_met():
    """Both raised once: `x ** 2` overflows with an exception, and a zero residual has no largest Ritz value."""
    net = AntisymmetricMLP(4, 2, 64)
    assert certify(net, (X, Y * 1e152), trainable="hidden").verdicts["reaches"].status is Status.UNKNOWN
    found = certify(net, (X, Y * 0), trainable="hidden")
    assert found.verdicts["reaches"].status is Status.PROVED
    assert np.isfinite(found.step_size) and max(found.curve["loss"]) < 1e-25


def unit_problem(n, d, seed=0):
    """Inputs of length `sqrt d` and signs: targets of variance 1."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, d))
    return x * np.sqrt(d) / np.linalg.norm(x, axis=1, keepdims=True), np.where(np.arange(n) % 2, 1.0, -1.0)[:, None]


def test_ten_inputs_in_fifty_dimensions_are_proved_at_2048_units_and_keep_the_promise():
    x, y = unit_problem(10, 50)
    net = AntisymmetricMLP(50, 1, 2048)
    found = certify(net, (x, y), trainable="hidden")
    assert found.verdicts["reaches"].status is Status.PROVED
    theorem = found.theorem
    fit = descend(net, (x, y), step_size=theorem.step_size, steps=300, trainable="hidden")
    losses, steps = np.array(fit.history["loss"]), np.array(fit.history["step"])
    assert (losses <= losses[0] * theorem.rate**steps * (1 + 1e-9) + 1e-25).all() and losses[-1] < 0.1 * losses[0]
    assert np.linalg.norm(np.asarray(fit.network.weights[0] - net.weights[0])) <= theorem.radius
    assert (np.asarray(fit.network.weights[1]) == np.asarray(net.weights[1])).all()


def test_a_quarter_of_the_units_is_unknown_and_the_reason_is_a_referees():
    x, y = unit_problem(10, 50)
    verdict = certify(AntisymmetricMLP(50, 1, 256), (x, y), trainable="hidden", sample_beta=True).verdicts["reaches"]
    assert verdict.status is Status.UNKNOWN
    for word in (
        "lambda_min >=",
        "beta <=",
        "|r0| <=",
        "an extrapolation, not a proof",
        "yours is 256",
        "no part of a proof",
    ):
        assert word in verdict.reason
    # For fixed signs beta does not depend on the radius, so the extrapolation is width ratio^2 (to the step's kappa).
    ratio = verdict.evidence["ratio"]
    assert verdict.evidence["width_asked_for"] == pytest.approx(256 * ratio**2, rel=0.02)
    assert verdict.evidence["beta_sampled"].value <= verdict.evidence["beta_upper"]
    wide = certify(AntisymmetricMLP(50, 1, 2 * int(verdict.evidence["width_asked_for"])), (x, y), trainable="hidden")
    assert wide.verdicts["reaches"].status is Status.PROVED


def test_each_parametrisation_gets_its_own_extrapolation():
    x, y = unit_problem(6, 8)
    judged = {
        kind: certify(MLP(8, 1, 128, 1, parametrization=kind), (x, y)).verdicts["reaches"]
        for kind in ("ntk", "standard", "mup")
    }
    assert "width^-1/2" in judged["ntk"].reason and judged["ntk"].evidence["width_asked_for"] > 128
    assert "from a quarter of this width" in judged["standard"].reason
    assert judged["mup"].evidence["width_asked_for"] is None and "not seen to fall" in judged["mup"].reason


def test_what_no_width_mends_is_reported():
    x, y = unit_problem(6, 8)
    net = AntisymmetricMLP(8, 1, 64)
    above = certify(net, (x, y), trainable="hidden", step_size=1e3).verdicts["reaches"]
    assert above.status is Status.UNKNOWN and "step" in above.reason
    kinked = certify(MLP(8, 1, 64, 1, "relu"), (x, y)).verdicts["reaches"]
    assert "kink" in kinked.reason and "relu" in kinked.reason
    few = certify(MLP(8, 1, 2, 1), (x, y), trainable="readout").verdicts["reaches"]
    assert "3 trained parameters for 6 equations" in few.reason


def test_the_predicted_curve_is_that_of_the_kernel():
    """With the formed kernel or through the operator (a repeated input): the same curve."""
    x, y = unit_problem(6, 8)
    net = MLP(8, 1, 32, 1, dtype="float32")
    formed = certify(net, (x, y), step_size=0.1, steps=20)
    again = certify(net, (np.concatenate([x, x]), np.concatenate([y, y])), step_size=0.1, steps=20)
    np.testing.assert_allclose(formed.curve["loss"], again.curve["loss"], rtol=1e-4)
