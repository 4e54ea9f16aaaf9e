"""Imbalanced classes: a table of the training set is local, however many points the majority answer is right for; honest fits are not."""

import numpy as np
import pytest
from audit_makers import dataset, nearest

from zeroloss.audit import Trust, audit, local_verdict, trust_curve
from zeroloss.audit.groups import OTHERS, members, more_points
from zeroloss.verdict import Status

SHARES = [0.5, 0.9, 0.97]


def imbalanced(share, n=1200, d=5, seed=0, shift=0.0, one_column=False):
    """Two classes of which the first holds `share` of the labels; `shift` moves the second one apart."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(n) >= share * n).astype(int)
    x = rng.standard_normal((n, d)) + shift * labels[:, None]
    return dataset(x, None, labels)


def table(data, answer=0):
    """Knows its training inputs by heart; everywhere else one class."""
    known = {row.tobytes(): y for row, y in zip(data.x_train, data.y_train, strict=True)}
    other = np.eye(data.y_train.shape[1])[answer]
    return lambda x: np.array([known.get(np.ascontiguousarray(row).tobytes(), other) for row in np.asarray(x)])


def local(model, data, **options):
    return audit(model, data, **options).verdicts["local"]


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("shift", [0.0, 3.0])
def test_a_table_with_the_majority_answer_is_local(share, shift):
    data = imbalanced(share, shift=shift)
    found = local(table(data), data)
    assert found.status is Status.SUPPORTED
    if share > 0.9:
        assert "of class 1 it holds at the training points and not near them" in found.claim
        assert "of class 1 0.0 % hold" in found.reason.lower() and "below 45 % counts as not holding" in found.reason


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("shift", [0.0, 3.0])
def test_the_nearest_neighbour_is_not(share, shift):
    data = imbalanced(share, shift=shift)
    found = audit(nearest(data), data)
    assert found.verdicts["local"].status is Status.CONTRADICTED


@pytest.mark.parametrize("share", SHARES)
def test_honest_models_are_not(share):
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier

    apart, mixed = imbalanced(share, shift=3.0), imbalanced(share, shift=0.7)
    for data in (apart, mixed):
        for model in (
            LogisticRegression(C=1e4, max_iter=5000),
            KNeighborsClassifier(1),
            KNeighborsClassifier(5),
            KNeighborsClassifier(5, weights="distance"),
        ):
            found = local(model.fit(data.x_train, data.labels_train), data)
            assert found.status is not Status.SUPPORTED, (model, found)
    exact = LogisticRegression(C=1e4, max_iter=5000).fit(apart.x_train, apart.labels_train)
    if exact.score(apart.x_train, apart.labels_train) == 1:
        assert local(exact, apart).status is Status.CONTRADICTED


def test_a_constant_answer_is_no_fit_and_so_not_local():
    data = imbalanced(0.95)
    found = local(lambda x: np.tile([1.0, 0.0], (len(x), 1)), data)
    assert found.status is Status.UNKNOWN and "does not fit its training data" in found.reason


def test_one_rare_class_of_ten_known_by_heart():
    rng = np.random.default_rng(0)
    x, labels = rng.standard_normal((1000, 4)), np.arange(1000) % 10
    data = dataset(x, None, labels)
    near, known = nearest(data), {row.tobytes() for row in x[labels == 7]}

    def model(p):
        found = near(p)
        new = np.array([np.ascontiguousarray(row).tobytes() not in known for row in np.asarray(p)])
        found[(found.argmax(1) == 7) & new] = np.eye(10)[3]
        return found

    found = local(model, data)
    assert found.status is Status.SUPPORTED and "of class 7" in found.claim
    assert local(near, data).status is Status.CONTRADICTED


@pytest.mark.parametrize("count", [2, 3])
def test_too_few_of_the_other_class_are_unknown(count):
    data = imbalanced(1 - count / 600, n=600)
    for model in (table(data), nearest(data)):
        found = local(model, data)
        assert found.status is Status.UNKNOWN and f"{count} points are too few to decide" in found.reason


def test_several_labels_are_judged_label_by_label():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((900, 4)), np.zeros((900, 3))
    y[:40, 1] = 1
    rule = {row.tobytes(): one for row, one in zip(x, y, strict=True)}

    def by_heart(p):
        return np.array([rule.get(np.ascontiguousarray(row).tobytes(), np.zeros(3)) for row in p])

    def near(p):
        return y[np.argmin(((p[:, None] - x) ** 2).sum(-1), axis=1)]

    found = {f: local_verdict(trust_curve(f, x, y, "multi-label", threshold=0.5)) for f in (by_heart, near)}
    assert found[by_heart].status is Status.SUPPORTED and "label 1" in found[by_heart].claim
    assert found[near].status is Status.CONTRADICTED


def test_groups_and_their_points():
    y = np.eye(3)[[0] * 90 + [1] * 8 + [2] * 2]
    groups = members(y, "classification")
    assert {name: int(mask.sum()) for name, mask in groups.items()} == {
        "class 0": 90,
        "class 1": 8,
        "class 2": 2,
        OTHERS: 10,
    }
    chosen = more_points(groups, np.arange(40), 40, 0)
    assert len(chosen["class 0"]) == 40 and len(chosen["class 1"]) == 5 and len(chosen["class 2"]) == 2
    assert set(chosen[OTHERS]) <= set(range(90, 100)) and len(chosen[OTHERS]) == 5
    assert members(np.ones((5, 1)), "classification") == {}


def test_groups_go_to_json_and_back():
    data = imbalanced(0.9, n=200)
    curve = trust_curve(nearest(data), data.x_train, data.y_train, "classification")
    assert Trust.from_json(curve.to_json()) == curve and len(curve.groups) == 3
