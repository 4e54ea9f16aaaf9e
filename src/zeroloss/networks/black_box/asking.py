"""Any predictor as a function of a batch, for the audit: its answers are all that is known of it."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from zeroloss.networks.black_box.remembered import Remembered
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

    A model that decides by itself (`predict` of a classifier, the label of an ONNX file) is believed: what `decide` says
    counts, and the call gives its scores only where their largest is the class decided; elsewhere it gives 1 in that
    class's column and 0 in the others, so that the largest entry of a row is the model's own class everywhere. A row of
    NaN: a class that the data do not have.

    Attributes:
        function: the scores, `(m, d) -> (m, c)`.
        name: what it is, in a few words.
        answer: what its numbers are ("probabilities", "decision function", "predictions", "outputs").
        open: question -> why its answers leave it open.
        decide: the model's own decisions, `(m, d) -> (m,)` columns of the data (-1: none of them), or `(m, c)` of 0 and 1
            where a row may have several labels; None: the largest score decides.
        categorical: columns of the inputs that the model takes for codes of categories.
        takes_tokens: whether all of them are.
        source: the model and the options it was made from, to be read again on the data of an audit; None once it was.
    """

    function: Callable[[np.ndarray], np.ndarray]
    name: str
    answer: str = "outputs"
    open: dict[str, str] = dataclasses.field(default_factory=lambda: dict(OPEN))
    decide: Callable[[np.ndarray], np.ndarray] | None = None
    categorical: tuple[int, ...] = ()
    takes_tokens: bool = False
    source: tuple[Any, dict[str, Any]] | None = None

    def scores(self, x: np.ndarray) -> np.ndarray:
        """The model's numbers as they are, `(m, c)` float64."""
        x = np.asarray(x, np.float64)
        raw = np.asarray(self.function(x))
        try:
            if raw.dtype.kind == "c":
                raise ValueError
            found = raw.astype(np.float64)
        except (TypeError, ValueError):
            raise InputError(
                f"{self.name} answers with {_kind(raw)}; it must answer with real numbers, one column a class or target."
            ) from None
        found = found[:, None] if found.ndim == 1 else found
        if found.ndim != 2 or len(found) != len(x):
            raise InputError(f"{self.name} answers {len(x)} inputs with shape {found.shape}; it must be ({len(x)}, c).")
        return found

    def decisions(self, x: np.ndarray) -> np.ndarray | None:
        """What the model itself decides, or None."""
        return None if self.decide is None else np.asarray(self.decide(np.asarray(x, np.float64)))

    def __call__(self, x: np.ndarray) -> np.ndarray:
        found, decided = self.scores(x), self.decisions(x)
        return found if decided is None else following(found, decided)

    def __repr__(self) -> str:
        return f"<BlackBox: {self.name}, by its {self.answer}; open: {', '.join(self.open)}>"


def following(scores: np.ndarray, decided: np.ndarray) -> np.ndarray:
    """Scores `(m, c)` whose rows that do not say what was decided are replaced, as `BlackBox` describes."""
    if decided.ndim == 2:  # several labels a row: the sign says each
        return np.where((scores > 0) == (decided > 0), scores, np.where(decided > 0, 1.0, -1.0))
    found = scores.copy()
    if scores.shape[1] == 1:
        off = (scores[:, 0] > 0) != (decided == 1)
        found[off, 0] = np.where(decided[off] == 1, 1.0, -1.0)
    else:
        with np.errstate(invalid="ignore"):
            off = (np.argmax(scores, axis=1) != decided) | ~np.isfinite(scores).all(axis=1)
        found[off] = 0.0
        rows = np.flatnonzero(off & (decided >= 0))
        found[rows, decided[rows]] = 1.0
    found[decided < 0] = np.nan
    return found


def black_box(
    model: Any, data: Any = None, *, classes: Sequence[Any] | None = None, output: str | None = None
) -> BlackBox:
    """A model that is only asked, for `zeroloss.audit`.

    Args:
        model: a scikit-learn estimator or anything that predicts like one (fitted); the path of an `.onnx` file; or a
            function of a batch `(m, d) -> (m, c)`.
        data: the `Dataset` it is to be audited on; brings a classifier's classes into the order of the data's columns
            (they may be the numbers 0, 1, ... or the names of the data's classes), names the columns for a pipeline that
            was fitted to a table, and turns images into the order that a file takes. A black box made without data is read
            anew on the data of the audit.
        classes: the data's class (name or number) of each of the model's classes, in the model's order, where they do not
            go by the same names.
        output: the output of an `.onnx` file that is meant, where it has several.

    What counts of a classifier is `predict`. Its scores (by `predict_proba` or `decision_function`, whichever agrees with
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
        asked = Remembered(model, f"the function {name}")
        if data is not None and data.task == "classification" and _labels(asked(data.x_train), data):
            from zeroloss.networks.black_box.estimators import decider

            return dataclasses.replace(decider(asked, name, data, classes), takes_tokens=tokens, source=source)
        return BlackBox(asked, name, takes_tokens=tokens, source=source)
    raise InputError(
        f"a {type(model).__name__} is no predictor; give an estimator with `predict`, an .onnx file, or a function of a batch."
    )


def _labels(found: np.ndarray, data: Any) -> bool:
    """Whether a function answers with one class a row: a text, or a whole number where a class is more than a side."""
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
    asked = (hasattr(model, "predict") or callable(model)) and not _has_weights(model)
    return black_box(model, data) if asked else on_rows(model, data)


def _has_weights(model: Any) -> bool:
    import equinox as eqx
    import jax

    return isinstance(model, eqx.Module) or bool(jax.tree.leaves(eqx.filter(model, eqx.is_inexact_array)))


def _kind(raw: np.ndarray) -> str:
    return {"U": "texts", "S": "texts", "c": "complex numbers"}.get(raw.dtype.kind, f"something of type {raw.dtype}")
