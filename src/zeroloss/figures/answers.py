"""Pictures with the answers of two networks under them."""

from __future__ import annotations

from typing import Any

from zeroloss.figures.palette import BLUE, INK, VERMILLION
from zeroloss.figures.tables import columns, rows
from zeroloss.plumbing import InputError

CELL = 116
"""Pixels from one picture to the next."""
_SIDE, _LINE = 94, 17


def digit_answers(table: Any, *, across: int = 6) -> Any:
    """Test pictures, each with its label and the answers of the fitted network and of its twin (right or wrong).

    Args:
        table: columns image, row, column, value (grey level), label, fitted, twin; one row a pixel. The column `twin`
            may hold None throughout: no twin.
        across: pictures in a row.

    The chart has `usermeta["cell"]`, the width of a picture in pixels: a page may choose `columns` to fit the screen.
    """
    import altair as alt

    cols = columns(table, ("image", "row", "column", "value", "label", "fitted", "twin"), "digits")
    pixels = rows(cols)
    heads = {r["image"]: r for r in pixels}
    if any(value is None for value in cols["value"]):
        raise InputError("a grey level of the digits table is not finite; give every pixel a number.")
    low, high = min(cols["value"]), max(cols["value"])
    height, breadth = max(cols["row"]) + 1, max(cols["column"]) + 1
    grey = [{k: r[k] for k in ("image", "row", "column", "value")} for r in pixels if r["value"] > low]
    words = [{"image": k, "row": -1, "column": -1, "value": None} | _answers(r) for k, r in heads.items()]
    base = alt.Chart().properties(width=_SIDE, height=round(_SIDE * height / breadth))
    picture = (
        base.transform_filter("datum.row >= 0")
        .transform_calculate(right="datum.column + 1", below="datum.row + 1")
        .mark_rect(stroke=None)
        .encode(
            x=alt.X("column:Q", scale=alt.Scale(domain=[0, breadth], nice=False), axis=None),
            x2="right:Q",
            y=alt.Y("row:Q", scale=alt.Scale(domain=[0, height], nice=False, reverse=True), axis=None),
            y2="below:Q",
            color=alt.Color("value:Q", scale=alt.Scale(domain=[low, high], interpolate="rgb"), legend=None),
        )
    )
    bottom = round(_SIDE * height / breadth)
    lines = [("is", INK), ("fitted_says", BLUE)]
    if any(r["twin"] is not None for r in heads.values()):
        lines.append(("twin_says", VERMILLION))
    texts = [
        base.transform_filter("datum.row < 0")
        .mark_text(align="left", baseline="top", fontSize=12, color=colour)
        .encode(x=alt.value(0), y=alt.value(bottom + 6 + _LINE * k), text=f"{field}:N")
        for k, (field, colour) in enumerate(lines)
    ]
    chart = alt.layer(picture, *texts, data=alt.Data(values=grey + words)).facet(
        facet=alt.Facet("image:O", header=alt.Header(title=None, labelExpr="''", labelFontSize=1, labelPadding=0)),
        columns=across,
        spacing=CELL - _SIDE,
    )
    return chart.properties(usermeta={"cell": CELL}).resolve_scale(color="shared")


def _answers(row: dict[str, Any]) -> dict[str, str]:
    def answer(who: str) -> str:
        if row[who] is None:
            return ""
        return f"{who}: {row[who]} {'✓' if row[who] == row['label'] else '✗'}"

    return {"is": f"label: {row['label']}", "fitted_says": answer("fitted"), "twin_says": answer("twin")}
