"""`Verdict`: a claim, its status, the reason and the evidence."""

from __future__ import annotations

import dataclasses
import enum
from typing import Any

from zeroloss.verdict.record import Record


class Status(enum.StrEnum):
    """How a claim stands. The value is the word a user reads."""

    PROVED = "PROVED"
    """An argument that survives a hostile referee: hypotheses checked, rounding included."""
    REFUTED = "REFUTED"
    """Its negation is PROVED."""
    SUPPORTED = "SUPPORTED"
    """Measured, with an interval, and the claim holds on all of it."""
    CONTRADICTED = "CONTRADICTED"
    """Measured, with an interval, and the claim fails on all of it."""
    UNKNOWN = "UNKNOWN"
    """Neither; the reason says which constant is short by how much."""


@dataclasses.dataclass(frozen=True)
class Verdict(Record):
    """A judged claim.

    Attributes:
        claim: the exact sentence judged, quantifiers included.
        status: see `Status`.
        reason: a sentence a person can read.
        evidence: numbers (names carry units), bounds or intervals, assumptions and whether each holds, method, seed,
            hashes of data and weights. Only what JSON can hold: numbers, strings, lists, arrays, dicts.
    """

    claim: str
    status: Status
    reason: str
    evidence: dict[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "status", Status(self.status))

    def __str__(self) -> str:
        return f"{self.status}: {self.claim}\n  {self.reason}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.status}: {self.claim} | {self.reason}>"
