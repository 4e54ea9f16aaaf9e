"""What the tables of the XOR experiments must show: one judge a claim. All ranges were fixed before the first run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from zeroloss.studies.judging import all_of, judge, mean, paired_difference, proportion
from zeroloss.studies.study import Claim, Finding, Tables
from zeroloss.theorems import xor_formulas as formulas
from zeroloss.verdict import Status

SOURCE = "A. Brutzkus, A. Globerson, arXiv 1810.03037 (ICML 2019)"
NEAR = 0.01
"""How far from 33/48 the small network's probability may be."""
CLOSE = 0.03
"""How far from a formula of the random start a probability may be."""
FORETOLD = 0.99
"""Of the seeds, the share whose fate their start must tell."""
ALIGNED = 5.0
"""Degrees from a filter to the centre of its cluster."""


def small_net_near(tables: Tables) -> Finding:
    """P(zero loss and some set wrong) at k = 2, gamma = 8, against 33/48."""
    return _small(tables, 8.0, formulas.SMALL_NET - NEAR, formulas.SMALL_NET + NEAR)


def small_net_any_margin(tables: Tables) -> Finding:
    """P(zero loss and some set wrong) at k = 2 for each gamma, at least 33/48 (1 - c_0)."""
    table = _cells(tables["xor-minima"], k=2)
    return _each(
        {
            f"gamma = {gamma:g}": _small(tables, gamma, formulas.SMALL_NET * (1 - formulas.C_0), 1.0)
            for gamma in sorted(table["gamma"].unique())
        },
        "k = 2",
    )


def _small(tables: Tables, gamma: float, low: float, high: float) -> Finding:
    rows = _cells(tables["xor-minima"], k=2, gamma=gamma)
    return judge(
        _share(rows["zero_loss"] & rows["wrong"]),
        "the share of seeds that reach zero training loss and are wrong on some set of patterns",
        at_least=low,
        at_most=high,
    )


def start_foretells(tables: Tables) -> Finding:
    """At k = 2, gamma = 8: zero loss iff some w starts at A or B; then wrong iff the start does not cover."""
    rows = _cells(tables["xor-minima"], k=2, gamma=8)
    as_told = (rows["zero_loss"] == rows["some_w_positive"]) & (~rows["zero_loss"] | (rows["wrong"] != rows["covered"]))
    return judge(_share(as_told), "the share of seeds that fare as their start foretells", at_least=FORETOLD)


def reaches_as_formula(tables: Tables) -> Finding:
    """P(zero loss) = 1 - 2^-k at each k."""
    return _against_formula(tables, lambda rows: rows["zero_loss"], formulas.reaches, "zero training loss")


def errs_as_formula(tables: Tables) -> Finding:
    """P(zero loss and some set wrong) against the formula of the random start at each k."""
    return _against_formula(
        tables, lambda rows: rows["zero_loss"] & rows["wrong"], formulas.errs, "a global minimum that errs"
    )


def explores(tables: Tables) -> Finding:
    """P(each pattern has a w filter), P(each negative one has a u filter), against the exact formulas."""
    four = _against_formula(tables, lambda rows: rows["w_all_four"], formulas.all_four, "a w filter for each pattern")
    two = _against_formula(
        tables, lambda rows: rows["u_both"], formulas.both_negative, "a u filter for each negative pattern"
    )
    return all_of({"w": four, "u": two})


def large_net_right(tables: Tables) -> Finding:
    """P(zero loss and every set right) at k = 120."""
    rows = _cells(tables["xor-minima"], k=120, gamma=8)
    return _none_or(
        rows,
        lambda: judge(
            _share(rows["zero_loss"] & ~rows["wrong"]),
            "the share of seeds with zero training loss that are right on every set of patterns",
            at_least=formulas.LARGE_NET - formulas.C_0,
        ),
    )


def within_bound(tables: Tables) -> Finding:
    """P(zero loss within the bound) at each k of at least 120."""
    table = tables["xor-minima"]
    found = {}
    for k in sorted(table["k"].unique()):
        rows = _cells(table, k=k, gamma=8)
        if k >= 120 and len(rows):
            bound = formulas.step_bound(int(k), 8.0, 1 / float(rows["inverse_c_eta"].iloc[0]))
            found[f"k = {k}"] = judge(
                _share(rows["zero_loss"] & (rows["steps"] <= bound)),
                f"the share of seeds with zero training loss within {bound:,.0f} steps",
                at_least=formulas.LARGE_NET - formulas.C_0,
            )
    return _each(found, "k of at least 120")


def small_net_needs_samples(tables: Tables) -> Finding:
    """At k = 2 and each m: P(zero loss and positive test error) >= (33/48)(1 - c_0)(p_plus p_minus)^(m/2)."""
    table = _cells(tables["xor-samples"], k=2, inverse_c_eta=410)
    found = {}
    for (share, m), rows in table.groupby(["diverse", "m"]):
        low = formulas.small_net_errs(int(m), share, share)
        found[f"m = {m}, p = {share:g}"] = judge(
            _share(rows["zero_loss"] & (rows["test_error"] > 0)),
            "the share of seeds that reach a global minimum that errs",
            at_least=low,
        )
    return _each(found, "k = 2 and c_eta = 1/410")


def two_samples_suffice(tables: Tables) -> Finding:
    """At k = 120, m = 2: P(zero loss and zero test error) >= p_plus p_minus (1 - c_0 - 16 e^-8)."""
    table = _cells(tables["xor-samples"], k=120, inverse_c_eta=410, m=2)
    found = {}
    for share, rows in table.groupby("diverse"):
        low = share**2 * (formulas.LARGE_NET - formulas.C_0)
        found[f"p = {share:g}"] = judge(
            _share(rows["zero_loss"] & (rows["test_error"] == 0)),
            "the share of seeds with zero training loss and zero test error",
            at_least=low,
        )
    return _each(found, "k = 120, m = 2 and c_eta = 1/410")


def gap(tables: Tables) -> Finding:
    """At each m: the mean test error of k = 2 less that of k = 120 on the same samples."""
    table = _cells(tables["xor-samples"], inverse_c_eta=41)
    found = {}
    for (share, m), rows in table.groupby(["diverse", "m"]):
        both = rows.pivot(index="seed", columns="k", values="test_error")
        if {2, 120} <= set(both):
            both = both[[2, 120]].dropna()
            found[f"m = {m}, p = {share:g}"] = judge(
                paired_difference(both[2], both[120]), "the test error of 2 filters less that of 120", at_least=0.0
            )
    return _each(found, "both k = 2 and k = 120 at c_eta = 1/41")


def aligned(tables: Tables) -> Finding:
    """At k = 120: mean angle of the filters to the centres of the clusters that descent makes grow."""
    rows = _cells(tables["xor-clusters"], k=120)
    return _each(
        {
            group: judge(
                mean(rows[f"{group}_angle_end"]), f"the mean angle of {group} filters", at_most=ALIGNED, unit="°"
            )
            for group in ("w", "u")
            if len(rows)
        },
        "k = 120",
    )


def _against_formula(
    tables: Tables, happened: Callable[[Any], Any], formula: Callable[[int], float], what: str
) -> Finding:
    table = _cells(tables["xor-minima"], gamma=8)
    found = {}
    for k, rows in table.groupby("k"):
        expected = formula(int(k))
        found[f"k = {k}"] = judge(
            _share(happened(rows)), f"P({what})", at_least=expected - CLOSE, at_most=expected + CLOSE
        )
    return _each(found, "gamma = 8")


def _cells(table: Any, **values: Any) -> Any:
    for name, value in values.items():
        table = table[np.isclose(table[name].astype(float), value)]
    return table


def _share(happened: Any) -> Any:
    return proportion(int(np.sum(happened)), len(happened))


def _none_or(rows: Any, judged: Callable[[], Finding]) -> Finding:
    return judged() if len(rows) else _each({}, "k = 120")


def _each(found: dict[str, Finding], where: str) -> Finding:
    if not found:
        return Finding(Status.UNKNOWN, f"No trial with {where} has finished.")
    return all_of(found)


CLAIMS = (
    Claim(
        "small-net-errs",
        "If every training point is diverse, gradient descent on the XOR network with k = 2, gamma = 8 and the paper's start and "
        "step (c_eta = 1/410) reaches a global minimum (zero training loss) that is wrong on some set of patterns with "
        "probability 33/48, to within 0.01.",
        ("xor-minima",),
        small_net_near,
        "recalled",
        SOURCE,
    ),
    Claim(
        "small-net-errs-any-margin",
        "With k = 2 and every training point diverse, that probability is at least (33/48)(1 - c_0), for gamma = 1 and for gamma = 8.",
        ("xor-minima",),
        small_net_any_margin,
        "recalled",
        f"{SOURCE}; the small network's gamma is not recalled",
    ),
    Claim(
        "start-foretells",
        "Why 33/48: with k = 2, gamma = 8 and diverse training points, descent reaches zero training loss iff some w filter "
        "starts nearest A or B, and is then wrong on some set of patterns iff the w filters do not start at both A and B or the u "
        "filters do not favour both C and D; for at least 99 % of seeds.",
        ("xor-minima",),
        start_foretells,
    ),
    Claim(
        "zero-loss-by-filters",
        "With diverse training points and gamma = 8, descent reaches zero training loss with probability 1 - 2^-k, to within 0.03, "
        "at each k tried.",
        ("xor-minima",),
        reaches_as_formula,
    ),
    Claim(
        "errs-by-filters",
        "With diverse training points and gamma = 8, descent reaches a global minimum that is wrong on some set of patterns with "
        "probability (1 - 2^-k) - (1 - 2 (3/4)^k + 2^-k)(1 - 2^(1-k)), to within 0.03, at each k tried.",
        ("xor-minima",),
        errs_as_formula,
    ),
    Claim(
        "large-net-right",
        "With k = 120, gamma = 8 and diverse training points, descent reaches zero training loss and a network that is right on every "
        "set of patterns with probability at least 1 - c_0 - 16 e^-8.",
        ("xor-minima",),
        large_net_right,
        "recalled",
        SOURCE,
    ),
    Claim(
        "steps-within-bound",
        "With diverse training points, gamma = 8 and k >= 120, descent reaches zero training loss after at most "
        "7 (gamma + 1 + 8 c_eta)/((k/2 - 2 sqrt k) step) steps with probability at least 1 - c_0 - 16 e^-8, at each k tried.",
        ("xor-minima",),
        within_bound,
        "recalled",
        SOURCE,
    ),
    Claim(
        "small-net-needs-samples",
        "With k = 2 and m training points, half of them positive, descent reaches a global minimum with positive test error with "
        "probability at least (33/48)(1 - c_0)(p_+ p_-)^(m/2), at each m tried; so m >= 2 log(48 delta/(33 (1 - c_0)))/log(p_+ p_-) is "
        "needed for probability at most delta.",
        ("xor-samples",),
        small_net_needs_samples,
        "recalled",
        SOURCE,
    ),
    Claim(
        "two-samples-suffice",
        "With k = 120 and one positive and one negative training point, descent reaches zero training loss and zero test error with "
        "probability at least p_+ p_- (1 - c_0 - 16 e^-8).",
        ("xor-samples",),
        two_samples_suffice,
        "recalled",
        SOURCE,
    ),
    Claim(
        "gap",
        "On the same training samples the mean test error with k = 2 is larger than with k = 120, at each m tried.",
        ("xor-samples",),
        gap,
        "paper",
        SOURCE,
    ),
    Claim(
        "clusters",
        "After descent with k = 120 the filters of one argmax pattern align: the mean angle to the centre of their cluster is at most "
        "5 degrees, for the w filters at A and B and for the u filters at C and D.",
        ("xor-clusters",),
        aligned,
        "recalled",
        f"{SOURCE}; the 5 degrees are ours",
    ),
    Claim(
        "exploration",
        "At the start, each of the four patterns is the one to which some w filter responds most with probability "
        "sum_i (-1)^i C(4, i)(1 - i/4)^k, and some u filter favours each negative pattern with probability 1 - 2^(1-k), to within 0.03, at "
        "each k tried.",
        ("xor-minima",),
        explores,
    ),
)
