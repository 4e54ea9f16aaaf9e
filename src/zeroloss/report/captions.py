"""Captions of the figures: sentences computed from the numbers drawn, so that they cannot claim what is not there."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from zeroloss.report.text import enclosure, number, percent, plural, score, score_name

Rows = list[dict[str, Any]]
_CALLED = {"fitted": "fitted network", "twin": "twin"}


def loss(data: Rows, numbers: dict[str, Any], task: str) -> str:
    """First and last measured loss, and how far the prediction is from it."""
    measured = _curve(data, "curve", "measured", "step", "loss")
    predicted = _curve(data, "curve", "predicted", "step", "loss")
    sentences = []
    if measured:
        first, last = min(measured), max(measured)
        sentences.append(
            f"The measured training loss goes from {number(measured[first])} at step {number(first)} "
            f"to {number(measured[last])} at step {number(last)}."
        )
    if predicted and not measured:
        first, last = min(predicted), max(predicted)
        sentences.append(
            f"The predicted training loss goes from {number(predicted[first])} at step {number(first)} "
            f"to {number(predicted[last])} at step {number(last)}."
        )
    shared = [t for t in measured if t in predicted and measured[t] > 0 and predicted[t] > 0]
    if shared:
        worst = max(shared, key=lambda t: abs(math.log(measured[t] / predicted[t])))
        factor = math.exp(abs(math.log(measured[worst] / predicted[worst])))
        sentences.append(
            "The prediction of the tangent kernel at the start is never further off than "
            f"a factor of {number(factor)} (at step {number(worst)}; {plural(len(shared), 'step')} compared)."
        )
    elif not predicted:
        sentences.append("No prediction was made.")
    if numbers.get("step_size") is not None:
        sentences.append(f"The step size is {number(numbers['step_size'])}.")
    gone = sum(1 for r in data if r["loss"] == 0)
    if gone:
        sentences.append(f"{plural(gone, 'point')} with a loss of exactly 0 cannot be shown on a logarithmic axis.")
    return " ".join(sentences)


def spectrum(data: Rows, numbers: dict[str, Any], task: str) -> str:
    """Range of the eigenvalues drawn, and the enclosure."""
    values = [r["eigenvalue"] for r in data if r["eigenvalue"] is not None]
    if not values:
        return "No eigenvalue is finite."
    kind = next((str(r["kind"]) for r in data if r.get("kind")), "")
    name = f"eigenvalues of the tangent kernel ({kind})" if kind else "eigenvalues of the tangent kernel"
    sentences = [f"The {number(len(values))} {name} run from {number(max(values))} down to {number(min(values))}."]
    low, high = numbers.get("lambda_min_lower"), numbers.get("lambda_min_upper")
    if low is not None and high is not None:
        sentences.append(
            f"The smallest eigenvalue of the full kernel lies in {enclosure(low, high)}"
            + (", so it is above zero." if low > 0 else ", which does not exclude zero.")
        )
    gone = sum(1 for v in values if v <= 0)
    if gone:
        sentences.append(f"{plural(gone, 'eigenvalue')} computed as 0 or below cannot be shown on a logarithmic axis.")
    return " ".join(sentences)


def widths(data: Rows, numbers: dict[str, Any], task: str) -> str:
    """Mean test error at the smallest, worst and largest size."""
    tested: dict[float, list[float]] = {}
    trained: dict[float, list[float]] = {}
    for r in data:
        for kept, key in ((tested, "test_error"), (trained, "train_error")):
            if r[key] is not None:
                kept.setdefault(r["parameters"], []).append(r[key])
    if not tested:
        return "No test error was measured."
    mean = {p: sum(v) / len(v) for p, v in tested.items()}
    show: Callable[[float], str] = percent if task != "regression" else number
    small, large, worst, best = min(mean), max(mean), max(mean, key=mean.__getitem__), min(mean, key=mean.__getitem__)
    sentences = [
        (
            f"With {number(small)} parameters the mean test error is {show(mean[small])}, with {number(large)} it is "
            f"{show(mean[large])}; the smallest is {show(mean[best])} (at {number(best)}), "
            f"the largest {show(mean[worst])} (at {number(worst)})."
        )
    ]
    exact = [p for p, v in trained.items() if max(v) == 0]
    if max(trained, default=None) in exact and task != "regression":
        sentences.append(
            f"From {number(_from(exact, trained))} parameters on no training example is wrong, for any seed."
        )
    if numbers.get("equations"):
        sentences.append(f"There are {number(numbers['equations'])} equations (examples times outputs).")
    seeds = len({r["seed"] for r in data})
    return " ".join([*sentences, f"Points are single networks ({plural(seeds, 'seed')}), lines their mean."])


def _from(exact: list[float], trained: dict[float, list[float]]) -> float:
    """The size from which on every larger one drawn is exact as well; the largest drawn is in `exact`."""
    start = max(trained)
    for p in sorted(trained, reverse=True):
        if p not in exact:
            break
        start = p
    return start


def slice_line(data: Rows, numbers: dict[str, Any], task: str) -> str:
    """Largest gap between the two networks on the line, and the targets at its ends."""
    info = numbers.get("slice") or {}
    fitted = _curve(data, "network", "fitted", "position", "output")
    twin = _curve(data, "network", "twin", "position", "output")
    sentences = []
    ends = [
        f"{number(info[target])} at {info.get(label, label[-1].upper())}"
        for target, label in (("target_a", "label_a"), ("target_b", "label_b"))
        if info.get(target) is not None
    ]
    if ends:
        sentences.append(f"The rings are the training targets: {' and '.join(ends)}.")
    both = [t for t in fitted if t in twin]
    if both:
        gap = {t: abs(fitted[t] - twin[t]) for t in both}
        worst = max(gap, key=gap.__getitem__)
        sentences.append(
            f"The two networks differ by up to {number(gap[worst])} (at position {number(worst)})"
            + (f"; at the training points themselves by {number(max(gap[0], gap[1]))}." if {0, 1} <= set(gap) else ".")
        )
    elif not twin:
        sentences.append("Only the fitted network is drawn: there is no twin.")
    return " ".join(sentences)


def answers(data: Rows, numbers: dict[str, Any], task: str) -> str:
    """How many of the examples shown each network gets right."""
    shown = {r.get("image", k): r for k, r in enumerate(data)}.values()
    if task == "regression":
        off = {w: [abs(r[w] - r["label"]) for r in shown if r[w] is not None] for w in ("fitted", "twin")}
        sentences = [f"the {_CALLED[w]} is off by {number(sum(v) / len(v))}" for w, v in off.items() if v]
        return f"On these {plural(len(shown), 'test example')} {' and '.join(sentences)} on average."
    right = {w: sum(1 for r in shown if r[w] == r["label"]) for w in ("fitted", "twin")}
    first = f"Of these {plural(len(shown), 'test example')} the fitted network is right on {number(right['fitted'])}"
    if all(r["twin"] is None for r in shown):
        return f"{first}. There is no twin."
    return f"{first}, its twin on {number(right['twin'])}."


def trust(data: Rows, numbers: dict[str, Any], task: str) -> str:
    """Score of each network at the first and the last distance."""
    sentences = []
    fitted = f"The {numbers.get('called') or 'fitted network'}"
    for name, title in (("fitted", fitted), ("twin", "The twin"), ("reference", "The nearest neighbour")):
        points = _curve(data, "network", name, "t", "score")
        if points:
            first, last = min(points), max(points)
            low = [t for t in sorted(points) if points[t] < 0.5]
            sentences.append(
                f"{title} has {score_name(task)} {score(points[first], task)} at distance {number(first)} "
                f"and {score(points[last], task)} at distance {number(last)}"
                + (f"; of the distances tried it is first below a half at {number(low[0])}." if low else ".")
            )
    if numbers.get("trust_unit") == "positions changed":
        sentences.append(
            "The distance is the number of inputs changed to other levels of the data; shaded: the intervals."
        )
    else:
        sentences.append("Distance 1 is the way from a training point to its nearest neighbour; shaded: the intervals.")
    if task == "regression" and any(r["score"] is not None and r["score"] < -1 for r in data):
        sentences.append("R² below −1 is cut off.")
    return " ".join(sentences)


def theory(data: Rows, numbers: dict[str, Any], task: str) -> str:
    """How many of the quantities are as theory requires, and which is furthest off."""
    known = [r for r in data if r["value"] is not None and r["needed"] is not None]
    as_needed = [r for r in known if satisfied(r)]
    sentences = [
        (
            f"Of {plural(len(known), 'quantity', 'quantities')} that could be computed, {number(len(as_needed))} "
            f"{'is' if len(as_needed) == 1 else 'are'} as theory needs."
        )
    ]
    if len(known) < len(data):
        sentences.append(f"{number(len(data) - len(known))} could not be computed.")
    short = [r for r in known if not satisfied(r) and r["value"] > 0 and r["needed"] > 0]
    if short:
        worst = max(short, key=lambda r: abs(math.log(r["needed"] / r["value"])))
        factor = math.exp(abs(math.log(worst["needed"] / worst["value"])))
        sentences.append(
            f"Furthest off is {worst['quantity']}: {number(worst['value'])} against {number(worst['needed'])}, "
            f"a factor of {number(factor)}."
        )
    return " ".join(sentences)


def satisfied(row: dict[str, Any]) -> bool:
    """Whether the value is on the required side of the needed number: the row's `relation`, by default "at least"."""
    if row["value"] is None or row["needed"] is None:
        return False
    if row.get("relation") == "at most":
        return row["value"] <= row["needed"]
    return row["value"] >= row["needed"]


def _curve(data: Rows, field: str, name: str, x: str, y: str) -> dict[float, float]:
    return {r[x]: r[y] for r in data if r[field] == name and r[y] is not None}


def measures(data: Rows, numbers: dict[str, Any], task: str) -> str:
    """A note on how to read the table of measures."""
    sampled = (
        "In brackets 95 % intervals, where something was sampled; kernel and curvature on up to 128 training examples."
    )
    both = sum(r.get("fitted") is not None and r.get("twin") is not None for r in data)
    count = f"{plural(both, 'measure')} of {len(data)} known for both networks. " if both else ""
    return f"{count}{sampled} None of them is a verdict: only several models show whether a measure goes with the test error."
