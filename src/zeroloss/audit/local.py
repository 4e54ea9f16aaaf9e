"""The verdict "this fit is local", from the trust curve: of all training points, and of each class by itself."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from zeroloss.audit.groups import failing, undecided
from zeroloss.audit.trust import Trust
from zeroloss.verdict import Status, Verdict, wilson

CLAIM = "this fit is local: it holds at the training points and not near them"


def local_verdict(trust: Trust) -> Verdict:
    """Judges "this fit is local: it holds at the training points and not near them".

    With `s(t)` the score and `L` the level: SUPPORTED if `s(0) >= L` and at some `0 < t <= 0.25` of the grid the upper
    end, taken at a confidence that allows for all these looks, is below `L`. CONTRADICTED if the model fits its training
    data (see `misfit`) and the lower end is at least `L` at every `0 < t <= 0.25`. UNKNOWN otherwise: a model that does not fit
    has no fit that could reach further.

    Classes: the same is judged for each class by itself, and for all inputs outside the most frequent class, with half the level:
    a constant answer of the most frequent class holds at most points of imbalanced data and at none of these. SUPPORTED (for that
    class, which the claim names) if at its training points the level holds and near them clearly fewer than half of it;
    CONTRADICTED needs lower ends of at least half the level, for every class with enough points probed.

    For categorical inputs `t` counts positions changed, and "below `L`" is below the bar of `zeroloss.audit.categorical`.

    Standing: ours.
    """
    evidence = {
        "trust_radius": trust.radius,
        "level": trust.level,
        "near": trust.near,
        "points": trust.points,
        "distinct_inputs": trust.distinct,
        "pairs_a_point": trust.pairs,
        "seed": trust.key,
        "non_finite_answers": trust.non_finite,
        "fits": not trust.misfit,
        "curve": trust.columns,
        "classes": [dataclasses.asdict(group) for group in trust.groups],
        "method": "antithetic probes against the nearest training input; Wilson (classes) or bootstrap (R^2) intervals",
    }
    if trust.positions:
        evidence |= {"unit": trust.unit, "positions": trust.positions, "bar": trust.bar, "guess": trust.guess}
        evidence["method"] = "positions changed to other observed levels, against the nearest training input"
    if trust.reason:
        return Verdict(CLAIM, Status.UNKNOWN, f"Not measured: {trust.reason}.", evidence)
    status, reason = _judge(trust)
    claim, group = CLAIM, failing(trust.groups)
    if status is not Status.SUPPORTED and group is not None and trust.columns["score"][0] >= trust.level:
        claim = f"this fit is local: of {group.name} it holds at the training points and not near them"
        status, reason = Status.SUPPORTED, f"{_upper(group.sentence)}."
    elif status is Status.CONTRADICTED and (group := undecided(trust.groups)) is not None:
        few = "" if group.enough else f" {group.points} points are too few to decide."
        status, reason = Status.UNKNOWN, f"{_upper(group.sentence)}.{few}"
    if trust.non_finite:
        reason += f" {trust.non_finite} answers near training points were NaN or infinite and do not hold."
    return Verdict(claim, status, reason, evidence)


def mixed_verdict(numbers: Trust, levels: Trust) -> Verdict:
    """The verdict where some inputs are numbers and some are categories: SUPPORTED if moving the numbers or changing the
    categories supports it, CONTRADICTED if both contradict it, else UNKNOWN (and the reason names the open one)."""
    one, two = local_verdict(numbers), local_verdict(levels)
    status = Status.UNKNOWN
    if Status.SUPPORTED in (one.status, two.status):
        status = Status.SUPPORTED
    elif one.status is two.status is Status.CONTRADICTED:
        status = Status.CONTRADICTED
    if one.reason == two.reason:
        return dataclasses.replace(one, evidence={**one.evidence, "categories": two.evidence})
    reason = f"Numbers moved ({_word(one)}): {one.reason} Categories changed ({_word(two)}): {two.reason}"
    claim = one.claim if status is Status.SUPPORTED and one.status is status and two.status is not status else CLAIM
    return Verdict(claim, status, reason, {**one.evidence, "categories": two.evidence})


def _word(verdict: Verdict) -> str:
    return {Status.SUPPORTED: "local", Status.CONTRADICTED: "not local"}.get(verdict.status, "open")


def _judge(trust: Trust) -> tuple[Status, str]:
    t, score, lower, upper = (np.array(trust.columns[name]) for name in ("t", "score", "lower", "upper"))
    classes = trust.task != "regression"

    def number(value: float) -> str:
        return f"{100 * value:.1f} %" if classes else f"{value:.2f}"

    def described(i: int) -> str:
        return f"{number(score[i])} of the points hold" if classes else f"R^2 is {number(score[i])}"

    def interval(i: int) -> str:
        return f"95 % interval {number(lower[i])} to {number(upper[i])}; {number(trust.level)} counts as holding"

    def where(i: int) -> str:
        if trust.positions:
            return f"with {t[i]:g} of {trust.positions} categorical inputs changed"
        return f"at {t[i]:g} of the distance to the nearest other training point"

    does_not = f"It does not fit its training data: {trust.misfit}"
    if score[0] < trust.level:
        return Status.UNKNOWN, f"{does_not}. Whether a fit is local is a question about a fit."
    near = np.flatnonzero((t > 0) & (t <= trust.near))
    bar = -np.inf if trust.bar is None else trust.bar
    failed = [int(i) for i, top in zip(near, trust.upper_joint, strict=True) if top < bar]
    if failed:
        i = failed[0]
        return Status.SUPPORTED, f"At the training points {described(0)}; {where(i)} {described(i)} ({interval(i)})."
    i = int(near[np.argmin(lower[near])])
    if lower[i] >= trust.level:
        if trust.misfit:
            return (
                Status.UNKNOWN,
                f"{does_not}. Near the training points it answers as at them ({where(i)}, the worst, {described(i)}).",
            )
        if trust.positions and lower[i] <= trust.guess:
            guess = f"a constant answer holds at {number(trust.guess)} there, so this does not judge the fit"
            return Status.UNKNOWN, f"{_upper(where(i))} {described(i)} ({interval(i)}), and {guess}."
        if trust.positions:
            return Status.CONTRADICTED, f"The fit holds {where(i)}: {described(i)} ({interval(i)})."
        reach = f"Up to {t[near[-1]]:g} of the distance to the nearest other training point the fit holds"
        return Status.CONTRADICTED, f"{reach}; at {t[i]:g}, the worst, {described(i)} ({interval(i)})."
    few = classes and wilson(trust.points, trust.points)[0] < trust.level
    more = f" {trust.points} points are too few to decide." if few else " The intervals do not settle it."
    if trust.positions and (trust.bar is None or trust.bar < trust.level):
        more += _bar(trust, number)
    return Status.UNKNOWN, f"{_upper(where(i))} {described(i)} ({interval(i)}).{more}"


def _upper(text: str) -> str:
    return text[0].upper() + text[1:]


def _bar(trust: Trust, number: Any) -> str:
    if trust.bar is None:
        return " These data do not show what to expect there: the nearest other input has the same target no more often than a guess."
    return f" Below {number(trust.bar)}, half the way from a guess to what the nearest other input gets right, it would be local."
