"""The claims: what is measured of the tables, and its range. Every range was fixed before the desk scale was run."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from zeroloss.studies.double_descent.places import WIDEST, Column, at, fall, least, less, loaded
from zeroloss.studies.judging import all_of, judge, mean, paired_difference, share, slope
from zeroloss.studies.measured import Judged, Measured, claim, nothing_of
from zeroloss.studies.study import Finding, Tables

FEATURES, DRAWN, MINIMA, ADAM, NEWTON = "features", "feature-draws", "other-minima", "networks", "gauss-newton"
NOISY = 0.2
"""The label noise of claims about noise that name no other."""
STEP = 0.05
"""A difference of test errors that counts as a descent; `NOTHING`: one that counts as none."""
NOTHING = 0.01
RISE = 0.02
"""A difference of the errors of networks that counts."""
OFTEN = 0.7
EXACT = 1e-6
"""Largest training residual that counts as zero, in float64."""
BELKIN, NAKKIRAN, HASTIE, MEI = (
    "Belkin, Hsu, Ma, Mandal 1812.11118",
    "Nakkiran et al. 1912.02292",
    "Hastie, Montanari, Rosset, Tibshirani 1903.08560",
    "Mei, Montanari 1908.05355",
)
OURS = "the range is ours"
BRUTZKUS, KOHLER = "the side of Brutzkus, Globerson 1810.03037", "the side of Kohler, Krzyzak 1912.03925"
GUAN = "after Guan 2407.16872"
PER_CENT = f"{100 * NOISY:g} %"
CELLS = ("data", "noise")
WIDTHS = ("data", "noise", "ratio")


def _named(data: str, noise: float | None = None, ratio: float | None = None) -> str:
    parts = [data] + ([f"{100 * noise:g} % noise"] if noise is not None else [])
    return ", ".join(parts + ([f"p = {ratio:g} n"] if ratio is not None else []))


def _at_noise(column: Column, noise: float) -> Column:
    return lambda rows: column(rows[rows["noise"] == noise])


def _differ(
    a: Column, b: Column, quantity: str, low: float = -math.inf, high: float = math.inf, table: str = FEATURES,
    where: Any = f"noise == {NOISY}", each: tuple[str, ...] = ("data",), **more: Any,
) -> Measured:  # fmt: skip
    """The mean of `a - b` over the seeds that both have, on each data set."""
    return Measured(
        table, less(a, b), quantity, paired_difference, low, high, where=where, each=each, named=_named, **more
    )  # fmt: skip


def _near_threshold(column: str, quantity: str) -> Measured:
    """How often the largest value of a seed's curve lies within a factor of two of p = n, with noise."""

    def near(rows: Any) -> Any:
        return rows.loc[rows.groupby("seed")[column].idxmax(), "ratio"].between(0.5, 2)

    words = f"the share of draws whose largest {quantity} is between p = n/2 and 2n"
    return Measured(FEATURES, near, words, share, OFTEN, where="noise > 0", each=CELLS, named=_named)


def _no_rise(column: str, name: str) -> Measured:
    words = f"the error of {name} at p = n less that at p = n/2"
    a, b = at("ratio", 1, column), at("ratio", 0.5, column)
    return _differ(a, b, words, high=NOTHING, where="noise > 0", each=CELLS)


def _mean_errors(rows: Any) -> str:
    """The means at p = n and at the widest, without noise and with it."""
    words = []
    for place, ratio in (("p = n", 1.0), ("the widest", WIDEST)):
        clean, noisy = (float(_at_noise(at("ratio", ratio, "error"), noise)(rows).mean()) for noise in (0.0, NOISY))
        words.append(f"at {place} {clean:.3g} and {noisy:.3g}")
    return f" Mean errors (guessing: 0.9) without noise and with it: {', '.join(words)}."


def _squared_errors(rows: Any) -> str:
    squared = [float(at("ratio", WIDEST, name)(rows).mean()) for name in ("squared", "ridge_squared")]
    return f" In squared error, by which the penalty is chosen, they have {squared[0]:.3g} and {squared[1]:.3g}."


def _ridge(noise: float, low: float, high: float, note: Callable[[Any], str] | None = None) -> Measured:
    """The minimum norm against ridge at the widest."""
    words = "the error of the minimum norm less that of ridge at the widest"
    a, b = at("ratio", WIDEST, "error"), at("ratio", WIDEST, "ridge_error")
    return _differ(a, b, words, low, high, where=f"noise == {noise}", note=note)


def _each_width(value: str, quantity: str, low: float, where: str = "bad_exists") -> Measured:
    return Measured(MINIMA, value, quantity, at_least=low, where=where, each=WIDTHS, named=_named)


def _all_right(rows: Any) -> Any:
    """Of the twins, and of the bad solutions where they exist: whether all training rows are fitted."""
    some = rows[rows["bad_exists"]]
    twins = (rows["twin_train_right"] == 1) & (rows["twin_residual"] <= EXACT)
    bad = (some["bad_train_right"] == 1) & (some["bad_residual"] <= EXACT)
    return np.concatenate([twins, bad])


def _trained(
    a: Column, b: Column, quantity: str, low: float = -math.inf, high: float = math.inf, noise: float = NOISY
) -> Measured:
    return _differ(a, b, quantity, low, high, ADAM, lambda rows: loaded(rows).query(f"noise == {noise}"))


def milder(tables: Tables) -> Finding:
    """The fall past the threshold of random features less that of networks, on the same rows, with noise."""
    features, found = tables[FEATURES].query(f"noise == {NOISY}"), {}
    for name, networks in loaded(tables[ADAM]).query(f"noise == {NOISY}").groupby("data"):
        drop, theirs = fall("ratio")(features[features["data"] == name]), fall("load")(networks)
        seeds = drop.index.intersection(theirs.index)
        words = "the fall of random features from their threshold to the widest, less that of networks,"
        found[name] = judge(paired_difference(drop.loc[seeds], theirs.loc[seeds]), words, at_least=0)
    return all_of(found) if found else nothing_of(ADAM)


_error, _load = functools.partial(at, "ratio"), functools.partial(at, "load")
_best = functools.partial(least, "load")
CLAIMS = (
    claim(
        "peak-at-threshold",
        "With 10 and 20 % of the training labels wrong, the squared test error of the minimum-norm solution on random features is "
        f"largest within a factor of two of p = n, in at least {OFTEN:.0%} of draws, on each data set.",
        _near_threshold("squared", "squared test error"), "paper", f"after {BELKIN}; {MEI}; {OURS}",
    ),
    claim(
        "norm-peaks",
        f"Its norm is largest within a factor of two of p = n too, in at least {OFTEN:.0%} of draws, on each data set and noise.",
        _near_threshold("norm", "norm"), "recalled", f"after {BELKIN}; {OURS}",
    ),
    claim(
        "second-descent",
        "With 10 and 20 % noise the share of wrong answers falls again beyond the threshold: at the widest it is lower than at p = n "
        f"by at least {STEP:g}, on each data set.",
        _differ(
            _error(1, "error"), _error(WIDEST, "error"), "the error at p = n less that at the widest", STEP, where="noise > 0", each=CELLS
        ),
        "paper", f"after {BELKIN}; {HASTIE}; {MEI}; {OURS}",
    ),
    claim(
        "noise-raises-the-peak",
        f"This fall is larger with {PER_CENT} noise than without, on each data set.",
        _differ(
            _at_noise(fall("ratio"), NOISY), _at_noise(fall("ratio"), 0.0),
            f"the descent past p = n with {PER_CENT} noise less that without", 0, where="", note=_mean_errors,
        ),
        "paper", f"after {NAKKIRAN}, who say it of trained networks; {OURS}",
    ),
    claim(
        "larger-is-no-worse",
        "Without noise the widest random features err no more than the best narrower width (chosen on the test rows), give or take "
        f"{NOTHING:g}, on each data set.",
        _differ(
            _error(WIDEST, "error"), least("ratio", WIDEST, "error"), "the error of the widest less that of the best narrower width",
            high=NOTHING, where="noise == 0",
        ),
        "ours", BRUTZKUS,
    ),
    claim(
        "noise-widest-beats-narrow",
        f"With {PER_CENT} noise the widest, which interpolates, still errs less than the best width below n (chosen on the test rows), on "
        "each data set.",
        _differ(
            _error(WIDEST, "error"), least("ratio", 1.0, "error"),
            "the error of the widest, which interpolates, less that of the best width below n", high=0,
        ),
        "paper", f"after {MEI} (the least error is beyond the threshold, in their model); {OURS}",
    ),
    claim(
        "noise-ridge-beats-widest",
        f"With {PER_CENT} noise interpolation costs: at the widest the minimum norm errs more than ridge by at least {NOTHING:g}, on each "
        "data set.",
        _ridge(NOISY, NOTHING, math.inf, _squared_errors), "ours", KOHLER,
    ),
    claim(
        "clean-interpolation-is-free",
        f"Without noise it costs nothing: there the minimum norm errs more than ridge by at most {NOTHING:g}, on each data set.",
        _ridge(0.0, -math.inf, NOTHING), "ours", BRUTZKUS,
    ),
    claim(
        "ridge-removes-the-peak",
        "With noise and the penalty chosen on further noisy rows there is no rise towards the threshold: at p = n ridge errs more "
        f"than at p = n/2 by at most {NOTHING:g}, on each data set and noise.",
        _no_rise("ridge_error", "ridge"), "paper", f"after Nakkiran, Venkat, Kakade, Ma 2003.01897; {OURS}",
    ),
    claim(
        "stopping-removes-the-peak",
        f"The same, by at most {NOTHING:g}, for gradient descent stopped at the time chosen on these rows.",
        _no_rise("stopped_error", "descent stopped early"),
    ),
    claim(
        "peak-is-variance",
        f"At p = n with {PER_CENT} noise at least half of the squared test error is variance over the draw of the features, on each data "
        "set.",
        Measured(
            DRAWN, lambda rows: _error(1, "variance")(rows) / _error(1, "squared")(rows),
            "the variance over the draw of features, as a share of the squared test error at p = n,", mean, 0.5,
            where=f"noise == {NOISY}", each="data",
        ),
    ),
    claim(
        "variance-falls-with-width",
        "Beyond p = 4n this variance falls about like 1/p: its log-log slope is between -1.5 and -0.75, on each data set and noise.",
        Measured(
            DRAWN, ("width", "variance"), "the log-log slope", slope, -1.5, -0.75, where="ratio >= 4", each=CELLS, named=_named
        ),
    ),
    claim(
        "other-minima-fit",
        "Twins of the minimum-norm network, and solutions of the same features that fit wrong labels on further rows too, have every "
        f"training label right, to {EXACT:g}, with probability at least {OFTEN:g}.",
        Measured(MINIMA, _all_right, f"the share with all training labels right, to {EXACT:g},", share, OFTEN), "ours", GUAN,
    ),
    claim(
        "twins-stay-useless",
        "At every width, below and beyond the threshold, the mean test error of these twins is at least 0.85.",
        _each_width("twin_error", "the twins' test error", 0.85, where=""), "ours", GUAN,
    ),
    claim(
        "bad-solutions-stay-useless",
        "At every width beyond the threshold that was tried, the mean test error of the other solutions of the same features is at least "
        "0.75.",
        _each_width("bad_error", "the test error of the other solution", 0.75), "ours", GUAN,
    ),
    claim(
        "bad-solutions-are-longer",
        "What tells them apart is the norm: on average it is at least 1.25 times the least one, at every such width.",
        _each_width("norm_ratio", "the norm of the other solution over the least norm", 1.25),
        "ours", f"after {BELKIN}, who offer small norm as the explanation",
    ),
    claim(
        "networks-rise",
        f"With {PER_CENT} noise, networks trained by Adam err more at n c parameters than at the best narrower width, by at least 0.02, "
        "on each data set.",
        _trained(_load(1, "error"), _best(0.9, "error"), "the error at n c parameters less that of the best narrower width", RISE),
        "paper", f"after {BELKIN}; {NAKKIRAN}; {OURS}",
    ),
    claim(
        "networks-fall",
        "With this noise they err less again at the widest than at n c parameters, by at least 0.02, on each data set.",
        _trained(_load(1, "error"), _load(WIDEST, "error"), "the error at n c parameters less that at the widest", RISE),
        "paper", f"after {BELKIN}; {NAKKIRAN}; {OURS}",
    ),
    claim(
        "networks-are-milder",
        "This fall is smaller than that of minimum-norm random features on the same rows, on each data set.",
        Judged((ADAM, FEATURES), milder),
    ),
    claim(
        "networks-stopped-early",
        "With this noise and early stopping, networks of n c parameters err more than those of the best narrower width by at most 0.02, on "
        "each data set.",
        _trained(
            _load(1, "stopped_error"), _best(0.9, "stopped_error"),
            "the error of early stopping at n c parameters less that at the best narrower width", high=RISE,
        ),
        "recalled", f"after {NAKKIRAN}; {OURS}",
    ),
    claim(
        "networks-noise-costs",
        f"With this noise the widest network errs more at the minimum than where early stopping ends, by at least {NOTHING:g}, on each "
        "data set.",
        _trained(
            _load(WIDEST, "error"), _load(WIDEST, "stopped_error"),
            "the error at the minimum less that of early stopping, at the widest,", NOTHING,
        ),
        "ours", KOHLER,
    ),
    claim(
        "networks-larger-is-no-worse",
        f"Without noise the widest network errs no more than the best narrower one (chosen on the test rows), give or take {NOTHING:g}, on "
        "each data set.",
        _trained(
            _load(WIDEST, "error"), _best(WIDEST, "error"), "the error of the widest less that of the best narrower width",
            high=NOTHING, noise=0.0,
        ),
        "ours", BRUTZKUS,
    ),
    claim(
        "gauss-newton-reaches-zero",
        "With at least 2 n c parameters Gauss-Newton reaches zero training loss on noisy labels, with probability at least 0.7.",
        Measured(
            NEWTON, "zero", "the share of runs with zero training loss, of those with at least 2 n c parameters,", share, 0.7,
            where="parameters >= 2 * equations",
        ),
    ),
    claim(
        "gauss-newton-is-no-different",
        f"At the widest, the minimum that it finds errs as often as Adam's from the same start, give or take {STEP:g}.",
        Measured(
            NEWTON, "error - adam_error", "the test error of the minimum by Gauss-Newton less that by Adam, at the widest,", mean,
            -STEP, STEP, where="width == width.max()",
        ),
    ),
)  # fmt: skip
