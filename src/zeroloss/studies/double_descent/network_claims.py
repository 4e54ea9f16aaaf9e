"""The claims on trained networks. The interpolation threshold is where the parameters are as many as the equations, n c."""

from __future__ import annotations

from typing import Any

from zeroloss.studies.double_descent.claims import (
    ADAM,
    FEATURES,
    NEWTON,
    NOISY,
    NOTHING,
    STEP,
    at,
    difference,
    each,
    least,
)
from zeroloss.studies.judging import judge, mean, proportion
from zeroloss.studies.study import Finding, Tables


def _networks(tables: Tables, noise: float) -> Any:
    rows = tables[ADAM]
    return rows[rows["noise"] == noise].assign(load=rows["parameters"] / rows["equations"])


def rise(tables: Tables) -> Finding:
    """With noise: the error at n c parameters less that at the best narrower width."""

    def judged(rows: Any) -> Finding:
        found = difference(at(rows, "load", 1, "error"), least(rows, "load", 0.9, "error"))
        return judge(found, "the error at n c parameters less that of the best narrower width", at_least=0.02)

    return each(_networks(tables, NOISY), judged)


def fall(tables: Tables) -> Finding:
    """With noise: the error at n c parameters less that at the widest."""

    def judged(rows: Any) -> Finding:
        found = difference(at(rows, "load", 1, "error"), at(rows, "load", rows["load"].max(), "error"))
        return judge(found, "the error at n c parameters less that at the widest", at_least=0.02)

    return each(_networks(tables, NOISY), judged)


def milder(tables: Tables) -> Finding:
    """The fall past the threshold of random features less that of networks, on the same rows, with noise."""
    rows = tables[FEATURES]
    features = rows[rows["noise"] == NOISY]

    def judged(networks: Any) -> Finding:
        name = networks["data"].iloc[0]
        mine = features[features["data"] == name]
        drop = at(mine, "ratio", 1, "error") - at(mine, "ratio", mine["ratio"].max(), "error")
        theirs = at(networks, "load", 1, "error") - at(networks, "load", networks["load"].max(), "error")
        said = "the fall of random features from their threshold to the widest, less that of networks,"
        return judge(difference(drop, theirs), said, at_least=0)

    return each(_networks(tables, NOISY), judged)


def stopped_no_rise(tables: Tables) -> Finding:
    """With noise and early stopping: the error at n c parameters less that at the best narrower width."""

    def judged(rows: Any) -> Finding:
        found = difference(at(rows, "load", 1, "stopped_error"), least(rows, "load", 0.9, "stopped_error"))
        said = "the error of early stopping at n c parameters less that at the best narrower width"
        return judge(found, said, at_most=0.02)

    return each(_networks(tables, NOISY), judged)


def stopping_helps(tables: Tables) -> Finding:
    """With noise, at the widest: the error at the minimum less that of early stopping."""

    def judged(rows: Any) -> Finding:
        widest = rows["load"].max()
        found = difference(at(rows, "load", widest, "error"), at(rows, "load", widest, "stopped_error"))
        return judge(found, "the error at the minimum less that of early stopping, at the widest,", at_least=NOTHING)

    return each(_networks(tables, NOISY), judged)


def clean(tables: Tables) -> Finding:
    """Without noise: the error at the widest less that of the best narrower width."""

    def judged(rows: Any) -> Finding:
        widest = rows["load"].max()
        found = difference(at(rows, "load", widest, "error"), least(rows, "load", widest, "error"))
        return judge(found, "the error of the widest less that of the best narrower width", at_most=NOTHING)

    return each(_networks(tables, 0.0), judged)


def newton_reaches(tables: Tables) -> Finding:
    """How often Gauss-Newton reaches zero loss with at least twice as many parameters as equations."""
    rows = tables[NEWTON]
    rows = rows[rows["parameters"] >= 2 * rows["equations"]]
    said = "the share of runs with zero training loss, of those with at least 2 n c parameters,"
    return judge(proportion(int(rows["zero"].sum()), len(rows)), said, at_least=0.7)


def newton_agrees(tables: Tables) -> Finding:
    """The test error of the minimum that Gauss-Newton finds less that of Adam's, at the widest."""
    rows = tables[NEWTON]
    rows = rows[rows["width"] == rows["width"].max()]
    said = "the test error of the minimum by Gauss-Newton less that by Adam, at the widest,"
    return judge(mean(rows["error"] - rows["adam_error"]), said, at_least=-STEP, at_most=STEP)
