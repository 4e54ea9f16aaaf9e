import json
import subprocess
import sys

import numpy as np
import pytest

from zeroloss.data import Dataset, from_arrays, load_data, noisy_labels, random_labels, subset
from zeroloss.data.split import allocate
from zeroloss.plumbing import InputError

GENERATOR = np.random.default_rng(0)
X = GENERATOR.standard_normal((60, 3))
LABELS = np.repeat([0, 1, 2], [30, 20, 10])


@pytest.fixture
def data():
    return from_arrays(X, LABELS, test_fraction=0.2, scaling="auto")


def test_import_stays_light():
    heavy = ("jax", "sklearn", "pandas", "scipy", "pooch")
    code = f"import sys, zeroloss.data; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_json_round_trip_and_repr(data):
    bare = from_arrays(X, X[:, :2] @ np.ones((2, 2)) + X[:, 2:], task="regression")
    for one in (data, bare):
        again = Dataset.from_json(one.to_json())
        assert again == one
        assert again.digest() == one.digest()
        assert again.x_test.shape == one.x_test.shape
        assert hash(again) == hash(one)
        assert len(repr(one).splitlines()) <= 3
    json.loads(data.to_json())
    assert data != bare


def test_digest_sees_every_training_entry(data):
    from dataclasses import replace

    x = data.x_train.copy()
    x[3, 1] = np.nextafter(x[3, 1], 9)
    assert replace(data, x_train=x).digest() != data.digest()
    assert replace(data, name="other").digest() == data.digest()
    with pytest.raises(ValueError, match="read-only"):
        data.x_train[0, 0] = 1


def test_one_hot_agrees_with_labels(data):
    assert (data.y_train.argmax(axis=1) == data.labels_train).all()
    assert (data.y_train.sum(axis=1) == 1).all()
    assert (data.n, data.in_size, data.out_size) == (48, 3, 3)
    assert np.bincount(data.labels_train).tolist() == [24, 16, 8]


def test_scaling_is_that_of_the_training_rows_and_reproducible(data):
    assert np.allclose(data.x_train.mean(axis=0), 0, atol=1e-14)
    assert np.allclose(data.x_train.std(axis=0), 1)
    raw = data.x_train * data.scaling["scale"] + data.scaling["shift"]
    assert np.allclose(data.scale(raw), data.x_train, atol=1e-14)
    every = {row.tobytes() for row in data.scale(X)}
    assert {row.tobytes() for row in np.vstack([data.x_train, data.x_test])} == every
    with pytest.raises(InputError, match=r"\(m, 3\)"):
        data.scale(np.ones((2, 4)))


def test_constant_column_becomes_zero_and_is_said():
    x = np.column_stack([X, np.full(60, 0.1)])
    data = from_arrays(x, LABELS, scaling="auto", features=("a", "b", "c", "d"))
    assert (data.x_train[:, 3] == 0).all()
    assert data.scaling["scale"][3] == 1
    assert data.scaling["constant"] == ["d"]
    assert "d" in data.transformations[0]


def test_sphere_and_none():
    ball = from_arrays(X, LABELS, scaling="sphere", test_fraction=0.1)
    assert np.allclose(np.linalg.norm(np.vstack([ball.x_train, ball.x_test]), axis=1), 1)
    bare = from_arrays(X, X[:, 0] * 9)
    assert {row.tobytes() for row in bare.x_train} == {row.tobytes() for row in X}
    with pytest.raises(InputError, match="sphere"):
        from_arrays(X, LABELS, scaling="cube")


def test_regression_targets_come_back_in_their_units():
    y = 100 + 7 * X[:, 0]
    data = from_arrays(X, y, scaling="auto", test_fraction=0.25)
    assert data.y_train.mean() == pytest.approx(0, abs=1e-13)
    assert data.y_train.std() == pytest.approx(1)
    assert np.allclose(
        np.sort(np.vstack([data.unscale_targets(data.y_train), data.unscale_targets(data.y_test)]).ravel()), np.sort(y)
    )
    assert data.labels_train is None


def test_subset_is_stratified_and_keeps_test(data):
    small = subset(data, 12, seed=3)
    assert np.bincount(small.labels_train).tolist() == [6, 4, 2]
    assert {r.tobytes() for r in small.x_train} <= {r.tobytes() for r in data.x_train}
    assert len({r.tobytes() for r in small.x_train}) == 12
    assert np.array_equal(small.x_test, data.x_test)
    assert subset(data, 12, seed=3) == small
    assert subset(data, 12, seed=4) != small
    assert "12 of 48" in small.transformations[-1]
    for n in (1, 49, 2.5, True):
        with pytest.raises(InputError, match="between 2 and 48"):
            subset(data, n, seed=0)


@pytest.mark.parametrize(
    ("counts", "n"), [((90, 10), 3), ((1, 1, 100), 50), ((5, 0, 5), 4), ((7, 7, 7), 2), ((3, 3), 6)]
)
def test_allocation_fills_the_places_fairly(counts, n):
    counts = np.array(counts)
    places = allocate(counts, n)
    assert places.sum() == n
    assert (places <= counts).all()
    assert (places > 0).sum() == min(n, (counts > 0).sum())


def test_noisy_labels_change_exactly_so_many(data):
    noisy = noisy_labels(data, 0.25, seed=1)
    assert (noisy.labels_train != data.labels_train).sum() == 12
    assert (noisy.y_train.argmax(axis=1) == noisy.labels_train).all()
    assert np.array_equal(noisy.labels_test, data.labels_test)
    assert (noisy_labels(data, 1.0, seed=1).labels_train != data.labels_train).all()
    assert noisy_labels(data, 0.0, seed=1).digest() == data.digest()
    with pytest.raises(InputError, match="between 0 and 1"):
        noisy_labels(data, 1.5, seed=1)


def test_wrong_labels_are_uniform_over_the_other_classes():
    many = from_arrays(np.arange(6000.0)[:, None], np.arange(6000) % 3)
    noisy = noisy_labels(many, 1.0, seed=5)
    up = ((noisy.labels_train - many.labels_train) % 3 == 1).sum()
    assert abs(up - 3000) < 5 * np.sqrt(6000 / 4)
    drawn = np.bincount(random_labels(many, seed=5).labels_train, minlength=3)
    assert (abs(drawn - 2000) < 5 * np.sqrt(6000 * 2 / 9)).all()
    assert random_labels(many, seed=5).transformations


def test_regression_noise_has_the_deviation_asked_for():
    data = from_arrays(np.arange(4000.0)[:, None], np.sin(np.arange(4000.0)), scaling="auto")
    noise = noisy_labels(data, 0.5, seed=2).y_train - data.y_train
    assert noise.std() == pytest.approx(0.5, rel=0.06)
    mixed = random_labels(data, seed=2)
    assert np.array_equal(np.sort(mixed.y_train, axis=0), np.sort(data.y_train, axis=0))
    assert not np.array_equal(mixed.y_train, data.y_train)


BAD = {
    "NaN": (np.where(X == X[4, 1], np.nan, X), LABELS, {}, "row 4, column 1"),
    "infinite": (np.where(X == X[4, 1], np.inf, X), LABELS, {}, "infinite"),
    "one class": (X, np.zeros(60, int), {}, "only one class"),
    "constant": (X, np.full(60, 0.5), {}, "constant"),
    "same inputs": (np.ones((60, 2)), LABELS, {}, "no feature varies"),
    "one dimension": (X[:, 0], LABELS, {}, r"\(n, d\)"),
    "one row": (X[:1], [0.5], {"task": "regression"}, "at least 2"),
    "empty": (np.zeros((0, 3)), [], {}, "empty"),
    "lengths": (X, LABELS[:-1], {}, "60 inputs and 59 targets"),
    "texts": (X.astype(str), LABELS, {}, "real numbers"),
    "target NaN": (X, np.where(LABELS == 1, np.nan, 0.5), {}, "targets hold 20 NaN"),
    "task": (X, LABELS, {"task": "ranking"}, "ranking"),
    "text regression": (X, np.where(LABELS == 1, "a", "b"), {"task": "regression"}, "text"),
    "fraction": (X, LABELS, {"test_fraction": 1.0}, "less than 1"),
    "n_train": (X, LABELS, {"n_train": 61}, "between 2 and 60"),
    "seed": (X, LABELS, {"seed": -1, "test_fraction": 0.1}, "seed"),
    "unseen": (X, LABELS, {"x_test": X[:2], "y_test": [7, 0]}, "test rows only"),
    "test width": (X, LABELS, {"x_test": X[:2, :2], "y_test": [1, 0]}, "2 columns"),
    "names": (X, LABELS, {"features": ("a",)}, "1 feature names"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_arrays_get_one_clear_line(case):
    x, y, options, message = BAD[case]
    with pytest.raises(InputError, match=message) as caught:
        from_arrays(x, y, **options)
    assert "\n" not in str(caught.value)


def test_repeats_with_other_labels_are_allowed():
    assert from_arrays([[0.0], [0.0], [1.0]], ["a", "b", "a"]).classes == ("a", "b")


def test_tasks_are_told_apart():
    assert from_arrays(X, LABELS.astype(float)).task == "classification"
    assert from_arrays(X, LABELS > 0).classes == ("False", "True")
    assert from_arrays(X, np.arange(60)).task == "regression"
    assert from_arrays(X, np.eye(3)[LABELS]).task == "classification"
    assert from_arrays(X, X[:, :2]).out_size == 2
    assert from_arrays(X, LABELS, task="regression").y_train.shape == (60, 1)


def test_load_data_keeps_the_test_rows_while_n_train_varies():
    few, more = (load_data("wine", n_train=n) for n in (20, 100))
    raw = [np.sort(d.x_test * d.scaling["scale"] + d.scaling["shift"], axis=0) for d in (few, more)]
    assert np.allclose(*raw)
    assert (few.n, more.n) == (20, 100)
