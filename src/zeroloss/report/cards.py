"""The two cards at the head of the page, of the fitted network and its twin, and the evidence of verdicts as text."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from zeroloss.report.sections import NOT_PART, task
from zeroloss.report.text import interval, number, percent, score, score_name

if TYPE_CHECKING:
    from zeroloss.report.findings import Shown
    from zeroloss.verdict import Verdict

TITLES = {
    "fit_minimum": "The fitted network: a global minimum",
    "fit_minimum_polished": "The fitted network, polished: a global minimum",
    "fit_classified": "The fitted network: every training example right",
    "fit_classified_polished": "The fitted network, polished: every training example right",
    "twin_minimum": "The twin: a global minimum",
    "twin_classified": "The twin: every training example right",
    "local_fit": "The fitted network: the fit is local",
    "local_twin": "The twin: the fit is local",
    "exists": "Zero loss exists for these targets",
    "generic": "Zero loss exists for almost every target",
    "reaches": "Descent reaches a global minimum",
    "curve": "The loss follows the predicted curve",
    "lazy": "Training was lazy",
}
BADGES = {"minimum": "global minimum", "classified": "training set right", "local": "fit is local"}
"""Short names of the claims about one network."""
LONGEST = 12
"""Length up to which a list in the evidence is shown; the JSON file has the rest."""


@dataclasses.dataclass(frozen=True)
class Card:
    """One network in a few numbers. `facts` are (name, value) pairs, `badges` (verdict key, status, short name)."""

    key: str
    title: str
    big: str = ""
    big_name: str = ""
    range: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    badges: tuple[tuple[str, str, str], ...] = ()
    absent: str = ""


def cards(examination: Shown) -> list[Card]:
    """The fitted network and its twin."""
    return [_card(examination, "fitted", "The fitted network"), _card(examination, "twin", "Its twin")]


def _card(examination: Shown, key: str, title: str) -> Card:
    found: dict[str, Any] | None = examination.numbers.get(key)
    if not found:
        reason = (examination.numbers.get("absent") or {}).get(key, NOT_PART)
        return Card(key, title, absent=str(reason))
    kind = task(examination)
    right = kind == "classification"
    correct, total = found.get("test_correct"), found.get("test_total")
    counted = f" ({number(correct)} of {number(total)})" if correct is not None and total is not None else ""
    facts = [
        ("training loss", number(found.get("train_loss"))),
        ("training accuracy" if right else "training R²", score(found.get("train_score"), kind)),
        ("test accuracy" if right else "test R²", score(found.get("test_score"), kind) + counted),
    ]
    if found.get("given_test_score") is not None:
        name = "test accuracy" if right else "test R²"
        facts.append((f"{name} before the read-out was polished", score(found["given_test_score"], kind)))
    ends = interval(found.get("test_lower"), found.get("test_upper"), kind)
    return Card(
        key,
        title,
        big=score(found.get("test_score"), kind),
        big_name="of new examples right" if right else f"{score_name(kind)} on new examples",
        range=f"95{chr(0x202F)}% interval: {ends}" if ends else "",
        facts=tuple(facts),
        badges=tuple(_badges(examination, key)),
    )


def _badges(examination: Shown, key: str) -> list[tuple[str, str, str]]:
    prefix = "fit" if key == "fitted" else "twin"
    wanted = {f"{prefix}_minimum": "minimum", f"{prefix}_classified": "classified", f"local_{prefix}": "local"}
    return [
        (name, str(examination.verdicts[name].status), BADGES[kind])
        for name, kind in wanted.items()
        if name in examination.verdicts
    ]


def verdict_title(key: str, called: str = "fitted network") -> str:
    """A heading for the verdict `key`; `called`: the name of the network on the page."""
    return TITLES.get(key, key.replace("_", " ").capitalize()).replace("fitted network", called)


def evidence(verdict: Verdict) -> list[tuple[str, Any]]:
    """The evidence as (name, value) pairs; a value is text, or again such a list."""
    return _pairs(verdict.evidence)


def _pairs(found: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(str(k).replace("_", " "), str(v) if k == "seed" else _value(v)) for k, v in found.items()]


def _value(value: Any) -> Any:
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, dict):
        return _pairs(value)
    if isinstance(value, list | tuple):
        if any(isinstance(item, dict) for item in value):
            return [(str(k + 1), _value(item)) for k, item in enumerate(value[:LONGEST])]
        shown = ", ".join(str(_value(item)) for item in value[:LONGEST])
        more = f", … ({number(len(value))} in all)" if len(value) > LONGEST else ""
        return f"[{shown}{more}]"
    return "none" if value is None else number(value, 6)


def chance(examination: Shown) -> str:
    """A sentence with the score of a guess that ignores the input, where that is known."""
    value = examination.numbers.get("chance")
    if value is None:
        return ""
    shown = percent(value) if task(examination) != "regression" else number(value)
    return f"A guess that ignores the input would score {shown}."
