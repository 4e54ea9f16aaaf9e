"""Scaling of raw inputs and targets, recorded so that new inputs can be scaled alike."""

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
        with np.errstate(over="ignore"):  # an infinite scale merges all values, which `keep_apart` mends
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


def fit_targets(y: np.ndarray, method: str, every: np.ndarray) -> tuple[dict[str, Any], list[str]]:
    """Shift and scale of regression targets `(n, c)`: training mean and standard deviation; 0, 1 if "none".

    A column in which that would make different values of `every`, the training and test targets, equal has shift 0 and
    a power of two as scale, as in `keep_apart`; the second result names these columns.
    """
    if method == "none":
        return {"target_shift": np.zeros(y.shape[1]), "target_scale": np.ones(y.shape[1])}, []
    shift, scale, changed = separate(every, *_moments(y))
    columns = ", ".join(map(str, np.flatnonzero(changed)))
    notes = [
        f"targets only divided by a power of two, as standardised different ones would become equal: column {columns}"
    ]
    return {"target_shift": shift, "target_scale": scale}, notes if changed.any() else []


def keep_apart(x: np.ndarray, features: Sequence[str], record: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """`record` changed where it would make different values of a column equal, and a sentence on what was changed.

    Rounding does that where a mean is large beside differences, as of 1, 2 and 1e20, and where a deviation overflows or
    is below float64. Such a column is divided by a power of two instead, which is exact; with one scale for all columns
    all of them are. So rows that differ stay different, and none seem to contradict each other.

    Args:
        x: `(n, d)`, the raw training and test inputs.

    Standing: ours. Division by a power of two is injective on float64 as long as nothing becomes subnormal, which is
    checked; else the column stays as it is.
    """
    method = record.get("before", record["method"])
    whole = method == "unit interval" and not np.any(record["shift"]) and _small_whole(x)
    if method == "none" or whole:
        return record, []
    if method == "unit interval":  # one scale for all columns
        one, two, bad = separate(x.reshape(-1, 1), record["shift"][:1], record["scale"][:1])
        shift, scale, changed = (np.repeat(each, x.shape[1]) for each in (one, two, bad))
    else:
        shift, scale, changed = separate(x, record["shift"], record["scale"])
        changed &= ~np.isin(np.asarray(features, dtype=object), record["constant"])
    if not changed.any():
        return record, []
    shift, scale = np.where(changed, shift, record["shift"]), np.where(changed, scale, record["scale"])
    names = [str(features[k]) for k in np.flatnonzero(changed).tolist()]
    listed = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    note = f"only divided by a power of two, as {method} different values would become equal: {listed}"
    return record | {"shift": shift, "scale": scale}, [note]


def separate(x: np.ndarray, shift: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`(shift, scale, changed)` for each column of `x` `(n, d)`: as given where `(x - shift) / scale` keeps different values apart.

    Else shift 0 and as scale the power of two above the largest entry, or 1 if even that merges values.
    """
    ordered = np.sort(x, axis=0)
    bad = _merges(ordered, shift, scale)
    if not bad.any():
        return shift, scale, bad
    exponents = np.frexp(np.abs(ordered).max(axis=0))[1]
    powers = np.ldexp(1.0, np.clip(exponents, -1000, 1023))
    zero = np.zeros_like(shift)
    powers[_merges(ordered, zero, powers)] = 1.0
    return np.where(bad, zero, shift), np.where(bad, powers, scale), bad


def _merges(ordered: np.ndarray, shift: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Whether scaling makes different values of a column of `ordered` (ascending) equal, or not finite: `(d,)`."""
    with np.errstate(all="ignore"):
        z = (ordered - shift) / scale
    merged = (ordered[1:] != ordered[:-1]) & (z[1:] == z[:-1])
    return merged.any(axis=0) | ~np.isfinite(z).all(axis=0)


def _small_whole(x: np.ndarray) -> bool:
    """Whether all entries are whole numbers so small that their quotients by any one number differ."""
    return bool(np.abs(x).max() < 2**24 and (x == np.floor(x)).all())


def apply_scaling(x: np.ndarray, scaling: dict[str, Any], rows: np.ndarray | None = None) -> np.ndarray:
    """`(x - shift) / scale`, then `x / |x|` for each row if the method is "sphere". `rows`: their numbers, for messages.

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
        row = row if rows is None else int(rows[row])
        raise InputError(f"row {row} is 0 after centring and has no direction; use scaling 'auto' or remove it.")
    z = z / largest  # so that the squares neither overflow nor underflow
    return z / np.linalg.norm(z, axis=-1, keepdims=True)


def _moments(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each column; a constant column has its value as mean, exactly, and scale 1."""
    low, high = x.min(axis=0), x.max(axis=0)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        shift, scale = x.mean(axis=0), x.std(axis=0)
    fixed = low == high
    shift[fixed], scale[fixed] = low[fixed], 1.0
    return shift, scale
