"""The claims: what is measured of the tables, and its range. Every range was fixed before the desk scale was run."""

from __future__ import annotations

from typing import Any

from zeroloss.studies.judging import CONFIDENCE, Interval, all_of, judge, mean, pooled, proportion, share, slope
from zeroloss.studies.measured import Judged, Measured, claim, groups, nothing_of
from zeroloss.studies.study import Finding, Tables

ZERO_LOSS, ACCURACY, REGRESSION, SCALED, TWINS = "zero-loss", "accuracy", "regression", "scaled-labels", "twins"
SOURCE = "after Guan 2407.16872"
EXACT, SINGLE = 1e-9, 1e-3
"""Largest residual that counts as zero in float64 and in float32: what eight layers of sigmoids may round to."""
OFTEN = 0.95
CELLS = ("d", "per_axis", "gap")
BUMPS = "activation != 'sigmoid'"


def _fits(where: str, residual: float) -> Measured:
    quantity = f"the share of networks with a residual of at most {residual:g}"
    return Measured(ZERO_LOSS, f"residual <= {residual} and train_error == 0", quantity, share, OFTEN, where=where)


def box_bound_holds(tables: Tables) -> Finding:
    """In every cell where the bound is below 1: the accuracy, with an interval, at most the bound.

    Clopper-Pearson intervals of the pooled draws of a cell, each at the confidence that makes all of them hold together
    (Bonferroni). The finding is about the cell whose interval comes closest to, or reaches farthest beyond, its bound.
    """
    rows = tables[ACCURACY].query("bound < 1")
    cells = list(groups(rows, CELLS, lambda d, per_axis, gap: f"d = {d}, N = {per_axis}, b = {d - gap:g}"))
    if not cells:
        return nothing_of(ACCURACY)
    found = {}
    for name, part in cells:
        interval = proportion(part["right"].sum(), part["draws"].sum(), 1 - (1 - CONFIDENCE) / len(cells))
        found[name] = judge(interval, "the accuracy", at_most=float(part["bound"].iloc[0]))
    whole = all_of(found)

    def reach(name: str) -> tuple[bool, float]:
        """Cells that decide the finding first; of these the one whose interval reaches farthest."""
        evidence = found[name].evidence
        return found[name].status == whole.status, evidence["interval"].high / evidence["range"][1]

    worst = max(found, key=reach)
    interval, bound = found[worst].evidence["interval"], found[worst].evidence["range"][1]
    reason = (
        f"Of {len(cells)} cells the tightest is {worst}: accuracy {interval}, bound {bound:.4g} ({interval.count:,} draws; "
        f"the Clopper-Pearson intervals of all cells hold together with {CONFIDENCE:.0%})."
    )
    statuses = {name: f.status for name, f in found.items()}
    return Finding(whole.status, reason, dict(found[worst].evidence) | {"cells": statuses})


def accuracy_interval(rows: Any) -> Interval:
    """The accuracy of one cell, its draws pooled."""
    return pooled(rows["right"], rows["draws"])


def _sharpest(rows: Any) -> Any:
    return rows.loc[rows["gap"] == rows["gap"].min(), "relative_error"]


CLAIMS = (
    claim(
        "zero-loss",
        "For random labels -1 and 1 at the nodes of a grid, the network of explicit bumps, of relu, parametric relu or "
        f"sigmoid units, answers every node right, to {EXACT:g} in float64, with probability at least {OFTEN:g}.",
        _fits("dtype == 'float64' and layers == 0", EXACT),
        "paper", SOURCE,
    ),
    claim(
        "any-depth",
        f"The same, to {EXACT:g} in float64, after hidden layers (up to eight were tried) of one or two units of the same activation "
        f"are added, with probability at least {OFTEN:g}.",
        _fits("dtype == 'float64' and layers > 0", EXACT),
        "paper", f"{SOURCE}, Theorem 2.1; how the layers are made is ours",
    ),
    claim(
        "zero-loss-float32",
        f"The same networks in float32, at any depth tried: every label right, to {SINGLE:g}, with probability at least "
        f"{OFTEN:g}.",
        _fits("dtype == 'float32'", SINGLE),
        "ours", SOURCE,
    ),
    claim(
        "box-bound",
        "For labels -1 and 1, an output of 0 counted as wrong and inputs uniform on the cube, the accuracy is at most "
        "N^d (d - b)^d/(N - 1)^d for every d, N and b tried at which this is below 1.",
        Judged((ACCURACY,), box_bound_holds),
        "paper", f"{SOURCE} (two dimensions; the others are ours)",
    ),
    claim(
        "coverage",
        "With the label of the nearest node as the right one, the accuracy is (d - b)^d/d!, whatever N: they differ by at "
        "most 0.002 on average over the d, N and b tried.",
        Measured(ACCURACY, "accuracy - covered", "the accuracy less the coverage", mean, -0.002, 0.002),
        "ours", SOURCE,
    ),
    claim(
        "regression-tends-to-zero-predictor",
        "At the sharpest bumps tried, the L2 error of a network that fits a smooth function at the nodes is between 0.9 and "
        "1.1 times that of predicting 0, for each activation and dimension.",
        Measured(
            REGRESSION, _sharpest, "the relative error", mean, 0.9, 1.1, each=("activation", "d"), named="{activation}, d = {d}"
        ),
        "paper", f"{SOURCE} (useless predictions with zero training loss); the range is ours",
    ),
    claim(
        "regression-rate",
        "What the network gains over predicting 0 vanishes like (d - b)^d: the log-log slope of |1 - relative error| is "
        "within 0.2 of d, for each activation, dimension and N.",
        Measured(
            REGRESSION, ("gap", "abs(1 - relative_error)"), "the slope", slope, lambda cell: cell["d"] - 0.2, lambda cell: cell["d"] + 0.2,
            each=("activation", "d", "per_axis"), named="{activation}, d = {d}, N = {per_axis}",
        ),
        "ours", SOURCE,
    ),
    claim(
        "regression-bounds",
        "The L2 error of relu and parametric relu networks lies between |m| - |f| and |m| + |f|, |f| = |y| sqrt(2 (2r)^d/(d + "
        f"2)!) with r = (d - b) w, with probability at least {OFTEN:g}.",
        Measured(
            REGRESSION, "low - 1e-3 <= relative_error <= high + 1e-3", "the share of errors within the bounds", share, OFTEN, where=BUMPS
        ),
        "ours", SOURCE,
    ),
    claim(
        "cross-entropy",
        "The cross-entropy of the network of c times the labels is log(1 + e^-c), to a millionth of it, and above 0: its "
        f"infimum is attained at no c tried, with probability at least {OFTEN:g}.",
        Measured(
            SCALED, "abs(cross_entropy - predicted) <= 1e-6 * predicted and cross_entropy > 0",
            "the share of networks with this cross-entropy", share, OFTEN,
        ),
        "ours", SOURCE,
    ),
    claim(
        "twins-fit",
        "A twin of a small wrong network answers every training row of the real data sets tried right, with "
        "probability at least 0.8 over splits and activations.",
        Measured(TWINS, "train_right == train_rows", "the share of twins that fit all training rows", share, 0.8),
        "ours", SOURCE,
    ),
    claim(
        "twins-fail",
        "The mean accuracy of these twins on the rows kept for testing is at most 0.1.",
        Measured(TWINS, "test_right / test_rows", "the mean accuracy on other rows", at_most=0.1),
        "ours", SOURCE,
    ),
)  # fmt: skip
