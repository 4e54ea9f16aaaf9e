"""Any predictor as a function of a batch, for the audit: its answers are all that is known of it."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from zeroloss.plumbing import InputError

OPEN = {
    "minimum": "whether these weights are near a global minimum: a proof needs the weights, and a black box shows none",
    "lazy": "whether training was lazy: it needs the weights before and after training",
    "sharp": "how sharp the minimum is: it needs derivatives by the weights",
}
"""The questions that the answers alone leave open, and why."""


@dataclasses.dataclass(frozen=True, repr=False)
class BlackBox:
    """A predictor that is only asked: called on a batch `(m, d)`, it answers `(m, c)` float64.

    Attributes:
        function: `(m, d) -> (m, c)`.
        name: what it is, in a few words.
        answer: what its numbers are ("probabilities", "decision function", "predictions", "outputs").
        open: question -> why its answers leave it open.
    """

    function: Callable[[np.ndarray], np.ndarray]
    name: str
    answer: str = "outputs"
    open: dict[str, str] = dataclasses.field(default_factory=lambda: dict(OPEN))

    def __call__(self, x: np.ndarray) -> np.ndarray:
        x = np.asarray(x, np.float64)
        found = np.asarray(self.function(x), np.float64)
        found = found[:, None] if found.ndim == 1 else found
        if found.ndim != 2 or len(found) != len(x):
            raise InputError(f"{self.name} answers {len(x)} inputs with shape {found.shape}; it must be ({len(x)}, c).")
        return found

    def __repr__(self) -> str:
        return f"<BlackBox: {self.name}, by its {self.answer}; open: {', '.join(self.open)}>"


def black_box(model: Any, data: Any = None) -> BlackBox:
    """A model that is only asked, for `zeroloss.audit`.

    Args:
        model: a scikit-learn estimator or anything that predicts like one (fitted); the path of an `.onnx` file; or a
            function of a batch `(m, d) -> (m, c)`.
        data: the `Dataset` it is to be audited on; brings an estimator's classes into the order of the data's columns
            (they may be the numbers 0, 1, ... or the names of the data's classes).

    An estimator answers by `predict_proba`, else by `decision_function`, else by `predict` (a class as 1 in its column and 0
    in the others, or the numbers themselves).

    Raises:
        InputError: something that does not predict; classes that are not those of the data; an unreadable file.
    """
    if isinstance(model, BlackBox):
        return model
    if isinstance(model, str | os.PathLike):
        from zeroloss.networks.black_box.onnx import onnx_model

        return onnx_model(model)
    if hasattr(model, "predict"):
        from zeroloss.networks.black_box.estimators import estimator

        return estimator(model, data)
    if callable(model):
        return BlackBox(lambda x: model(x), getattr(model, "__name__", type(model).__name__))
    raise InputError(
        f"a {type(model).__name__} is no predictor; give an estimator with `predict`, an .onnx file, or a function of a batch."
    )


def as_network(model: Any, data: Any = None) -> Any:
    """`model` as what the audit takes: a torch module converted, an estimator or file as a black box, a network as it is."""
    from zeroloss.networks.differentiable import differentiable, is_foreign
    from zeroloss.networks.shaped import on_rows

    if is_foreign(model):
        return on_rows(differentiable(model, data), data)
    asked = isinstance(model, str | os.PathLike) or (hasattr(model, "predict") and not _is_pytree(model))
    return black_box(model, data) if asked else on_rows(model, data)


def _is_pytree(model: Any) -> bool:
    import equinox as eqx

    return isinstance(model, eqx.Module)
