"""scikit-learn's conventions: what `predict` decides, which method gives scores, and which column is which class."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from zeroloss.networks.black_box.box import BlackBox
from zeroloss.networks.black_box.categories import categorical_columns
from zeroloss.networks.black_box.frames import feed_of
from zeroloss.networks.black_box.labels import NONE, Reading, read_labels, text
from zeroloss.networks.black_box.remembered import Remembered
from zeroloss.plumbing import InputError

METHODS = (("predict_proba", "probabilities"), ("decision_function", "decision function"))


@dataclasses.dataclass(frozen=True)
class Estimator:
    """An estimator, and its `predict` on rows of the data.

    Attributes:
        predict: `predict` on rows of the data, remembered.
        classes: `classes_` as an array, a list (several outputs), or None.
    """

    model: Any
    name: str
    feed: Callable[[np.ndarray], Any] | None
    predict: Remembered
    classes: Any

    def method(self, name: str) -> Remembered:
        return Remembered(getattr(self.model, name), f"the {self.name}", self.feed)


def estimator(model: Any, data: Any, classes: Sequence[Any] | None = None) -> BlackBox:
    """A fitted estimator as a black box."""
    name = _name(model)
    known = _classes(model, name)
    _refuse(model, name, data, classes)
    feed = feed_of(model, data, name)
    each = Estimator(model, name, feed, Remembered(model.predict, f"the {name}", feed), known)
    if known is not None and getattr(data, "task", "") == "regression" and getattr(data, "guessed", ""):
        raise InputError(
            f"the {name} is a classifier, and the target was guessed to be a regression ({data.guessed}); give "
            "task='classification' (on the command line: --task classification), or task='regression' to judge its classes as "
            "numbers."
        )
    task = getattr(data, "task", None) if data is not None else "classification" if known is not None else "regression"
    if task == "classification":
        box = _classifier(each, data, classes)
    elif task == "multi-label":
        box = _several_labels(each, data)
    else:
        box = BlackBox(lambda x: _numbers(each.predict(x), name), name, "predictions")
    return dataclasses.replace(box, categorical=categorical_columns(model, data))


def _name(model: Any) -> str:
    steps = getattr(model, "steps", None)
    return " + ".join(type(s).__name__ for _, s in steps) if steps else type(model).__name__


def _classes(model: Any, name: str) -> Any:
    """`classes_`, or None; an estimator that is not fitted is refused."""
    try:
        from sklearn.exceptions import NotFittedError
        from sklearn.utils.validation import check_is_fitted

        if hasattr(model, "get_params"):
            check_is_fitted(model)
    except ImportError:
        pass
    except NotFittedError:
        raise InputError(f"the {name} is not fitted; fit it first.") from None
    except TypeError:  # a class of another library that is no estimator of scikit-learn's
        pass
    found = getattr(model, "classes_", None)
    if isinstance(found, list) and found and all(np.ndim(c) == 1 for c in found):
        return found
    return None if found is None else np.asarray(found)


def _refuse(model: Any, name: str, data: Any, classes: Sequence[Any] | None) -> None:
    """Estimators that predict something else than what the data hold."""
    kind = getattr(model, "_estimator_type", None) or _kind(model)
    if kind == "clusterer":
        raise InputError(f"the {name} groups its inputs and predicts no target; give a classifier or a regressor.")
    names = {str(c) for c in getattr(data, "classes", ())}
    if (
        kind == "outlier_detector"
        and data is not None
        and data.task == "classification"
        and classes is None
        and names != {"-1", "1"}
    ):
        raise InputError(
            f"the {name} answers -1 for an outlier and 1 for an inlier, and the data have the classes "
            f"{', '.join(sorted(names)[:10])}; say which is which: zeroloss.black_box(model, data, classes=[class of the "
            "outliers, class of the inliers])."
        )


def _kind(model: Any) -> str | None:
    try:
        from sklearn.utils import get_tags

        return get_tags(model).estimator_type
    except Exception:  # no estimator of scikit-learn's, or an older version
        return None


def _numbers(found: np.ndarray, name: str) -> np.ndarray:
    if found.dtype.kind in "OUS":
        try:
            return found.astype(np.float64)
        except (TypeError, ValueError):
            raise InputError(
                f"the {name} answers with texts and the target is a number; give a regressor, or data of classes."
            ) from None
    return found


def _classifier(each: Estimator, data: Any, classes: Sequence[Any] | None) -> BlackBox:
    """What `predict` decides on data of classes, with scores where there are some."""
    if data is None:
        return _unbound(each)
    answered = each.predict(data.x_train)
    answered = answered[:, 0] if answered.ndim == 2 and answered.shape[1] == 1 else answered
    if answered.ndim == 2:
        return _one_hot(each, data, answered)
    if answered.ndim != 1:
        raise InputError(
            f"the {each.name} answers {data.n} inputs with shape {answered.shape}; give one class per row."
        )
    known = None if each.classes is None or isinstance(each.classes, list) else each.classes
    if known is None and classes is None and _fractions(answered):
        return _probability_of_the_second(each, data, answered)
    if known is None and _kind(each.model) == "outlier_detector":
        known = np.array([-1, 1])
    reading = read_labels(each.name, known, answered, data, classes)
    return _decided(each, reading, data, known)


def _decided(each: Estimator, reading: Reading, data: Any, known: np.ndarray | None) -> BlackBox:
    def decide(x: np.ndarray) -> np.ndarray:
        found = each.predict(x)
        return reading.columns(found.reshape(len(x)) if found.size == len(x) else found)

    def votes(x: np.ndarray) -> np.ndarray:
        return one_hot(decide(x), data.out_size)

    best = _scores(each, reading, data, known, decide(data.x_train))
    if best is None:
        return BlackBox(votes, each.name, "predictions", decide=decide)
    return BlackBox(best[0], each.name, best[1], decide=decide)


def decider(answers_of: Remembered, name: str, data: Any, classes: Sequence[Any] | None) -> BlackBox:
    """A function that answers with one class per row."""
    each = Estimator(None, name, None, answers_of, None)
    return _decided(each, read_labels(name, None, answers_of(data.x_train).reshape(data.n), data, classes), data, None)


def one_hot(decided: np.ndarray, width: int) -> np.ndarray:
    """1 in the column decided, 0 elsewhere; one column: 1 for the second class, -1 for the first."""
    if width == 1:
        return np.where(decided == 1, 1.0, -1.0)[:, None]
    found = np.zeros((len(decided), width))
    rows = np.flatnonzero(decided >= 0)
    found[rows, decided[rows]] = 1.0
    return found


def _scores(
    each: Estimator, reading: Reading, data: Any, known: np.ndarray | None, decided: np.ndarray
) -> tuple[Callable[[np.ndarray], np.ndarray], str] | None:
    """The method whose largest score agrees with `predict` on most of the training rows, and its name."""
    if known is None:
        return None
    order, found = reading.order(known), []
    for method, answer in METHODS:
        if not hasattr(each.model, method):
            continue
        answers_of = each.method(method)

        def scores(x: np.ndarray, answers_of=answers_of, answer=answer) -> np.ndarray:
            return arranged(np.asarray(answers_of(x)), order, data.out_size, answer)

        try:
            agreed = int(np.sum(agreement(scores(data.x_train), decided)))
        except (
            InputError,
            ValueError,
            TypeError,
            IndexError,
        ):  # a method that is there and does not work, or other columns
            continue
        found.append((agreed, scores, answer))
    if not found:
        return None
    _, scores, answer = max(found, key=lambda one: one[0])
    return scores, answer


def agreement(scores: np.ndarray, decided: np.ndarray) -> np.ndarray:
    """Where the class decided has the largest score (perhaps with others), `(m,)`."""
    if decided.ndim == 2:
        return ((scores > 0) == (decided > 0)).all(axis=1)
    if scores.shape[1] == 1:
        return (decided >= 0) & np.where(decided == 1, scores[:, 0] >= 0, scores[:, 0] <= 0)
    own = scores[np.arange(len(scores)), np.maximum(decided, 0)]
    with np.errstate(invalid="ignore"):
        return (decided >= 0) & (own >= scores.max(axis=1))


def arranged(found: np.ndarray, order: np.ndarray, outputs: int, answer: str) -> np.ndarray:
    """Scores `(m, k)` of the model's classes in the data's columns; a class the model never saw has the least of all.

    The decision value `f` of two classes becomes `-f/2` and `f/2`, so that a margin is the model's own.

    Raises:
        ValueError: not one column per class (the pairs of a one-against-one machine).
    """
    found = np.asarray(found, np.float64)
    if found.ndim == 2 and found.shape[1] == 1 and len(order) == 2:
        found = found[:, 0]
    if found.ndim == 1 and len(order) == 2:
        found = (
            np.column_stack([1 - found, found])
            if answer == "probabilities"
            else np.column_stack([-found / 2, found / 2])
        )
    if found.ndim != 2 or found.shape[1] != len(order):
        raise ValueError(f"{found.shape} for {len(order)} classes")
    if outputs == 1:
        first, second = (np.flatnonzero(order == k) for k in (0, 1))
        if len(order) == 2 and len(first) == len(second) == 1:
            return (found[:, second[0]] - found[:, first[0]])[:, None]
        raise ValueError("one column stands for two classes")
    lowest = 0.0 if answer == "probabilities" else float(found.min(initial=0.0)) - 1
    placed = np.full((len(found), outputs), lowest)
    own = order != NONE
    placed[:, order[own]] = found[:, own]
    return placed


def _unbound(each: Estimator) -> BlackBox:
    """Without data: the model's classes in their own order."""
    if each.classes is None or isinstance(each.classes, list):
        return BlackBox(each.predict, each.name, "predictions")
    places = {text(c): k for k, c in enumerate(each.classes)}
    reading = Reading(places, (), "number")
    order = np.arange(len(each.classes))

    def decide(x: np.ndarray) -> np.ndarray:
        return reading.columns(each.predict(x).reshape(len(x)))

    for method, answer in METHODS:
        if hasattr(each.model, method):
            answers_of = each.method(method)

            def scores(x: np.ndarray, answers_of: Remembered = answers_of, answer: str = answer) -> np.ndarray:
                return arranged(answers_of(x), order, len(order), answer)

            return BlackBox(scores, each.name, answer, decide=decide)
    return BlackBox(lambda x: one_hot(decide(x), len(order)), each.name, "predictions", decide=decide)


def _one_hot(each: Estimator, data: Any, answered: np.ndarray) -> BlackBox:
    """A model fitted to the classes' columns: `(m, c)` numbers decide by the largest, 0 and 1 of a classifier by the one 1."""
    width = data.out_size
    if answered.shape[1] != width:
        raise InputError(
            f"the {each.name} answers with {answered.shape[1]} columns and the data have {width}; fit it to data.y_train or "
            "to data.labels_train."
        )
    numbers = _numbers(answered, each.name)
    classifies = each.classes is not None or _kind(each.model) == "classifier"
    if not (classifies and bool(np.isin(numbers, (0, 1)).all())):
        return BlackBox(lambda x: _numbers(each.predict(x), each.name), each.name, "predictions")

    def decide(x: np.ndarray) -> np.ndarray:
        found = _numbers(each.predict(x), each.name)
        return np.where((found == 1).sum(axis=1) == 1, np.argmax(found, axis=1), NONE)

    probability = _column_probabilities(each, width)
    if probability is None:
        return BlackBox(lambda x: _numbers(each.predict(x), each.name), each.name, "predictions", decide=decide)
    return BlackBox(probability, each.name, "probabilities", decide=decide)


def _column_probabilities(each: Estimator, width: int) -> Callable[[np.ndarray], np.ndarray] | None:
    """The probability of 1 in each column, `(m, c)`."""
    if not hasattr(each.model, "predict_proba"):
        return None
    answers_of = each.method("predict_proba")

    def probabilities(x: np.ndarray) -> np.ndarray:
        found = answers_of(x)
        if found.ndim == 2 and found.shape[1] == width and found.dtype.kind == "f":
            return found
        columns = []
        for k, block in enumerate(found):
            known = each.classes[k] if isinstance(each.classes, list) else np.arange(block.shape[1])
            ones = np.flatnonzero(np.asarray(known) == 1)
            columns.append(block[:, ones[0]] if len(ones) else np.zeros(len(x)))
        return np.column_stack(columns)

    return probabilities


def _several_labels(each: Estimator, data: Any) -> BlackBox:
    """Several labels a row: `predict` gives `(m, c)` of 0 and 1; scores are log-odds, whose sign decides."""
    answered = _numbers(each.predict(data.x_train), each.name)
    answered = answered.reshape(len(answered), -1)
    if answered.shape[1] != data.out_size:
        raise InputError(
            f"the {each.name} answers with {answered.shape[1]} labels per row and the data have {data.out_size}; fit it to "
            "data.y_train."
        )
    if not bool(np.isin(answered, (0, 1)).all()):
        raise InputError(
            f"the {each.name} answers with numbers other than 0 and 1, and the data have labels; give a classifier, or a "
            "function of a batch whose answers are positive where a label is set."
        )

    def decide(x: np.ndarray) -> np.ndarray:
        return _numbers(each.predict(x), each.name).reshape(len(x), -1)

    probability = _column_probabilities(each, data.out_size)
    if probability is None:
        return BlackBox(lambda x: 2.0 * decide(x) - 1, each.name, "predictions", decide=decide)

    def odds(x: np.ndarray) -> np.ndarray:
        p = np.clip(np.asarray(probability(x), np.float64), 0.0, 1.0)
        with np.errstate(divide="ignore"):
            return np.log(p) - np.log1p(-p)

    return BlackBox(odds, each.name, "log-odds", decide=decide)


def _fractions(answered: np.ndarray) -> bool:
    if answered.dtype.kind in "OUSb":
        return False
    found = answered.astype(np.float64)
    return bool(np.isfinite(found).all() and (found != np.floor(found)).any())


def _probability_of_the_second(each: Estimator, data: Any, answered: np.ndarray) -> BlackBox:
    """One number per row from a model without classes (a booster, a regressor fitted to 0 and 1): above a half is class 1."""
    low, high = float(answered.min()), float(answered.max())
    if max(data.out_size, len(data.classes)) != 2 or low < 0 or high > 1:
        raise InputError(
            f"the {each.name} answers with one number per row, from {low:.3g} to {high:.3g}, and names no classes; give a "
            "classifier, or a function of a batch that answers with one column per class."
        )

    def decide(x: np.ndarray) -> np.ndarray:
        return (np.asarray(each.predict(x), np.float64).reshape(len(x)) > 0.5).astype(int)

    def scores(x: np.ndarray) -> np.ndarray:
        p = np.asarray(each.predict(x), np.float64).reshape(len(x))
        return (2 * p - 1)[:, None] if data.out_size == 1 else np.column_stack([1 - p, p])

    return BlackBox(scores, each.name, "probabilities", decide=decide)
