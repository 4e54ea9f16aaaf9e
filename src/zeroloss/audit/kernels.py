"""Measures of the tangent kernel at these weights: its alignment with the targets, its effective dimension, and how far it
moved from the start."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg.lapack

from zeroloss.audit.answers import unit_of
from zeroloss.audit.jackknife import ABOUT, around, jackknife
from zeroloss.audit.measure import Measure, known_measure, unknown_measure
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
Statistic = Callable[[np.ndarray], float]


def form_of(subject: Subject) -> str:
    """ "full" or "trace"."""
    return "full" if subject.kernel_examples * subject.data.y_train.shape[1] <= MOST else "trace"


def kernels(subject: Subject, names: set[str], report: Callable[[float], None]) -> list[Measure]:
    """The requested measures of the tangent kernel."""
    x, y = subject.part(subject.kernel_examples)
    form = form_of(subject)
    details = {"examples": len(x), "of": len(subject.data.x_train), "kernel": form, "seed": subject.key}
    end = _kernel(subject.network, x, form)
    report(0.4)
    found = []
    wanted = [name for name in OWN if name in names]
    if wanted:
        found += _own(wanted, end, y, subject, details)
    report(0.6)
    wanted = [name for name in BOTH if name in names]
    if wanted and subject.initial is None:
        found += [unknown_measure(name, "the network at its start was not given (initial=)") for name in wanted]
    elif wanted:
        found += _both(wanted, _kernel(subject.initial, x, form), end, y, subject, details)
    report(1.0)
    return found


def _kernel(network: Any, x: np.ndarray, form: str) -> np.ndarray:
    """`(n, n, c, c)` or `(n, n, 1, 1)`, float64."""
    found = np.asarray(kernel(network, x, outputs=form), np.float64)
    return found if found.ndim == 4 else found[:, :, None, None]


def _own(wanted: list[str], k: np.ndarray, y: np.ndarray, subject: Subject, details: dict) -> list[Measure]:
    shrink = _shrinkage(k, subject.ridge)
    known: dict[str, Callable[[], Statistic]] = {
        "kernel_target_alignment": lambda: target_alignment(k, y),
        "effective_dimension": lambda: effective_dimension(k, shrink),
        "participation_ratio": lambda: participation_ratio(k),
    }
    more = {"effective_dimension": {"n_lambda": shrink, "most": len(k) * k.shape[2]}}
    return _measured({name: known[name]() for name in wanted}, len(k), subject.key, details, more)


def _both(wanted, start: np.ndarray, end: np.ndarray, y, subject: Subject, details: dict) -> list[Measure]:
    known: dict[str, Callable[[], Statistic]] = {
        "kernel_drift": lambda: drift(start, end),
        "kernel_similarity": lambda: similarity(start, end),
        "target_alignment_start": lambda: target_alignment(start, y),
    }
    return _measured({name: known[name]() for name in wanted}, len(end), subject.key, details, {})


def _measured(statistics: dict[str, Statistic], n: int, key: int, details: dict, more: dict) -> list[Measure]:
    found = []
    for name, statistic in statistics.items():
        values, halves = jackknife(statistic, n, key=key)
        value = float(values[0])
        if not math.isfinite(value):
            found.append(unknown_measure(name, "the kernel or the targets are constant on these examples"))
            continue
        half = math.nan if halves is None else float(halves[0])
        known = math.isfinite(half)
        ends = around(value, half, *BOUNDS[name]) if known else None
        about = ABOUT if known else "none: fewer than 4 examples, or undefined without some of them"
        found.append(known_measure(name, value, ends, about, **details, **more.get(name, {})))
    return found


# Each of these takes kernels (n, n, c, c) and gives the quantity as a function of the examples kept (ascending numbers), so
# that the jackknife needs one pass over the kernels: sums over blocks and rows are formed once.


def drift(start: np.ndarray, end: np.ndarray) -> Statistic:
    """`|K_1 - K_0|_F/|K_0|_F`."""
    moved, before = _pairs(end - start, end - start), _pairs(start, start)

    def statistic(rows: np.ndarray) -> float:
        square = float(before[np.ix_(rows, rows)].sum())
        return math.sqrt(max(0.0, float(moved[np.ix_(rows, rows)].sum())) / square) if square > 0 else math.nan

    return statistic


def similarity(start: np.ndarray, end: np.ndarray) -> Statistic:
    """`<H K_0 H, H K_1 H>_F/(|H K_0 H|_F |H K_1 H|_F)`, each pair of outputs centred over examples by itself.

    With the row sums `r_i = sum_j K_ij` and `t = sum_i r_i`:
    `<H K H, H L H> = sum_ij <K_ij, L_ij> - (2/n) sum_i <r_i, r'_i> + <t, t'>/n^2`, for kernels symmetric under exchange of
    examples together with outputs.
    """
    # Centred once on all examples, so that the sums do not cancel; centring again changes nothing else.
    a, b = centred(start), centred(end)
    pairs = {"ab": _pairs(a, b), "aa": _pairs(a, a), "bb": _pairs(b, b)}
    kernels = {"a": a, "b": b}

    def statistic(rows: np.ndarray) -> float:
        n = len(rows)
        gone = np.setdiff1d(np.arange(len(a)), rows)
        sums = {name: k[rows].sum(axis=1) - k[np.ix_(rows, gone)].sum(axis=1) for name, k in kernels.items()}

        def product(one: str, two: str) -> float:
            r, q = sums[one], sums[two]
            whole = float(pairs[one + two][np.ix_(rows, rows)].sum())
            return whole - 2 / n * float(np.sum(r * q)) + float(np.sum(r.sum(axis=0) * q.sum(axis=0))) / n**2

        size = math.sqrt(max(0.0, product("a", "a")) * max(0.0, product("b", "b")))
        return product("a", "b") / size if size > 0 else math.nan

    return statistic


def target_alignment(k: np.ndarray, y: np.ndarray) -> Statistic:
    """`<H K H, Y Y^T>_F/(|H K H|_F |H Y Y^T H|_F)` with the mean over the outputs of `k`."""
    mean = np.trace(k, axis1=2, axis2=3) / k.shape[2]
    y = y / unit_of(y)  # the cosine does not change, and no square overflows

    def statistic(rows: np.ndarray) -> float:
        target = y[rows] - y[rows].mean(axis=0)
        part, own = centred(mean[np.ix_(rows, rows)]), target @ target.T
        size = float(np.linalg.norm(part)) * float(np.linalg.norm(own))
        return float(np.sum(part * own)) / size if size > 0 else math.nan

    return statistic


def participation_ratio(k: np.ndarray) -> Statistic:
    """`(tr K)^2/|K|_F^2`."""
    pairs, diagonal = _pairs(k, k), np.einsum("iiaa->i", k)

    def statistic(rows: np.ndarray) -> float:
        square = float(pairs[np.ix_(rows, rows)].sum())
        return float(diagonal[rows].sum()) ** 2 / square if square > 0 else math.nan

    return statistic


def effective_dimension(k: np.ndarray, shrink: float) -> Statistic:
    """`tr K (K + s I)^{-1} = N - s tr B`, `B = (K + s I)^{-1}`, `s = shrink`.

    Without a group `g` of rows the inverse has the trace `tr B - tr (B_gg)^{-1} (B^2)_gg`, so one factorisation does.
    """
    n, _, c, _ = k.shape
    if not shrink > 0:
        return lambda rows: math.nan
    flat = k.transpose(0, 2, 1, 3).copy().reshape(n * c, n * c)  # overwritten below: never a view of the kernel
    flat[np.diag_indices(n * c)] += shrink
    # `flat.T` is in Fortran order, so LAPACK works in place instead of on a copy.
    factor, info = scipy.linalg.lapack.dpotrf(flat.T, lower=1, overwrite_a=1)
    if info:
        return lambda rows: math.nan
    inverse, _ = scipy.linalg.lapack.dpotri(factor, lower=1, overwrite_c=1)
    inverse = np.tril(inverse) + np.tril(inverse, -1).T
    trace = float(np.trace(inverse))

    def statistic(rows: np.ndarray) -> float:
        gone = (np.setdiff1d(np.arange(n), rows)[:, None] * c + np.arange(c)).ravel()
        left = trace
        if len(gone):
            columns = inverse[gone]
            left -= float(np.trace(np.linalg.solve(columns[:, gone], columns @ columns.T)))
        return len(rows) * c - shrink * left

    return statistic


def _pairs(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """`(n, n)`: the inner product of the blocks `(c, c)` of each pair of examples."""
    return np.einsum("ijab,ijab->ij", a, b)


def centred(k: np.ndarray) -> np.ndarray:
    """`H K H` over the first two axes."""
    k = k - k.mean(axis=0, keepdims=True)
    k -= k.mean(axis=1, keepdims=True)
    return k


def _shrinkage(k: np.ndarray, ridge: float | None) -> float:
    """`n lambda`."""
    if ridge is not None:
        return len(k) * ridge
    return SHRINK * float(np.einsum("iiaa->", k)) / (len(k) * k.shape[2])
