"""The rule for the task, line by line of its table, and data brought to a network's outputs."""

import numpy as np
import pytest

from zeroloss.data import from_arrays, infimum, load_data, noisy_labels, random_labels, subset
from zeroloss.data.task import MOST_CLASSES, for_outputs
from zeroloss.plumbing import InputError
from zeroloss.verdict import from_json

RNG = np.random.default_rng(0)
N = 60
X = RNG.standard_normal((N, 3))
SEVERAL = (RNG.random((N, 4)) < 0.5).astype(float)
SEVERAL[0], SEVERAL[1] = [1, 1, 0, 0], [0, 0, 0, 0]
SOFT = np.eye(3)[np.arange(N) % 3] * 0.9 + 0.1 / 3
MASKS = (RNG.random((N, 2, 3)) < 0.5).astype(np.uint8)


def rows(data):
    """Which row of `X` each training row is."""
    return np.array([int(np.flatnonzero((X == row).all(axis=1))[0]) for row in data.x_train])


GUESSES = {
    "texts": (np.array(["no", "yes"])[np.arange(N) % 2], "classification", "texts"),
    "truth values": (np.arange(N) % 2 == 0, "classification", "truth values"),
    "signs": (2 * (np.arange(N) % 2) - 1, "classification", "whole numbers, 2 different"),
    "a column": ((np.arange(N) % 5)[:, None], "classification", "whole numbers, 5 different"),
    "whole floats": ((np.arange(N) % MOST_CLASSES).astype(float), "classification", "20 different"),
    "many whole": (np.arange(N) % (MOST_CLASSES + 1), "regression", "21 different, which is more than 20"),
    "fractions": (np.arange(N) / 7, "regression", "not all whole"),
    "one-hot": (np.eye(4)[np.arange(N) % 3], "classification", "one-hot"),
    "labels": (SEVERAL, "multi-label", "some rows with none or several ones"),
    "truth matrix": (SEVERAL == 1, "multi-label", "columns of 0 and 1"),
    "soft": (SOFT, "classification", "soft labels"),
    "soft float32": (SOFT.astype(np.float32), "classification", "soft labels"),
    "columns": (RNG.standard_normal((N, 2)), "regression", "2 columns"),
    "masks": (MASKS, "multi-label", "masks"),
    "fields": (RNG.random((N, 2, 3)), "regression", "one target per entry"),
}


@pytest.mark.parametrize("name", GUESSES)
def test_each_line_of_the_table(name):
    y, task, said = GUESSES[name]
    data = from_arrays(X, y)
    assert data.task == task
    assert said in data.guessed
    assert f"guessed to be a {task}" in repr(data) and said in repr(data)
    assert from_json(data.to_json()) == data
    again = from_arrays(X, y, task=task)
    assert again.guessed == "" and "guessed" not in repr(again)
    assert np.array_equal(again.y_train, data.y_train)


def test_targets_arrive_as_given():
    cases = ((SEVERAL, None), (2 * SEVERAL - 1, "multi-label"), (SOFT, None), (MASKS.reshape(N, 6), None))
    for y, task in cases:
        data = from_arrays(X, y, task=task)
        assert np.array_equal(data.y_train, y[rows(data)])
    soft = from_arrays(X, SOFT)
    assert np.array_equal(soft.labels_train, rows(soft) % 3)
    masks = from_arrays(X, MASKS)
    assert np.array_equal(masks.y_train, MASKS.reshape(N, 6)[rows(masks)])


def test_what_the_rule_refuses():
    with pytest.raises(InputError, match="one class per entry"):
        from_arrays(X, RNG.integers(0, 4, (N, 2, 3)))
    with pytest.raises(InputError, match=r"must be 0 or 1.*and one is 0\.5"):
        from_arrays(X, np.where(SEVERAL == 1, 0.5, 0), task="multi-label")
    with pytest.raises(InputError, match="'classification', 'regression', 'multi-label'"):
        from_arrays(X, SEVERAL, task="binary")
    with pytest.raises(InputError, match="one-hot rows or rows of soft labels"):
        from_arrays(X, SEVERAL, task="classification")
    with pytest.raises(InputError, match="no label varies"):
        from_arrays(X, np.ones((N, 2)), task="multi-label")
    with pytest.raises(InputError, match="columns of 0 and 1"):
        from_arrays(X, np.array(["a", "b"])[np.arange(N) % 2], task="multi-label")


def test_a_named_data_set_is_not_guessed():
    assert load_data("wine").guessed == "" and load_data("diabetes").task == "regression"


def test_two_classes_for_one_output():
    data = from_arrays(X, np.array(["b", "a"])[np.arange(N) % 2], test_fraction=0.25)
    one = for_outputs(data, 1)
    assert one.classes == ("a", "b") and one.out_size == 1
    assert np.array_equal(one.y_train[:, 0], 2 * data.labels_train - 1)
    assert np.array_equal(one.y_test[:, 0], 2 * data.labels_test - 1)
    assert "-1 for class a, 1 for class b" in one.transformations[-1]
    assert for_outputs(data, 2) is data
    assert set(np.unique(random_labels(one, 0).y_train)) == {-1, 1}
    assert int((noisy_labels(one, 0.5, 0).y_train != one.y_train).sum()) == round(one.n / 2)


def test_classes_that_do_not_occur():
    labels = np.array([1, 3, 4])[np.arange(N) % 3]
    wide = for_outputs(from_arrays(X, labels), 6)
    assert wide.out_size == 6 and np.array_equal(wide.labels_train, labels[rows(wide)])
    assert np.array_equal(wide.y_train, np.eye(6)[labels[rows(wide)]])
    assert "no row is of class 0, 2, 5" in wide.transformations[-1]
    named = from_arrays(X, np.array(["a", "b", "c"])[np.arange(N) % 3])
    assert for_outputs(named, 6) is named  # which output is which class is not known
    assert for_outputs(from_arrays(X, labels), 4).out_size == 3  # 4 is no output of 4


def test_a_guessed_regression_against_many_outputs():
    with pytest.raises(InputError, match=r"25 outputs.*25 different.*task='classification'"):
        for_outputs(from_arrays(X, np.arange(N) % 25), 25)
    given = from_arrays(X, np.arange(N) % 25, task="regression")
    assert for_outputs(given, 25) is given


def test_noise_turns_one_label_of_a_row():
    data = from_arrays(X, SEVERAL)
    turned = (noisy_labels(data, 0.5, 1).y_train != data.y_train).sum(axis=1)
    assert turned.max() == 1 and turned.sum() == round(N / 2)
    assert subset(data, 10, 0).n == 10


def test_infimum_of_the_binary_cross_entropy_is_the_entropy_of_the_groups():
    x = np.array([[0.0], [0.0], [0.0], [1.0]])
    y = np.array([[1.0, 1], [0, 1], [1, 1], [1, 0]])
    data = from_arrays(x, y)
    assert data.task == "multi-label"
    entropy = -(2 / 3 * np.log(2 / 3) + 1 / 3 * np.log(1 / 3))
    low = infimum(data, "binary-cross-entropy")
    assert low.value == pytest.approx(3 / 4 * entropy, rel=1e-13)
    assert low.value <= 3 / 4 * entropy and not low.attained_if_fit
    signs = from_arrays(x, 2 * y - 1, task="multi-label")
    assert infimum(signs, "binary-cross-entropy").value == low.value
    one = for_outputs(from_arrays(x, [0, 1, 1, 1]), 1)
    assert infimum(one, "cross-entropy").value == pytest.approx(3 / 4 * entropy, rel=1e-13)
    assert infimum(one, "binary-cross-entropy").value == infimum(one, "cross-entropy").value
    with pytest.raises(InputError, match="'binary-cross-entropy'"):
        infimum(data, "cross-entropy")
    with pytest.raises(InputError, match="targets from 0 to 1"):
        infimum(from_arrays(x, [0.5, 1.5, 2.5, 3.5]), "binary-cross-entropy")


def test_infimum_of_soft_labels_is_their_entropy():
    data = from_arrays(X, SOFT.astype(np.float32))
    soft = SOFT.astype(np.float32).astype(float)
    assert infimum(data, "cross-entropy").value == pytest.approx(-np.mean(np.sum(soft * np.log(soft), 1)), rel=1e-6)
