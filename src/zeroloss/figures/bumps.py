"""Global minima that fail, as pictures: the network, its bumps on a line and in the plane, and how right it can be."""

from __future__ import annotations

from typing import Any

from zeroloss.figures.axes import finish, log_channel
from zeroloss.figures.palette import BLUE, INK, VERMILLION, numbered
from zeroloss.figures.tables import columns, plain, rows, series
from zeroloss.plumbing import InputError

EDGES = ("from_layer", "from_unit", "to_layer", "to_unit", "weight")


def network_diagram(table: Any, layers: Any = None) -> Any:
    """A fully connected network: a circle for each unit, a line for each weight, its colour the sign, its strength the size.

    Sizes are relative to the largest weight of the layer.

    Args:
        table: columns from_layer (0: the inputs), from_unit, to_layer, to_unit, weight; one row per weight.
        layers: a name for each layer from the inputs to the outputs, written below it.

    Raises:
        InputError: a table without these columns or rows, or names that are not as many as the layers.
    """
    import altair as alt

    data = rows(columns(table, EDGES, "network"))
    ends = {(r[f"{side}_layer"], r[f"{side}_unit"]) for r in data for side in ("from", "to")}
    depth = max(layer for layer, _ in ends)
    names = [str(name) for name in layers] if layers is not None else _layer_names(depth)
    if len(names) != depth + 1:
        raise InputError(f"{len(names)} names for {depth + 1} layers; give one name per layer.")
    count = {k: 1 + max(unit for layer, unit in ends if layer == k) for k in range(depth + 1)}
    top = {k: max((abs(r["weight"]) for r in data if r["from_layer"] == k), default=1.0) for k in range(depth + 1)}

    def height(layer: int, unit: int) -> float:
        return plain(1 - (unit + 0.5) / count[layer])

    edges = [
        {
            "x": r["from_layer"],
            "y": height(r["from_layer"], r["from_unit"]),
            "x2": r["to_layer"],
            "y2": height(r["to_layer"], r["to_unit"]),
            "weight": r["weight"],
            "sign": "weight above 0" if r["weight"] > 0 else "weight below 0",
            "size": plain(abs(r["weight"]) / top[r["from_layer"]]),
        }
        for r in data
        if r["weight"]
    ]
    units = [{"x": layer, "y": height(layer, unit)} for layer in count for unit in range(count[layer])]
    x = alt.X("x:Q", axis=None, scale=alt.Scale(domain=[-0.35, depth + 0.35], nice=False))
    y = alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[-0.12, 1.02], nice=False))
    lines = (
        alt.Chart(alt.Data(values=edges))
        .mark_rule()
        .encode(
            x=x,
            y=y,
            x2="x2:Q",
            y2="y2:Q",
            opacity=alt.Opacity("size:Q", scale=alt.Scale(domain=[0, 1], range=[0.25, 0.9]), legend=None),
            tooltip=[alt.Tooltip("weight:Q", format=".4g")],
            **numbered("sign", series([e["sign"] for e in edges], ["weight above 0", "weight below 0"])),
        )
    )
    circles = alt.Chart(alt.Data(values=units)).mark_point(
        size=110, shape="circle", filled=True, fill="white", stroke=INK, strokeWidth=1.5, opacity=1
    )
    labels = [{"x": k, "y": -0.07, "label": name} for k, name in enumerate(names)]
    words = alt.Chart(alt.Data(values=labels)).mark_text(fontSize=12, color=INK).encode(x=x, y=y, text="label:N")
    return finish(alt.layer(lines, circles.encode(x=x, y=y), words), 380)


def _layer_names(depth: int) -> list[str]:
    return ["input", *(f"hidden layer {k}" for k in range(1, depth)), "output"]


def curves_on_line(table: Any, points: Any = None, *, value_name: str = "output") -> Any:
    """Functions of one number, for instance bumps, their sharpened sums, or a target and a network that misses it.

    Args:
        table: columns x, value, curve.
        points: columns x, value: the training points, drawn as rings.
        value_name: names the values, for the axis.

    Raises:
        InputError: a table without these columns or rows, or more curves than can be distinguished.
    """
    import altair as alt

    cols = columns(table, ("x", "value", "curve"), "line")
    names = series(cols["curve"], [])
    x = alt.X(
        "x:Q",
        title="x",
        scale=alt.Scale(domain=[min(cols["x"]), max(cols["x"])], nice=False, padding=6),
        axis=alt.Axis(tickCount=6),
    )
    y = alt.Y("value:Q", title=value_name, axis=alt.Axis(tickCount=5), scale=alt.Scale(zero=True))
    lines = (
        alt.Chart(alt.Data(values=rows(cols)))
        .mark_line(strokeWidth=2)
        .encode(
            x=x,
            y=y,
            tooltip=["curve:N", alt.Tooltip("x:Q", format=".4g"), alt.Tooltip("value:Q", format=".4g")],
            **numbered("curve", names),
        )
    )
    if points is None:
        return finish(lines)
    given = rows(columns(points, ("x", "value"), "line"))
    rings = (
        alt.Chart(alt.Data(values=given))
        .mark_point(size=110, strokeWidth=2, filled=False, shape="circle", color=INK, opacity=1)
        .encode(x=x, y=y, tooltip=[alt.Tooltip("x:Q"), alt.Tooltip("value:Q", title="target")])
    )
    return finish(alt.layer(lines, rings))


def map_on_plane(table: Any, nodes: Any = None, *, value_name: str = "output") -> Any:
    """A function of two numbers as colours: blue above 0, white at 0, vermillion below; nodes as rings.

    Args:
        table: columns x1, x2, size, value: middles and side of squares, and the value there.
        nodes: columns x1, x2, value: training points, a circle for a value above 0 and a square below.
        value_name: names the values, for the legend.

    Raises:
        InputError: a table without these columns or rows.
    """
    import altair as alt

    cols = columns(table, ("x1", "x2", "size", "value"), "map")
    top = max([abs(v) for v in cols["value"] if v is not None], default=0.0) or 1.0
    data = [  # each a little larger than its square, so that no seam shows
        {
            "x": plain(r["x1"] - 0.51 * r["size"]),
            "x2": plain(r["x1"] + 0.51 * r["size"]),
            "y": plain(r["x2"] - 0.51 * r["size"]),
            "y2": plain(r["x2"] + 0.51 * r["size"]),
            "value": r["value"],
        }
        for r in rows(cols)
    ]
    size = max(cols["size"])
    low, high = plain(min(*cols["x1"], *cols["x2"]) - size / 2), plain(max(*cols["x1"], *cols["x2"]) + size / 2)
    given = [] if nodes is None else rows(columns(nodes, ("x1", "x2", "value"), "map"))
    scale = alt.Scale(domain=[low, high], nice=False, padding=8 if given else 0)
    squares = (
        alt.Chart(alt.Data(values=data))
        .mark_rect(strokeWidth=0, clip=not given)
        .encode(
            x=alt.X("x:Q", title="first input", scale=scale, axis=alt.Axis(tickCount=5, grid=False)),
            y=alt.Y("y:Q", title="second input", scale=scale, axis=alt.Axis(tickCount=5, grid=False)),
            x2="x2:Q",
            y2="y2:Q",
            color=alt.Color(
                "value:Q",
                title=value_name,
                scale=alt.Scale(domain=[-top, 0, top], range=[VERMILLION, "#FFFFFF", BLUE], interpolate="rgb"),
            ),
            tooltip=[alt.Tooltip("value:Q", format=".4g")],
        )
    )
    if not given:
        return finish(squares)
    marks = (
        alt.Chart(alt.Data(values=[{"x": r["x1"], "y": r["x2"], "above": r["value"] > 0} for r in given]))
        .mark_point(size=70, strokeWidth=1.8, filled=False, color=INK, opacity=1)
        .encode(
            x="x:Q",
            y="y:Q",
            shape=alt.Shape(
                "above:N",
                title="label",
                scale=alt.Scale(domain=[True, False], range=["circle", "square"]),
                legend=alt.Legend(labelExpr="datum.value ? 'above 0' : 'below 0'"),
            ),
        )
    )
    return finish(alt.layer(squares, marks))


def accuracy_bound(table: Any) -> Any:
    """The box bound on the accuracy of bumps on a grid, against the threshold `b`, and the share they truly cover.

    Args:
        table: columns b, nodes (on each axis), bound, coverage. A bound of 1 and more says nothing and is left out.

    Raises:
        InputError: a table without these columns, or in which nothing is above 0 and below 1.
    """
    import altair as alt

    data = rows(columns(table, ("b", "nodes", "bound", "coverage"), "bound"))
    curves = {n: f"bound, {n:,} nodes an axis" for n in sorted({r["nodes"] for r in data})}
    found = [{"b": r["b"], "share": r["bound"], "curve": curves[r["nodes"]]} for r in data]
    seen = {r["b"]: r["coverage"] for r in data}
    found += [{"b": b, "share": share, "curve": "covered, any number of nodes"} for b, share in seen.items()]
    found = [r for r in found if r["share"] is not None and 0 < r["share"] < 1]
    if not found:
        raise InputError("the bound table has no share above 0 and below 1; there is nothing to draw.")
    places = [r["b"] for r in found]
    names = series([r["curve"] for r in found], [])
    chart = (
        alt.Chart(alt.Data(values=found))
        .mark_line(strokeWidth=2.5)
        .encode(
            x=alt.X(
                "b:Q",
                title="threshold b",
                scale=alt.Scale(domain=[min(places), max(places)], nice=False),
                axis=alt.Axis(tickCount=6),
            ),
            y=log_channel(alt.Y, "share", [r["share"] for r in found], "accuracy, labels −1 and 1 (log scale)"),
            tooltip=["curve:N", alt.Tooltip("b:Q", format=".3f"), alt.Tooltip("share:Q", format=".3g")],
            **numbered("curve", names),
        )
    )
    return finish(chart)
