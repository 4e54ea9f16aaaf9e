"""The measures of the fitted network and of its twin, side by side."""

from __future__ import annotations

from typing import Any

from zeroloss.audit import CATALOGUE
from zeroloss.audit.catalogue import chosen
from zeroloss.audit.measuring import measure
from zeroloss.audit.price import plan
from zeroloss.audit.subject import Subject
from zeroloss.data import Dataset
from zeroloss.plumbing import InputError, Progress

CHOSEN = ("margins", "norms", "laziness", "kernel", "gauss_newton_top", "gauss_newton_trace", "filters")
"""Of the curvature only the Gauss-Newton part: at a squared loss of about zero, as here, it equals the Hessian."""
EXAMPLES = 128
COLUMNS = ("measure", "unit", "formula", "meaning", "caveat", "fitted", "fitted_lower", "fitted_upper",
           "twin", "twin_lower", "twin_upper")  # fmt: skip


def measures_table(
    fitted: Any, twin: Any, initial: Any, data: Dataset, seed: int, progress: Progress
) -> dict[str, list[Any]]:
    """One row per measure that is known of at least one of the networks; None where it is not. Empty if they do not fit into
    memory."""
    found: dict[str, dict[str, Any]] = {}
    for name, network, start in (("fitted", fitted, initial), ("twin", twin, None)):
        if network is None:
            continue
        subject = Subject(network, start, data, "squared", seed)
        names = chosen(CHOSEN)
        try:
            price = plan(subject, names, EXAMPLES)
        except InputError:
            continue
        progress.stage(f"measures of the {'fitted network' if name == 'fitted' else 'twin'}", price.sentence)
        for m in measure(subject, names):
            found.setdefault(m.name, {})[name] = m
    table: dict[str, list[Any]] = {column: [] for column in COLUMNS}
    for name, both in found.items():
        if all(m.value is None for m in both.values()):
            continue
        what = CATALOGUE[name]
        row: dict[str, Any] = {
            "measure": what.title, "unit": what.unit, "formula": what.formula, "meaning": what.meaning,
            "caveat": what.caveat,
        }  # fmt: skip
        for who in ("fitted", "twin"):
            own = both.get(who)
            ends = (None, None) if own is None or own.interval is None else own.interval
            row |= {who: None if own is None else own.value, f"{who}_lower": ends[0], f"{who}_upper": ends[1]}
        for column in COLUMNS:
            table[column].append(row[column])
    return table
