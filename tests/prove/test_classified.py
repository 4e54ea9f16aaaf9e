"""Margins of single logits and of labels, proved with rounding; false claims are not."""

import jax.numpy as jnp
import numpy as np
import pytest

import zeroloss as zl
from zeroloss.networks import MLP, FeedForward
from zeroloss.plumbing import double
from zeroloss.prove.certificate import check_certificate
from zeroloss.verdict import Status

RNG = np.random.default_rng(2)
X = RNG.standard_normal((12, 3))
UP = X[:, 0] > 0


def linear(weights, bias):
    with double():
        return FeedForward([jnp.asarray(weights, "float64")], [jnp.asarray(bias, "float64")], [])


@pytest.mark.parametrize("labels", [UP.astype(int), 2 * UP - 1, UP, np.where(UP, "b", "a"), UP.astype(float)[:, None]])
def test_a_single_logit(labels):
    data = zl.from_arrays(X, labels)
    right = zl.prove(linear([[50.0, 0, 0]], [0.0]), data, polish=False).classified
    assert right.status is Status.PROVED and "sign" in right.reason
    exact = 50 * np.abs(data.x_train[:, 0]).min()
    assert exact * (1 - 1e-12) <= right.evidence["margin_lower"] <= exact
    wrong = zl.prove(linear([[-50.0, 0, 0]], [0.0]), data, polish=False).classified
    assert wrong.status is Status.REFUTED and wrong.evidence["certified_wrong"] == 12


def test_a_logit_at_zero_is_undecided():
    data = zl.from_arrays(X, UP)
    assert zl.prove(linear([[0.0, 0, 0]], [0.0]), data, polish=False).classified.status is Status.UNKNOWN
    tiny = zl.prove(linear([[1e-30, 0, 0]], [0.0]), data, polish=False).classified
    assert tiny.status is Status.PROVED  # a sign is a sign


def test_rounding_larger_than_the_logit_is_undecided():
    data = zl.from_arrays(X + 1e8, UP)
    shifted = linear([[1.0, 0, 0]], [-1e8 - float(np.median(X[:, 0]))])
    x0 = data.x_train[:, 0]
    close = linear([[1.0, 0, 0]], [-float(x0[0]) + 1e-9])
    for network in (shifted, close):
        found = zl.prove(network, data, polish=False).classified
        assert found.evidence["largest_rounding_error"] > 1e-9
        assert found.status is not Status.PROVED


def test_labels():
    several = np.column_stack([UP, X[:, 1] > 0]).astype(int)
    several[0], several[1] = [1, 1], [0, 0]
    x = X.copy()
    x[0], x[1] = [0.7, 0.2, 0], [-0.4, -0.9, 0]
    data = zl.from_arrays(x, several)
    right = zl.prove(linear([[50.0, 0, 0], [0, 70.0, 0]], [0.0, 0.0]), data, polish=False).classified
    assert right.status is Status.PROVED
    exact = min(50 * np.abs(x[:, 0]).min(), 70 * np.abs(x[:, 1]).min())
    assert exact * (1 - 1e-12) <= right.evidence["margin_lower"] <= exact
    wrong = zl.prove(linear([[50.0, 0, 0], [0, -70.0, 0]], [0.0, 0.0]), data, polish=False).classified
    assert wrong.status is Status.REFUTED and wrong.evidence["certified_wrong"] == 12
    # polished to the minimum of the squared risk, the answers are 0 and 1 and are decided at 1/2
    fitted = zl.prove(zl.prove(MLP(3, 2, 40, 1), data).network, data, polish=False)
    assert fitted.status is Status.PROVED and fitted.classified.status is Status.PROVED
    assert 0.49 < fitted.classified.evidence["margin_lower"] <= 0.5
    assert "1/2" in fitted.classified.reason


def test_a_certificate_of_a_single_logit_is_checked_on_the_data_as_given():
    data = zl.from_arrays(X, UP)
    proof = zl.prove(zl.prove(MLP(3, 1, 40, 1), data).network, data, polish=False)
    assert proof.status is Status.PROVED and proof.classified.status is Status.PROVED
    assert check_certificate(proof.certificate(), data).status is Status.PROVED


def test_ten_outputs_and_nine_classes():
    labels = np.arange(12) % 3 + np.array([0, 0, 1])[np.arange(12) % 3]  # 0, 1, 3: class 2 does not occur
    data = zl.from_arrays(X, labels)
    proof = zl.prove(zl.prove(MLP(3, 4, 40, 1), data).network, data, polish=False)
    assert proof.status is Status.PROVED and proof.classified.status is Status.PROVED
    assert zl.predict(proof.network, data.x_train).argmax(1).tolist() == [
        int(data.classes[k]) for k in data.labels_train
    ]
