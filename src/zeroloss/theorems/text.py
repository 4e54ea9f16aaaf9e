"""`atlas_text`, `card_text`: an atlas and a card as text for a terminal."""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zeroloss.theorems.card import Card
    from zeroloss.theorems.survey import Atlas, Requirement

WIDE = 96
_COUNTED = {
    "width of every hidden layer": "width",
    "width of one hidden layer": "one width",
    "parameters": "parameters",
}


def number(value: float | None) -> str:
    """A count with two digits: `512`, `64,000`, `3.6e+09`."""
    if value is None:
        return "a polynomial"
    if math.isinf(value):
        return "beyond 1e+308"
    if value < 1e7:
        return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"
    return f"{value:.1e}"


def atlas_text(atlas: Atlas) -> str:
    """The table: theory, formula, what it counts, the number, weights, how short the network is, standing."""
    size = atlas.size
    head = [
        f"{size.name}: n = {size.n:,}, d = {size.d:,}, {size.outputs} output(s), {size.depth} hidden layer(s), "
        f"delta = {size.delta:g}, epsilon = {size.accuracy:g}; {size.equations:,} equations",
        "Orders only: constants and logarithms not shown are set to one.",
        *_given(size),
    ]
    if atlas.network_parameters is not None:
        head.append(f"Your network: width {atlas.network_width:,}, {atlas.network_parameters:,} parameters.")
    if atlas.threshold is not None:
        head.append(str(atlas.threshold))
    rows = [("theory", "formula", "counts", "needed", "weights", *_if(atlas, "x yours"), "standing")]
    rows += [_row(r, atlas) for r in atlas.requirements]
    # A formula that is long for its column is in the JSON and under `standing`.
    rows = [(*row[:1], row[1] if len(row[1]) <= 32 else f"{row[1][:29]}...", *row[2:]) for row in rows]
    columns = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    body = ["  ".join(_cell(cell, columns[k], k) for k, cell in enumerate(row)).rstrip() for row in rows]
    notes = [
        "",
        ">= a lower bound: something is not given, or a degree is not known.  * only about one hidden layer, or one output.",
    ]
    return "\n".join([*head, "", *body, *notes])


def _given(size: Any) -> list[str]:
    given = []
    if size.lambda0 is not None:
        how = f" ({size.lambda0_from})" if size.lambda0_from else ""
        given.append(f"lambda0 = {size.lambda0:.3g}{how}.")
    missing = [name for name in ("lambda0", "margin", "separation") if getattr(size, name) is None]
    if missing:
        given.append(f"Not given, and set to 1: {', '.join(missing)}.")
    return given


def _if(atlas: Atlas, *words: str) -> tuple[str, ...]:
    return words if atlas.network_parameters is not None else ()


def _row(r: Requirement, atlas: Atlas) -> tuple[str, ...]:
    mark = ">= " if r.at_least and r.needed is not None else ""
    label = r.label if r.speaks else f"{r.label} *"
    short = () if atlas.network_parameters is None else ("" if r.short is None else _times(r.short),)
    return (
        label,
        r.formula,
        _COUNTED[r.counts],
        mark + number(r.needed),
        mark + number(r.parameters),
        *short,
        r.standing,
    )


def _times(short: float) -> str:
    return "enough" if short <= 1 else number(short)


def _cell(cell: str, width: int, column: int) -> str:
    return cell.rjust(width) if column in (3, 4) else cell.ljust(width)


def card_text(card: Card) -> str:
    """A card: title, statement, hypotheses, conclusions, standing, citation."""
    parts = [card.title, "=" * len(card.title), "", *_wrapped(card.words), "", "In formulas", f"  {card.statement}", ""]
    parts.append("Hypotheses")
    for hypothesis in card.hypotheses:
        parts += _wrapped(f"{hypothesis.name}: {hypothesis.needed}", "  - ")
    parts += ["", "Then"]
    for conclusion in card.conclusions:
        parts += _wrapped(conclusion, "  - ")
    if card.options:
        parts += ["", "You may assume"]
        for name, meaning in card.options.items():
            parts += _wrapped(f"{name}: {meaning}", "  - ")
    parts += ["", *_wrapped(f"Standing: {card.standing}. {card.standing_of}")]
    parts += _wrapped(f"Proof: {card.proof}." if card.proof else "Proof: not at hand, so it is never PROVED.")
    parts += _wrapped(f"Source: {card.citation}")
    return "\n".join(parts)


def _wrapped(text: str, first: str = "") -> list[str]:
    return textwrap.wrap(text, WIDE, initial_indent=first, subsequent_indent=" " * len(first))
