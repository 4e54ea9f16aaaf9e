"""`black_box` and `as_network`: a user's estimator, ONNX file, function or foreign model as what an audit takes."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from zeroloss.networks.black_box.box import BlackBox
from zeroloss.networks.black_box.remembered import Remembered
from zeroloss.plumbing import InputError


def black_box(
    model: Any, data: Any = None, *, classes: Sequence[Any] | None = None, output: str | None = None
) -> BlackBox:
    """A model known by its answers alone, for `zeroloss.audit`.

    Args:
        model: a scikit-learn estimator or anything that predicts like one (fitted); the path of an `.onnx` file; or a
            function of a batch `(m, d) -> (m, c)`.
        data: the `Dataset` it is to be audited on; brings a classifier's classes into the order of the data's columns
            (they may be the numbers 0, 1, ... or the names of the data's classes), names the columns for a pipeline that
            was fitted to a table, and turns images into the order that a file takes. A black box made without data is read
            anew on the data of the audit.
        classes: the data's class (name or number) of each of the model's classes, in the model's order, where they do not
            go by the same names.
        output: the name of the output to take, where an `.onnx` file has several.

    What a classifier decides is its `predict`. Its scores (by `predict_proba` or `decision_function`, whichever agrees with
    `predict` on more of the training rows) serve for losses and margins, and margins are known only where they agree on
    all of them. A function of a batch decides by its largest answer.

    Raises:
        InputError: something that does not predict; classes that are not those of the data; an unreadable file; a model that
            raises an error.
    """
    if isinstance(model, BlackBox):
        if model.source is None or data is None:
            return model
        kept, options = model.source
        return black_box(kept, data, **{**options, **({"classes": classes} if classes is not None else {})})
    source = (model, {"classes": classes, "output": output}) if data is None else None
    if isinstance(model, str | os.PathLike):
        from zeroloss.networks.black_box.onnx import onnx_model

        return dataclasses.replace(onnx_model(model, data, classes=classes, output=output), source=source)
    if hasattr(model, "predict"):
        from zeroloss.networks.black_box.estimators import estimator

        return dataclasses.replace(estimator(model, data, classes), source=source)
    if callable(model):
        name = getattr(model, "__name__", type(model).__name__)
        tokens = bool(getattr(model, "takes_tokens", False))
        answers_of = Remembered(model, f"the function {name}")
        if data is not None and data.task == "classification" and _labels(answers_of(data.x_train), data):
            from zeroloss.networks.black_box.estimators import decider

            return dataclasses.replace(decider(answers_of, name, data, classes), takes_tokens=tokens, source=source)
        return BlackBox(answers_of, name, takes_tokens=tokens, source=source)
    raise InputError(
        f"a {type(model).__name__} is no predictor; give an estimator with `predict`, an .onnx file, or a function of a batch."
    )


def _labels(found: np.ndarray, data: Any) -> bool:
    """Whether a function answers with one class per row: a text, or a whole number where a class is more than a side."""
    if found.shape not in ((data.n,), (data.n, 1)) or data.out_size == 1:
        return False
    if found.dtype.kind not in "fiu":
        return found.dtype.kind in "USOb"
    return data.out_size > 2 and bool((np.isfinite(found) & (found == np.floor(found))).all())


def as_network(model: Any, data: Any = None) -> Any:
    """`model` as what the audit takes: a torch module or a model of another framework converted, an estimator, file or function as
    a black box, a network as it is."""
    from zeroloss.networks.differentiable import differentiable, is_foreign
    from zeroloss.networks.shaped import on_rows

    if is_foreign(model):
        return on_rows(differentiable(model, data), data)
    if isinstance(model, str | os.PathLike | BlackBox):
        return black_box(model, data)
    predicts = (hasattr(model, "predict") or callable(model)) and not _has_weights(model)
    return black_box(model, data) if predicts else on_rows(model, data)


def _has_weights(model: Any) -> bool:
    import equinox as eqx
    import jax

    return isinstance(model, eqx.Module) or bool(jax.tree.leaves(eqx.filter(model, eqx.is_inexact_array)))
