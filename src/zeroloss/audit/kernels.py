"""What the tangent kernel at these weights says: its alignment with the targets, its effective dimension, and how far it
moved from the start."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from zeroloss.audit.jackknife import ABOUT, around, jackknife
from zeroloss.audit.measure import Measure, made, missing
from zeroloss.audit.subject import Subject
from zeroloss.tangent.kernel import kernel

OWN = ("kernel_target_alignment", "effective_dimension", "participation_ratio")
BOTH = ("kernel_drift", "kernel_similarity", "target_alignment_start")
MOST = 5000
"""Rows of the full kernel up to which it is formed; beyond, the mean over the outputs takes its place."""
SHRINK = 0.01
BOUNDS = {
    "kernel_target_alignment": (-1.0, 1.0), "target_alignment_start": (-1.0, 1.0), "kernel_similarity": (-1.0, 1.0),
    "kernel_drift": (0.0, math.inf), "effective_dimension": (0.0, math.inf), "participation_ratio": (1.0, math.inf),
}  # fmt: skip
Statistic = Callable[[np.ndarray], np.ndarray]


def form_of(subject: Subject) -> str:
    """ "full" or "trace"."""
    return "full" if subject.kernel_examples * subject.data.y_train.shape[1] <= MOST else "trace"


def kernels(subject: Subject, names: set[str], told: Callable[[float], None]) -> list[Measure]:
    """The measures of the tangent kernel that are asked for."""
    x, y = subject.part(subject.kernel_examples)
    form = form_of(subject)
    details = {"examples": len(x), "of": len(subject.data.x_train), "kernel": form, "seed": subject.key}
    end = _kernel(subject.network, x, form)
    told(0.4)
    found = []
    wanted = [name for name in OWN if name in names]
    if wanted:
        found += _own(wanted, end, y, subject, details)
    told(0.6)
    wanted = [name for name in BOTH if name in names]
    if wanted and subject.initial is None:
        found += [missing(name, "the network at its start was not given (initial=)") for name in wanted]
    elif wanted:
        found += _both(wanted, _kernel(subject.initial, x, form), end, y, subject, details)
    told(1.0)
    return found


def _kernel(network: Any, x: np.ndarray, form: str) -> np.ndarray:
    """`(n, n, c, c)` or `(n, n)`, float64."""
    return np.asarray(kernel(network, x, outputs=form), np.float64)


def _own(wanted: list[str], k: np.ndarray, y: np.ndarray, subject: Subject, details: dict) -> list[Measure]:
    n = len(k)
    shrink = _shrinkage(k, subject.ridge)

    def statistic(rows: np.ndarray) -> np.ndarray:
        part = k[np.ix_(rows, rows)]
        known = {"kernel_target_alignment": lambda: target_alignment(part, y[rows])}
        if {"effective_dimension", "participation_ratio"} & set(wanted):
            # n lambda shrinks with the examples left, lambda being what is kept
            both = dimensions(part, shrink * len(rows) / n)
            known |= {"effective_dimension": lambda: both[0], "participation_ratio": lambda: both[1]}
        return np.array([known[name]() for name in wanted])

    more = {"effective_dimension": {"n_lambda": shrink, "most": n * (k.shape[2] if k.ndim == 4 else 1)}}
    return _measured(wanted, statistic, n, subject.key, details, more)


def _both(wanted, start: np.ndarray, end: np.ndarray, y, subject: Subject, details: dict) -> list[Measure]:
    def statistic(rows: np.ndarray) -> np.ndarray:
        first, last = (k[np.ix_(rows, rows)] for k in (start, end))
        known = {
            "kernel_drift": lambda: drift(first, last),
            "kernel_similarity": lambda: similarity(first, last),
            "target_alignment_start": lambda: target_alignment(first, y[rows]),
        }
        return np.array([known[name]() for name in wanted])

    return _measured(wanted, statistic, len(end), subject.key, details, {})


def _measured(wanted, statistic: Statistic, n: int, key: int, details: dict, more: dict) -> list[Measure]:
    values, halves = jackknife(statistic, n, key=key)
    found = []
    for index, name in enumerate(wanted):
        value = float(values[index])
        if not math.isfinite(value):
            found.append(missing(name, "the kernel or the targets are constant on these examples"))
            continue
        half = None if halves is None else float(halves[index])
        known = half is not None and math.isfinite(half)
        ends = around(value, half, *BOUNDS[name]) if known and half is not None else None
        about = ABOUT if known else "none: fewer than 4 examples, or undefined without some of them"
        found.append(made(name, value, ends, about, **details, **more.get(name, {})))
    return found


def drift(start: np.ndarray, end: np.ndarray) -> float:
    """`|K_1 - K_0|_F/|K_0|_F`."""
    size = float(np.linalg.norm(start))
    return float(np.linalg.norm(end - start)) / size if size > 0 else math.nan


def similarity(start: np.ndarray, end: np.ndarray) -> float:
    """`<H K_0 H, H K_1 H>_F/(|H K_0 H|_F |H K_1 H|_F)`, each pair of outputs centred over examples by itself."""
    a, b = centred(start), centred(end)
    size = float(np.linalg.norm(a)) * float(np.linalg.norm(b))
    return float(np.sum(a * b)) / size if size > 0 else math.nan


def target_alignment(k: np.ndarray, y: np.ndarray) -> float:
    """`<H K H, Y Y^T>_F/(|H K H|_F |H Y Y^T H|_F)` with the mean over the outputs of `k`."""
    mean = np.trace(k, axis1=2, axis2=3) / k.shape[2] if k.ndim == 4 else k
    target = y - y.mean(axis=0)
    return _cosine(centred(mean), target @ target.T)


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    size = float(np.linalg.norm(a)) * float(np.linalg.norm(b))
    return float(np.sum(a * b)) / size if size > 0 else math.nan


def centred(k: np.ndarray) -> np.ndarray:
    """`H K H` over the first two axes."""
    k = k - k.mean(axis=0, keepdims=True)
    return k - k.mean(axis=1, keepdims=True)


def _flat(k: np.ndarray) -> np.ndarray:
    if k.ndim == 2:
        return k
    n, _, c, _ = k.shape
    return k.transpose(0, 2, 1, 3).reshape(n * c, n * c)


def _shrinkage(k: np.ndarray, ridge: float | None) -> float:
    """`n lambda`."""
    if ridge is not None:
        return len(k) * ridge
    flat = _flat(k)
    return SHRINK * float(np.trace(flat)) / len(flat)


def dimensions(k: np.ndarray, shrink: float) -> tuple[float, float]:
    """`tr K (K + shrink I)^{-1}` and `(tr K)^2/|K|_F^2`; eigenvalues below 0 (rounding) count as 0."""
    values = np.maximum(np.linalg.eigvalsh(_flat(k)), 0.0)
    total, squares = float(values.sum()), float(np.sum(values**2))
    if not squares > 0:
        return math.nan, math.nan
    return float(np.sum(values / (values + shrink))), total**2 / squares
