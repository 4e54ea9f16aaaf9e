"""How raw numbers become inputs: recorded, so that new inputs can follow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from zeroloss.plumbing import InputError

METHODS = ("auto", "sphere", "none")


def fit_scaling(x: np.ndarray, features: Sequence[str], method: str, unit: float | str | None) -> dict[str, Any]:
    """The scaling of the training inputs `x` `(n, d)`.

    "auto": `x / unit` where the data say what the unit is (pixels); `(x - min) / (max - min)` over all entries if
    `unit` is "range"; nothing if it is "own" (the data come scaled); else each column `(x - mean) / std` over the
    training rows (std with divisor n). A column that is constant in training becomes 0, with scale 1.
    "sphere": the same, then each row divided by its Euclidean norm. "none": nothing.

    Raises:
        InputError: a method of another name.
    """
    if method not in METHODS:
        raise InputError(f"scaling {method!r} is unknown; choose one of {', '.join(METHODS)}.")
    shift, scale = np.zeros(x.shape[1]), np.ones(x.shape[1])
    fixed = x.min(axis=0) == x.max(axis=0)
    record: dict[str, Any] = {"method": method, "constant": [features[k] for k in np.flatnonzero(fixed).tolist()]}
    if method == "none" or unit == "own":
        record["method"] = method if method == "sphere" else "none"
    elif unit == "range":
        record["method"] = "unit interval"
        shift[:], scale[:] = x.min(), x.max() - x.min()
    elif unit is not None:
        record["method"] = "unit interval"
        scale[:] = float(unit)
    else:
        record["method"] = "standardised"
        shift, scale = _moments(x)
    if method == "sphere":
        record |= {"method": "sphere", "before": record["method"]}
    return record | {"shift": shift, "scale": scale}


def fit_targets(y: np.ndarray, method: str) -> dict[str, Any]:
    """Shift and scale of regression targets `(n, c)`: training mean and standard deviation; 0, 1 if "none"."""
    if method == "none":
        shift, scale = np.zeros(y.shape[1]), np.ones(y.shape[1])
    else:
        shift, scale = _moments(y)
    return {"target_shift": shift, "target_scale": scale}


def apply_scaling(x: np.ndarray, scaling: dict[str, Any]) -> np.ndarray:
    """`(x - shift) / scale`, then `x / |x|` a row if the method is "sphere".

    Raises:
        InputError: the result is not finite, or a row that must go to the sphere is 0.
    """
    if not scaling:
        return x
    with np.errstate(over="ignore", invalid="ignore"):
        z = (x - scaling["shift"]) / scaling["scale"]
    if not np.isfinite(z).all():
        raise InputError("scaling the inputs overflows float64; rescale the columns with the largest entries first.")
    if scaling["method"] != "sphere":
        return z
    largest = np.abs(z).max(axis=-1, keepdims=True)
    if not (largest > 0).all():
        row = int(np.flatnonzero(~(largest > 0).ravel())[0])
        raise InputError(f"row {row} is 0 after centring and has no direction; use scaling 'auto' or remove it.")
    z = z / largest  # so that the squares neither overflow nor underflow
    return z / np.linalg.norm(z, axis=-1, keepdims=True)


def _moments(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation a column; a constant column has its value as mean, exactly, and scale 1."""
    low, high = x.min(axis=0), x.max(axis=0)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        shift, scale = x.mean(axis=0), x.std(axis=0)
    fixed = low == high
    shift[fixed], scale[fixed] = low[fixed], 1.0
    return shift, scale
