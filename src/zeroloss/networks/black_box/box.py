"""`BlackBox`: any predictor as a function of a batch, for the audit; only its answers are known."""

from __future__ import annotations

import dataclasses
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
    """A predictor known by its answers alone: called on a batch `(m, d)`, it answers `(m, c)` float64.

    A model that decides by itself (`predict` of a classifier, the label of an ONNX file) is followed: what `decide` gives
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
                f"{self.name} answers with {_kind(raw)}; it must answer with real numbers, one column per class or target."
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
    """Scores `(m, c)`, with the rows replaced whose largest score is not the class decided, as `BlackBox` describes."""
    if decided.ndim == 2:  # several labels per row: each by the sign of its score
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


def _kind(raw: np.ndarray) -> str:
    return {"U": "texts", "S": "texts", "c": "complex numbers"}.get(raw.dtype.kind, f"something of type {raw.dtype}")
