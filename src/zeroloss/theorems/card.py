"""`Card`: a theorem as an object, with its statement and a check of its own hypotheses against a network and its data.

A card is PROVED only where every hypothesis is shown to hold, rounding included, and its proof is at hand and was checked.
A theorem that is only recalled, or whose proof is in a paper that is not at hand, stays UNKNOWN even where all its
hypotheses hold; `CardResult.hypotheses` is then the useful part.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from zeroloss.plumbing import InputError
from zeroloss.plumbing.arithmetic import require_ieee
from zeroloss.verdict import Record, Status, Verdict

if TYPE_CHECKING:
    from zeroloss.theorems.facts import Facts

STANDINGS = ("paper", "recalled", "ours")
_MARKS = {True: "holds", False: "fails", None: "not known"}


class Found(NamedTuple):
    """The state of a hypothesis: whether it holds (None: not known), what there is in words, and by which factor it is short."""

    holds: bool | None
    have: str
    short: float | None = None


@dataclasses.dataclass(frozen=True, repr=False)
class Checked(Record):
    """A hypothesis checked on a problem.

    Attributes:
        name: of the hypothesis; needed: what it requires; have: what the problem has.
        holds: True (shown, rounding included), False (shown to fail) or None (neither).
        short: the factor by which `have` falls short of `needed`, where that is a number.
    """

    name: str
    needed: str
    have: str
    holds: bool | None
    short: float | None = None

    def __repr__(self) -> str:
        short = "" if self.short is None or self.holds else f", {self.short:.3g} times too far"
        return f"{_MARKS[self.holds]}: {self.name}: needs {self.needed}; here {self.have}{short}"


@dataclasses.dataclass(frozen=True)
class Promise(Record):
    """A conclusion with its constants at this problem; numbers are rounded to the side on which it stays true."""

    sentence: str
    constants: dict[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, repr=False)
class CardResult(Verdict):
    """The verdict on a theorem's claim at a problem.

    Attributes:
        key, title, standing: of the card.
        hypotheses: each `Checked`; promises: the conclusions, where every hypothesis holds.
    """

    key: str = ""
    title: str = ""
    standing: str = ""
    hypotheses: tuple[Checked, ...] = ()
    promises: tuple[Promise, ...] = ()

    @property
    def applies(self) -> bool:
        """Whether every hypothesis holds."""
        return all(h.holds is True for h in self.hypotheses)

    def find(self, name: str) -> Checked:
        """The hypothesis of that name."""
        return next(h for h in self.hypotheses if h.name == name)

    def __repr__(self) -> str:
        lines = [f"{self.title} ({self.standing})", str(self)]
        lines += [f"  {h!r}" for h in self.hypotheses]
        return "\n".join([*lines, *(f"  then: {p.sentence}" for p in self.promises)])


@dataclasses.dataclass(frozen=True)
class Hypothesis:
    """A hypothesis: its name, what it requires, and the function that checks it."""

    name: str
    needed: str
    look: Callable[[Facts], Found]

    def check(self, facts: Facts) -> Checked:
        found = self.look(facts)
        return Checked(self.name, self.needed, found.have, found.holds, found.short)


@dataclasses.dataclass(frozen=True, eq=False)
class Card:
    """A theorem.

    Attributes:
        key, title: its names; words: the statement as sentences; statement: in LaTeX.
        standing: "paper", "recalled" or "ours"; standing_of: which part is which.
        citation: the source.
        hypotheses: see `Hypothesis`; conclusions: what follows, as sentences.
        claim: the exact sentence judged on a problem; promise: the conclusions with their constants there.
        proof: where the checked proof is written; "" if there is none, and then the card is never PROVED.
        options: what a caller may assume beside network and data, each with its meaning.
    """

    key: str
    title: str
    words: str
    statement: str
    standing: str
    standing_of: str
    citation: str
    hypotheses: tuple[Hypothesis, ...]
    conclusions: tuple[str, ...]
    claim: Callable[[Facts], str]
    promise: Callable[[Facts], tuple[Promise, ...]]
    proof: str = ""
    options: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def check(self, network: Any, data: Any, **options: Any) -> CardResult:
        """Check the theorem on a network (None: the data alone) and training data, a `Dataset` or `(x, y)`.

        Raises:
            InputError: an option that the card does not know, or a network that does not fit the data.
        """
        from zeroloss.theorems.facts import Facts

        unknown = [name for name in options if name not in self.options]
        if unknown:
            known = ", ".join(self.options) or "none"
            raise InputError(f"the card {self.key} takes no {unknown[0]!r}; what may be assumed: {known}.")
        return self.judge(Facts(network, data, options))

    def judge(self, facts: Facts) -> CardResult:
        """As `check`, on facts that several cards share."""
        if self.proof:
            require_ieee()
        checked = tuple(h.check(facts) for h in self.hypotheses)
        applies = all(h.holds is True for h in checked)
        promises = self.promise(facts) if applies else ()
        status = Status.PROVED if applies and self.proof else Status.UNKNOWN
        evidence = {"citation": self.citation, "proof": self.proof or "not at hand", **facts.evidence(self.options)}
        return CardResult(
            self.claim(facts),
            status,
            self._reason(checked, promises),
            evidence,
            key=self.key,
            title=self.title,
            standing=self.standing,
            hypotheses=checked,
            promises=promises,
        )

    def _reason(self, checked: tuple[Checked, ...], promises: tuple[Promise, ...]) -> str:
        failing = next((h for h in checked if h.holds is False), None) or next(
            (h for h in checked if not h.holds), None
        )
        if failing is None:
            end = f" {promises[0].sentence}" if promises else ""
            if self.proof:
                return f"Every hypothesis is checked.{end}"
            whose = "recalled" if self.standing == "recalled" else "the paper's"
            return f"Every hypothesis stated here holds, but the theorem is {whose} and its proof is not at hand.{end}"
        short = "" if failing.short is None else f", {failing.short:.3g} times too far"
        start = "It does not apply" if failing.holds is False else "It is not known to apply"
        return f"{start}: {failing.name} needs {failing.needed}, and here {failing.have}{short}."

    def __repr__(self) -> str:
        return f"<Card {self.key}: {self.title} ({self.standing})>"

    def __str__(self) -> str:
        from zeroloss.theorems.text import card_text

        return card_text(self)
