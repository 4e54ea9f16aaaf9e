"""How each claim is judged: functions of the tables. Every range was fixed before the desk scale was run."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from zeroloss.data.designs import minimax_exponent, visited_exponent, visited_limit
from zeroloss.studies.judging import all_of, judge, mean, paired_difference, proportion, slope
from zeroloss.studies.kohler_krzyzak_squasher.trials import DESIGNS, NOISE
from zeroloss.studies.study import Finding, Tables

SAMPLES, DESCENT, ERRORS = "samples", "descent", "errors"
EQUAL, HEAVY = DESIGNS[:2]
NETWORK = "interpolating network"
CLOSE, EXACT = 1e-2, 1e-16
"""Relative excess of the empirical risk that counts as near its infimum, and as at it (residuals of 1e-8, relative)."""
OFTEN, MOSTLY = 0.95, 0.8
LESS = 0.01
"""How far below the constant a mean may lie: what the number of samples can tell at n = 1000."""
NEAR = 0.03
"""Of a slope: on n up to 10,000 the exact slopes are .004 to .021 flatter than their limits."""
SLACK = 0.05
"""What the slope of an estimate that smooths may be flatter than the minimax slope at such n."""
ENOUGH = 64
"""Networks an example of the preset "theory" that its claim is about; with 8 of them descent is slow (see the figure)."""


def _share(good: Any, quantity: str, at_least: float) -> Finding:
    good = np.asarray(good, bool)
    return judge(proportion(int(good.sum()), len(good)), quantity, at_least=at_least)


def _nothing(quantity: str) -> Finding:
    return judge(mean([]), quantity, at_least=0)


def _descents(tables: Tables, preset: str, per_example: int | None = None) -> Any:
    rows = tables[DESCENT]
    rows = rows[(rows["preset"] == preset) & (rows["activation"] == "sigmoid")]
    return rows if per_example is None else rows[rows["per_example"] == per_example]


def descent_reaches(tables: Tables) -> Finding:
    """Gradient descent on all weights from the preset "localised"."""
    rows = _descents(tables, "localised")
    return _share(rows["descent"] <= CLOSE, f"the share of runs with a relative excess of at most {CLOSE:g}", MOSTLY)


def theory_start_reaches(tables: Tables) -> Finding:
    """The same from the preset "theory", with enough networks."""
    rows = _descents(tables, "theory", ENOUGH)
    return _share(rows["descent"] <= CLOSE, f"the share of runs with a relative excess of at most {CLOSE:g}", MOSTLY)


def gauss_newton_reaches(tables: Tables) -> Finding:
    """Gauss-Newton on all weights, where it was run."""
    rows = _descents(tables, "localised")
    rows = rows[rows["gauss_newton"] >= 0]
    return _share(
        rows["gauss_newton"] <= EXACT, f"the share of runs with a relative excess of at most {EXACT:g}", MOSTLY
    )


def proved(tables: Tables) -> Finding:
    """The proof by the read-out of the finished networks."""
    return _share(_descents(tables, "localised")["proved"], "the share of networks with a proof", MOSTLY)


def readout_reaches(tables: Tables) -> Finding:
    """The interpolating network of every sample of the comparison."""
    rows = tables[ERRORS]
    rows = rows[rows["method"] == NETWORK]
    return _share(rows["excess"] <= EXACT, f"the share of samples with a relative excess of at most {EXACT:g}", OFTEN)


def one_error_for_all(tables: Tables) -> Finding:
    """The network's visited part against that of the group means."""
    rows = tables[ERRORS]
    rows = rows[(rows["method"] == NETWORK) & (rows["means"] > 0)]
    close = (rows["visited"] - rows["means"]).abs() <= 1e-6 * rows["means"]
    return _share(close, "the share of samples in which the two agree to a millionth", OFTEN)


def visited_at_least(tables: Tables) -> Finding:
    """At each n, the mean over the constant."""
    rows = tables[SAMPLES]
    rows = rows[rows["design"] == EQUAL]
    found = {
        f"n = {n}": judge(
            mean(part["visited"] / visited_limit()), "the visited part over the constant", at_least=1 - LESS
        )
        for n, part in rows.groupby("n")
    }
    return all_of(found) if found else _nothing("the visited part over the constant")


def visited_tends(tables: Tables) -> Finding:
    """At the largest n, the mean over the constant."""
    rows = tables[SAMPLES]
    rows = rows[rows["design"] == EQUAL]
    last = rows[rows["n"] == rows["n"].max()]
    return judge(
        mean(last["visited"] / visited_limit()),
        f"the visited part over the constant at n = {rows['n'].max():,}",
        at_least=1 - LESS,
        at_most=1 + LESS,
    )


def _tails(tables: Tables) -> Any:
    rows = tables[SAMPLES]
    return rows[rows["design"] == HEAVY].groupby("tail")


def visited_slope(tables: Tables) -> Finding:
    """The slope of the visited part for each t."""
    found = {
        f"t = {t:g}": judge(
            slope(part["n"], part["visited"]),
            "the slope",
            at_least=visited_exponent(t) - NEAR,
            at_most=visited_exponent(t) + NEAR,
        )
        for t, part in _tails(tables)
    }
    return all_of(found) if found else _nothing("the slope")


def slower_iff(tables: Tables) -> Finding:
    """On which side of the minimax slope for p = 1 it lies, for each t and d but where both are equal."""
    found = {}
    for t, part in _tails(tables):
        interval = slope(part["n"], part["visited"])
        for d in (1, 2, 3):
            if t * d == 2:
                continue
            edge = minimax_exponent(1, d)
            low, high = (edge, math.inf) if t * d < 2 else (-math.inf, edge)
            found[f"t = {t:g}, d = {d}"] = judge(interval, "the slope", at_least=low, at_most=high)
    return all_of(found) if found else _nothing("the slope")


def _cells(tables: Tables, method: str, design: str) -> Any:
    rows = tables[ERRORS]
    return rows[(rows["method"] == method) & (rows["design"] == design)].groupby(["d", "p"])


def no_consistency(tables: Tables) -> Finding:
    """The network's error on equal atoms, at each d and n, in units of `s^2`, against the constant."""
    found = {}
    for (d, p), part in _cells(tables, NETWORK, EQUAL):
        for n, rows in part.groupby("n"):
            found[f"d = {d}, n = {n}" + _smoothness(p)] = judge(
                mean(rows["error"] / NOISE**2), "the error over s^2", at_least=visited_limit()
            )
    return all_of(found) if found else _nothing("the error over s^2")


def _smoothness(p: float) -> str:
    return "" if p == 1 else f", p = {p:g}"


def _flatter(tables: Tables, design: str) -> Finding:
    found = {
        f"d = {d}" + _smoothness(p): judge(
            slope(part["n"], part["error"]), "the slope", at_least=minimax_exponent(p, int(d))
        )
        for (d, p), part in _cells(tables, NETWORK, design)
    }
    return all_of(found) if found else _nothing("the slope")


def flatter_on_equal_atoms(tables: Tables) -> Finding:
    """The slope of the network's error on equal atoms."""
    return _flatter(tables, EQUAL)


def flatter_on_heavy_tails(tables: Tables) -> Finding:
    """The slope of the network's error on the heavy-tailed design."""
    return _flatter(tables, HEAVY)


def local_mean_is_steep(tables: Tables) -> Finding:
    """The slope of the local mean's error on every design, for targets with p <= 1."""
    found = {
        f"{design}, d = {d}" + _smoothness(p): judge(
            slope(part["n"], part["error"]), "the slope", at_most=minimax_exponent(p, int(d)) + SLACK
        )
        for design in DESIGNS
        for (d, p), part in _cells(tables, "local mean", design)
        if p <= 1
    }
    return all_of(found) if found else _nothing("the slope")


def smoothing_wins(tables: Tables) -> Finding:
    """At the largest n: the network's error less that of each estimate that smooths, on the same samples."""
    rows, found = tables[ERRORS], {}
    rows = rows[rows["n"] == rows["n"].max()]
    for (design, d, p), part in rows.groupby(["design", "d", "p"]):
        wide = part.pivot(index="seed", columns="method", values="error")
        for other in sorted(set(wide.columns) - {NETWORK}):
            if NETWORK in wide:
                pairs = wide[[NETWORK, other]].dropna()
                found[f"{other}, {design}, d = {d}" + _smoothness(p)] = judge(
                    paired_difference(pairs[NETWORK], pairs[other]), "the difference of errors", at_least=0
                )
    return all_of(found) if found else _nothing("the difference of errors")
