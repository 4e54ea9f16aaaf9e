"""What a study is: experiments over tidy grids, claims about their tables, figures of them.

A study is a question in a form that a machine can finish. It holds

- *experiments*: a trial, `(parameters, keys) -> metrics`, and for each scale the grid of parameters to try it on;
- *claims*: sentences, each with a function of the result tables that judges it, with an interval;
- *figures*: functions of the tables to charts.

Nothing here runs anything: `zeroloss.studies.run` does, and keeps the rows in a store. A trial is vectorised over
seeds, because that is what makes thousands of small trainings quick: the engine calls it with one set of parameters
and a block of keys (whole numbers), and it returns arrays whose first axis is the block's. Every block of an
experiment with the same parameters has the same length (the last is filled up by repeating its last key, and what
that gives is thrown away), so a function compiled for it is compiled once.

A trial must depend on nothing but its arguments: the same parameters and key give the same row, alone or in a block,
today or after an interruption. The row's identity in the store is a hash of study, experiment, version, parameters
and key; whoever changes what a trial means raises the experiment's version, and old rows are then left out.
"""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from zeroloss.plumbing import InputError
from zeroloss.studies.grids import Grid, Metrics, Parameters
from zeroloss.verdict import Status, Verdict

if TYPE_CHECKING:
    import pandas as pd

Tables = Mapping[str, "pd.DataFrame"]
"""One table per experiment, one row per finished trial; columns: the axes, `seed`, the metrics."""

SCALES = ("smoke", "desk", "paper")
"""Seconds, minutes on two cores, and what the paper did (priced before it starts)."""


@dataclasses.dataclass(frozen=True)
class Experiment:
    """One kind of trial and where it is tried.

    Attributes:
        name: lower case, with hyphens; the key of its table.
        question: what it is for, in one sentence.
        trial: `(parameters, keys) -> metrics`: `keys` is an int64 array `(b,)`; a metric is an array `(b, ...)` of
            numbers, truth values or strings (more axes are kept as lists: a curve, a path). Must be importable by
            its module and name, or live in the file of the user's study, so that other processes find it.
        scales: the grids of each scale; scales that are missing are as the next smaller one.
        version: raised whenever the meaning of a row changes.
        block: keys per call, or a function of the parameters that returns how many.
        seconds: expected seconds per trial on two cores, by parameters; None where nobody knows.
        shape: what decides compilation: cells of equal shape run one after the other.
            These three take the parameters as the trial does: as a dataclass where it is typed (`zeroloss.studies.typed`).
        precision: "float32", or "float64": the trial then runs inside `zeroloss.double()`.
        hidden: metrics that stay out of printed tables (curves, paths).
    """

    name: str
    question: str
    trial: Callable[[Parameters, np.ndarray], Metrics]
    scales: Mapping[str, Grid | Sequence[Grid]]
    version: int = 1
    block: int | Callable[[Any], int] = 1
    seconds: Callable[[Any], float] | None = None
    shape: Callable[[Any], Any] | None = None
    precision: str = "float32"
    hidden: tuple[str, ...] = ()

    def grids(self, scale: str) -> tuple[Grid, ...]:
        """The grids of a scale, or of the largest one below it that is given."""
        for name in reversed(SCALES[: SCALES.index(scale) + 1]):
            if name in self.scales:
                found = self.scales[name]
                return (found,) if isinstance(found, Grid) else tuple(found)
        return ()

    def block_of(self, parameters: Parameters) -> int:
        """Keys per call for these parameters."""
        return int(self.block(self._cell(parameters)) if callable(self.block) else self.block)

    def seconds_of(self, parameters: Parameters) -> float:
        """Expected seconds per trial for these parameters; NaN where nobody knows."""
        return float("nan") if self.seconds is None else float(self.seconds(self._cell(parameters)))

    def shape_of(self, parameters: Parameters) -> Any:
        """What decides compilation for these parameters."""
        return "" if self.shape is None else self.shape(self._cell(parameters))

    def _cell(self, parameters: Parameters) -> Any:
        from zeroloss.studies.typed import cell_of

        return cell_of(self.trial, parameters)

    @property
    def code(self) -> str:
        """A hash of the trial's own source text, by which rows made before it was edited are recognised; "" if there is none."""
        try:
            text = inspect.getsource(self.trial)
        except (OSError, TypeError):
            return ""
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def axes(self) -> tuple[str, ...]:
        """The names of all axes, in the order of their first appearance."""
        return tuple(dict.fromkeys(axis for scale in SCALES for grid in self.grids(scale) for axis in grid.axes))


@dataclasses.dataclass(frozen=True)
class Finding:
    """What the tables show about a claim: a verdict without its sentence."""

    status: Status
    reason: str
    evidence: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Claim:
    """A sentence and how the tables judge it.

    Attributes:
        key: a short name, unique in the study.
        sentence: the exact claim, quantifiers included.
        needs: the experiments it is judged from.
        judge: a function of the tables that returns a `Finding` with an interval (see `zeroloss.studies.judging`).
        standing: "paper" (the paper says so), "recalled" (remembered, not confirmed) or "ours".
        source: the paper, or whom the claim follows.
    """

    key: str
    sentence: str
    needs: tuple[str, ...]
    judge: Callable[[Tables], Finding]
    standing: str = "ours"
    source: str = ""

    def __call__(self, tables: Tables) -> Verdict:
        """The verdict on these tables: UNKNOWN where an experiment it needs has no finished trial.

        The evidence says how many trials were expected, finished and failed, where the engine made the tables.
        """
        counts = {name: _counts(tables[name]) for name in self.needs if name in tables}
        empty = [name for name in self.needs if name not in tables or not len(tables[name])]
        if empty:
            reason = f"No trial of {' and '.join(empty)} has finished; run the study first."
            return Verdict(self.sentence, Status.UNKNOWN, reason, self._evidence(counts))
        found = self.judge(tables)
        reason = _sentence(found.reason) + _caveat(counts)
        return Verdict(self.sentence, found.status, reason, dict(found.evidence) | self._evidence(counts))

    def _evidence(self, counts: dict[str, dict[str, int]]) -> dict[str, Any]:
        return {"standing": self.standing, "source": self.source, "trials": counts}


def _sentence(reason: str) -> str:
    """With a capital, unless it begins with a symbol (`k = 2`)."""
    first = reason.split(" ", 1)[0]
    return reason[:1].upper() + reason[1:] if first.isalpha() and len(first) > 1 else reason


def _counts(table: Any) -> dict[str, int]:
    return {"finished": len(table)} | {k: int(table.attrs[k]) for k in ("expected", "failed") if k in table.attrs}


def _caveat(counts: dict[str, dict[str, int]]) -> str:
    """What a reader must know if trials are missing."""
    missing = {k: c["expected"] - c["finished"] - c.get("failed", 0) for k, c in counts.items() if "expected" in c}
    failed = {k: c["failed"] for k, c in counts.items() if c.get("failed")}
    parts = [f"{n:,} trials of {name} are still to run" for name, n in missing.items() if n > 0]
    parts += [f"{n:,} trials of {name} failed and are not counted" for name, n in failed.items()]
    return f" ({'; '.join(parts)}.)" if parts else ""


@dataclasses.dataclass(frozen=True)
class StudyFigure:
    """A figure: a chart drawn from the tables, with the sentence a person reads below it.

    `caption` may be a function of the tables, so that no number in it is typed.
    """

    key: str
    title: str
    needs: tuple[str, ...]
    draw: Callable[[Tables], Any]
    caption: str | Callable[[Tables], str] = ""

    def caption_of(self, tables: Tables) -> str:
        """The caption for these tables."""
        return self.caption(tables) if callable(self.caption) else self.caption


@dataclasses.dataclass(frozen=True)
class StudyTable:
    """A small table for the report: `make(tables)` returns a DataFrame of what a person wants to compare."""

    key: str
    title: str
    needs: tuple[str, ...]
    make: Callable[[Tables], Any]


@dataclasses.dataclass(frozen=True)
class Study:
    """A question with everything that is needed to answer it.

    Attributes:
        name: lower case, with underscores: what the command line calls it.
        title: the question.
        after: the paper it follows, with its number; empty for a question of one's own.
        experiments, claims, figures, tables: see there. `tables` are summaries for the report.
        notes: sentences for the report: settings that matter, what differs from the paper, and why.
    """

    name: str
    title: str
    experiments: Sequence[Experiment]
    claims: Sequence[Claim] = ()
    figures: Sequence[StudyFigure] = ()
    tables: Sequence[StudyTable] = ()
    after: str = ""
    notes: Sequence[str] = ()

    def __post_init__(self) -> None:
        named = {
            "experiments": [experiment.name for experiment in self.experiments],
            "claims": [claim.key for claim in self.claims],
            "figures": [figure.key for figure in self.figures],
            "tables": [table.key for table in self.tables],
        }
        for kind, keys in named.items():
            if len(set(keys)) < len(keys):
                raise InputError(f"study {self.name}: two of its {kind} have the same name; give each its own.")
        known = {experiment.name for experiment in self.experiments}
        things: list[Claim | StudyFigure | StudyTable] = [*self.claims, *self.figures, *self.tables]
        for thing in things:
            if not set(thing.needs) <= known:
                unknown = ", ".join(sorted(set(thing.needs) - known))
                raise InputError(f"study {self.name}: {thing.key} needs {unknown}, which is no experiment of it.")

    def experiment(self, name: str) -> Experiment:
        """The experiment of that name."""
        for found in self.experiments:
            if found.name == name:
                return found
        raise InputError(f"study {self.name} has no experiment {name!r}; it has {_names(self.experiments)}.")


def _names(experiments: Sequence[Experiment]) -> str:
    return ", ".join(experiment.name for experiment in experiments)
