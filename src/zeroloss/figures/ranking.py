"""Rank correlations of measures with the test error, with their intervals."""

from __future__ import annotations

from typing import Any

from zeroloss.figures.palette import BLUE, GREY, INK
from zeroloss.figures.tables import columns, rows

ROW = 20
"""Pixels a measure."""


def rank_correlations(table: Any) -> Any:
    """Kendall's tau of each measure with the test error, a row each, and its interval.

    An interval that reaches 0 is grey: it does not say which way the measure orders the models.

    Args:
        table: columns measure, kendall, lower, upper; optionally models.
    """
    import altair as alt

    data = rows(columns(table, ("measure", "kendall", "lower", "upper"), "rank correlation"))
    clear, unclear = "the interval leaves 0 out", "the interval reaches 0"
    for row in data:
        row["says"] = clear if row["lower"] > 0 or row["upper"] < 0 else unclear
    order = [row["measure"] for row in sorted(data, key=lambda r: -r["kendall"])]
    x = alt.X(
        "lower:Q",
        title="Kendall's τ with the test error (1: larger values go with larger errors)",
        scale=alt.Scale(domain=[-1, 1], nice=False),
        axis=alt.Axis(values=[-1, -0.5, 0, 0.5, 1]),
    )
    y = alt.Y("measure:N", sort=order, title=None, axis=alt.Axis(labelLimit=260, grid=False))
    colour = alt.Color(
        "says:N",
        scale=alt.Scale(domain=[clear, unclear], range=[BLUE, GREY]),
        legend=alt.Legend(title=None, orient="top"),
    )
    shape = alt.Shape("says:N", scale=alt.Scale(domain=[clear, unclear], range=["circle", "square"]), legend=None)
    tips = [
        alt.Tooltip("measure:N"), alt.Tooltip("kendall:Q", format="+.3f"), alt.Tooltip("lower:Q", format="+.3f"),
        alt.Tooltip("upper:Q", format="+.3f"),
    ]  # fmt: skip
    base = alt.Chart(alt.Data(values=data)).encode(y=y, tooltip=tips)
    bars = base.mark_rule(strokeWidth=2.5).encode(x=x, x2="upper:Q", color=colour)
    points = base.mark_point(filled=True, size=70, opacity=1).encode(x="kendall:Q", color=colour, shape=shape)
    zero = alt.Chart(alt.Data(values=[{"zero": 0}])).mark_rule(color=INK, strokeDash=[2, 3]).encode(x="zero:Q")
    return alt.layer(zero, bars, points).properties(width="container", height=ROW * len(order))
