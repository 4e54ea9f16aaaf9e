"""The claims, each a function of the tables. Every range was fixed before the desk scale was run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from zeroloss.studies.judging import all_of, judge, mean, paired_difference, proportion, slope
from zeroloss.studies.study import Claim, Finding, Tables
from zeroloss.studies.terjek_gonzalez_sanchez_width.descent import FLOOR
from zeroloss.verdict import Status

LAMBDA, DESCENT, OTHER, TRANSFER, CERTIFICATE, GAP = (
    "lambda-min", "descent", "other-problems", "step-transfer", "certificate", "generalisation"
)  # fmt: skip
SOURCE = "D. Terjek, D. Gonzalez-Sanchez, arXiv 2205.13507"
WIDE, NARROW, BROAD = 1024, 64, 2048
HALF = (-0.65, -0.35)
"""What counts as a slope of -1/2; `FAST` as falling at least so fast."""
FAST = -0.4
FLAT = 0.15
PROVED_FROM = 2048


def _each(found: dict[str, Finding], what: str) -> Finding:
    return all_of(found) if found else Finding(Status.UNKNOWN, f"No trial of {what} has finished.")


def _by(rows: Any, field: str, judged: Callable[[Any], Finding], name: str = "{}") -> Finding:
    return _each({name.format(value): judged(part) for value, part in rows.groupby(field)}, field)


def positive(tables: Tables) -> Finding:
    """The proved lower end is above 0."""
    rows = tables[LAMBDA].query(f"width >= {NARROW}")
    return _by(
        rows,
        "data",
        lambda part: judge(
            proportion((part["lower"] > 0).sum(), len(part)), "the share of starts with a proved lambda_min above 0",
            at_least=0.95,
        ),
    )  # fmt: skip


def near_limit(tables: Tables) -> Finding:
    """The lower end over the infinite width's smallest eigenvalue."""
    rows = tables[LAMBDA].query(f"width >= {WIDE}")
    return _by(
        rows,
        "data",
        lambda part: judge(mean(part["lower"] / part["infinite"]), "lambda_min over its limit", at_least=0.8),
    )


def zero_loss(tables: Tables) -> Finding:
    """Descents from width 256 on end at a billionth of their first loss."""
    rows = tables[DESCENT].query("width >= 256")
    return judge(proportion((rows["gap"] <= FLOOR).sum(), len(rows)), "the share of runs that reach it", at_least=0.9)


def keeps_rate(tables: Tables) -> Finding:
    """Measured rate over that of the kernel at the start, in wide networks."""
    rows = tables[DESCENT].query(f"width >= {WIDE}")
    return _by(
        rows, "depth", lambda part: judge(mean(part["rate"] / part["predicted"]), "the rate", at_least=0.9), "depth {}"
    )


def improves(tables: Tables) -> Finding:
    """The rate at width 1,024 less that at width 64, on the same inputs and labels."""

    def judged(part: Any) -> Finding:
        both = part.pivot(index=["data", "seed"], columns="width", values="rate")
        both = both[[NARROW, WIDE]].dropna() if {NARROW, WIDE} <= set(both) else both.iloc[:0]
        values = (both[WIDE], both[NARROW]) if len(both) else ([], [])
        return judge(paired_difference(*values), "the gain in rate", at_least=0.0)

    return _by(tables[DESCENT], "depth", judged, "depth {}")


def short_path(tables: Tables) -> Finding:
    """Path length over the distance to the linearised solution."""
    rows = tables[DESCENT].query(f"width >= {WIDE}")
    return _by(
        rows,
        "depth",
        lambda part: judge(mean(part["path"] / part["shortest"]), "the path over that distance", at_most=1.5),
        "depth {}",
    )


def _slopes(
    rows: Any, columns: dict[str, Callable[[Any], Any]], at_least: float, at_most: float, field: str = "depth"
) -> Finding:
    """The slope of each quantity against width, for each value of `field`."""
    found = {}
    for value, part in rows.groupby(field):
        for name, column in columns.items():
            interval = slope(part["width"], column(part))
            found[f"{name}, {field} {value}"] = judge(interval, "the slope", at_least=at_least, at_most=at_most)
    return _each(found, field)


def _column(name: str) -> Callable[[Any], Any]:
    return lambda part: part[name]


LAZY = {"linearisation error": _column("linearisation"), "kernel drift": _column("drift")}


def lazy(tables: Tables) -> Finding:
    """Linearisation error and kernel drift fall at least like `m^-1/2`."""
    return _slopes(tables[DESCENT], LAZY, -np.inf, FAST)


def exactly_half(tables: Tables) -> Finding:
    """... and not faster."""
    return _slopes(tables[DESCENT], LAZY, *HALF)


def nearest(tables: Tables) -> Finding:
    """The distance between the end and the linearised solution, over that solution's distance from the start."""
    return _slopes(tables[DESCENT], {"distance": lambda part: part["distance"] / part["shortest"]}, *HALF)


def movement(tables: Tables) -> Finding:
    """`|w - w0|` does not depend on width."""
    return _slopes(tables[DESCENT], {"movement": _column("moved")}, -FLAT, FLAT)


def gap_within_bound(tables: Tables) -> Finding:
    """Generalisation gap over its bound."""
    return _by(
        tables[GAP],
        "targets",
        lambda part: judge(mean(part["gap"] / part["bound"]), "the gap over the bound", at_most=1),
    )


def bound_says_something(tables: Tables) -> Finding:
    """The bound for linear targets at the largest width."""
    rows = tables[GAP].query("targets == 'linear'")
    rows = rows[rows["width"] == rows["width"].max()]
    return judge(mean(rows["bound"]), "the bound", at_most=1)


def bound_falls(tables: Tables) -> Finding:
    """The bound's slope against width."""
    return _slopes(tables[GAP], {"bound": _column("bound")}, -np.inf, 0.0, "targets")


WHEN = {"at the start": "start", "at the end": "end", "that descends": "reaches"}


def _transfer(tables: Tables, kind: str, at_least: float, at_most: float) -> Finding:
    rows = tables[TRANSFER].query(f"parametrization == {kind!r}")
    return _slopes(rows, {k: _column(v) for k, v in WHEN.items()}, at_least, at_most, "parametrization")


def ntk_flat(tables: Tables) -> Finding:
    """Steps in NTK parametrisation."""
    return _transfer(tables, "ntk", -FLAT, FLAT)


def mup_flat(tables: Tables) -> Finding:
    """Steps in mup."""
    return _transfer(tables, "mup", -FLAT, FLAT)


def standard_moves(tables: Tables) -> Finding:
    """Steps in standard parametrisation."""
    return _transfer(tables, "standard", -np.inf, -0.5)


def proved(tables: Tables) -> Finding:
    """PROVED from 2,048 units on."""
    rows = tables[CERTIFICATE].query(f"network == 'fixed signs' and width >= {PROVED_FROM}")
    return judge(proportion(rows["proved"].sum(), len(rows)), "the share of starts that are PROVED", at_least=0.75)


def worst(rows: Any) -> Any:
    """What was measured over what was promised: the largest of rate, path, linearisation error and distance."""
    return rows[["over_rate", "over_path", "over_linear", "over_nearest"]].max(axis=1, skipna=False)


def kept(tables: Tables) -> Finding:
    """Every PROVED run keeps all promises."""
    rows = tables[CERTIFICATE].query("network == 'fixed signs' and proved > 0")
    good = worst(rows) <= 1
    return judge(proportion(good.sum(), len(good)), "the share of PROVED runs that keep every promise", at_least=0.75)


def out_of_reach(tables: Tables) -> Finding:
    """log10 of the width extrapolated for descent on all layers."""
    rows = tables[CERTIFICATE].query("network != 'fixed signs'")
    return _by(
        rows, "network", lambda part: judge(mean(np.log10(part["asked"])), "log10 of the width asked for", at_least=5)
    )


def others_keep_rate(tables: Tables) -> Finding:
    """Rates of the other problems in wide networks."""
    rows = tables[OTHER]
    rows = rows[rows["width"] == rows["width"].max()]
    return _by(
        rows,
        "problem",
        lambda part: judge(mean(part["rate"] / part["predicted"]), "the rate over the predicted", at_least=0.9),
    )


def others_lazy(tables: Tables) -> Finding:
    """Linearisation error of the other problems."""
    return _slopes(tables[OTHER], {"linearisation error": _column("linearisation")}, -np.inf, FAST, "problem")


def _claim(key: str, sentence: str, needs: str, judged: Any, standing: str = "ours") -> Claim:
    return Claim(key, sentence, (needs,), judged, standing, SOURCE if standing == "paper" else f"after {SOURCE}")


CLAIMS = (
    _claim(
        "assumption",
        f"At widths of {NARROW} and more and depths 1 to 4 the smallest eigenvalue of the tangent kernel at a random start is proved "
        "to be above 0 (the enclosure's lower end) with probability at least 0.95, for each kind of inputs tried.",
        LAMBDA, positive, "paper",
    ),
    _claim(
        "assumption-limit",
        f"At widths of {WIDE:,} and more that lower end is on average at least 0.8 of the smallest eigenvalue at infinite width, for "
        "each kind of inputs tried.",
        LAMBDA, near_limit,
    ),
    _claim(
        "zero-loss",
        f"From width 256 on descent with step n/lambda_max brings the loss to {FLOOR:g} of the first within 400 steps with probability "
        "at least 0.9.",
        DESCENT, zero_loss, "paper",
    ),
    _claim(
        "rate",
        f"At widths of {WIDE:,} and more the measured rate (the largest r with loss_t <= e^(-r t) loss_0 at every step) is on average at "
        "least 0.9 of the one that the kernel at the start predicts, at each depth.",
        DESCENT, keeps_rate, "paper",
    ),
    _claim(
        "rate-improves",
        f"The rate with step n/lambda_max is larger at width {WIDE:,} than at width {NARROW} on the same data, on average, at each depth.",
        DESCENT, improves, "paper",
    ),
    _claim(
        "path",
        f"At widths of {WIDE:,} and more the path of descent is on average at most 1.5 times the distance from the start to the solution "
        "of the linearised problem, at each depth.",
        DESCENT, short_path,
    ),
    _claim(
        "implicit-regularisation",
        f"The distance between where descent ends and the linearised solution, over that solution's distance from the start, falls like "
        f"width^-1/2: log-log slope between {HALF[0]} and {HALF[1]} at each depth.",
        DESCENT, nearest,
    ),
    _claim(
        "lazy",
        f"Linearisation error at the training points and kernel drift fall at least like width^-1/2: slope at most {FAST}, at each depth.",
        DESCENT, lazy, "paper",
    ),
    _claim(
        "lazy-exactly",
        f"They fall like width^-1/2 and not faster: slope between {HALF[0]} and {HALF[1]}, at each depth.",
        DESCENT, exactly_half,
    ),
    _claim(
        "movement",
        f"The distance that the weights move does not depend on width: slope between -{FLAT} and {FLAT}, at each depth.",
        DESCENT, movement,
    ),
    _claim(
        "generalisation-gap",
        "The generalisation gap is on average at most the Rademacher bound that pays for its radius, for linear and for random targets.",
        GAP, gap_within_bound, "paper",
    ),
    _claim(
        "generalisation-bound",
        "For linear targets that bound is on average below 1, the largest gap there can be, at the largest width.",
        GAP, bound_says_something,
    ),
    _claim("generalisation-width", "The bound does not grow with width: slope at most 0.", GAP, bound_falls),
    _claim(
        "transfer-ntk",
        "In NTK parametrisation the largest stable step does not move with width, at the start, at the end of training, nor the largest "
        f"that descends: slopes between -{FLAT} and {FLAT}.",
        TRANSFER, ntk_flat, "paper",
    ),
    _claim("transfer-mup", f"The same in mup: slopes between -{FLAT} and {FLAT}.", TRANSFER, mup_flat),
    _claim(
        "transfer-standard", "In standard parametrisation it falls with width: slopes at most -0.5.", TRANSFER, standard_moves
    ),
    _claim(
        "certificate",
        f"With a fixed read-out of signs, answers 0 at the start, n = 10, d = 50 and targets -1 and 1, convergence is PROVED at widths of "
        f"{PROVED_FROM:,} and more with probability at least 0.75.",
        CERTIFICATE, proved,
    ),
    _claim(
        "certificate-kept",
        "A run that was PROVED keeps the promised rate at every step, path length, linearisation error and distance to the linearised "
        "solution, with probability at least 0.75 (exact interval of the runs that did).",
        CERTIFICATE, kept,
    ),
    _claim(
        "certificate-all-layers",
        "With all layers trained the width that the theorem asks for (extrapolated) is above 100,000 at every depth, on average of its "
        "logarithm.",
        CERTIFICATE, out_of_reach,
    ),
    _claim(
        "other-rate",
        "For a physics-informed residual and for matching moments the measured rate at the largest width is on average at least 0.9 of the "
        "one that the kernel at the start predicts.",
        OTHER, others_keep_rate, "paper",
    ),
    _claim("other-lazy", f"Their linearisation error falls at least like width^-1/2: slope at most {FAST}.", OTHER, others_lazy, "paper"),
)  # fmt: skip
