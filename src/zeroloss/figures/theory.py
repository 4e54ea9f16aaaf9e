"""What theory requires, against what there is."""

from __future__ import annotations

from typing import Any

from zeroloss.figures.axes import log_channel
from zeroloss.figures.palette import INK, channels, looks
from zeroloss.figures.tables import columns, rows
from zeroloss.plumbing import InputError

_ROW = 54
HAVE, NEED = "you have", "theory needs"


def theory_bars(table: Any) -> Any:
    """For each quantity a bar on a logarithmic axis from what there is to what theory needs.

    Quantities where either number is missing or not positive have no place on the axis and are left out.

    Args:
        table: columns quantity, value, needed, unit; further columns are not drawn.

    Raises:
        InputError: no quantity can be drawn, or the table is not as described.
    """
    import altair as alt

    cols = columns(table, ("quantity", "value", "needed", "unit"), "theory")
    data = [_named(r) for r in rows(cols) if drawable(r["value"], r["needed"])]
    if not data:
        raise InputError("no quantity of the theory table has two positive numbers; there is nothing to draw.")
    order = [r["name"] for r in data]
    ends = [r | {"what": what, "number": r[key]} for r in data for what, key in ((HAVE, "value"), (NEED, "needed"))]
    scale = alt.Scale(domain=order, paddingInner=0.2)
    y = alt.Y("name:N", scale=scale, axis=None)
    x = log_channel(alt.X, "number", [r["number"] for r in ends], "number, in the unit named (log scale)", ticks=5)
    points = (
        alt.Chart(alt.Data(values=ends))
        .mark_point(size=130, filled=True, opacity=1, yOffset=_ROW * 0.24)
        .encode(
            x=x,
            y=y,
            **channels("what", [HAVE, NEED], dash=False, shape=True),
            tooltip=["name:N", "what:N", alt.Tooltip("number:Q", format=".3g")],
        )
    )
    base = alt.Chart(alt.Data(values=data)).encode(y=y)
    bars = base.mark_rule(strokeWidth=7, opacity=0.28, color=looks([NEED])[0].colour, yOffset=_ROW * 0.24).encode(
        x=alt.X("value:Q"), x2="needed:Q"
    )
    words = base.mark_text(align="left", baseline="middle", fontSize=12.5, color=INK, yOffset=-_ROW * 0.12).encode(
        x=alt.value(2), text="name:N"
    )
    return alt.layer(bars, points, words).properties(width="container", height=_ROW * len(data))


def drawable(value: float | None, needed: float | None) -> bool:
    """Both numbers have a place on a logarithmic axis."""
    return value is not None and needed is not None and value > 0 and needed > 0


def _named(row: dict[str, Any]) -> dict[str, Any]:
    unit = f" ({row['unit']})" if row.get("unit") else ""
    return {"name": f"{row['quantity']}{unit}", "value": row["value"], "needed": row["needed"]}
