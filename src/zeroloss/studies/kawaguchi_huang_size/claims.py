"""The claims: what is measured of the tables, and its range. Every range was fixed before the desk scale was run."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any

import numpy as np

from zeroloss.studies.judging import Interval, judge, pooled, share
from zeroloss.studies.kawaguchi_huang_size.boundary import cell_of
from zeroloss.studies.kawaguchi_huang_size.place import growth, in_words, places, quotient
from zeroloss.studies.measured import Judged, Measured, claim, layers, listed, nothing_of
from zeroloss.studies.study import Finding, Tables

LM, GD, RANK, DESCENT, LABELS = "levenberg-marquardt", "gradient-descent", "rank", "readout-descent", "labels"
PAPER = "Kawaguchi & Huang 1908.02419"
AFTER = f"after {PAPER}"
SLOPE = (0.9, 1.1)
"""A slope in it is called proportional."""
PLACE = (1.0, 2.0)
"""Parameters per equation that are called about one."""
MISSED = 0.95
"""Most parameters per equation that are clearly fewer than equations."""
NEAR_SIGNS = 1e-4
"""Part of the sum of squares that no normal targets come to with so few parameters."""
SMOOTH = "activation == 'softplus' and targets == 'normal'"


def runs(tables: Tables, experiment: str, activation: str = "softplus") -> Any:
    """The rows with normal targets, with `share`: of its starts, how many reached zero; and `any`: whether one did."""
    rows = tables[experiment]
    rows = rows[(rows["activation"] == activation) & (rows["targets"] == "normal")]
    return rows.assign(share=rows["zeros"] / rows["starts"], any=(rows["zeros"] > 0).astype(float))


def slope_is_one(tables: Tables, experiment: str, depth: int) -> Finding:
    """The slope at one depth; the reason adds by how much an interval misses 1, and the place at each size."""
    rows = runs(tables, experiment)
    rows = rows[rows["depth"] == depth]
    slope, found = growth(rows), places(rows)
    finding = judge(slope, "the slope of log p* against log n", at_least=SLOPE[0], at_most=SLOPE[1])
    missed = max(slope.low - 1, 1 - slope.high)
    words = [finding.reason]
    if math.isfinite(slope.low):
        words.append(f"The interval misses 1 by {missed:.2g}." if missed > 0 else "The interval contains 1.")
    if found:
        words.append(f"Parameters per equation at the boundary: {in_words(found)}.")
    existing = growth(rows, "any")
    if experiment == LM and math.isfinite(existing.low):
        words.append(f"Counting a problem as fitted if one of its starts is, the slope is {existing}.")
    if math.isfinite(slope.low) and missed > 0:
        words.append(_why(rows, found))
    evidence = dict(finding.evidence) | {"places": {str(size): place for size, place in found.items()}}
    return dataclasses.replace(finding, reason=" ".join(words), evidence=evidence)


def _why(rows: Any, found: dict[int, Interval]) -> str:
    """What the networks at the boundary look like, and how runs between the line and the boundary that miss zero end."""
    depth = int(rows["depth"].iloc[0])
    widths = {
        size: "-".join(map(str, cell_of(depth, size, place.estimate).widths))
        for size, place in found.items()
        if math.isfinite(place.estimate)
    }
    words = "Widths there: " + ", ".join(f"{text} at n = {size}" for size, text in widths.items()) + "."
    limit = rows["size"].map({size: place.estimate for size, place in found.items()})
    between = rows[(rows["ratio"] >= 1) & (rows["ratio"] <= limit)]
    missed = int((between["starts"] - between["zeros"]).sum())
    if "open" in between and missed:
        falling = between["open"].sum() / missed
        words += (
            f" Of {missed} runs from one parameter per equation to the boundary that miss zero {falling:.0%} were still falling when "
            "the steps were used up: this boundary is that of the budget of steps, and says nothing of whether zeros exist."
        )
    return words


def place_is_about_one(tables: Tables) -> Finding:
    """Parameters per equation at the boundary of the largest size, each depth."""
    found = {}
    for depth, part in runs(tables, LM).groupby("depth"):
        size, place = max(places(part).items())
        words = "parameters per equation at the boundary"
        found[f"{layers(depth)}, n = {size}"] = judge(place, words, at_least=PLACE[0], at_most=PLACE[1])
    return listed(found) if found else nothing_of(LM)


def descent_needs_more(tables: Tables) -> Finding:
    """The place by gradient descent over that by Levenberg-Marquardt, at each depth and the largest size both have."""
    by_lm, by_gd = runs(tables, LM), runs(tables, GD)
    found: dict[str, Finding] = {}
    for depth in sorted(set(by_lm["depth"]) & set(by_gd["depth"])):
        a, b = (rows[rows["depth"] == depth] for rows in (by_gd, by_lm))
        common = sorted(set(a["size"]) & set(b["size"]))
        if common:
            size = common[-1]
            interval = quotient(a[a["size"] == size], b[b["size"] == size])
            found[f"depth {depth}, n = {size}"] = judge(interval, "the one place over the other", at_least=1.0)
    return listed(found) if found else nothing_of(GD)


def _least_left(rows: Any) -> str:
    return f" The least part of the sum of squares that any of them leaves is {rows['best'].min():.2g}."


def _with_normal_targets(rows: Any) -> str:
    """How often normal targets, at the same depths and sizes, are fitted as closely as signs."""
    signs = rows[rows["targets"] == "signs"]
    same = rows[(rows["targets"] == "normal") & rows["depth"].isin(signs["depth"]) & rows["size"].isin(signs["size"])]
    return f" With normal targets {(same['best'] <= NEAR_SIGNS).sum()} of {len(same)} do."


def _without_proof(rows: Any) -> str:
    lost = rows[rows["smallest_lower"] == 0]
    if not len(lost):
        return ""
    return (
        f" Without a proof: {len(lost)} draws, whose smallest singular value is about {lost['smallest'].min():.1g} to "
        f"{lost['smallest'].max():.1g} of {lost['largest'].median():.1g}: lost in rounding, not shown to be 0."
    )


def _shrink(rows: Any) -> str:
    return f" A step is promised to shrink the residual by {(1 - rows['factor']).median():.1g} of itself (median)."


def _decades(rows: Any) -> Any:
    """`log10` of the loss with all layers trained over that with the read-out alone, at the end."""
    tiny = np.finfo(float).tiny
    return np.log10(np.maximum(rows["all_end"], tiny)) - np.log10(np.maximum(rows["readout_end"], tiny))


def _slope(experiment: str, depth: int) -> Judged:
    return Judged((experiment,), functools.partial(slope_is_one, experiment=experiment, depth=depth))


def _rank(depths: list[int]) -> Measured:
    return Measured(
        RANK, "smallest_lower > 0", "the share of draws with a proof", share, 0.95,
        where=f"missing == 0 and depth in {depths}", each="activation", together=listed, closing=_without_proof,
    )  # fmt: skip


def _above_chance(low: float, high: float, where: str, each: str) -> Measured:
    words = "the test accuracy above chance"
    return Measured(
        LABELS, "test_accuracy - chance", words, at_least=low, at_most=high, where=where, each=each, together=listed
    )  # fmt: skip


CLAIMS = (
    *(
        claim(
            f"slope-{depth}",
            f"With {layers(depth)} the number of parameters at which half of the runs of Levenberg-Marquardt reach zero on random targets "
            f"grows in proportion to the number of equations: log-log slope between {SLOPE[0]:g} and {SLOPE[1]:g}.",
            _slope(LM, depth), "ours", AFTER,
        )
        for depth in (1, 2, 3, 4)
    ),
    claim(
        "place",
        f"At the largest n and at every depth this boundary lies between {PLACE[0]:g} and {PLACE[1]:g} parameters per equation.",
        Judged((LM,), place_is_about_one), "ours", AFTER,
    ),
    claim(
        "none-below",
        f"With at most {MISSED:g} parameters per equation and random (normal) targets at most one run in a hundred reaches zero.",
        Measured(
            LM, ("zeros", "starts"), "the share of runs that reach zero", pooled, at_most=0.01,
            where=f"ratio <= {MISSED} and targets == 'normal'", closing=_least_left,
        ),
        "paper", f"{PAPER}: no fewer will do, for almost every target; nothing is said of given ones",
    ),
    claim(
        "residual-below",
        "With half as many parameters as equations the best start leaves at least a tenth of the targets' sum of squares, on average.",
        Measured(
            LM, "best", "the part of the sum of squares that the best start leaves", at_least=0.1, where=f"{SMOOTH} and ratio == 0.5",
            each="depth", named=layers, together=listed,
        ),
        "ours", AFTER,
    ),
    claim(
        "enough-at-two",
        "With two parameters per equation and one or two hidden layers, some start reaches zero in at least nine problems of ten.",
        Measured(LM, "zeros > 0", "the share of problems fitted", share, 0.9, where=f"{SMOOTH} and ratio == 2 and depth <= 2"),
        "ours", AFTER,
    ),
    claim(
        "signs-are-special",
        f"Targets +1 and -1 are not 'almost every target': with at most {MISSED:g} parameters per equation at least one such problem in "
        f"a hundred is fitted to within {NEAR_SIGNS:g} of its sum of squares.",
        Measured(
            LM, lambda rows: rows.query("targets == 'signs'")["best"] <= NEAR_SIGNS,
            f"the share of problems that leave at most {NEAR_SIGNS:g} of the sum of squares", share, 0.01,
            where=f"activation == 'softplus' and ratio <= {MISSED}", closing=_with_normal_targets,
        ),
    ),
    claim(
        "gd-slope",
        "With one hidden layer the boundary of gradient descent with its budget grows in proportion to the number of equations: "
        f"log-log slope between {SLOPE[0]:g} and {SLOPE[1]:g}.",
        _slope(GD, 1), "ours", AFTER,
    ),
    claim(
        "gd-needs-more",
        "Gradient descent with its budget needs more parameters to leave 1 % of the sum of squares than Levenberg-Marquardt to leave none.",
        Judged((LM, GD), descent_needs_more), "ours", AFTER,
    ),
    claim(
        "rank-one-layer",
        "With one hidden layer of n units at random, the features of n distinct inputs and the bias have rank n, proved, in at least 95 % "
        "of draws.",
        _rank([1]), "recalled", f"{PAPER}: rank n almost surely; the proof in floating point is ours",
    ),
    claim(
        "rank-deep",
        "With two to four hidden layers, the last of n units, double precision suffices to prove the same in at least 95 % of draws.",
        _rank([2, 3, 4]), "ours", AFTER,
    ),
    claim(
        "readout-rate",
        "With the read-out alone trained, descent stays below its proved bound at every look, in at least nine runs of ten.",
        Measured(DESCENT, "kept", "the share of runs below the bound throughout", share, 0.9, closing=_shrink),
        "ours", AFTER,
    ),
    claim(
        "all-layers-lower",
        "With all layers trained, of which nothing is proved here, the loss after as many steps is at least ten times lower on average.",
        Measured(DESCENT, _decades, "the decades by which the loss with all layers differs", at_most=-1.0),
        "ours", AFTER,
    ),
    claim(
        "all-fit",
        "Natural labels, random labels and random inputs are all fitted without a training error, in at least 85 % of runs each.",
        Measured(
            LABELS, "train_error == 0", "the share of runs without a training error", share, 0.85, each="kind", together=listed
        ),
        "paper", PAPER,
    ),
    claim(
        "natural-generalise",
        "With natural labels the fit is right on other rows at least 5 percentage points more often than the most frequent class, on "
        "every data set.",
        _above_chance(0.05, math.inf, "kind == 'natural'", "data"), "paper", PAPER,
    ),
    claim(
        "random-do-not",
        "With random labels and with random inputs it is right as often as chance, to 3 percentage points.",
        _above_chance(-0.03, 0.03, "kind != 'natural'", "kind"), "paper", PAPER,
    ),
)  # fmt: skip
