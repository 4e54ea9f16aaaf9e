"""What the tables say of each claim: functions of the tables, each with an interval. Ranges were fixed before the desk scale was run."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from zeroloss.studies.judging import Interval, all_of, judge, mean, proportion
from zeroloss.studies.kawaguchi_huang_size.boundary import cell_of
from zeroloss.studies.kawaguchi_huang_size.place import growth, places, quotient, said
from zeroloss.studies.study import Finding, Tables

LM, GD, RANK, DESCENT, LABELS = "levenberg-marquardt", "gradient-descent", "rank", "readout-descent", "labels"
SLOPE = (0.9, 1.1)
"""A slope in it is called proportional."""
PLACE = (1.0, 2.0)
"""Parameters per equation that are called about one."""
MISSED = 0.95
"""Most parameters per equation that are clearly fewer than equations."""
NEAR_SIGNS = 1e-4
"""Part of the sum of squares that no normal targets come to with so few parameters."""


def runs(tables: Tables, experiment: str, targets: str = "normal", activation: str = "softplus") -> Any:
    """The rows of one kind, with `share`: of its starts, how many reached zero; and `any`: whether one did."""
    rows = tables[experiment]
    rows = rows[(rows["activation"] == activation) & (rows["targets"] == targets)]
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
        words.append(f"Parameters per equation at the boundary: {said(found)}.")
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
    rows = runs(tables, LM)
    found = {}
    for depth, part in rows.groupby("depth"):
        size, place = max(places(part).items())
        name = f"{depth} hidden layer{'s' if depth > 1 else ''}, n = {size}"
        found[name] = judge(place, "parameters per equation at the boundary", at_least=PLACE[0], at_most=PLACE[1])
    return _told(all_of(found), found)


def _told(whole: Finding, parts: dict[str, Finding]) -> Finding:
    """With the interval of each part in the reason, short."""
    short = "; ".join(f"{name}: {part.evidence['interval']} ({part.status})" for name, part in parts.items())
    quantity = next(iter(parts.values())).evidence["quantity"] if parts else "nothing"
    return dataclasses.replace(whole, reason=f"{quantity}, estimate and 95 % interval: {short}.")


def none_below(tables: Tables) -> Finding:
    """Runs with normal targets and clearly fewer parameters than equations."""
    rows = tables[LM]
    rows = rows[(rows["ratio"] <= MISSED) & (rows["targets"] == "normal")]
    interval = proportion(int(rows["zeros"].sum()), int(rows["starts"].sum()))
    finding = judge(interval, "the share of runs that reach zero", at_most=0.01)
    least = f" The least part of the sum of squares that any of them leaves is {rows['best'].min():.2g}."
    return dataclasses.replace(finding, reason=finding.reason + least) if len(rows) else finding


def stays_above_zero(tables: Tables) -> Finding:
    """The best of a problem's starts at half as many parameters as equations, by depth."""
    rows = runs(tables, LM)
    rows = rows[rows["ratio"] == 0.5]
    found = {
        f"{depth} hidden layer{'s' if depth > 1 else ''}": judge(
            mean(part["best"]), "the part of the sum of squares that the best start leaves", at_least=0.1
        )
        for depth, part in rows.groupby("depth")
    }
    return _told(all_of(found), found) if found else judge(mean([]), "the part that is left", at_least=0.1)


def enough_at_two(tables: Tables) -> Finding:
    """Problems with twice as many parameters as equations, one and two hidden layers, that some start fits."""
    rows = runs(tables, LM)
    rows = rows[(rows["ratio"] == 2) & (rows["depth"] <= 2)]
    return judge(proportion(int(rows["any"].sum()), len(rows)), "the share of problems fitted", at_least=0.9)


def signs_are_special(tables: Tables) -> Finding:
    """Problems with signs as targets and fewer parameters than equations that come near zero all the same."""
    signs = runs(tables, LM, "signs")
    signs = signs[signs["ratio"] <= MISSED]
    near = proportion(int((signs["best"] <= NEAR_SIGNS).sum()), len(signs))
    finding = judge(
        near, f"the share of problems that leave at most {NEAR_SIGNS:g} of the sum of squares", at_least=0.01
    )
    same = runs(tables, LM)
    same = same[(same["ratio"] <= MISSED) & same["depth"].isin(signs["depth"]) & same["size"].isin(signs["size"])]
    words = f" With normal targets {(same['best'] <= NEAR_SIGNS).sum()} of {len(same)} do."
    return dataclasses.replace(finding, reason=finding.reason + words)


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
    empty = Interval(math.nan, -math.inf, math.inf, "bootstrap", 0)
    return _told(all_of(found), found) if found else judge(empty, "the one place over the other", at_least=1.0)


def features_are_independent(tables: Tables, depths: tuple[int, ...]) -> Finding:
    """Draws with a proved lower bound above 0 on the smallest singular value, by activation."""
    rows = tables[RANK]
    rows = rows[(rows["missing"] == 0) & rows["depth"].isin(depths)]
    found = {
        name: judge(
            proportion(int((part["smallest_lower"] > 0).sum()), len(part)),
            "the share of draws with a proof",
            at_least=0.95,
        )
        for name, part in rows.groupby("activation")
    }
    if not found:
        return judge(proportion(0, 0), "the share of draws with a proof", at_least=0.95)
    lost = rows[rows["smallest_lower"] == 0]
    words = ""
    if len(lost):
        words = (
            f" Without a proof: {len(lost)} draws, whose smallest singular value is about {lost['smallest'].min():.1g} to "
            f"{lost['smallest'].max():.1g} of {lost['largest'].median():.1g}: lost in rounding, not shown to be 0."
        )
    whole = _told(all_of(found), found)
    return dataclasses.replace(whole, reason=whole.reason + words)


def readout_keeps_promise(tables: Tables) -> Finding:
    """Runs whose loss is at most what is proved at every look."""
    rows = tables[DESCENT]
    kept = np.asarray(rows["kept"], bool)
    finding = judge(
        proportion(int(kept.sum()), len(kept)), "the share of runs below the bound throughout", at_least=0.9
    )
    words = f" A step is promised to shrink the residual by {(1 - rows['factor']).median():.1g} of itself (median)."
    return dataclasses.replace(finding, reason=finding.reason + words)


def all_layers_go_lower(tables: Tables) -> Finding:
    """`log10` of the loss with all layers trained over that with the read-out alone, at the end."""
    rows = tables[DESCENT]
    tiny = np.finfo(float).tiny
    gain = np.log10(np.maximum(rows["all_end"], tiny)) - np.log10(np.maximum(rows["readout_end"], tiny))
    return judge(mean(gain), "the decades by which the loss with all layers differs", at_most=-1.0)


def all_fit(tables: Tables) -> Finding:
    """Runs on data without a training error, by kind of labels."""
    found = {
        kind: judge(
            proportion(int((part["train_error"] == 0).sum()), len(part)),
            "the share of runs without a training error",
            at_least=0.85,
        )
        for kind, part in tables[LABELS].groupby("kind")
    }
    return _told(all_of(found), found)


def natural_generalise(tables: Tables) -> Finding:
    """Test accuracy above that of the constant answer, natural labels, by data set."""
    rows = tables[LABELS]
    rows = rows[rows["kind"] == "natural"]
    found = {
        name: judge(mean(part["test_accuracy"] - part["chance"]), "the test accuracy above chance", at_least=0.05)
        for name, part in rows.groupby("data")
    }
    return _told(all_of(found), found) if found else judge(mean([]), "the test accuracy above chance", at_least=0.05)


def random_do_not(tables: Tables) -> Finding:
    """Test accuracy against 1/c, random labels and random inputs, all data sets together."""
    rows = tables[LABELS]
    found = {
        kind: judge(
            mean(part["test_accuracy"] - part["chance"]), "the test accuracy above chance", at_least=-0.03, at_most=0.03
        )
        for kind, part in rows[rows["kind"] != "natural"].groupby("kind")
    }
    return _told(all_of(found), found) if found else judge(mean([]), "the test accuracy above chance", at_most=0.03)
