"""Measures and rankings as tables in a terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from zeroloss.verdict import at_least, at_most


def show_measures(measures: list[Any]) -> None:
    """A table of measures: value, interval, meaning; below it those that are not known, with the reason."""
    from zeroloss.audit import CATALOGUE

    known = [m for m in measures if m.value is not None]
    if known:
        rows = [("measure", "value", "interval", "what it means")]
        rows += [(CATALOGUE[m.name].title, _value(m), _interval(m), m.meaning) for m in known]
        _print(rows)
    reasons: dict[str, list[str]] = {}
    for m in measures:
        if m.value is None:
            reasons.setdefault(m.reason, []).append(CATALOGUE[m.name].title)
    for reason, titles in reasons.items():
        print(f"not known: {', '.join(titles)}: {reason}")
    for m in known:
        if m.converged is False:
            print(f"not converged: {CATALOGUE[m.name].title}: {m.reason}")


def show_ranking(ranking: Any) -> None:
    """The models by test error, then each measure's rank correlation with it."""
    errors = ranking.errors
    order = sorted(range(len(ranking.models)), key=lambda i: (errors["test"][i] is None, errors["test"][i] or 0.0))
    rows = [("model", "test error", "95 % interval", "training error")]
    for i in order:
        low, high = errors["lower"][i], errors["upper"][i]
        between = "" if low is None or high is None else f"{low:.4g} to {high:.4g}"
        rows.append((ranking.models[i], _number(errors["test"][i]), between, _number(errors["train"][i])))
    _print(rows)
    print()
    table: list[tuple[str, ...]] = [
        ("measure", "Kendall's tau", "95 % interval", "Spearman's rho", "95 % interval", "folklore expects")
    ]
    for c in ranking.correlations:
        if c.kendall is None:
            continue
        ends = ["{:+.2f} to {:+.2f}".format(*pair) for pair in (c.kendall_interval, c.spearman_interval)]
        sign = {1: "+", -1: "-", 0: ""}[c.expects]
        table.append((c.title, f"{c.kendall:+.2f}", ends[0], f"{c.spearman:+.2f}", ends[1], sign))
    _print(table)
    reasons: dict[str, list[str]] = {}
    for c in ranking.correlations:
        if c.kendall is None:
            reasons.setdefault(c.reason, []).append(c.title)
    for reason, titles in reasons.items():
        print(f"not known: {', '.join(titles)}: {reason}")
    print(ranking.caution)


def _value(m: Any) -> str:
    sign = ""
    if m.converged is False:
        sign = "at most " if m.name in ("largest_stable_step", "lowest_curvature") else "at least "
    return f"{sign}{m.value:.4g}{' ' + m.unit if m.unit else ''}"


def _interval(m: Any) -> str:
    if m.interval is None:
        return "none"
    low, high = m.interval
    sampled = m.about.startswith("95 %")
    if not sampled and abs(high - low) <= 1e-6 * max(abs(high), abs(low)):
        return "exact"
    return f"{at_least(low, 4)} to {at_most(high, 4)}"


def _number(value: float | None) -> str:
    return "not known" if value is None else f"{value:.4g}"


def _print(rows: Sequence[tuple[str, ...]]) -> None:
    """Aligned columns; on a terminal the last one is wrapped to its width."""
    from rich.console import Console
    from rich.table import Table

    if sys.stdout.isatty():
        table = Table(box=None, pad_edge=False, header_style="bold")
        for index, title in enumerate(rows[0]):
            table.add_column(title, no_wrap=index < len(rows[0]) - 1)
        for row in rows[1:]:
            table.add_row(*row)
        Console(highlight=False).print(table)
        return
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip())
