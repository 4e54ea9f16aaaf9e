"""Global minima that fail, measured: accuracy beside its bounds, what regression gains, residuals, cross-entropy."""

from __future__ import annotations

from typing import Any

from zeroloss.figures.axes import finish, log_channel
from zeroloss.figures.palette import BLUE, CURVES, INK, PURPLE, Look, encode, numbered
from zeroloss.figures.tables import columns, rows, series
from zeroloss.plumbing import InputError

FLOOR = 1e-17
"""Where a residual of exactly 0 is drawn on a logarithmic axis."""


def measured_accuracy(table: Any, curves: Any) -> Any:
    """Measured accuracy against the threshold `b`, an interval at each point, beside the box bound and the exact coverage.

    Args:
        table: columns b, nodes (an axis), accuracy, low, high (its interval). Accuracies of 0, for which a logarithmic
            axis has no place, are left out.
        curves: columns b, nodes, bound, coverage, for the same nodes. Bounds of 1 and more say nothing and are left out.

    Raises:
        InputError: tables without these columns, or without an accuracy above 0.
    """
    import altair as alt

    data = rows(columns(table, ("b", "nodes", "accuracy", "low", "high"), "accuracy"))
    theory = rows(columns(curves, ("b", "nodes", "bound", "coverage"), "accuracy"))
    counts = sorted({r["nodes"] for r in data})
    name = {n: f"{n:,} nodes an axis" for n in counts}
    wide = max(r["b"] for r in data) - min(r["b"] for r in data) or 1.0
    points = _beside(data, counts, name, 0.012 * wide)
    if not points:
        raise InputError("the accuracy table has no accuracy above 0; there is nothing to draw.")
    bounds = [{"b": r["b"], "share": r["bound"], "curve": name[r["nodes"]]} for r in theory if 0 < r["bound"] < 1]
    covered = [{"b": b, "share": share} for b, share in sorted({r["b"]: r["coverage"] for r in theory}.items())]
    every = [*(r["share"] for r in bounds + covered), *(r["low"] for r in points), *(r["high"] for r in points)]
    y = log_channel(alt.Y, "share", every, "accuracy, labels −1 and 1 (log scale)")
    frame = [min(r["b"] for r in data) - 0.05 * wide, max(r["b"] for r in data) + 0.05 * wide]
    looks = numbered("curve", [name[n] for n in counts], points=True)

    def at(field: str) -> Any:
        scale = alt.Scale(domain=frame, nice=False)
        return alt.X(f"{field}:Q", title="threshold b", scale=scale, axis=alt.Axis(tickCount=6))

    lines = alt.Chart(alt.Data(values=bounds)).mark_line(strokeDash=[6, 3], strokeWidth=2)
    lines = lines.encode(x=at("b"), y=y, color=looks["color"])
    truth = alt.Chart(alt.Data(values=covered)).mark_line(color=INK, strokeWidth=1.5).encode(x=at("b"), y=y)
    base = alt.Chart(alt.Data(values=points)).encode(x=at("x"))
    bars = base.mark_rule(strokeWidth=1.5).encode(y=alt.Y("low:Q"), y2="high:Q", color=looks["color"])
    dots = base.mark_point(size=55, filled=True, opacity=1).encode(
        y=alt.Y("accuracy:Q"), tooltip=["curve:N", "b:Q", alt.Tooltip("accuracy:Q", format=".3g")], **looks
    )
    # Both curves fall: words above to the right, and below to the left, touch neither.
    words = [_word(covered, "share covered (line)", "right", "top", -8, y, at("b"))]
    if bounds:
        top = [r for r in bounds if r["curve"] == bounds[0]["curve"]]
        words.append(_word(top, "bound (dashed)", "left", "bottom", 8, y, at("b")))
    return finish(alt.layer(lines, truth, bars, dots, *words))


def _beside(data: list[dict], counts: list[int], name: dict[int, str], step: float) -> list[dict]:
    """The accuracies above 0, those of several N side by side (column x), bars of at most a decade downwards."""
    shift = {n: step * (k - (len(counts) - 1) / 2) for k, n in enumerate(counts)}
    return [
        r | {"x": r["b"] + shift[r["nodes"]], "curve": name[r["nodes"]], "low": max(r["low"], r["accuracy"] / 10)}
        for r in data
        if r["accuracy"] and r["accuracy"] > 0
    ]


def _word(curve: list[dict], text: str, align: Any, baseline: Any, away: int, y: Any, x: Any) -> Any:
    """A label at the middle of a curve."""
    import altair as alt

    middle = curve[len(curve) // 2]
    mark = alt.Chart(alt.Data(values=[middle])).mark_text(
        align=align, baseline=baseline, dx=away, dy=-away, fontSize=12, color=INK, text=text
    )
    return mark.encode(x=x, y=y)


def gain_over_zero(table: Any) -> Any:
    """What a network gains over predicting 0, `|1 - relative error|`, against `d - b`; both axes logarithmic.

    Args:
        table: columns gap (`d - b`), gain, curve.

    Raises:
        InputError: a table without these columns, or without a gain above 0.
    """
    return _curves(table, "gap", "gain", "d − b (log scale)", "|1 − error / error of 0| (log scale)", "gain")


def residuals(table: Any) -> Any:
    """Largest training residual against the hidden layers added, logarithmic; an exact 0 is drawn at `FLOOR`.

    Args:
        table: columns layers, residual, curve.

    Raises:
        InputError: a table without these columns or rows.
    """
    import altair as alt

    cols = columns(table, ("layers", "residual", "curve"), "residual")
    data = [r | {"drawn": r["residual"] or FLOOR, "exact": r["residual"] == 0} for r in rows(cols)]
    places = sorted(set(cols["layers"]))
    frame = alt.Scale(domain=[places[0] - 0.3, places[-1] + 0.3], nice=False)
    x = alt.X("layers:Q", title="hidden layers added", axis=alt.Axis(values=places), scale=frame)
    y = log_channel(alt.Y, "drawn", [r["drawn"] for r in data], "largest residual (log scale)")
    base = alt.Chart(alt.Data(values=data)).encode(x=x, y=y)
    names = series(cols["curve"], [])
    activations = series([n.split(", ")[0] for n in names], [])
    single = {True: CURVES[1].dash, False: CURVES[0].dash}
    chosen = [
        Look(CURVES[activations.index(n.split(", ")[0]) % len(CURVES)].colour, single[n.endswith("float32")], "circle")
        for n in names
    ]
    legend = {"symbolType": "stroke", "symbolSize": 600, "symbolStrokeWidth": 2.5, "columns": 3}
    line = base.mark_line(strokeWidth=2.5, point=alt.OverlayMarkDef(size=45, filled=True)).encode(
        **encode("curve", names, chosen, legend),
        tooltip=["curve:N", "layers:Q", alt.Tooltip("residual:Q", format=".2g")],
    )
    zeros = base.transform_filter("datum.exact").mark_text(dy=-12, fontSize=12, color=INK, text="0")
    return finish(alt.layer(line, zeros))


def cross_entropy_of_scale(table: Any) -> Any:
    """Cross-entropy of `c` times the labels, measured (points) and `log(1 + e^-c)` (line), against `c`; logarithmic.

    Args:
        table: columns scale, measured, predicted.

    Raises:
        InputError: a table without these columns or rows.
    """
    import altair as alt

    cols = columns(table, ("scale", "measured", "predicted"), "cross-entropy")
    every = [*cols["measured"], *cols["predicted"]]
    data = rows(cols)
    x = log_channel(alt.X, "scale", cols["scale"], "scale c (log scale)")
    base = alt.Chart(alt.Data(values=data)).encode(x=x)

    def y(field: str) -> Any:
        return log_channel(alt.Y, field, every, "cross-entropy (log scale)")

    line = base.mark_line(color=PURPLE, strokeDash=[6, 3], strokeWidth=2).encode(y=y("predicted"))
    dots = base.mark_point(color=BLUE, filled=True, size=60, opacity=1).encode(
        y=y("measured"), tooltip=["scale:Q", alt.Tooltip("measured:Q", format=".3g")]
    )
    last = max(data, key=lambda r: r["scale"])
    label = alt.Chart(alt.Data(values=[last])).mark_text(
        align="right", dx=-12, fontSize=12, color=INK, text="log(1 + exp(−c))"
    )
    return finish(alt.layer(line, dots, label.encode(x=x, y=y("predicted"))))


def _curves(table: Any, x: str, y: str, x_title: str, y_title: str, figure: str) -> Any:
    """Lines with points, a name each, on two logarithmic axes; values of 0 are left out."""
    import altair as alt

    cols = columns(table, (x, y, "curve"), figure)
    data = [r for r in rows(cols) if r[x] and r[y] and r[x] > 0 and r[y] > 0]
    if not data:
        raise InputError(f"the {figure} table has no {y} above 0; there is nothing to draw.")
    names = series([r["curve"] for r in data], [])
    chart = alt.Chart(alt.Data(values=data)).mark_line(strokeWidth=2.5, point=alt.OverlayMarkDef(size=45, filled=True))
    return finish(
        chart.encode(
            x=log_channel(alt.X, x, [r[x] for r in data], x_title),
            y=log_channel(alt.Y, y, [r[y] for r in data], y_title),
            tooltip=["curve:N", alt.Tooltip(f"{x}:Q", format=".3g"), alt.Tooltip(f"{y}:Q", format=".3g")],
            **numbered("curve", names),
        )
    )
