"""`headline`: the first sentence of a report, as striking as the facts allow and no more certain than they are."""

from __future__ import annotations

from typing import Any

from zeroloss.data import Dataset
from zeroloss.verdict import Status, Verdict, at_most


def headline(data: Dataset, verdicts: dict[str, Verdict], numbers: dict[str, Any]) -> str:
    """One or two sentences from the verdicts and the scores."""
    fitted, twin = numbers.get("fitted"), numbers.get("twin")
    if fitted is None:
        return (
            "The examination was interrupted before a minimum was reached; what is below is what was found until then."
        )
    fit_proved = _proved(verdicts, "fit_minimum")
    if twin is None:
        if not fit_proved:
            return (
                f"The fitted network has a training loss that is not proved to be minimal; it {_right(data, fitted)}."
            )
        radius = at_most(verdicts["fit_minimum"].evidence["radius"], 2)
        return f"Provably, weights with {_level(numbers)} lie within {radius} of those of the fitted network; it {_right(data, fitted)}."
    twin_proved = _proved(verdicts, "twin_minimum")
    scores = f"this one {_right(data, fitted)}, that one {_right(data, twin)}"
    if fit_proved and twin_proved:
        radius = at_most(max(verdicts[name].evidence["radius"] for name in ("fit_minimum", "twin_minimum")), 2)
        return f"Provably, weights with {_level(numbers)} lie within {radius} of those of each network below; {scores}."
    missing = " and ".join(
        name for name, ok in (("the fitted network", fit_proved), ("its twin", twin_proved)) if not ok
    )
    return f"For {missing} it is not proved that the training loss is minimal, only measured; {scores}."


def _proved(verdicts: dict[str, Verdict], name: str) -> bool:
    return name in verdicts and verdicts[name].status is Status.PROVED


def _level(numbers: dict[str, Any]) -> str:
    infimum = numbers.get("infimum") or 0.0
    if infimum == 0 and numbers.get("contradictory_groups"):  # positive, and smaller than any float64
        return "the least possible squared training loss"
    return "zero training loss" if infimum == 0 else f"the least possible squared training loss, about {infimum:.4g}"


def _right(data: Dataset, scores: dict[str, Any]) -> str:
    value = scores.get("test_score")
    if value is None:
        return "was not tested (there is no test set)"
    if data.task != "regression":
        what = "new digits" if "digits" in data.name or "mnist" in data.name else "new examples"
        return f"is right on {100 * value:.1f} % of {what}"
    if value < 0:
        return f"predicts new examples worse than their mean does (R² {value:.2f})"
    return f"explains {100 * value:.0f} % of the variance of new examples (R² {value:.2f})"
