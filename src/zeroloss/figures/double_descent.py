"""Double descent: test and training error against width across the interpolation threshold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zeroloss.figures.axes import finish, log_channel
from zeroloss.figures.palette import BLUE, GREEN, INK, PURPLE, VERMILLION, Look, encode
from zeroloss.figures.tables import columns, rows, series

_LOOKS = (
    Look(BLUE, (1, 0), "circle"),
    Look(GREEN, (8, 2), "square"),
    Look(VERMILLION, (6, 3), "triangle-up"),
    Look(PURPLE, (2, 3), "diamond"),
)
TEST = "test error"
_DASHES = {TEST: [1, 0], "training error": [5, 4]}
_TICKS = (0.05, 0.1, 0.2, 0.5, 1, 2, 4, 8, 16, 32)


def against_width(
    table: Any,
    *,
    x_title: str,
    y_title: str,
    threshold: str,
    share: bool = True,
    order: Sequence[str] = (),
) -> Any:
    """A quantity against width over that of the threshold, a logarithmic axis with a rule at 1; one colour per series.

    Args:
        table: columns load (1 is the threshold), series, part ("test error", solid with points and intervals, or "training
            error", dashed), value, low, high.
        threshold: the words at the rule.
        share: whether the value is a share, drawn in per cent from 0; else it is drawn on a logarithmic axis.
    """
    import altair as alt

    cols = columns(table, ("load", "series", "part", "value", "low", "high"), "double descent")
    names = series(cols["series"], order)
    legend = {"symbolSize": 150, "symbolStrokeWidth": 2.5}
    looks = encode("series", names, _LOOKS[: len(names)], legend, of=("color", "shape"))
    x = _loads(cols["load"], x_title)
    values = [v for name in ("value", "low", "high") for v in cols[name]]

    def y(field: str) -> Any:
        if not share:
            return log_channel(alt.Y, field, values, y_title)
        top = 1.05 * max((v for v in values if v is not None), default=1.0)
        axis = alt.Axis(format=".0%", tickCount=5)
        return alt.Y(f"{field}:Q", title=y_title, scale=alt.Scale(domain=[0, top], nice=False), axis=axis)

    parts = [name for name in _DASHES if name in cols["part"]]
    dash = alt.StrokeDash(
        "part:N",
        scale=alt.Scale(domain=parts, range=[_DASHES[name] for name in parts]),
        legend=alt.Legend(title=None, orient="top", symbolSize=600, symbolStrokeWidth=2.5) if len(parts) > 1 else None,
    )
    base = alt.Chart(alt.Data(values=rows(cols))).encode(x=x, color=looks["color"])
    test = base.transform_filter(alt.FieldEqualPredicate(field="part", equal=TEST))
    rule = alt.Chart(alt.Data(values=[{"load": 1.0, "label": threshold}])).encode(x=x)
    return finish(
        alt.layer(
            rule.mark_rule(color=INK, strokeDash=[2, 3], strokeWidth=1.5),
            rule.mark_text(align="left", dx=5, baseline="top", fontSize=12, color=INK).encode(
                y=alt.value(4), text="label:N"
            ),
            base.mark_line(strokeWidth=2).encode(y=y("value"), strokeDash=dash),
            test.mark_rule(strokeWidth=1.5).encode(y=y("low"), y2="high:Q"),
            test.mark_point(filled=True, size=45, opacity=1).encode(y=y("value"), shape=looks["shape"]),
        )
    )


def _loads(values: Sequence[float], title: str) -> Any:
    """A logarithmic axis of width over threshold, with few round ticks."""
    import altair as alt

    scale = alt.Scale(type="log", domain=[min(values) / 1.1, max(values) * 1.1], nice=False)
    axis = alt.Axis(values=list(_TICKS), format="~g")
    return alt.X("load:Q", scale=scale, axis=axis, title=title)
