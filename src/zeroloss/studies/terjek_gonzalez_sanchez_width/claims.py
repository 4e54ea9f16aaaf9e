"""The claims: what is measured of the tables, and its range. Every range was fixed before the desk scale was run."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from zeroloss.studies.judging import mean, paired_difference, share, slope
from zeroloss.studies.measured import Measured, claim, pairs
from zeroloss.studies.study import Claim
from zeroloss.studies.terjek_gonzalez_sanchez_width.descent import FLOOR

LAMBDA, DESCENT, OTHER, TRANSFER, CERTIFICATE, GAP = (
    "lambda-min", "descent", "other-problems", "step-transfer", "certificate", "generalisation"
)  # fmt: skip
SOURCE = "D. Terjek, D. Gonzalez-Sanchez, arXiv 2205.13507"
WIDE, NARROW = 1024, 64
HALF = (-0.65, -0.35)
"""What counts as a slope of -1/2; `FAST` as falling at least so fast."""
FAST = -0.4
FLAT = 0.15
PROVED_FROM = 2048
WIDEST = f"width >= {WIDE}"
LAZY = {"linearisation error": ("width", "linearisation"), "kernel drift": ("width", "drift")}
STEPS = {"at the start": ("width", "start"), "at the end": ("width", "end"), "that descends": ("width", "reaches")}


def worst(rows: Any) -> Any:
    """What was measured over what was promised: the largest of rate, path, linearisation error and distance."""
    return rows[["over_rate", "over_path", "over_linear", "over_nearest"]].max(axis=1, skipna=False)


def _layers(value: Any, quantity: str, statistic: Any = mean, at_least: float = -math.inf, **more: Any) -> Measured:
    """Descents, at each depth."""
    return Measured(DESCENT, value, quantity, statistic, at_least, each="depth", named="depth {depth}", **more)


def _slopes(table: str, values: Any, low: float, high: float, each: str = "depth", where: str = "") -> Measured:
    """The log-log slope of each quantity against width."""
    return Measured(
        table, values, "the slope", slope, low, high, where=where, each=each, named=f"{each} {{{each}}}"
    )  # fmt: skip


def _steps(kind: str, low: float, high: float) -> Measured:
    return _slopes(TRANSFER, STEPS, low, high, "parametrization", f"parametrization == {kind!r}")


def _claim(key: str, sentence: str, measured: Measured, standing: str = "ours") -> Claim:
    return claim(key, sentence, measured, standing, SOURCE if standing == "paper" else f"after {SOURCE}")


CLAIMS = (
    _claim(
        "assumption",
        f"At widths of {NARROW} and more and depths 1 to 4 the smallest eigenvalue of the tangent kernel at a random start is proved "
        "to be above 0 (the enclosure's lower end) with probability at least 0.95, for each kind of inputs tried.",
        Measured(
            LAMBDA, "lower > 0", "the share of starts with a proved lambda_min above 0", share, 0.95, where=f"width >= {NARROW}",
            each="data",
        ),
        "paper",
    ),
    _claim(
        "assumption-limit",
        f"At widths of {WIDE:,} and more that lower end is on average at least 0.8 of the smallest eigenvalue at infinite width, for "
        "each kind of inputs tried.",
        Measured(LAMBDA, "lower / infinite", "lambda_min over its limit", at_least=0.8, where=WIDEST, each="data"),
    ),
    _claim(
        "zero-loss",
        f"From width 256 on descent with step n/lambda_max brings the loss to {FLOOR:g} of the first within 400 steps with probability "
        "at least 0.9.",
        Measured(DESCENT, f"gap <= {FLOOR}", "the share of runs that reach it", share, 0.9, where="width >= 256"),
        "paper",
    ),
    _claim(
        "rate",
        f"At widths of {WIDE:,} and more the measured rate (the largest r with loss_t <= e^(-r t) loss_0 at every step) is on average at "
        "least 0.9 of the one that the kernel at the start predicts, at each depth.",
        _layers("rate / predicted", "the rate", mean, 0.9, where=WIDEST),
        "paper",
    ),
    _claim(
        "rate-improves",
        f"The rate with step n/lambda_max is larger at width {WIDE:,} than at width {NARROW} on the same data, on average, at each depth.",
        _layers(pairs("rate", "width", WIDE, NARROW, ("data", "seed")), "the gain in rate", paired_difference, 0.0),
        "paper",
    ),
    _claim(
        "path",
        f"At widths of {WIDE:,} and more the path of descent is on average at most 1.5 times the distance from the start to the solution "
        "of the linearised problem, at each depth.",
        _layers("path / shortest", "the path over that distance", at_most=1.5, where=WIDEST),
    ),
    _claim(
        "implicit-regularisation",
        f"The distance between where descent ends and the linearised solution, over that solution's distance from the start, falls like "
        f"width^-1/2: log-log slope between {HALF[0]} and {HALF[1]} at each depth.",
        _slopes(DESCENT, {"distance": ("width", "distance / shortest")}, *HALF),
    ),
    _claim(
        "lazy",
        f"Linearisation error at the training points and kernel drift fall at least like width^-1/2: slope at most {FAST}, at each depth.",
        _slopes(DESCENT, LAZY, -math.inf, FAST),
        "paper",
    ),
    _claim(
        "lazy-exactly",
        f"They fall like width^-1/2 and not faster: slope between {HALF[0]} and {HALF[1]}, at each depth.",
        _slopes(DESCENT, LAZY, *HALF),
    ),
    _claim(
        "movement",
        f"The distance that the weights move does not depend on width: slope between -{FLAT} and {FLAT}, at each depth.",
        _slopes(DESCENT, {"movement": ("width", "moved")}, -FLAT, FLAT),
    ),
    _claim(
        "generalisation-gap",
        "The generalisation gap is on average at most the Rademacher bound that pays for its radius, for linear and for random targets.",
        Measured(GAP, "gap / bound", "the gap over the bound", at_most=1, each="targets"),
        "paper",
    ),
    _claim(
        "generalisation-bound",
        "For linear targets that bound is on average below 1, the largest gap there can be, at the largest width.",
        Measured(
            GAP, "bound", "the bound", at_most=1, where=lambda rows: rows.query("targets == 'linear'").query("width == width.max()")
        ),
    ),
    _claim(
        "generalisation-width",
        "The bound does not grow with width: slope at most 0.",
        _slopes(GAP, {"bound": ("width", "bound")}, -math.inf, 0.0, "targets"),
    ),
    _claim(
        "transfer-ntk",
        "In NTK parametrisation the largest stable step does not move with width, at the start, at the end of training, nor the largest "
        f"that descends: slopes between -{FLAT} and {FLAT}.",
        _steps("ntk", -FLAT, FLAT),
        "paper",
    ),
    _claim("transfer-mup", f"The same in mup: slopes between -{FLAT} and {FLAT}.", _steps("mup", -FLAT, FLAT)),
    _claim(
        "transfer-standard", "In standard parametrisation it falls with width: slopes at most -0.5.", _steps("standard", -math.inf, -0.5)
    ),
    _claim(
        "certificate",
        f"With a fixed read-out of signs, answers 0 at the start, n = 10, d = 50 and targets -1 and 1, convergence is PROVED at widths of "
        f"{PROVED_FROM:,} and more with probability at least 0.75.",
        Measured(
            CERTIFICATE, "proved > 0", "the share of starts that are PROVED", share, 0.75,
            where=f"network == 'fixed signs' and width >= {PROVED_FROM}",
        ),
    ),
    _claim(
        "certificate-kept",
        "A run that was PROVED keeps the promised rate at every step, path length, linearisation error and distance to the linearised "
        "solution, with probability at least 0.75 (exact interval of the runs that did).",
        Measured(
            CERTIFICATE, lambda rows: worst(rows) <= 1, "the share of PROVED runs that keep every promise", share, 0.75,
            where="network == 'fixed signs' and proved > 0",
        ),
    ),
    _claim(
        "certificate-all-layers",
        "With all layers trained the width that the theorem asks for (extrapolated) is above 100,000 at every depth, on average of its "
        "logarithm.",
        Measured(
            CERTIFICATE, lambda rows: np.log10(rows["asked"]), "log10 of the width asked for", at_least=5,
            where="network != 'fixed signs'", each="network",
        ),
    ),
    _claim(
        "other-rate",
        "For a physics-informed residual and for matching moments the measured rate at the largest width is on average at least 0.9 of the "
        "one that the kernel at the start predicts.",
        Measured(
            OTHER, "rate / predicted", "the rate over the predicted", at_least=0.9, where="width == width.max()", each="problem"
        ),
        "paper",
    ),
    _claim(
        "other-lazy",
        f"Their linearisation error falls at least like width^-1/2: slope at most {FAST}.",
        _slopes(OTHER, {"linearisation error": ("width", "linearisation")}, -math.inf, FAST, "problem"),
        "paper",
    ),
)  # fmt: skip
