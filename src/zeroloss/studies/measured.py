"""Claims, tables and pictures as data: what is measured, on which rows, and the range it must lie in.

Nearly every claim of a study has one shape: a number with its interval, estimated from some rows of one table, for each
cell of a grid or once, compared with a range. `Measured` is that shape. Values and conditions are text that
`DataFrame.eval` and `DataFrame.query` read (`"rate / predicted"`, `"width >= 1024"`), or functions of the rows.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from zeroloss.studies.judging import Interval, all_of, judge, mean
from zeroloss.studies.study import Claim, Finding, StudyTable, Tables
from zeroloss.verdict import Status

Value = str | Callable[[Any], Any] | tuple[str | Callable[[Any], Any], ...]
"""A column, an expression in columns, or a function of the rows; several where a statistic takes several."""


def select(rows: Any, where: str | Callable[[Any], Any] = "") -> Any:
    """The rows that satisfy a condition (all of them without one)."""
    return where(rows) if callable(where) else rows.query(where) if where else rows


def evaluate(rows: Any, value: Value) -> tuple[Any, ...]:
    """The values of the rows, as the arguments of a statistic."""
    if isinstance(value, tuple):
        return tuple(evaluate(rows, part)[0] for part in value)
    found = value(rows) if callable(value) else rows.eval(value)
    return found if isinstance(found, tuple) else (found,)


def groups(rows: Any, each: str | Sequence[str], named: str | Callable[..., str] = "") -> Iterator[tuple[str, Any]]:
    """The rows of each combination of the columns `each`, with its name: `named`, filled in with their values."""
    each = (each,) if isinstance(each, str) else tuple(each)
    for keys, part in rows.groupby(list(each)):
        cell = dict(zip(each, keys, strict=True))
        default = ", ".join(map(str, keys))
        yield (named(**cell) if callable(named) else named.format(**cell) if named else default), part


def rows_of(rows: Any, by: Sequence[str], make: Callable[..., Any], *, sort: bool = True) -> Any:
    """A table of what `make(part, *values)` returns for each combination of the columns `by`: a row, or several."""
    import pandas as pd

    made: list[Any] = []
    for keys, part in rows.groupby(list(by), sort=sort):
        found = make(part, *keys)
        made += [found] if isinstance(found, Mapping) else found
    return pd.DataFrame(made)


def pairs(value: str, by: str, first: Any, second: Any, index: str | Sequence[str] = "seed") -> Callable[[Any], Any]:
    """`value` where `by` is `first` and where it is `second`, on the rows that agree in `index`: two arguments."""

    def paired(rows: Any) -> tuple[Any, Any]:
        index_ = [index] if isinstance(index, str) else list(index)
        wide = rows.pivot(index=index_, columns=by, values=value)
        if not {first, second} <= set(wide):
            return [], []
        both = wide[[first, second]].dropna()
        return both[first], both[second]

    return paired


@dataclasses.dataclass(frozen=True)
class Measured:
    """A quantity and the range that a claim names for it; called with the tables it returns a `Finding`.

    Attributes:
        table: the experiment.
        value: what the statistic is of; a mapping judges each of its values, under its name.
        quantity: its name, as the sentence needs it ("the slope"), or a function of a cell (its first row).
        statistic: from the values to an `Interval`: `mean`, `share`, `slope` (of x, y), `paired_difference` (of a, b), ...
        at_least, at_most: the range, or functions of a cell that give its ends.
        where: which rows.
        each: columns; every combination of their values is judged by itself, and the finding is that of all.
        named: how a combination is called: a format string of these columns, or a function of them.
        unit: of the quantity.
        note: a function of the rows that are judged; what it returns is added to the reason.
        closing: the same, of all rows together, added once at the end.
        together: from the findings of all combinations to one.
    """

    table: str
    value: Value | Mapping[str, Value]
    quantity: str | Callable[[Any], str]
    statistic: Callable[..., Interval] = mean
    at_least: float | Callable[[Any], float] = -math.inf
    at_most: float | Callable[[Any], float] = math.inf
    where: str | Callable[[Any], Any] = ""
    each: str | Sequence[str] = ()
    named: str | Callable[..., str] = ""
    unit: str = ""
    note: Callable[[Any], str] | None = None
    closing: Callable[[Any], str] | None = None
    together: Callable[[dict[str, Finding]], Finding] = all_of

    @property
    def needs(self) -> tuple[str, ...]:
        """The experiments that it is judged from."""
        return (self.table,)

    def __call__(self, tables: Tables) -> Finding:
        rows = select(tables[self.table], self.where)
        if not len(rows):
            return nothing_of(self.table)
        if not self.each and not isinstance(self.value, Mapping):
            return add(self._judged(rows, self.value), self.closing, rows)
        return add(self.together(self.cells(rows)), self.closing, rows)

    def cells(self, rows: Any) -> dict[str, Finding]:
        """The finding of each combination, by its name."""
        values = self.value if isinstance(self.value, Mapping) else {"": self.value}
        parts = groups(rows, self.each, self.named) if self.each else [("", rows)]
        return {
            ", ".join(filter(None, (what, name))): self._judged(part, value)
            for name, part in parts
            for what, value in values.items()
        }

    def _judged(self, rows: Any, value: Value) -> Finding:
        cell = rows.iloc[0]
        low, high = (end(cell) if callable(end) else end for end in (self.at_least, self.at_most))
        quantity = self.quantity(cell) if callable(self.quantity) else self.quantity
        found = judge(self.statistic(*evaluate(rows, value)), quantity, at_least=low, at_most=high, unit=self.unit)
        return add(found, self.note, rows)


@dataclasses.dataclass(frozen=True)
class Judged:
    """A claim of another shape: a function of the tables of `needs`."""

    needs: tuple[str, ...]
    judge: Callable[[Tables], Finding]

    def __call__(self, tables: Tables) -> Finding:
        return self.judge(tables)


def add(found: Finding, words: Callable[[Any], str] | None, rows: Any) -> Finding:
    """The finding with what a function of the rows says, at the end of its reason."""
    return found if words is None else dataclasses.replace(found, reason=f"{found.reason}{words(rows)}")


def listed(found: dict[str, Finding]) -> Finding:
    """The finding of "each of these", with the interval of each case in the reason and nothing else."""
    short = "; ".join(f"{name}: {part.evidence['interval']} ({part.status})" for name, part in found.items())
    quantity = next(iter(found.values())).evidence["quantity"]
    return dataclasses.replace(all_of(found), reason=f"{quantity}, estimate and 95 % interval: {short}.")


def layers(depth: int) -> str:
    """The number of hidden layers in words: 1 hidden layer, 2 hidden layers."""
    return f"{depth} hidden layer{'s' if depth > 1 else ''}"


def all_parts(**parts: Measured) -> Judged:
    """The finding of several quantities, each with its own range: that of all of them."""
    needs = tuple(dict.fromkeys(need for part in parts.values() for need in part.needs))
    return Judged(needs, lambda tables: all_of({name: part(tables) for name, part in parts.items()}))


def nothing_of(table: str) -> Finding:
    """The finding where no finished trial is of the kind that a claim is about."""
    return Finding(Status.UNKNOWN, f"No finished trial of {table} is of the kind that this claim is about.")


def claim(key: str, sentence: str, measured: Measured | Judged, standing: str = "ours", source: str = "") -> Claim:
    """The claim that what is measured lies in its range."""
    return Claim(key, sentence, measured.needs, measured, standing, source)


def summary(
    key: str,
    title: str,
    table: str,
    by: Sequence[str],
    columns: Mapping[str, tuple[str, str]] | Sequence[str],
    count: str = "runs",
    assign: Mapping[str, str | Callable[[Any], Any]] | None = None,
) -> StudyTable:
    """A table for the report: one row per combination of the columns `by`.

    Args:
        columns: for each new column its source and how it is aggregated ("mean", "max", ...); names alone are averaged.
        count: what the number of rows is called; "" leaves it out.
        assign: columns that are computed first, by their expressions.
    """
    wanted = dict(columns) if isinstance(columns, Mapping) else {name: (name, "mean") for name in columns}
    if count:
        wanted[count] = ("seed", "size")

    def make(tables: Tables) -> Any:
        rows = tables[table]
        rows = rows.assign(**{k: evaluate(rows, v)[0] for k, v in (assign or {}).items()})
        return rows.groupby(list(by), as_index=False).agg(**wanted)

    return StudyTable(key, title, (table,), make)
