"""The claims: what is measured of the tables, and its range. Every range was fixed before the desk scale was run."""

from __future__ import annotations

import math
from typing import Any

from zeroloss.data.designs import minimax_exponent, visited_exponent, visited_limit
from zeroloss.studies.judging import all_of, judge, mean, paired_difference, share, slope
from zeroloss.studies.kohler_krzyzak_squasher.trials import DESIGNS, NOISE, TAIL
from zeroloss.studies.measured import Judged, Measured, claim, groups, nothing_of, pairs
from zeroloss.studies.study import Finding, Tables

SOURCE = "after Kohler & Krzyzak 1912.03925"
SAMPLES, DESCENT, ERRORS = "samples", "descent", "errors"
EQUAL, HEAVY = DESIGNS[:2]
NETWORK = "interpolating network"
CLOSE, EXACT = 1e-2, 1e-16
"""Relative excess of the empirical risk that counts as near its infimum, and as at it (residuals of 1e-8, relative)."""
OFTEN, MOSTLY = 0.95, 0.8
LESS = 0.01
"""How far below the constant a mean may lie: what the number of samples can resolve at n = 1000."""
NEAR = 0.03
"""Of a slope: on n up to 10,000 the exact slopes are .004 to .021 flatter than their limits."""
SLACK = 0.05
"""What the slope of an estimate that smooths may be flatter than the minimax slope at such n."""
ENOUGH = 64
"""Networks per example of the preset "theory" that its claim is about; with 8 of them descent is slow (see the figure)."""
LOCALISED = "preset == 'localised' and activation == 'sigmoid'"
THEORY = f"preset == 'theory' and activation == 'sigmoid' and per_example == {ENOUGH}"
INTERPOLATING = f"method == '{NETWORK}'"
VISITED = "the visited part over the constant"


def _named(d: int, p: float, n: int = 0, design: str = "") -> str:
    """A cell in words; the smoothness only where it is not 1."""
    parts = [design, f"d = {d}", f"n = {n}" if n else "", "" if p == 1 else f"p = {p:g}"]
    return ", ".join(filter(None, parts))


def _minimax(cell: Any) -> float:
    return minimax_exponent(cell["p"], int(cell["d"]))


def _reaches(
    column: str, limit: float, where: str, things: str = "runs", often: float = MOSTLY, table: str = DESCENT
) -> Measured:
    words = f"the share of {things} with a relative excess of at most {limit:g}"
    return Measured(table, f"{column} <= {limit}", words, share, often, where=where)


def _constant(value: Any) -> Any:
    return lambda rows: rows[value] / visited_limit()


def _flatter(design: str) -> Measured:
    """The slope of the interpolating network's error, above the minimax slope."""
    where = f"{INTERPOLATING} and design == '{design}'"
    return Measured(ERRORS, ("n", "error"), "the slope", slope, _minimax, where=where, each=("d", "p"), named=_named)


def _in_dimensions(rows: Any) -> Any:
    """The heavy-tailed samples, once for each dimension in which the minimax slope for p = 1 differs from theirs."""
    import pandas as pd

    return rows[rows["design"] == HEAVY].merge(pd.DataFrame({"d": [1, 2, 3]}), how="cross").query("tail * d != 2")


def _edge(side: float) -> Any:
    """The minimax slope as the lower end of the range where t < 2/d, as the upper one where t > 2/d."""
    return lambda cell: minimax_exponent(1, int(cell["d"])) if (cell["tail"] * cell["d"] < 2) == (side < 0) else side


def smoothing_wins(tables: Tables) -> Finding:
    """At the largest n: the network's error less that of each estimate that smooths, on the same samples."""
    found, words = {}, "the difference of errors"
    for name, part in groups(tables[ERRORS].query("n == n.max()"), ("design", "d", "p"), _named):
        methods = set(part["method"])
        for other in sorted(methods - {NETWORK}) if NETWORK in methods else []:
            both = pairs("error", "method", NETWORK, other)(part)
            found[f"{other}, {name}"] = judge(paired_difference(*both), words, at_least=0)
    return all_of(found) if found else nothing_of(ERRORS)


CLAIMS = (
    claim(
        "descent-reaches",
        "Gradient descent on all weights with step 1/smoothness, from the preset 'localised' with 8 n logistic networks, brings the "
        f"empirical risk to within {CLOSE:g} of the way from its start to its infimum in 10,000 steps, with probability "
        f"at least {MOSTLY:g} over samples of up to 32 from equal atoms in one to three dimensions.",
        _reaches("descent", CLOSE, LOCALISED),
        "paper", f"{SOURCE} (that descent reaches a global minimum; preset, step and budget are ours)",
    ),
    claim(
        "theory-start-reaches",
        f"From the preset 'theory' with {ENOUGH} n networks it does the same for samples of up to 16: within {CLOSE:g} of the way in "
        f"10,000 steps, with probability at least {MOSTLY:g}.",
        _reaches("descent", CLOSE, THEORY),
        "recalled", f"{SOURCE}; constants of the start as in a sequel of 2022, the number of steps is ours",
    ),
    claim(
        "gauss-newton-reaches",
        "Gauss-Newton on all weights, from the preset 'localised' with 8 n logistic networks, reaches the infimum of the empirical "
        f"risk to a relative excess of {EXACT:g} within 60 steps, with probability at least {MOSTLY:g} over samples of up to 32 from "
        "equal atoms.",
        _reaches("gauss_newton", EXACT, f"{LOCALISED} and gauss_newton >= 0"),
        "ours", SOURCE,
    ),
    claim(
        "proved",
        "After descent from the preset 'localised' and the read-out solved for, a global minimum provably lies near the weights, with "
        f"probability at least {MOSTLY:g} over samples of up to 32 from equal atoms.",
        Measured(DESCENT, "proved", "the share of networks with a proof", share, MOSTLY, where=LOCALISED),
        "ours", "the proof by the read-out",
    ),
    claim(
        "readout-reaches",
        "With 4 n logistic networks from the preset 'localised', the limit of gradient descent on the read-out alone reaches the "
        f"infimum of the empirical risk, repeated inputs counted, to a relative excess of {EXACT:g}, with probability at least "
        f"{OFTEN:g} over the samples of all three designs and dimensions.",
        _reaches("excess", EXACT, INTERPOLATING, "samples", OFTEN, ERRORS),
        "ours", SOURCE,
    ),
    claim(
        "one-error-for-all",
        "On the atomic designs the interpolating network's error at visited atoms is, to a millionth, the one of every function that "
        f"minimises the empirical risk, with probability at least {OFTEN:g}.",
        Measured(
            ERRORS, "abs(visited - means) <= 1e-6 * means", "the share of samples in which the two agree to a millionth", share, OFTEN,
            where=f"{INTERPOLATING} and means > 0",
        ),
        "ours", SOURCE,
    ),
    claim(
        "visited-at-least",
        "On n equally likely atoms with noise variance s^2, the visited atoms contribute at least e^-1 (Ei(1) - gamma_E) s^2 "
        f"(= {visited_limit():.4f} s^2, less {LESS:.0%} of it) to the expected error of every minimiser of the empirical risk, at "
        "every n tried.",
        Measured(
            SAMPLES, _constant("visited"), VISITED, mean, 1 - LESS, where=f"design == '{EQUAL}'", each="n", named="n = {n}"
        ),
        "ours", SOURCE,
    ),
    claim(
        "visited-tends",
        "The visited atoms' contribution on n equally likely atoms tends to this constant: at the largest n tried the two differ by at "
        f"most {LESS:.0%} of it.",
        Measured(
            SAMPLES, _constant("visited"), lambda cell: f"{VISITED} at n = {cell['n']:,}", mean, 1 - LESS, 1 + LESS,
            where=lambda rows: rows.query(f"design == '{EQUAL}'").query("n == n.max()"),
        ),
        "ours", SOURCE,
    ),
    claim(
        "no-consistency",
        "The interpolating network's expected error on equal atoms is at least the constant times s^2 at every n and d tried.",
        Measured(
            ERRORS, f"error / {NOISE**2}", "the error over s^2", mean, visited_limit(),
            where=f"{INTERPOLATING} and design == '{EQUAL}'", each=("d", "p", "n"), named=_named,
        ),
        "ours", SOURCE,
    ),
    claim(
        "flatter-on-equal-atoms",
        "On equal atoms the log-log slope of the interpolating network's error against n is above the minimax slope -2p/(2p + d), "
        "for every d tried.",
        _flatter(EQUAL),
        "paper", f"{SOURCE} (that such estimates miss the minimax rate; the design is ours)",
    ),
    claim(
        "visited-slope",
        "On the fixed design p_k ~ k^-(1+t) the visited atoms' contribution to the error of every minimiser of the empirical risk "
        f"falls like n^(-t/(1+t)): its log-log slope is within {NEAR:g} of that for every t tried.",
        Measured(
            SAMPLES, ("n", "visited"), "the slope", slope, lambda cell: visited_exponent(cell["tail"]) - NEAR,
            lambda cell: visited_exponent(cell["tail"]) + NEAR, where=f"design == '{HEAVY}'", each="tail", named="t = {tail:g}",
        ),
        "ours", SOURCE,
    ),
    claim(
        "slower-iff",
        "For p = 1 the visited atoms' contribution on the fixed design falls more slowly than the minimax rate if t < 2p/d "
        "and faster if t > 2p/d, for every t and d tried at which the two differ.",
        Measured(
            SAMPLES, ("n", "visited"), "the slope", slope, _edge(-math.inf), _edge(math.inf), where=_in_dimensions,
            each=("tail", "d"), named="t = {tail:g}, d = {d}",
        ),
        "ours", SOURCE,
    ),
    claim(
        "flatter-on-heavy-tails",
        f"On the fixed design with t = {TAIL:g} the log-log slope of the interpolating network's error against n is above the minimax "
        "slope, for every d tried.",
        _flatter(HEAVY),
        "ours", SOURCE,
    ),
    claim(
        "local-mean-is-steep",
        "For targets with p <= 1 the local mean, tuned on the same samples, has a log-log slope of at most the minimax slope plus "
        f"{SLACK:g} on each of the three designs, for every d tried.",
        Measured(
            ERRORS, ("n", "error"), "the slope", slope, at_most=lambda cell: _minimax(cell) + SLACK,
            where="method == 'local mean' and p <= 1", each=("design", "d", "p"), named=_named,
        ),
        "ours", "Györfi, Kohler, Krzyzak, Walk 2002, Theorem 5.2 (the rate)",
    ),
    claim(
        "smoothing-wins",
        "At the largest n tried, on each design and in each dimension, every estimate that smooths (the regularised network among them) "
        "has a smaller expected error than the interpolating network on the same samples.",
        Judged((ERRORS,), smoothing_wins),
        "ours", SOURCE,
    ),
)  # fmt: skip
