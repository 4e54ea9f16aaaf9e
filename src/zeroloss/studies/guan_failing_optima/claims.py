"""The claims, each a function of the tables. Every range was fixed before the desk scale was run."""

from __future__ import annotations

from typing import Any

import numpy as np

from zeroloss.studies.judging import CONFIDENCE, Interval, all_of, judge, mean, proportion, slope
from zeroloss.studies.study import Claim, Finding, Tables

ZERO_LOSS, ACCURACY, REGRESSION, SCALED, TWINS = "zero-loss", "accuracy", "regression", "scaled-labels", "twins"
SOURCE = "after Guan 2407.16872"
EXACT, SINGLE = 1e-9, 1e-3
"""Largest residual that counts as zero in float64 and in float32: what eight layers of sigmoids may round to."""
OFTEN = 0.95


def _share(good: Any, quantity: str, at_least: float = OFTEN) -> Finding:
    """How often `good` (truth values, one a trial) holds."""
    good = np.asarray(good, bool)
    return judge(proportion(int(good.sum()), len(good)), quantity, at_least=at_least)


def _fits(rows: Any, residual: float) -> Finding:
    good = (rows["residual"] <= residual) & (rows["train_error"] == 0)
    return _share(good, f"the share of networks with a residual of at most {residual:g}")


def zero_loss_float64(tables: Tables) -> Finding:
    """The networks of bumps, without layers added."""
    rows = tables[ZERO_LOSS]
    return _fits(rows[(rows["dtype"] == "float64") & (rows["layers"] == 0)], EXACT)


def any_depth(tables: Tables) -> Finding:
    """The networks with layers added."""
    rows = tables[ZERO_LOSS]
    return _fits(rows[(rows["dtype"] == "float64") & (rows["layers"] > 0)], EXACT)


def zero_loss_float32(tables: Tables) -> Finding:
    """All of them in single precision."""
    rows = tables[ZERO_LOSS]
    return _fits(rows[rows["dtype"] == "float32"], SINGLE)


def box_bound_holds(tables: Tables) -> Finding:
    """In every cell where the bound is below 1: the accuracy, with an interval, at most the bound.

    Clopper-Pearson intervals of the pooled draws of a cell, each at the confidence that makes all of them hold together
    (Bonferroni). The finding is about the cell whose interval comes closest to, or reaches farthest beyond, its bound.
    """
    rows = tables[ACCURACY]
    rows = rows[rows["bound"] < 1]
    cells = list(rows.groupby(["d", "per_axis", "gap"]))
    if not cells:
        return judge(mean([]), "the accuracy less the bound", at_most=0)
    found = {}
    for (d, per_axis, gap), part in cells:
        interval = proportion(part["right"].sum(), part["draws"].sum(), 1 - (1 - CONFIDENCE) / len(cells))
        name = f"d = {d}, N = {per_axis}, b = {d - gap:g}"
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


def coverage_is_the_accuracy(tables: Tables) -> Finding:
    """Accuracy less `(d - b)^d/d!`, on average over cells and seeds."""
    rows = tables[ACCURACY]
    return judge(
        mean(rows["accuracy"] - rows["covered"]), "the accuracy less the coverage", at_least=-0.002, at_most=0.002
    )


def error_tends_to_the_norm(tables: Tables) -> Finding:
    """The relative L2 error at the sharpest bumps of each activation and dimension."""
    rows = tables[REGRESSION]
    return all_of(
        {
            f"{name}, d = {d}": judge(
                mean(part.loc[part["gap"] == part["gap"].min(), "relative_error"]),
                "the relative error",
                at_least=0.9,
                at_most=1.1,
            )
            for (name, d), part in rows.groupby(["activation", "d"])
        }
    )


def gain_falls_like_gap_to_the_d(tables: Tables) -> Finding:
    """The slope of log |1 - relative error| against log(d - b): d."""
    rows = tables[REGRESSION]
    return all_of(
        {
            f"{name}, d = {d}, N = {per_axis}": judge(
                slope(part["gap"], (1 - part["relative_error"]).abs()), "the slope", at_least=d - 0.2, at_most=d + 0.2
            )
            for (name, d, per_axis), part in rows.groupby(["activation", "d", "per_axis"])
        }
    )


def error_within_bounds(tables: Tables) -> Finding:
    """The triangle inequality's bounds, to the quadrature's error."""
    rows = tables[REGRESSION]
    rows = rows[rows["activation"] != "sigmoid"]
    error = rows["relative_error"]
    return _share(
        (rows["low"] - 1e-3 <= error) & (error <= rows["high"] + 1e-3), "the share of errors within the bounds"
    )


def cross_entropy_is_not_attained(tables: Tables) -> Finding:
    """`log(1 + e^-c)` at every scale."""
    rows = tables[SCALED]
    close = (rows["cross_entropy"] - rows["predicted"]).abs() <= 1e-6 * rows["predicted"]
    return _share(close & (rows["cross_entropy"] > 0), "the share of networks with this cross-entropy")


def twins_fit(tables: Tables) -> Finding:
    """How often a twin has every training row right."""
    rows = tables[TWINS]
    return _share(rows["train_right"] == rows["train_rows"], "the share of twins that fit all training rows", 0.8)


def twins_fail(tables: Tables) -> Finding:
    """The mean accuracy of twins on other rows."""
    rows = tables[TWINS]
    return judge(mean(rows["test_right"] / rows["test_rows"]), "the mean accuracy on other rows", at_most=0.1)


def accuracy_interval(rows: Any) -> Interval:
    """The accuracy of one cell, its draws pooled."""
    return proportion(rows["right"].sum(), rows["draws"].sum())


CLAIMS = (
    Claim(
        "zero-loss",
        "For random labels -1 and 1 at the nodes of a grid, the network of explicit bumps, of relu, parametric relu or "
        f"sigmoid units, answers every node right, to {EXACT:g} in float64, with probability at least {OFTEN:g}.",
        (ZERO_LOSS,),
        zero_loss_float64,
        "paper",
        SOURCE,
    ),
    Claim(
        "any-depth",
        f"The same, to {EXACT:g} in float64, after hidden layers (up to eight were tried) of one or two units of the same activation "
        f"are added, with probability at least {OFTEN:g}.",
        (ZERO_LOSS,),
        any_depth,
        "paper",
        f"{SOURCE}, Theorem 2.1; how the layers are made is ours",
    ),
    Claim(
        "zero-loss-float32",
        f"The same networks in float32, at any depth tried: every label right, to {SINGLE:g}, with probability at least "
        f"{OFTEN:g}.",
        (ZERO_LOSS,),
        zero_loss_float32,
        "ours",
        SOURCE,
    ),
    Claim(
        "box-bound",
        "For labels -1 and 1, an output of 0 counted as wrong and inputs uniform on the cube, the accuracy is at most "
        "N^d (d - b)^d/(N - 1)^d for every d, N and b tried at which this is below 1.",
        (ACCURACY,),
        box_bound_holds,
        "paper",
        f"{SOURCE} (two dimensions; the others are ours)",
    ),
    Claim(
        "coverage",
        "With the label of the nearest node as the right one, the accuracy is (d - b)^d/d!, whatever N: they differ by at "
        "most 0.002 on average over the d, N and b tried.",
        (ACCURACY,),
        coverage_is_the_accuracy,
        "ours",
        SOURCE,
    ),
    Claim(
        "regression-tends-to-zero-predictor",
        "At the sharpest bumps tried, the L2 error of a network that fits a smooth function at the nodes is between 0.9 and "
        "1.1 times that of predicting 0, for each activation and dimension.",
        (REGRESSION,),
        error_tends_to_the_norm,
        "paper",
        f"{SOURCE} (useless predictions with zero training loss); the range is ours",
    ),
    Claim(
        "regression-rate",
        "What the network gains over predicting 0 vanishes like (d - b)^d: the log-log slope of |1 - relative error| is "
        "within 0.2 of d, for each activation, dimension and N.",
        (REGRESSION,),
        gain_falls_like_gap_to_the_d,
        "ours",
        SOURCE,
    ),
    Claim(
        "regression-bounds",
        "The L2 error of relu and parametric relu networks lies between |m| - |f| and |m| + |f|, |f| = |y| sqrt(2 (2r)^d/(d + "
        f"2)!) with r = (d - b) w, with probability at least {OFTEN:g}.",
        (REGRESSION,),
        error_within_bounds,
        "ours",
        SOURCE,
    ),
    Claim(
        "cross-entropy",
        "The cross-entropy of the network of c times the labels is log(1 + e^-c), to a millionth of it, and above 0: its "
        f"infimum is attained at no c tried, with probability at least {OFTEN:g}.",
        (SCALED,),
        cross_entropy_is_not_attained,
        "ours",
        SOURCE,
    ),
    Claim(
        "twins-fit",
        "A twin of a small wrong network answers every training row of the real data sets tried right, with "
        "probability at least 0.8 over splits and activations.",
        (TWINS,),
        twins_fit,
        "ours",
        SOURCE,
    ),
    Claim(
        "twins-fail",
        "The mean accuracy of these twins on the rows kept for testing is at most 0.1.",
        (TWINS,),
        twins_fail,
        "ours",
        SOURCE,
    ),
)
