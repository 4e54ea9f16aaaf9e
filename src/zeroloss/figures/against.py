"""Quantities against width: one point per run, a line through the (geometric) means, on two logarithmic axes; and strips."""

from __future__ import annotations

from typing import Any

from zeroloss.figures.axes import finish, log_channel
from zeroloss.figures.palette import CURVES, INK, dots, numbered
from zeroloss.figures.tables import columns, rows, series
from zeroloss.plumbing import InputError


def against_width(
    table: Any, title: str, *, reference: float | None = None, word: str = "", half: bool = False, height: int = 300
) -> Any:
    """`value` against `width`, one curve per name; both axes logarithmic, values that are not above 0 left out.

    Args:
        table: columns width, value, curve; one row per run.
        title: of the vertical axis.
        reference: a level to draw, with its `word`.
        half: draw a dotted line of slope -1/2 from the first mean of the first curve.

    Raises:
        InputError: nothing to draw, or more than five curves.
    """
    import altair as alt
    import numpy as np

    cols = columns(table, ("width", "value", "curve"), "width")
    data = [r for r in rows(cols) if r["value"] is not None and np.isfinite(r["value"]) and r["value"] > 0]
    names = series([r["curve"] for r in data], [])
    if not data or len(names) > len(CURVES):
        raise InputError(f"{len(data)} values above 0 in {len(names)} curves; draw some, of 1 to {len(CURVES)} curves.")
    means = [
        {"width": w, "curve": name, "value": float(np.exp(np.mean([np.log(r["value"]) for r in part])))}
        for name in names
        for w in sorted({r["width"] for r in data})
        if (part := [r for r in data if r["curve"] == name and r["width"] == w])
    ]
    slope = _half(means, names[0]) if half else []
    every = [r["value"] for r in [*data, *slope]] + ([reference] if reference else [])
    x = log_channel(alt.X, "width", [r["width"] for r in data], "width (log scale)")
    y = log_channel(alt.Y, "value", every, f"{title} (log scale)")
    looks = numbered("curve", names, columns=4)
    lines = alt.Chart(alt.Data(values=means)).mark_line(strokeWidth=2.5).encode(x=x, y=y, **looks)
    layers = [lines]
    tooltip = ["curve:N", alt.Tooltip("width:Q", format=",d"), alt.Tooltip("value:Q", format=".3g")]
    for name, look in zip(names, CURVES, strict=False):
        own = alt.Chart(alt.Data(values=[r for r in data if r["curve"] == name]))
        layers.append(own.mark_point(**dots(look, 34, 0.55)).encode(x=x, y=y, tooltip=tooltip))
    if slope:
        ink = alt.Chart(alt.Data(values=slope)).mark_line(color=INK, strokeDash=[2, 3], strokeWidth=1.5)
        label = alt.Chart(alt.Data(values=slope[-1:])).mark_text(
            align="right", baseline="bottom", dy=-6, fontSize=12, color=INK, text="slope −1/2"
        )
        layers += [ink.encode(x=x, y=y), label.encode(x=x, y=y)]
    if reference:
        level = alt.Chart(alt.Data(values=[{"value": reference, "width": min(r["width"] for r in data)}]))
        layers += [
            level.mark_rule(color=INK, strokeDash=[2, 3], strokeWidth=1.5).encode(y=y),
            level.mark_text(align="left", baseline="bottom", dy=-4, fontSize=12, color=INK, text=word).encode(x=x, y=y),
        ]
    return finish(alt.layer(*layers), height)


def _half(means: list[dict], name: str) -> list[dict]:
    """A line of slope -1/2 through the first mean of a curve."""
    own = [r for r in means if r["curve"] == name]
    first, last = own[0], max(r["width"] for r in means)
    return [
        {"width": first["width"], "value": first["value"]},
        {"width": last, "value": first["value"] * (first["width"] / last) ** 0.5},
    ]


def histograms(table: Any, title: str, *, reference: float, word: str, bins: int = 40) -> Any:
    """One histogram per width, the narrowest on top, of `value` on one logarithmic axis; a dotted line at `reference`.

    Args:
        table: columns width, value (those not above 0 are left out).
        title: of the horizontal axis; word: what the reference is.

    Raises:
        InputError: no value above 0.
    """
    import altair as alt
    import numpy as np

    data = [r for r in rows(columns(table, ("width", "value"), "histogram")) if r["value"] and r["value"] > 0]
    if not data:
        raise InputError("no value is above 0; there is nothing to draw.")
    places = np.log10([*(r["value"] for r in data), reference])
    edges = np.linspace(places.min() - 0.02, places.max() + 0.02, bins + 1)
    widths = sorted({r["width"] for r in data})
    made = []
    for index, width in enumerate(widths):
        counts, _ = np.histogram(np.log10([r["value"] for r in data if r["width"] == width]), edges)
        base = len(widths) - 1 - index
        for a, b, count in zip(edges[:-1], edges[1:], counts, strict=True):
            if count:
                bar = {"low": 10**a, "high": 10**b, "base": base, "top": base + 0.85 * count / counts.max()}
                made.append(bar | {"width": f"{width:,}", "starts": int(count)})
    x = log_channel(alt.X, "low", [10 ** edges[0], 10 ** edges[-1]], f"{title} (log scale)")
    scale = alt.Scale(domain=[0, len(widths)], nice=False)
    y = alt.Y("base:Q", title=None, axis=None, scale=scale)
    bars = alt.Chart(alt.Data(values=made)).mark_rect(color=CURVES[0].colour)
    bars = bars.encode(x=x, x2="high:Q", y=y, y2="top:Q", tooltip=["width:N", "starts:Q"])
    names = [
        {"base": len(widths) - 1 - i + 0.45, "low": 10 ** edges[0], "name": f"width {w:,}"}
        for i, w in enumerate(widths)
    ]
    words = alt.Chart(alt.Data(values=names)).mark_text(align="left", fontSize=12, color=INK, dx=2)
    level = alt.Chart(alt.Data(values=[{"low": reference}]))
    rule = level.mark_rule(color=INK, strokeDash=[2, 3], strokeWidth=1.5).encode(x=x)
    label = level.mark_text(align="right", baseline="top", dx=-6, fontSize=12, color=INK, text=word)
    layers = alt.layer(bars, words.encode(x=x, y=y, text="name:N"), rule, label.encode(x=x, y=alt.value(2)))
    return finish(layers, 52 * len(widths))
