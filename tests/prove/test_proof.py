"""The proof by the read-out: right where it applies, and never PROVED where the claim is false or not shown."""

from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest

from zeroloss.data import collapse, from_arrays
from zeroloss.minima import Proof, prove
from zeroloss.networks import MLP, FeedForward, predict, wrap
from zeroloss.plumbing import InputError, double
from zeroloss.verdict import Status

RNG = np.random.default_rng(1)
X, Y = RNG.standard_normal((15, 3)), RNG.standard_normal((15, 2))


def _labelled(x, labels, classes=2):
    return SimpleNamespace(x_train=x, y_train=np.eye(classes)[labels], labels_train=np.asarray(labels))


def test_polished_network_is_at_the_minimum_within_its_radius():
    net = MLP(3, 2, 40, 2, key=0)
    proof = prove(net, (X, Y))
    assert proof.status is Status.PROVED
    assert proof.which == "polished"
    assert proof.radius < 1e-9
    assert np.abs(predict(proof.network, X) - Y).max() < 1e-9
    unpolished = prove(net, (X, Y), polish=False)
    assert unpolished.moved == 0
    # The polished weights are a minimum to rounding, so the radius about the given ones must reach them.
    assert proof.moved <= unpolished.radius * (1 + 1e-6) + proof.radius


def test_radius_holds_in_high_precision():
    """The exact distance to the nearest interpolating read-out, in 60 digits, is below the proved radius."""
    flint = pytest.importorskip("flint")
    from zeroloss.verified.forward import forward
    from zeroloss.verified.readout import readout_matrix, readout_proof

    with double():
        net = MLP(3, 1, 12, 1, "relu", dtype="float64", key=4)
    x, y = X[:5], Y[:5, :1]
    proof = readout_proof(net, x, y, np.zeros_like(y))
    matrix, error = readout_matrix(net, forward(net, x)[-1])
    before, flint.ctx.prec = flint.ctx.prec, 250
    try:
        a = flint.arb_mat([[flint.arb(float(v)) for v in row] for row in matrix])
        outputs = forward(net, x)[-1].z
        r = flint.arb_mat(
            [[flint.arb(float(t)) - flint.arb(float(o))] for t, o in zip(y[:, 0], outputs[:, 0], strict=True)]
        )
        move = a.transpose() * (a * a.transpose()).solve(r)
        length = sum((move[i, 0] ** 2 for i in range(move.nrows())), flint.arb(0)).sqrt()
        assert length < flint.arb(proof.radius)
        assert float(length.mid()) > 0.05 * proof.radius
    finally:
        flint.ctx.prec = before
    assert error < 1e-12


def test_too_few_features_is_unknown_and_says_by_how_many():
    proof = prove(MLP(3, 2, 9, 1), (X, Y))
    assert proof.status is Status.UNKNOWN
    assert proof.radius is None
    assert "5 too few" in proof.reason


def test_dependent_features_are_never_proved():
    """Width 40, but all units dead on two of the inputs: equal features, different targets, no zero by the read-out."""
    x = np.array([[-1.0], [-2.0], [1.0]])
    with double():
        net = FeedForward([jnp.ones((40, 1)), jnp.ones((1, 40))], [jnp.zeros(40), None], ["relu"])
    for polish in (True, False):
        assert prove(net, (x, np.array([[0.0], [1.0], [2.0]])), polish).status is Status.UNKNOWN


def test_nearly_equal_inputs_are_not_fooled():
    """Two inputs 1e-9 apart: either the radius is honest (large), or it is UNKNOWN."""
    x = np.concatenate([X, X[:1] + 1e-9])
    y = np.concatenate([Y, Y[:1] + 1.0])
    proof = prove(MLP(3, 2, 64, 1, key=3), (x, y), polish=False)
    if proof.status is Status.PROVED:
        # df = 1 over an input distance of 1e-9: the read-out has to move by about 1e8.
        assert proof.radius > 1e6


def test_equal_inputs_are_collapsed_and_the_minimum_is_that_of_their_means():
    x, y = np.concatenate([X, X[:1]]), np.concatenate([Y, Y[:1] + 2.0])
    proof = prove(MLP(3, 2, 64, 1, key=3), (x, y))
    assert proof.status is Status.PROVED
    # two targets 2 apart in both columns: half the pooled variance is (1/2n) 2 (1 + 1)
    assert proof.evidence["infimum"] == pytest.approx(4 / (2 * 16))
    assert proof.evidence["training_loss"] == pytest.approx(4 / (2 * 16))
    assert "infimum" in proof.reason
    assert "zero training loss" not in proof.reason


def test_margins_of_a_classifier():
    labels = RNG.integers(0, 2, 15)
    right = prove(MLP(3, 2, 40, 1), _labelled(X, labels))
    assert right.classified.status is Status.REFUTED  # the network is not trained, and polishing makes it right
    assert right.classified_polished.status is Status.PROVED
    assert 0.99 < right.classified_polished.evidence["margin_lower"] <= 1.0
    flipped = labels.copy()
    flipped[3] = 1 - flipped[3]
    wrong = prove(right.network, _labelled(X, flipped), polish=False)
    assert wrong.classified.status is Status.REFUTED
    assert wrong.classified.evidence["certified_wrong"] == 1


def test_contradictory_labels_are_never_all_right():
    x, labels = np.concatenate([X, X[:1]]), np.array([0] * 15 + [1])
    proof = prove(MLP(3, 2, 40, 1), _labelled(x, labels))
    assert proof.status is Status.PROVED
    assert proof.classified.status is not Status.PROVED
    assert proof.classified_polished.status is not Status.PROVED


def test_a_tie_is_unknown():
    with double():
        net = FeedForward([jnp.zeros((2, 3))], [None], [])
    assert prove(net, _labelled(X, np.zeros(15, int)), polish=False).classified.status is Status.UNKNOWN


def test_trainable_without_readout_and_foreign_networks_are_unknown():
    assert prove(MLP(3, 2, 40, 1), (X, Y), trainable="hidden").status is Status.UNKNOWN
    assert prove(wrap(lambda p, v: v @ p, jnp.ones((3, 2))), (X, Y)).status is Status.UNKNOWN


def test_one_example_and_float32():
    net = MLP(3, 1, 2, 1)
    proof = prove(net, (X[:1], Y[:1, :1]))
    assert proof.status is Status.PROVED
    assert proof.network.dtype == np.float64


def test_broken_weights_and_misfits_are_one_line():
    net = MLP(3, 2, 20, 1)
    import equinox as eqx

    broken = eqx.tree_at(lambda n: n.weights[0], net, net.weights[0] * np.nan)
    with pytest.raises(InputError, match="NaN"):
        prove(broken, (X, Y))
    with pytest.raises(InputError, match="maps 3 numbers to 2"):
        prove(net, (X, Y[:, :1]))


def test_overflow_is_refused_in_one_line():
    with double():
        net = FeedForward([jnp.full((4, 1), 1e200), jnp.full((1, 4), 1e200)], [None, None], ["relu"])
    with pytest.raises(InputError, match="overflow"):
        prove(net, (np.array([[1e10]]), np.array([[1.0]])))


def test_json_keeps_the_verdict():
    proof = prove(MLP(3, 2, 40, 1), from_arrays(X, Y, task="regression"))
    back = Proof.from_json(proof.to_json())
    assert (back.status, back.radius, back.claim) == (proof.status, proof.radius, proof.claim)
    assert back.network is None


@pytest.mark.slow
def test_random_attempts_to_fool_it():
    """Whatever is PROVED must be true: the distance to the nearest interpolating read-out, by least squares, is at most the radius."""
    rng = np.random.default_rng(5)
    proved = 0
    for trial in range(200):
        n, width = int(rng.integers(1, 12)), int(rng.choice([4, 12]))
        x = rng.standard_normal((n, 2)) * 10.0 ** rng.integers(-6, 3)
        x[rng.integers(n)] = x[0] + 10.0 ** -rng.integers(3, 16)
        y = rng.standard_normal((n, 1))
        net = MLP(2, 1, width, 1, str(rng.choice(["tanh", "relu", "softplus"])), dtype="float64", key=trial)
        proof = prove(net, (x, y), polish=False)
        if proof.status is not Status.PROVED:
            continue
        proved += 1
        from zeroloss.verified.forward import forward
        from zeroloss.verified.readout import readout_matrix

        distinct = collapse(x, y)  # inputs 1e-15 apart may be equal after rounding
        last = forward(net, distinct.x)[-1]
        matrix, _ = readout_matrix(net, last)
        move = np.linalg.lstsq(matrix, distinct.y - last.z, rcond=None)[0]
        assert np.abs(matrix @ move - (distinct.y - last.z)).max() < 1e-3 * max(1.0, np.linalg.norm(move))
        assert np.linalg.norm(move) <= proof.radius * (1 + 1e-3)
    assert proved > 30
