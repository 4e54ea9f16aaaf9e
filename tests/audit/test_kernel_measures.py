"""Tangent-kernel measures: linear models, where the kernel is the inputs' own, and brute force."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from audit_makers import classes, dataset, real_targets
from sklearn.datasets import make_spd_matrix

import zeroloss as zl
from zeroloss.audit import audit, laziness, lazy_verdict
from zeroloss.audit.kernels import (
    centred,
    drift,
    effective_dimension,
    participation_ratio,
    similarity,
    target_alignment,
)
from zeroloss.networks import MLP, FeedForward
from zeroloss.tangent import alignment, spectrum
from zeroloss.verdict import Status

ALL = np.arange(20)
PART = np.setdiff1d(ALL, [2, 3, 17])


def full(key=0, n=20, c=3):
    """A symmetric positive definite kernel `(n, n, c, c)`."""
    return make_spd_matrix(n * c, random_state=key).reshape(n, c, n, c).transpose(0, 2, 1, 3)


def flat(k):
    n, _, c, _ = k.shape
    return k.transpose(0, 2, 1, 3).reshape(n * c, n * c)


def of(k, rows):
    return k[np.ix_(rows, rows)]


@pytest.mark.parametrize("rows", [ALL, PART], ids=["all", "part"])
def test_statistics_of_part_of_the_examples_are_those_of_the_part(rows):
    a, b = full(0), full(1)
    y = np.random.default_rng(0).standard_normal((20, 3))
    first, last = flat(of(a, rows)), flat(of(b, rows))
    assert drift(a, b)(rows) == pytest.approx(np.linalg.norm(last - first) / np.linalg.norm(first))
    one, two = centred(of(a, rows)), centred(of(b, rows))
    expected = np.sum(one * two) / np.linalg.norm(one) / np.linalg.norm(two)
    assert similarity(a, b)(rows) == pytest.approx(expected, rel=1e-9)
    values = np.linalg.eigvalsh(first)
    assert effective_dimension(a, 0.3)(rows) == pytest.approx(np.sum(values / (values + 0.3)))
    assert participation_ratio(a)(rows) == pytest.approx(values.sum() ** 2 / np.sum(values**2))
    mean = np.trace(of(a, rows), axis1=2, axis2=3) / 3
    assert target_alignment(a, y)(rows) == pytest.approx(alignment(mean, y[rows], centered=True))


def test_participation_is_that_of_the_spectrum():
    a = full()
    assert participation_ratio(a)(ALL) == pytest.approx(spectrum(flat(a)).participation_rank)


def test_the_similarity_is_linear_cka():
    """Kornblith et al.'s linear CKA of two sets of features, by its own formula."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((20, 7)), rng.standard_normal((20, 4))
    a, b = (v - v.mean(axis=0) for v in (x, y))
    cka = np.linalg.norm(a.T @ b) ** 2 / np.linalg.norm(a.T @ a) / np.linalg.norm(b.T @ b)
    k, m = ((v @ v.T)[:, :, None, None] for v in (x, y))
    assert similarity(k, m)(ALL) == pytest.approx(cka)
    assert similarity(k, 5 * k)(ALL) == pytest.approx(1)


def linear(weights):
    return FeedForward([jnp.asarray(weights, jnp.float32)], [None], ())


def test_a_linear_model_has_the_kernel_of_its_inputs():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((30, 4))
    y = x @ rng.standard_normal((4, 2))
    data = dataset(x, y)
    found = audit(linear(rng.standard_normal((2, 4))), data, linear(np.ones((2, 4))), measures=["kernel", "laziness"])
    gram = x @ x.T
    assert found.measure("kernel_target_alignment").value == pytest.approx(alignment(gram, y, centered=True), rel=1e-4)
    values = np.repeat(np.linalg.eigvalsh(gram), 2)
    shrink = values.mean() / 100
    assert found.measure("effective_dimension").value == pytest.approx(np.sum(values / (values + shrink)), rel=1e-3)
    assert found.measure("effective_dimension").value < 8  # 4 inputs, 2 outputs
    assert found.measure("kernel_drift").value == pytest.approx(0, abs=1e-6)
    assert found.measure("kernel_similarity").value == pytest.approx(1, abs=1e-6)
    assert found.measure("linearisation_train").value == pytest.approx(0, abs=1e-6)
    assert found.verdicts["lazy"].status is Status.SUPPORTED
    assert found.verdicts["lazy"].evidence["kernel_drift"] == found.measure("kernel_drift").value


def test_targets_that_are_the_kernel_align_perfectly():
    x = np.eye(6)[np.arange(24) % 6]
    data = dataset(x, x)
    found = audit(linear(np.ones((6, 6))), data, measures="kernel_target_alignment")
    assert found.measure("kernel_target_alignment").value == pytest.approx(1)


def test_the_ridge_is_the_one_requested():
    data = real_targets(n=25, d=3)
    found = audit(linear(np.ones((1, 3))), data, measures="effective_dimension", ridge=0.5)
    values = np.linalg.eigvalsh(data.x_train @ data.x_train.T)
    assert found.measure("effective_dimension").value == pytest.approx(np.sum(values / (values + 12.5)), rel=1e-4)


def test_a_kernel_that_moved_makes_training_not_lazy():
    start = MLP(4, 3, width=16, depth=2, key=0)
    data = classes(n=40, d=4)
    # Scaling the read-out changes the kernel a lot and the answers linearly: the drift alone says it.
    end = eqx.tree_at(lambda n: n.weights[-1], start, 2 * start.weights[-1])
    found = audit(end, data, start, measures="laziness")
    assert found.measure("linearisation_train").value == pytest.approx(0, abs=1e-5)
    assert found.measure("kernel_drift").value > 0.3
    assert found.verdicts["lazy"].status is Status.CONTRADICTED
    assert "kernel moved" in found.verdicts["lazy"].reason
    assert lazy_verdict(laziness(end, start, data.x_train)).status is Status.SUPPORTED  # without it


def test_drift_is_that_of_the_formed_kernels():
    start = MLP(4, 3, width=8, depth=1, key=0)
    end = jax.tree.map(lambda w: w + 0.3, start)
    data = classes(n=30, d=4)
    found = audit(end, data, start, measures="laziness")
    k0, k1 = (zl.tangent.kernel_matrix(net, data.x_train) for net in (start, end))
    expected = np.linalg.norm(k1 - k0) / np.linalg.norm(k0)
    low, high = found.measure("kernel_drift").interval
    assert found.measure("kernel_drift").value == pytest.approx(expected, rel=1e-4)
    assert low < expected < high and low > 0


def test_many_outputs_take_the_mean_over_them():
    data = classes(n=160, d=4, c=40)
    start = MLP(4, 40, width=8, depth=1, key=0)
    found = audit(start, data, measures="kernel")
    assert found.measure("effective_dimension").details["kernel"] == "trace"
    assert found.measure("effective_dimension").details["most"] == 128


def test_constant_targets_have_no_alignment():
    data = dataset(np.random.default_rng(0).standard_normal((10, 3)), np.ones(10))
    found = audit(linear(np.ones((1, 3))), data, measures="kernel_target_alignment")
    assert found.measure("kernel_target_alignment").value is None
    assert "constant" in found.measure("kernel_target_alignment").reason
