"""`Measure`: one number about a fit, with its interval and everything needed to read it."""

from __future__ import annotations

import dataclasses
from typing import Any

from zeroloss.audit.catalogue import CATALOGUE
from zeroloss.verdict import Record


@dataclasses.dataclass(frozen=True, repr=False)
class Measure(Record):
    """A measured quantity. Its description comes from `zeroloss.audit.catalogue`, its value from the fit.

    Attributes:
        name: as in the catalogue.
        value: the number, or None.
        interval: `[lower, upper]`, or None; infinite ends where nothing bounds it.
        about: the confidence of the interval and over what it is taken; or why there is none.
        converged: whether an iteration converged; None where nothing was iterated. A largest eigenvalue that did not
            converge is "at least" its value.
        reason: why there is no value, or why it did not converge; empty otherwise.
        unit: empty for a pure number.
        formula, meaning, caveat: one line each; `standing` ("paper", "recalled", "ours") and `source`.
        group: the catalogue's group.
        details: examples, steps, seeds, and further numbers.
    """

    name: str
    value: float | None
    interval: list[float] | None
    about: str
    converged: bool | None
    reason: str
    unit: str
    formula: str
    meaning: str
    caveat: str
    standing: str
    source: str
    group: str
    details: dict[str, Any] = dataclasses.field(default_factory=dict)

    def __repr__(self) -> str:
        if self.value is None:
            return f"<{self.name}: not known: {self.reason}>"
        ends = "" if self.interval is None else " in [{:.4g}, {:.4g}]".format(*self.interval)
        unit = f" {self.unit}" if self.unit else ""
        state = "" if self.converged is None else " (converged)" if self.converged else " (not converged)"
        return f"<{self.name} {self.value:.4g}{ends}{unit}{state}>"


def known_measure(
    name: str,
    value: float,
    interval: tuple[float, float] | list[float] | None,
    about: str,
    *,
    converged: bool | None = None,
    reason: str = "",
    unit: str | None = None,
    **details: Any,
) -> Measure:
    """A `Measure` of that name with its value; its description comes from the catalogue."""
    what = CATALOGUE[name]
    ends = None if interval is None else [float(interval[0]), float(interval[1])]
    return Measure(
        name, float(value), ends, about, converged, reason, what.unit if unit is None else unit, what.formula,
        what.meaning, what.caveat, what.standing, what.source, what.group, details,
    )  # fmt: skip


def unknown_measure(name: str, reason: str, **details: Any) -> Measure:
    """A `Measure` of that name that is not known, and why."""
    what = CATALOGUE[name]
    return Measure(
        name, None, None, "", None, reason, what.unit, what.formula, what.meaning, what.caveat, what.standing,
        what.source, what.group, details,
    )  # fmt: skip
