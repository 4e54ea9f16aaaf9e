"""What a study says so far: every claim with its verdict, and what is behind it."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Sequence
from typing import Any

from zeroloss.plumbing.version import __version__
from zeroloss.studies.plan import Overrides
from zeroloss.studies.store import Store
from zeroloss.studies.study import Study
from zeroloss.studies.tables import left_out, tables
from zeroloss.verdict import Record, Status, Verdict
from zeroloss.verdict.record import LIVE


@dataclasses.dataclass(frozen=True)
class StudyResult(Record):
    """The verdicts of a study at a scale.

    Attributes:
        study, title, after, notes: as the study says.
        scale: which trials; `overrides` the axes that the user set.
        verdicts: one per claim, by its key.
        standing: of each claim: paper, recalled, ours.
        trials: by experiment: expected, finished, failed, reasons of failures.
        settings: store, command, date, version of zeroloss, versions of the experiments, rows left out.
        tables: the result tables (not in JSON; `zeroloss study export` writes them).
    """

    study: str
    title: str
    after: str
    notes: list[str]
    scale: str
    overrides: dict[str, list[Any]]
    verdicts: dict[str, Verdict]
    standing: dict[str, str]
    trials: dict[str, dict[str, Any]]
    settings: dict[str, Any]
    tables: Any = dataclasses.field(default=None, metadata=LIVE)

    @property
    def contradicted(self) -> list[str]:
        """The keys of the claims that were."""
        bad = (Status.CONTRADICTED, Status.REFUTED)
        return [key for key, verdict in self.verdicts.items() if verdict.status in bad]

    def __repr__(self) -> str:
        lines = [f"{self.title} ({self.study}, {self.scale})"]
        return "\n".join([*lines, *(str(verdict) for verdict in self.verdicts.values())])


def conclude(
    study: Study,
    scale: str = "desk",
    *,
    store: Store,
    overrides: Overrides | None = None,
    only: Sequence[str] = (),
    command: str = "",
) -> StudyResult:
    """Judge every claim of the study on what the store has of the scale.

    `only` restricts to some experiments: claims that need others stay UNKNOWN.
    """
    found = tables(study, scale, store=store, overrides=overrides, only=only)
    return StudyResult(
        study=study.name,
        title=study.title,
        after=study.after,
        notes=list(study.notes),
        scale=scale,
        overrides={name: list(values) for name, values in (overrides or {}).items()},
        verdicts={claim.key: claim(found) for claim in study.claims},
        standing={claim.key: claim.standing for claim in study.claims},
        trials={name: dict(table.attrs) | {"finished": len(table)} for name, table in found.items()},
        settings={
            "command": command,
            "store": store.shown,
            "date": datetime.date.today().isoformat(),
            "version": __version__,
            "experiments": {e.name: f"version {e.version}, {e.precision}" for e in study.experiments},
            "rows left out": left_out(study, store),
        },
        tables=found,
    )
