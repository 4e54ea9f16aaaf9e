"""The binary cross-entropy has its formula, its gradient and its minimum; scikit-learn is the reference."""

import numpy as np
import pytest
from sklearn.metrics import log_loss

from zeroloss.audit.curvature import example_loss, loss_root
from zeroloss.audit.fit import training_loss
from zeroloss.data import from_arrays
from zeroloss.descent import BinaryCrossEntropy, CrossEntropy, descend
from zeroloss.networks import MLP, predict, wrap
from zeroloss.plumbing import InputError, double

RNG = np.random.default_rng(3)
F = RNG.standard_normal((20, 3)) * 4
Y = (RNG.random((20, 3)) < 0.5).astype(float)


def by_sklearn(f, y):
    """The sum over labels of each label's log loss."""
    p = 1 / (1 + np.exp(-f))
    return sum(log_loss(y[:, k], p[:, k], labels=[0, 1]) for k in range(y.shape[1]))


def test_the_formula_in_both_codes_of_the_targets():
    with double():
        for y in (Y, 2 * Y - 1):
            assert float(BinaryCrossEntropy()(F, y)) == pytest.approx(by_sklearn(F, Y), rel=1e-12)
            assert training_loss(F, y, "binary-cross-entropy") == pytest.approx(by_sklearn(F, Y), rel=1e-12)
            one = CrossEntropy()(F[:, :1], y[:, :1])
            assert float(one) == pytest.approx(by_sklearn(F[:, :1], Y[:, :1]), rel=1e-12)
            assert training_loss(F[:, :1], y[:, :1], "cross-entropy") == pytest.approx(float(one), rel=1e-12)


def test_large_logits_neither_overflow_nor_vanish():
    f, y = np.array([[1000.0, -1000.0]]), np.array([[0.0, 1.0]])
    assert training_loss(f, y, "binary-cross-entropy") == 2000
    with double():
        assert float(BinaryCrossEntropy()(f, y)) == 2000


def test_soft_labels_and_what_is_refused():
    soft = 0.8 * Y + 0.1
    mean = np.mean(np.sum(np.logaddexp(0, F) - soft * F, axis=1))
    assert training_loss(F, soft, "binary-cross-entropy") == pytest.approx(mean, rel=1e-14)
    BinaryCrossEntropy().check(soft)
    for bad in (Y * 2, np.where(Y == 1, 0.5, -1)):
        with pytest.raises(InputError, match="targets from 0 to 1"):
            BinaryCrossEntropy().check(bad)
    with pytest.raises(InputError, match="binary-cross-entropy for several labels"):
        CrossEntropy().check(Y)


def test_curvature_of_one_example_by_differences():
    h = 1e-4
    for loss, f, y in (("binary-cross-entropy", F[:1], Y[:1]), ("cross-entropy", F[:1, :1], 2 * Y[:1, :1] - 1)):
        root = loss_root(loss, f, y)[0]
        second = np.zeros((f.shape[1],) * 2)
        for a in range(f.shape[1]):
            e = h * np.eye(f.shape[1])[a]
            second[a, a] = sum(s * training_loss(f + t * e, y, loss) for s, t in ((1, 1), (-2, 0), (1, -1))) / h**2
        np.testing.assert_allclose(root @ root.T, second, atol=1e-6)
        with double():
            assert float(example_loss(loss)(f[0], y[0])) == pytest.approx(training_loss(f, y, loss), rel=1e-12)


def test_descent_on_contradictory_labels_reaches_the_entropy():
    x, y = np.repeat([[0.0, 1.0], [1.0, 0.0]], 4, axis=0), np.array([[1, 0], [1, 1], [1, 0], [0, 0]] * 2, float)
    fit = descend(MLP(2, 2, depth=0, dtype="float64"), (x, y), loss="binary-cross-entropy", steps=2000, tolerance=1e-12)
    entropy = 2 * -(3 / 4 * np.log(3 / 4) + 1 / 4 * np.log(1 / 4))
    assert fit.converged and fit.infimum == pytest.approx(entropy, rel=1e-13) and fit.loss >= fit.infimum
    np.testing.assert_allclose(predict(fit.network, x), np.log([[3, 1 / 3]] * 8), atol=1e-4)


def test_a_single_logit_is_trained_on_two_classes():
    x = RNG.standard_normal((30, 2))
    data = from_arrays(x, np.where(x[:, 0] > 0, "up", "down"))
    fit = descend(MLP(2, 1, depth=0), data, loss="cross-entropy", steps=300)
    side = (data.x_train[:, 0] > 0)[:, None]
    assert ((predict(fit.network, data.x_train) > 0) == side).all()
    assert fit.loss == pytest.approx(by_sklearn(predict(fit.network, data.x_train).astype(float), side * 1.0), rel=1e-4)


def test_a_network_that_ends_in_a_sigmoid_is_refused():
    import jax

    network = wrap(lambda w, batch: jax.nn.sigmoid(batch @ w), np.ones((2, 3), np.float32))
    x = RNG.standard_normal((20, 2)).astype(np.float32)
    with pytest.raises(InputError, match="ends in a sigmoid"):
        descend(network, (x, Y), loss="binary-cross-entropy")
    assert descend(network, (x, Y), steps=1).steps == 1
