"""The claims, each a function of the tables. Every range was fixed before the desk scale was run."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from zeroloss.studies.judging import Interval, all_of, judge, mean, paired_difference, proportion, slope
from zeroloss.studies.study import Finding, Tables

FEATURES, DRAWN, MINIMA, ADAM, NEWTON = "features", "feature-draws", "other-minima", "networks", "gauss-newton"
NOISY = 0.2
"""The label noise of claims about noise that name no other."""
STEP = 0.05
"""A difference of test errors that counts as a descent; `NOTHING`: one that counts as none."""
NOTHING = 0.01
OFTEN = 0.7
NEAR = 1.25
EXACT = 1e-6
"""Largest training residual that counts as zero, in float64."""


def each(rows: Any, judged: Callable[[Any], Finding], by: tuple[str, ...] = ("data",)) -> Finding:
    """The finding of "on each data set" (and noise): `judged` of its rows."""
    found = {}
    for names, part in rows.groupby(list(by)):
        said = [_said(name, v) for name, v in zip(by, names, strict=True)]
        found[", ".join(said)] = judged(part)
    return all_of(found) if found else judge(mean([]), "the quantity")


def _said(name: str, value: Any) -> str:
    return {"noise": f"{100 * value:g} % noise", "ratio": f"p = {value:g} n"}[name] if name != "data" else str(value)


def at(rows: Any, axis: str, value: float, column: str) -> Any:
    """A column where `axis` is nearest to `value` on the grid, by seed; empty if nothing is within a factor of `NEAR`."""
    places = np.unique(rows[axis].to_numpy(float))
    near = places[np.abs(np.log(places / value)) <= np.log(NEAR)]
    nearest = near[np.abs(np.log(near / value)).argmin()] if len(near) else np.nan
    return rows[rows[axis] == nearest].set_index("seed")[column]


def least(rows: Any, axis: str, below: float, column: str) -> Any:
    """The column at the width of least mean among those with `axis` below a value, by seed.

    Chosen by the test errors themselves, which favours the narrower ones: claims that the wider is no worse are judged strictly.
    """
    narrow = rows[rows[axis] < below]
    if not len(narrow):
        return narrow.set_index("seed")[column]
    best = narrow.groupby(axis)[column].mean().idxmin()
    return narrow[narrow[axis] == best].set_index("seed")[column]


def difference(a: Any, b: Any) -> Interval:
    """The mean of `a - b` over seeds that both have."""
    seeds = a.index.intersection(b.index)
    return paired_difference(a.loc[seeds], b.loc[seeds])


def _noise(rows: Any, *levels: float) -> Any:
    return rows[rows["noise"].isin(levels)]


def _place(rows: Any, column: str, quantity: str) -> Finding:
    """How often the largest value of a seed's curve lies within a factor of two of p = n."""
    tops = rows.loc[rows.groupby("seed")[column].idxmax(), "ratio"]
    return judge(proportion(int(tops.between(0.5, 2).sum()), len(tops)), quantity, at_least=OFTEN)


def _noisy(rows: Any) -> Any:
    return rows[rows["noise"] > 0]


def peak(tables: Tables) -> Finding:
    """Where the squared test error of the minimum norm is largest, with noise."""
    said = "the share of draws whose largest squared test error is between p = n/2 and 2n"
    return each(_noisy(tables[FEATURES]), lambda rows: _place(rows, "squared", said), ("data", "noise"))


def norm_peak(tables: Tables) -> Finding:
    """Where the norm is largest, with noise."""
    said = "the share of draws whose largest norm is between p = n/2 and 2n"
    return each(_noisy(tables[FEATURES]), lambda rows: _place(rows, "norm", said), ("data", "noise"))


def second_descent(tables: Tables) -> Finding:
    """The share of wrong answers at p = n less that at the widest, with noise."""

    def judged(rows: Any) -> Finding:
        found = difference(at(rows, "ratio", 1, "error"), at(rows, "ratio", rows["ratio"].max(), "error"))
        return judge(found, "the error at p = n less that at the widest", at_least=STEP)

    return each(_noisy(tables[FEATURES]), judged, ("data", "noise"))


def noise_raises(tables: Tables) -> Finding:
    """The descent past p = n with noise less that without."""

    def judged(rows: Any) -> Finding:
        falls = []
        for level in (NOISY, 0.0):
            part = _noise(rows, level)
            falls.append(at(part, "ratio", 1, "error") - at(part, "ratio", part["ratio"].max(), "error"))
        said = f"the descent past p = n with {100 * NOISY:g} % noise less that without"
        found = judge(difference(*falls), said, at_least=0)
        return _with(found, rows, "error", "Mean errors (guessing: 0.9) without noise and with it")

    return each(tables[FEATURES], judged)


def _with(found: Finding, rows: Any, column: str, words: str) -> Finding:
    """The finding, with the means behind it at p = n and at the widest, without noise and with it."""
    means = {
        place: [float(at(_noise(rows, level), "ratio", ratio, column).mean()) for level in (0.0, NOISY)]
        for place, ratio in (("p = n", 1.0), ("the widest", rows["ratio"].max()))
    }
    said = ", ".join(f"at {place} {clean:.3g} and {noisy:.3g}" for place, (clean, noisy) in means.items())
    return dataclasses.replace(found, reason=f"{found.reason} {words}: {said}.")


def _widest_less_best(rows: Any, axis: str, below: float, said: str, at_most: float, column: str = "error") -> Finding:
    widest = at(rows, axis, rows[axis].max(), column)
    return judge(difference(widest, least(rows, axis, below, column)), said, at_most=at_most)


def clean_features(tables: Tables) -> Finding:
    """Without noise: the widest less the best narrower one."""
    rows = _noise(tables[FEATURES], 0.0)
    said = "the error of the widest less that of the best narrower width"
    return each(rows, lambda part: _widest_less_best(part, "ratio", part["ratio"].max(), said, NOTHING))


def widest_against_narrow(tables: Tables) -> Finding:
    """With noise: the widest interpolating solution less the best one with p < n."""
    said = "the error of the widest, which interpolates, less that of the best width below n"
    return each(_noise(tables[FEATURES], NOISY), lambda part: _widest_less_best(part, "ratio", 1.0, said, 0))


def widest_against_ridge(tables: Tables) -> Finding:
    """With noise: the widest minimum-norm solution less ridge at the same width."""

    def judged(rows: Any) -> Finding:
        top = rows["ratio"].max()
        found = difference(at(rows, "ratio", top, "error"), at(rows, "ratio", top, "ridge_error"))
        finding = judge(found, "the error of the minimum norm less that of ridge at the widest", at_least=NOTHING)
        squared = [float(at(rows, "ratio", top, name).mean()) for name in ("squared", "ridge_squared")]
        more = f" In squared error, by which the penalty is chosen, they have {squared[0]:.3g} and {squared[1]:.3g}."
        return dataclasses.replace(finding, reason=finding.reason + more)

    return each(_noise(tables[FEATURES], NOISY), judged)


def clean_ridge(tables: Tables) -> Finding:
    """Without noise: the same difference."""

    def judged(rows: Any) -> Finding:
        widest = rows["ratio"].max()
        found = difference(at(rows, "ratio", widest, "error"), at(rows, "ratio", widest, "ridge_error"))
        return judge(found, "the error of the minimum norm less that of ridge at the widest", at_most=NOTHING)

    return each(_noise(tables[FEATURES], 0.0), judged)


def _no_rise(column: str, name: str) -> Callable[[Tables], Finding]:
    def judged(rows: Any) -> Finding:
        found = difference(at(rows, "ratio", 1, column), at(rows, "ratio", 0.5, column))
        return judge(found, f"the error of {name} at p = n less that at p = n/2", at_most=NOTHING)

    return lambda tables: each(_noisy(tables[FEATURES]), judged, ("data", "noise"))


ridge_no_peak = _no_rise("ridge_error", "ridge")
stopped_no_peak = _no_rise("stopped_error", "descent stopped early")


def variance_share(tables: Tables) -> Finding:
    """At p = n with noise: the variance over the draw of features over the squared test error."""

    def judged(rows: Any) -> Finding:
        return judge(
            mean(at(rows, "ratio", 1, "variance") / at(rows, "ratio", 1, "squared")),
            "the variance over the draw of features, as a share of the squared test error at p = n,",
            at_least=0.5,
        )

    return each(_noise(tables[DRAWN], NOISY), judged)


def variance_slope(tables: Tables) -> Finding:
    """The slope of the variance over features against the width from p = 4n on."""

    def judged(rows: Any) -> Finding:
        wide = rows[rows["ratio"] >= 4]
        return judge(slope(wide["width"], wide["variance"]), "the log-log slope", at_least=-1.5, at_most=-0.75)

    return each(tables[DRAWN], judged, ("data", "noise"))


def twins_useless(tables: Tables) -> Finding:
    """The twins' test error at each width."""
    rows = tables[MINIMA]
    return each(rows, lambda part: judge(mean(part["twin_error"]), "the twins' test error", at_least=0.85), WIDTHS)


def bad_useless(tables: Tables) -> Finding:
    """The bad solutions' test error at each width, where they exist."""
    rows = tables[MINIMA]
    rows = rows[rows["bad_exists"]]
    said = "the test error of the other solution"
    return each(rows, lambda part: judge(mean(part["bad_error"]), said, at_least=0.75), WIDTHS)


WIDTHS = ("data", "noise", "ratio")


def all_interpolate(tables: Tables) -> Finding:
    """How often twins and bad solutions fit all training rows."""
    rows = tables[MINIMA]
    some = rows[rows["bad_exists"]]
    good = [
        (rows["twin_train_right"] == 1) & (rows["twin_residual"] <= EXACT),
        (some["bad_train_right"] == 1) & (some["bad_residual"] <= EXACT),
    ]
    right, count = sum(int(g.sum()) for g in good), sum(len(g) for g in good)
    return judge(proportion(right, count), f"the share with all training labels right, to {EXACT:g},", at_least=OFTEN)


def bad_norm(tables: Tables) -> Finding:
    """The norms of the bad solutions over the least ones."""
    rows = tables[MINIMA]
    rows = rows[rows["bad_exists"]]
    said = "the norm of the other solution over the least norm"
    return each(rows, lambda part: judge(mean(part["norm_ratio"]), said, at_least=1.25), WIDTHS)
