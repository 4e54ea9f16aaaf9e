"""What answers decide: logits by their sign, probabilities at 1/2, labels one by one."""

import jax
import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier

import zeroloss as zl
from zeroloss.audit import audit
from zeroloss.audit.margins import output_margins
from zeroloss.audit.rule import wrong_rows
from zeroloss.minima import construct_twin
from zeroloss.networks import wrap
from zeroloss.networks.ending import ends_in_sigmoid
from zeroloss.plumbing import InputError

RNG = np.random.default_rng(5)
X = RNG.standard_normal((40, 2)).astype(np.float32)
POSITIVE = X[:, 0] > 0
LABELS = {
    "0 and 1": POSITIVE.astype(int),
    "a column of floats": POSITIVE.astype(float)[:, None],
    "signs": 2 * POSITIVE - 1,
    "truth values": POSITIVE,
    "texts": np.where(POSITIVE, "yes", "no"),
}
SEVERAL = np.column_stack([POSITIVE, X[:, 1] > 0.3]).astype(float)
LOGIT = wrap(lambda w, batch: batch @ w, np.array([[0.3], [0.0]], np.float32))
TWO = wrap(lambda w, batch: batch @ w[:2] + w[2], np.array([[0.3, 0], [0, 3], [0, -0.9]], np.float32))


def sigmoid(network):
    return wrap(lambda w, batch: jax.nn.sigmoid(network.function(w, batch)), network.params)


@pytest.mark.parametrize("name", LABELS)
def test_a_single_logit_is_right_where_its_sign_is(name):
    data = zl.from_arrays(X, LABELS[name])
    found = audit(LOGIT, data, loss="binary-cross-entropy", measures="margins", points=10)
    assert found.numbers["train_errors"] == 0
    f = 0.3 * X[:, 0].astype(float)
    assert found.numbers["train_loss"] == pytest.approx(np.mean(np.logaddexp(0, -np.abs(f))), rel=1e-5)
    assert "its sign (a logit)" in found.numbers["rule"] and "its sign" in found.summary
    assert found.measure("smallest_margin").value == pytest.approx(np.abs(f).min(), rel=1e-5)


def test_a_wrong_sign_is_an_error_and_a_probability_is_decided_at_one_half():
    data = zl.from_arrays(X, LABELS["0 and 1"])
    against = wrap(LOGIT.function, -LOGIT.params)
    assert audit(against, data, points=10).numbers["train_errors"] == 40
    found = audit(sigmoid(LOGIT), data, points=10)
    assert found.numbers["train_errors"] == 0 and "above 1/2 (a probability)" in found.numbers["rule"]
    assert audit(lambda x: 1 / (1 + np.exp(-x[:, :1])), data, points=10).numbers["train_errors"] == 0
    with pytest.raises(InputError, match="ends in a sigmoid"):
        audit(sigmoid(LOGIT), data, loss="binary-cross-entropy", points=10)


def test_ends_in_sigmoid_looks_through_shapes_and_calls():
    assert ends_in_sigmoid(sigmoid(LOGIT), X)
    reshaped = wrap(lambda w, b: jax.jit(jax.nn.sigmoid)(b @ w).reshape(-1)[:, None], LOGIT.params)
    assert ends_in_sigmoid(reshaped, X)
    assert not ends_in_sigmoid(LOGIT, X)
    assert not ends_in_sigmoid(wrap(lambda w, b: 2 * jax.nn.sigmoid(b @ w), LOGIT.params), X)


def test_labels_are_decided_one_by_one():
    data = zl.from_arrays(X, SEVERAL)
    assert data.task == "multi-label"
    found = audit(TWO, data, loss="binary-cross-entropy", measures="margins", points=10)
    f = X.astype(float) @ np.array([[0.3, 0], [0, 3]]) - [0, 0.9]
    expected = np.mean(np.sum(np.logaddexp(0, f) - SEVERAL * f, axis=1))
    assert found.numbers["train_loss"] == pytest.approx(expected, rel=1e-5)
    assert (found.numbers["train_errors"], found.numbers["train_label_errors"]) == (0, 0)
    assert found.measure("smallest_margin").value == pytest.approx(np.abs(f).min(), rel=1e-4)
    turned = SEVERAL.copy()
    turned[7] = 1 - turned[7]
    turned[3, 1] = 1 - turned[3, 1]
    found = audit(TWO, zl.from_arrays(X, turned), points=10)
    assert (found.numbers["train_errors"], found.numbers["train_label_errors"]) == (2, 3)
    assert "(3 of 80 training labels)" in found.summary


def test_answers_fitted_to_zero_and_one_are_decided_at_one_half():
    data = zl.from_arrays(X, SEVERAL)
    table = {row.tobytes(): y for row, y in zip(data.x_train, data.y_train, strict=True)}

    def close(x):
        return np.array([table.get(row.tobytes(), np.zeros(2)) * 1.2 - 0.1 for row in np.asarray(x)])

    assert audit(close, data, points=10).numbers["train_errors"] == 0


def test_estimators_of_labels_and_of_guessed_regressions():
    data = zl.from_arrays(X, SEVERAL)
    models = (
        KNeighborsClassifier(1).fit(data.x_train, data.y_train),
        RandomForestClassifier(5, bootstrap=False, random_state=0).fit(data.x_train, data.y_train),
        OneVsRestClassifier(LogisticRegression(C=1e6)).fit(data.x_train, data.y_train),
    )
    for model in models:
        assert audit(model, data, points=10).numbers["train_errors"] == 0
    y = np.repeat(np.arange(25), 4)
    x = RNG.standard_normal((100, 3)) + y[:, None]
    classifier = KNeighborsClassifier(1).fit(x, y)
    with pytest.raises(InputError, match="is a classifier, and the target was guessed to be a regression"):
        audit(classifier, zl.from_arrays(x, y))
    assert audit(classifier, zl.from_arrays(x, y, task="classification"), points=10).numbers["train_errors"] == 0


def test_an_estimator_that_knows_classes_which_do_not_occur():
    y = np.repeat([0, 1, 2, 3], 10)
    x = y[:, None] + 0.1 * RNG.standard_normal((40, 2))
    model = LogisticRegression(C=1e3, max_iter=1000).fit(x, y)
    for kept in ([0, 1, 3], [1, 3]):
        rows = np.isin(y, kept)
        found = audit(model, zl.from_arrays(x[rows], y[rows]), points=10)
        assert found.numbers["train_errors"] == int((model.predict(x[rows]) != y[rows]).sum()) == 0


def test_two_values_in_a_regression_are_also_judged_by_their_sides():
    data = zl.from_arrays(X, 2.0 * POSITIVE - 1, task="regression")
    found = audit(wrap(lambda w, b: b @ w, np.array([[50.0], [0]], np.float32)), data, points=10)
    assert found.numbers["train_r2"] < 0 and found.numbers["train_sides_wrong"] == 0
    assert found.summary.split("; ")[1].startswith("0 of 40 training answers on the wrong side of 0")


def test_margins_by_hand():
    own, others = np.array([[1.0, -2.0], [0.5, 3.0]]), np.array([[1.5, -1.0], [0.75, 4.0]])
    labels = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert output_margins(own, others, labels, True).tolist() == [1.0, -0.75]
    assert output_margins(own, others, 2 * labels - 1, True).tolist() == [1.0, -0.75]
    assert output_margins(own, own, labels).tolist() == [3.0, 2.5]
    nan = np.array([[np.nan, 1.0], [1.0, -1.0]])
    assert wrong_rows(nan, np.array([[1.0, 1.0], [1.0, 0.0]]), "multi-label").tolist() == [True, False]


def test_a_twin_of_labels():
    data = zl.from_arrays(X, SEVERAL, test_fraction=0.25)
    made = construct_twin(data)
    assert made.train_accuracy_float64 == 1.0
    proof = zl.prove(made.network, data, polish=False)
    assert proof.classified.status == "PROVED" and "1/2" in proof.classified.reason
