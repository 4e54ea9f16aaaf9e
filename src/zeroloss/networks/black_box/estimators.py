"""scikit-learn's conventions: which method is asked, and which column is which class."""

from __future__ import annotations

from typing import Any

import numpy as np

from zeroloss.networks.black_box.asking import BlackBox
from zeroloss.plumbing import InputError


def estimator(model: Any, data: Any) -> BlackBox:
    """A fitted estimator as a black box."""
    name = _name(model)
    classes = _classes(model, name)
    task = getattr(data, "task", None)
    classifies = task in ("classification", "multi-label") if data is not None else classes is not None
    if classes is not None and not classifies and getattr(data, "guessed", ""):
        raise InputError(
            f"the {name} is a classifier, and the target was guessed to be a regression ({data.guessed}); give "
            "task='classification' (on the command line: --task classification), or task='regression' to judge its classes as "
            "numbers."
        )
    if not classifies:
        return BlackBox(model.predict, name, "predictions")
    outputs = None if data is None else data.out_size
    if classes is None:  # a regressor fitted to the classes' columns, or a pipeline that hides them
        return BlackBox(model.predict, name, "predictions")
    if isinstance(classes, list):  # fitted to one-hot columns
        return BlackBox(lambda x: _columns_of_many(model, classes, x), name, "probabilities")
    order = _order(classes, data, name)
    method, said = _method(model)
    if task == "multi-label" and said == "predictions":
        return BlackBox(model.predict, name, said)

    def ask(x: np.ndarray) -> np.ndarray:
        return _arranged(np.asarray(method(x)), classes, order, outputs, said, name)

    return BlackBox(ask, name, said)


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
    found = getattr(model, "classes_", None)
    if isinstance(found, list):
        return found
    return None if found is None else np.asarray(found)


def _method(model: Any) -> tuple[Any, str]:
    for name, said in (("predict_proba", "probabilities"), ("decision_function", "decision function")):
        if hasattr(model, name):
            return getattr(model, name), said
    return model.predict, "predictions"


def _order(classes: np.ndarray, data: Any, name: str) -> np.ndarray:
    """The data's column of each of the model's classes."""
    if data is None:
        return np.arange(len(classes))
    names = [str(c) for c in data.classes]
    count = max(len(names), data.out_size)
    said = [str(c) for c in classes]
    if names and set(said) <= set(names):
        return np.array([names.index(c) for c in said])
    if classes.dtype.kind in "iuf" and np.array_equal(classes, classes.astype(int)):
        whole = classes.astype(int)
        if names and set(names) <= set(map(str, whole)) and min(whole) >= 0:
            return whole  # it knows classes that do not occur: class k in column k, as `for_outputs` puts the data's
        if set(whole) <= set(range(count)):
            return whole
        if set(whole) == {-1, 1}:
            return np.array([0, 1])
    raise InputError(
        f"the {name} knows the classes {', '.join(said[:10])} and the data {', '.join(names[:10])}; "
        "fit it to data.labels_train, or to the data's names of the classes."
    )


def _arranged(
    found: np.ndarray, classes: np.ndarray, order: np.ndarray, outputs: int | None, said: str, name: str
) -> Any:
    """Answers `(m, k)` in the order of the data's columns; a class the model never saw has the least of all."""
    if said == "predictions":
        found = (found[:, None] == classes[None, :]).astype(np.float64)
    if found.ndim == 1:  # the decision function of two classes
        found = np.column_stack([-found, found])
    if found.shape[1] != len(classes):
        raise InputError(f"the {said} of the {name} has {found.shape[1]} columns for {len(classes)} classes.")
    if outputs == 1 and len(classes) == 2:  # one column of -1 and 1
        second = int(np.argmax(order))
        return (found[:, second] - found[:, 1 - second])[:, None]
    width = len(classes) if outputs is None else max(outputs, int(order.max()) + 1)
    lowest = 0.0 if said != "decision function" else float(found.min(initial=0.0)) - 1
    arranged = np.full((len(found), width), lowest)
    arranged[:, order] = found
    return arranged


def _columns_of_many(model: Any, classes: list, x: np.ndarray) -> np.ndarray:
    """The probability of 1 in each column."""
    columns = []
    for each, probabilities in zip(classes, model.predict_proba(x), strict=True):
        ones = np.flatnonzero(np.asarray(each) == 1)
        columns.append(np.asarray(probabilities)[:, ones[0]] if len(ones) else np.zeros(len(x)))
    return np.column_stack(columns)
