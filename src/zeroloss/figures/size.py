"""How many parameters are enough: phase diagrams, the boundary's place, what is left below it, natural against random labels."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

from zeroloss.figures.axes import finish, log_channel, share_axis
from zeroloss.figures.palette import BLUE, GREEN, GREY, INK, PURPLE, VERMILLION, Look, dots, each, encode
from zeroloss.figures.tables import columns, rows, series

DEPTH_LOOKS = (
    Look(BLUE, (1, 0), "circle"),
    Look(VERMILLION, (6, 3), "triangle-up"),
    Look(GREEN, (8, 2), "square"),
    Look(PURPLE, (2, 3), "diamond"),
)
KIND_LOOKS = {
    "natural": Look(BLUE, (1, 0), "circle"),
    "random-labels": Look(VERMILLION, (6, 3), "triangle-up"),
    "random-inputs": Look(GREY, (2, 3), "square"),
}
SIDE = 250
"""Width and height of one phase diagram, pixels."""
SHADES = ("#F3F4F6", "#C6DBEF", "#6BAED6", "#2171B5", "#08306B")
"""From no run to every run: one hue, darker for more, so that it reads in grey too."""


def phase_diagram(cells: Any, boundary: Any, *, share: str = "runs that reach zero") -> Any:
    """The share of runs that reach zero over (n, parameters per equation), one diagram per depth; the boundary as a line with its
    interval; where parameters equal equations as a dashed line.

    Args:
        cells: columns depth, size, ratio, share.
        boundary: columns depth, size, place, low, high (None where there is no boundary).
        share: what is shared, for the legend.

    Raises:
        InputError: a table without these columns, or cells without rows.
    """
    import altair as alt

    found = rows(columns(cells, ("depth", "size", "ratio", "share"), "phase diagram"))
    sizes, ratios = sorted({r["size"] for r in found}), sorted({r["ratio"] for r in found})
    boxes = [box for depth in sorted({r["depth"] for r in found}) for box in _boxes(found, depth)]
    frame = {"x": [min(b["x"] for b in boxes), max(b["x2"] for b in boxes)]}
    frame["y"] = [min(b["y"] for b in boxes), max(b["y2"] for b in boxes)]
    line = [
        r | {"kind": "boundary", "title": _layers(r["depth"])}
        for r in rows(columns(boundary, ("depth", "size", "place", "low", "high"), "phase diagram"))
        if r["place"] is not None
    ]
    even = [
        {"kind": "even", "title": title, "size": end, "place": 1.0}
        for title in sorted({b["title"] for b in boxes})
        for end in frame["x"]
    ]
    x_axis = alt.Axis(values=sizes, format=",d", labelOverlap="greedy", grid=False)
    y_values = [v for v in (0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 4.0, 8.0, 16.0, 32.0, 64.0) if ratios[0] <= v <= ratios[-1]]
    y_axis = alt.Axis(values=y_values, format="~g", grid=False)
    x = alt.X("x:Q", title="equations n", scale=alt.Scale(type="log", domain=frame["x"], nice=False), axis=x_axis)
    y = alt.Y(
        "y:Q", title="parameters per equation", scale=alt.Scale(type="log", domain=frame["y"], nice=False), axis=y_axis
    )
    colour = alt.Color(
        "share:Q",
        title=share,
        scale=alt.Scale(domain=[0, 1], range=list(SHADES), interpolate="rgb"),
        legend=alt.Legend(format=".0%", orient="top", gradientLength=220, values=[0, 0.5, 1], titleLimit=300),
    )
    base = alt.Chart()
    heat = (
        base.transform_filter("datum.kind == 'cell'")
        .mark_rect(stroke="#FFFFFF", strokeWidth=0.5)
        .encode(
            x=x,
            x2="x2:Q",
            y=y,
            y2="y2:Q",
            color=colour,
            tooltip=["size:Q", "ratio:Q", alt.Tooltip("share:Q", format=".0%")],
        )
    )
    equal = base.transform_filter("datum.kind == 'even'").mark_line(color=INK, strokeDash=[3, 3], strokeWidth=1.5)
    edge = base.transform_filter("datum.kind == 'boundary'")
    layers = [
        heat,
        equal.encode(x="size:Q", y="place:Q"),
        edge.mark_line(color=VERMILLION, strokeWidth=2.5).encode(x="size:Q", y="place:Q"),
        edge.mark_rule(color=VERMILLION, strokeWidth=1.5).encode(x="size:Q", y="low:Q", y2="high:Q"),
        edge.mark_point(color=VERMILLION, filled=True, size=45, opacity=1).encode(
            x="size:Q", y="place:Q", tooltip=["size:Q", alt.Tooltip("place:Q", format=".3g")]
        ),
    ]
    data = alt.Data(values=[*boxes, *even, *line])
    one = alt.layer(*layers, data=data).properties(width=SIDE, height=SIDE)
    heads = alt.Header(title=None, labelFontSize=12, labelColor=INK)
    chart = one.facet(facet=alt.Facet("title:N", header=heads), columns=2, spacing=24)
    return chart.properties(usermeta={"cell": SIDE + 80})


def _layers(depth: int) -> str:
    return f"{depth} hidden layer{'s' if depth > 1 else ''}"


def _boxes(found: Sequence[Mapping[str, Any]], depth: int) -> list[dict[str, Any]]:
    """Rectangles about the cells of a depth, that meet halfway (on logarithmic axes)."""
    own = [r for r in found if r["depth"] == depth]
    x, y = _edges({r["size"] for r in own}), _edges({r["ratio"] for r in own})
    return [
        {**r, "kind": "cell", "title": _layers(depth)}
        | dict(zip(("x", "x2"), x[r["size"]], strict=True))
        | dict(zip(("y", "y2"), y[r["ratio"]], strict=True))
        for r in own
    ]


def _edges(values: set) -> dict[float, tuple[float, float]]:
    """For each value the geometric means with its neighbours; the outer ones as far out as in."""
    v = sorted(values)
    middle = [math.sqrt(a * b) for a, b in itertools.pairwise(v)]
    ends = [v[0] ** 2 / middle[0], *middle, v[-1] ** 2 / middle[-1]] if middle else [v[0] / 1.2, v[0] * 1.2]
    return {value: (ends[k], ends[k + 1]) for k, value in enumerate(v)}


def boundary_places(table: Any) -> Any:
    """Parameters per equation at the boundary against n, with intervals: filled and solid by Levenberg-Marquardt, hollow and
    dashed by gradient descent; one colour and shape per depth.

    Args:
        table: columns method, depth, size, place, low, high (None where there is no boundary).

    Raises:
        InputError: a table without these columns or rows.
    """
    import altair as alt

    cols = columns(table, ("method", "depth", "size", "place", "low", "high"), "boundary")
    methods = series(cols["method"], [])
    names = {depth: _layers(depth) for depth in sorted(set(cols["depth"]))}
    data = []
    for r in rows(cols):
        if r["place"] is not None:
            side = list(names).index(r["depth"]) + len(names) * methods.index(r["method"])
            beside = r["size"] * 1.012 ** (side - (len(names) * len(methods) - 1) / 2)
            data.append(r | {"beside": float(f"{beside:.6g}"), "layers": names[r["depth"]]})
    sizes = sorted(set(cols["size"]))
    every = [r[k] for r in data for k in ("low", "high", "place")] + [1.0]
    x = log_channel(alt.X, "beside", [sizes[0] * 0.95, sizes[-1] * 1.05], "equations n (log scale)")
    x["axis"] = alt.Axis(values=sizes, format=",d")
    y = log_channel(alt.Y, "place", every, "parameters per equation (log scale)")
    shown = [v for v in (0.5, 0.7, 1, 1.2, 1.5, 2, 3, 4, 6, 8, 16, 32) if min(every) * 0.95 <= v <= max(every) * 1.05]
    y["axis"] = alt.Axis(values=shown, format="~g")
    chosen = [DEPTH_LOOKS[k % 4] for k in range(len(names))]
    looks = encode("layers", list(names.values()), chosen, {"symbolSize": 90}, of=("color", "shape"))
    colour = looks["color"]
    styles = alt.Scale(domain=methods, range=[[1, 0], [5, 4]][: len(methods)])
    dash = alt.StrokeDash(
        "method:N",
        scale=styles,
        legend=alt.Legend(title=None, orient="bottom", symbolType="stroke", symbolSize=500, labelLimit=260),
    )
    base = alt.Chart(alt.Data(values=data)).encode(x=x)
    tips = ["method:N", "layers:N", "size:Q", *(alt.Tooltip(f"{k}:Q", format=".3g") for k in ("place", "low", "high"))]
    lines = base.mark_line(strokeWidth=2).encode(y=y, color=colour, strokeDash=dash)
    bars = base.mark_rule(strokeWidth=1.5).encode(y=alt.Y("low:Q"), y2="high:Q", color=colour)
    points = base.mark_point(size=60, filled=True, opacity=1).encode(y=y, **looks, tooltip=tips)
    one = alt.Chart(alt.Data(values=[{"place": 1.0}])).mark_rule(color=INK, strokeDash=[3, 3]).encode(y=y)
    return finish(alt.layer(one, lines, bars, points))


def residual_below(table: Any) -> Any:
    """What is left of the sum of squares against parameters per equation, one line per depth; logarithmic upwards.

    Args:
        table: columns depth, ratio, left, low, high (quartiles); what is below 1e-24 is drawn there.

    Raises:
        InputError: a table without these columns or rows.
    """
    import altair as alt

    floor = 1e-24
    cols = columns(table, ("depth", "ratio", "left", "low", "high"), "residual")
    data = [
        r | {k: max(r[k], floor) for k in ("left", "low", "high")} | {"layers": _layers(r["depth"])} for r in rows(cols)
    ]
    names = series([r["layers"] for r in data], [])
    chosen = DEPTH_LOOKS[: len(names)]
    looks = encode("layers", names, chosen, {"symbolSize": 500, "symbolStrokeWidth": 2.5})
    x = log_channel(alt.X, "ratio", cols["ratio"], "parameters per equation (log scale)")
    x["axis"] = alt.Axis(values=[v for v in (0.5, 0.7, 1, 1.5, 2, 3) if v <= max(cols["ratio"])], format="~g")
    y = log_channel(
        alt.Y, "left", [r[k] for r in data for k in ("left", "low", "high")], "part of the squares left (log)"
    )
    base = alt.Chart(alt.Data(values=data)).encode(x=x)
    lines = base.mark_line(strokeWidth=2.5).encode(y=y, **looks)
    bars = base.mark_rule(strokeWidth=1, opacity=0.7).encode(y=alt.Y("low:Q"), y2="high:Q", color=looks["color"])
    tips = ["layers:N", "ratio:Q", alt.Tooltip("left:Q", format=".2g")]
    points = each(base, "layers", names, lambda b, k: b.mark_point(**dots(k, 40)).encode(y=y, tooltip=tips), chosen)
    rule = alt.Chart(alt.Data(values=[{"ratio": 1.0}])).mark_rule(color=INK, strokeDash=[3, 3]).encode(x=x)
    return finish(alt.layer(rule, lines, bars, *points))


def natural_and_random(table: Any) -> Any:
    """Test accuracy of fits without a training error: one row per data set, a point with its interval for each kind of labels,
    a tick at chance.

    Args:
        table: columns data, kind (keys of `KIND_LOOKS`), accuracy, low, high, chance.

    Raises:
        InputError: a table without these columns or rows.
    """
    import altair as alt

    cols = columns(table, ("data", "kind", "accuracy", "low", "high", "chance"), "labels")
    kinds = series(cols["kind"], list(KIND_LOOKS))
    names = series(cols["data"], [])
    chosen = [KIND_LOOKS[k] for k in kinds]
    words = [k.replace("-", " ") for k in kinds]
    data = [r | {"kind": r["kind"].replace("-", " ")} for r in rows(cols)]
    looks = encode("kind", words, chosen, {"symbolSize": 110}, of=("color", "shape"))
    x = alt.X("accuracy:Q", title="right on other rows (bar: 95 % interval; tick: chance)", axis=share_axis())
    x["scale"] = alt.Scale(domain=[0, 1], nice=False)
    y = alt.Y("data:N", title=None, sort=names, scale=alt.Scale(paddingInner=0.2))
    beside = alt.YOffset("kind:N", sort=words, scale=alt.Scale(paddingOuter=0.3))
    base = alt.Chart(alt.Data(values=data)).encode(y=y, yOffset=beside)
    ticks = base.mark_tick(color=INK, thickness=2, size=14).encode(x=alt.X("chance:Q"))
    bars = base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q"), x2="high:Q", color=looks["color"])
    tips = ["data:N", "kind:N", alt.Tooltip("accuracy:Q", format=".1%"), alt.Tooltip("chance:Q", format=".1%")]
    points = base.mark_point(size=70, filled=True, opacity=1).encode(x=x, **looks, tooltip=tips)
    return finish(alt.layer(ticks, bars, points), height=60 + 56 * len(names))


def proved_and_measured(table: Any) -> Any:
    """Losses against steps on logarithmic axes, one line per variant: the read-out alone, what is proved of it, all layers.

    Args:
        table: columns step (1 or more), loss, variant.

    Raises:
        InputError: a table without these columns or rows.
    """
    import altair as alt

    cols = columns(table, ("step", "loss", "variant"), "descent")
    known = {
        "read-out alone: proved bound": Look(PURPLE, (6, 3), "diamond"),
        "read-out alone: measured": Look(BLUE, (1, 0), "circle"),
        "all layers: measured only": Look(VERMILLION, (2, 3), "triangle-up"),
    }
    names = series(cols["variant"], list(known))
    chosen = [known.get(name, Look(GREY, (1, 2), "square")) for name in names]
    base = alt.Chart(alt.Data(values=rows(cols))).encode(
        x=log_channel(alt.X, "step", cols["step"], "steps (log scale)"),
        y=log_channel(alt.Y, "loss", cols["loss"], "training loss (log scale)"),
    )
    legend = {"symbolSize": 500, "symbolStrokeWidth": 2.5, "labelLimit": 260}
    lines = base.mark_line(strokeWidth=2.5).encode(**encode("variant", names, chosen, legend))
    tips = ["variant:N", "step:Q", alt.Tooltip("loss:Q", format=".2g")]
    points = each(base, "variant", names, lambda b, k: b.mark_point(**dots(k, 45)).encode(tooltip=tips), chosen)
    return finish(alt.layer(lines, *points))
