"""Labels and targets arrive as they are given; mixtures and gaps are refused."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from zeroloss.data import from_arrays
from zeroloss.plumbing import InputError

X = np.arange(8.0).reshape(4, 2)
BIG = 2**53

LABELS = {
    "beyond 2^53": [BIG, BIG + 1, BIG, BIG + 1],
    "beyond 2^63": np.array([2**63, 2**63 + 1, 1, 2**64 - 1], np.uint64),
    "signed and unsigned": [2**63, -1, 1, 1],
    "spaces": ["a", " a", "a ", "a"],
    "letters that look alike": ["é", "e\u0301", "é", "ß"],
    "long texts": ["x" * 5000 + "a", "x" * 5000 + "b", "", "NA"],
    "whole numbers as texts": ["0", "1", "10", "2"],
    "negative numbers": [-1, 1, -1, 1],
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_are_exact(kind):
    for y in (LABELS[kind], np.array(LABELS[kind], dtype=object), pd.Series(list(LABELS[kind]), dtype=object)):
        data = from_arrays(X, y)
        assert [data.classes[k] for k in data.labels_train] == [str(v) for v in LABELS[kind]]


REFUSED = {
    "a number and a text": (["a", 1, "a", 2], r"mix a number \(1 in row 1\) and a text \('a' in row 0\)"),
    "1 and '1'": ([1, "1", 1, "1"], "mix"),
    "a number and a truth value": ([True, 2, 1, 0], "mix"),
    "True and 1 as objects": (np.array([True, 1, 0, False], dtype=object), "mix"),
    "bytes and texts": ([b"a", "a", "b", "b"], "mix"),
    "None": ([None, "a", "b", "a"], "missing in 1 rows, the first 0"),
    "NaN among texts": (["a", float("nan"), "b", "b"], "missing in 1 rows, the first 1"),
    "NA of pandas": (pd.Series(["a", pd.NA, "b", "b"], dtype="string"), r"1 missing values \(row 1\)"),
    "NaT": (pd.Series(pd.to_datetime(["2020", None, "2021", "2022"])), "times"),
    "masked": (np.ma.array([0, 1, 0, -9], mask=[0, 0, 0, 1]), "masked entries, the first in row 3"),
    "NUL at an end": (["a\0", "a", "a", "b"], "NUL"),
    "bytes that are no text": ([b"\xff", b"a", b"a", b"b"], "UTF-8"),
    "fractions as texts": (["0.5", "1.5", "2.5", "3"], "numbers written as texts .'0.5'"),
    "more digits than float64": (np.array([1, 2, 3, 4], np.longdouble) / 3, "cannot hold exactly"),
    "beyond 64 bits": ([2**70 + 1, 1, 2, 3], "cannot hold exactly"),
    "lists": ([[1, 2], [3], [1, 2], [3]], "different lengths"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_what_would_be_changed_is_refused(kind):
    y, message = REFUSED[kind]
    with pytest.raises(InputError, match=message) as caught:
        from_arrays(X, y)
    assert "\n" not in str(caught.value)


def test_the_task_says_what_numbers_as_texts_are():
    data = from_arrays(X, ["0.5", "1.5", "0.5", "3"], task="classification")
    assert data.classes == ("0.5", "1.5", "3")


def test_targets_of_a_regression_are_exact_or_refused():
    with pytest.raises(InputError, match=f"{BIG + 1} in row 1"):
        from_arrays(X, [BIG, BIG + 1, 1, 2], task="regression")
    assert from_arrays(X, [BIG, BIG + 2, 1, 2], task="regression").y_train[:, 0].tolist() == [BIG, BIG + 2, 1, 2]
    prices = [Decimal("19.99"), Decimal("5.01"), Decimal("3.5"), Decimal(2)]
    assert from_arrays(X, prices).y_train[:, 0].tolist() == [19.99, 5.01, 3.5, 2.0]


def test_training_and_test_targets_are_of_one_kind():
    for y, y_test in (([0, 1, 0, 1], ["0", "1", "0", "1"]), ([True, False, True, False], [0, 1, 0, 1])):
        with pytest.raises(InputError, match="give both as the same"):
            from_arrays(X, y, x_test=X, y_test=y_test)
    whole, other = np.array([BIG + 1, 0, 0, 1]), np.array([0.0, 1.0, 0.0, 1.0])
    with pytest.raises(InputError, match=f"{BIG + 1} in row 0"):
        from_arrays(X, whole, x_test=X, y_test=other, task="regression")
    data = from_arrays(X, np.array([0, 1, 0, 1]), x_test=X, y_test=np.array([1, 1, 0, 0], np.uint64))
    assert data.labels_test.tolist() == [1, 1, 0, 0]


def test_categories_that_are_numbered_otherwise_are_said():
    y = pd.Series(pd.Categorical(["lo", "hi", "lo", "hi"], categories=["lo", "hi", "never"]))
    data = from_arrays(X, y)
    assert data.classes == ("hi", "lo")
    assert "not the codes" in data.transformations[0]
    assert from_arrays(X, pd.Series(pd.Categorical(["lo", "hi", "lo", "hi"]))).transformations == ()


def test_rows_keep_their_order():
    x = np.random.default_rng(0).standard_normal((30, 2))
    for y in (np.arange(30) % 3, x[:, 0]):
        data = from_arrays(x, y)
        assert np.array_equal(data.x_train, x)
        some = from_arrays(x, y, n_train=10).x_train
        places = [int(np.flatnonzero((x == row).all(axis=1))[0]) for row in some]
        assert places == sorted(places) and len(set(places)) == 10
        assert not np.array_equal(from_arrays(x, y, test_fraction=0.2).x_train, x[:24])
