"""The XOR network: what it reaches by filters and by samples, how fast, and where its filters go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zeroloss.figures.axes import finish, log_channel, share_axis
from zeroloss.figures.palette import BLUE, GREEN, GREY, INK, VERMILLION, Look, encode
from zeroloss.figures.tables import columns, rows, series

_LOOKS = (
    Look(BLUE, (1, 0), "circle"),
    Look(VERMILLION, (6, 3), "triangle-up"),
    Look(GREEN, (8, 2), "square"),
    Look(GREY, (2, 3), "diamond"),
)
PANEL = 160
"""Height of one of several small panels, pixels."""
_APART = 3.6
"""From panel to panel, in lengths of the longest filter."""


def probability_against_filters(table: Any, *, rule: float | None = None, rule_label: str = "") -> Any:
    """Probabilities against the number of filters: points with intervals measured, dashed lines by a formula.

    Args:
        table: columns k, event, share, low, high, formula (None where there is none).
        rule: a probability to mark, and its words.
    """
    import altair as alt

    cols = columns(table, ("k", "event", "share", "low", "high", "formula"), "probability")
    data, names = rows(cols), series(cols["event"], ())
    y = _share_scale("probability (per cent)")
    base = alt.Chart(alt.Data(values=data)).encode(x=_filters(cols["k"]), color=_colour("event", names))
    formula = base.transform_filter("isValid(datum.formula)")
    line = formula.mark_line(strokeWidth=1.5, strokeDash=[5, 4], opacity=0.9).encode(y=alt.Y("formula:Q", **y))
    layers = [line, *_measured(base, "share", y, names, "event")]
    if rule is not None:
        marked = alt.Chart(alt.Data(values=[{"at": rule, "label": rule_label}])).encode(y=alt.Y("at:Q", **y))
        layers += [
            marked.mark_rule(color=INK, strokeDash=[2, 3], strokeWidth=1.5),
            marked.mark_text(align="right", baseline="bottom", dy=-3, fontSize=12, color=INK).encode(
                x=alt.value("width"), text="label:N"
            ),
        ]
    return finish(alt.layer(*layers))


def against_samples(table: Any, *, title: str, bound: str = "", top: float | None = None) -> Any:
    """A share against the number of training samples: a line with intervals for each series; a dashed curve of a bound.

    Args:
        table: columns m, series, value, low, high. The series named `bound` is drawn as a curve without points.
        title: what the share is, for the axis.
        top: where the vertical axis ends; by default where the data do.
    """
    import altair as alt

    cols = columns(table, ("m", "series", "value", "low", "high"), "samples")
    data, names = rows(cols), series(cols["series"], ())
    highest = max(v for name in ("value", "high") for v in cols[name] if v is not None)
    y = _share_scale(title, top if top is not None else min(1.0, 1.05 * highest))
    x = log_channel(alt.X, "m", cols["m"], "training samples m (log scale)")
    base = alt.Chart(alt.Data(values=data)).encode(x=x, color=_colour("series", names))
    of_bound = alt.FieldEqualPredicate(field="series", equal=bound)
    curve = base.transform_filter(of_bound).mark_line(strokeWidth=2, strokeDash=[5, 4]).encode(y=alt.Y("value:Q", **y))
    found = base.transform_filter(alt.LogicalNotPredicate(**{"not": of_bound}))
    lines = found.mark_line(strokeWidth=2).encode(y=alt.Y("value:Q", **y))
    return finish(alt.layer(curve, lines, *_measured(found, "value", y, names, "series")))


def steps_against_bound(table: Any) -> Any:
    """Steps to zero training loss divided by the bound on them, against the number of filters: median and range.

    Args:
        table: columns k, median, low, high: of the ratio.
    """
    import altair as alt

    cols = columns(table, ("k", "median", "low", "high"), "steps")
    values = [*cols["low"], *cols["high"], 1.0]

    def y(field: str) -> Any:
        return log_channel(alt.Y, field, values, "steps to zero loss / bound (log scale)")

    base = alt.Chart(alt.Data(values=rows(cols))).encode(x=_filters(cols["k"]))
    tooltip = ["k:Q", *(alt.Tooltip(f"{name}:Q", format=".3g") for name in ("low", "median", "high"))]
    spans = base.mark_rule(strokeWidth=2.5, color=BLUE).encode(y=y("low"), y2="high:Q", tooltip=tooltip)
    dots = base.mark_point(size=60, filled=True, opacity=1, color=BLUE).encode(y=y("median"), tooltip=tooltip)
    marked = alt.Chart(alt.Data(values=[{"at": 1.0, "label": "the bound"}])).encode(y=y("at"))
    rule = marked.mark_rule(color=VERMILLION, strokeDash=[6, 3], strokeWidth=2)
    words = marked.mark_text(align="right", baseline="top", dy=5, fontSize=12, color=INK).encode(
        x=alt.value("width"), text="label:N"
    )
    return finish(alt.layer(rule, spans, dots, words))


def cluster_angles(table: Any) -> Any:
    """How the angles of the filters to the centre of their cluster are spread, before and after descent: a strip for each
    number of filters, group and time, darker where more filters are; beside it their mean.

    Args:
        table: columns k, group, when ("start" | "end"), angle (left end of the bin, degrees), share, mean (degrees).
    """
    import altair as alt

    cols = columns(table, ("k", "group", "when", "angle", "share", "mean"), "angles")
    names = series(cols["when"], ("start", "end"))
    places = sorted(set(cols["angle"]))
    width = places[1] - places[0] if len(places) > 1 else 1.0
    data = [r | {"until": r["angle"] + width, "row": f"k = {r['k']}, {r['group']}, {r['when']}"} for r in rows(cols)]
    data.sort(key=lambda r: (r["k"], r["group"], names.index(r["when"])), reverse=False)
    order = list(dict.fromkeys(r["row"] for r in data))
    means = [{"row": r["row"], "words": f"{r['mean']:.2g}°"} for r in data if r["angle"] == places[0]]
    y = alt.Y("row:N", title=None, sort=order, axis=alt.Axis(labelLimit=260, ticks=False, domain=False))
    strips = (
        alt.Chart(alt.Data(values=[r for r in data if r["share"]]))
        .mark_bar(height={"band": 0.8})
        .encode(
            x=alt.X(
                "angle:Q",
                title="angle to the centre of the cluster (degrees); at the right: the mean",
                axis=alt.Axis(values=[0, 15, 30, 45]),
                scale=alt.Scale(domain=[0, max(places) + width], nice=False),
            ),
            x2="until:Q",
            y=y,
            color=_colour("when", names, (_LOOKS[3], _LOOKS[0])),
            opacity=alt.Opacity(
                "share:Q", scale=alt.Scale(type="sqrt", domain=[0, 0.15], range=[0, 1], clamp=True), legend=None
            ),
            tooltip=["row:N", alt.Tooltip("angle:Q"), alt.Tooltip("share:Q", format=".1%")],
        )
    )
    words = alt.Chart(alt.Data(values=means)).mark_text(align="right", fontSize=12, color=INK, dx=-4)
    return finish(alt.layer(strips, words.encode(x=alt.value("width"), y=y, text="words:N")), height=26 * len(order))


def filter_paths(table: Any, *, across: int = 4) -> Any:
    """The paths of the filters in the plane, one panel per network; in each the longest filter has length 1.

    Args:
        table: columns panel, group ("w" | "u" | "label"), filter, at (order along the path), x, y, label. A row of
            the group "label" writes its label at x, y.
        across: panels in a row.
    """
    import altair as alt

    cols = columns(table, ("panel", "group", "filter", "at", "x", "y", "label"), "paths")
    panels = series(cols["panel"], ())
    corner = {name: (_APART * (i % across), -_APART * (i // across)) for i, name in enumerate(panels)}
    data = [
        r
        | {
            "x": r["x"] + corner[r["panel"]][0],
            "y": r["y"] + corner[r["panel"]][1],
            "path": f"{r['panel']}/{r['filter']}",
        }
        for r in rows(cols)
    ]
    last = {r["path"]: r["at"] for r in data}
    titles = [{"x": x, "y": y + 1.4, "label": name.replace(": ", "\n")} for name, (x, y) in corner.items()]
    deep = -(-len(panels) // across)
    breadth = [-_APART / 2, _APART * (min(across, len(panels)) - 0.5)]
    height = [-_APART * (deep - 0.5), _APART / 2 + 0.4]
    place: dict[str, Any] = {
        "x": alt.X("x:Q", scale=alt.Scale(domain=breadth, nice=False), axis=None),
        "y": alt.Y("y:Q", scale=alt.Scale(domain=height, nice=False), axis=None),
    }
    paths = alt.Chart(alt.Data(values=[r for r in data if r["group"] != "label"])).encode(
        **place, color=_colour("group", ["w", "u"]), detail="path:N"
    )
    lines = paths.mark_line(strokeWidth=2, opacity=0.7).encode(order="at:Q")
    ended = [r for r in data if r["group"] != "label" and r["at"] == last[r["path"]]]
    ends = alt.Chart(alt.Data(values=ended)).mark_point(size=40, filled=True, opacity=0.9)
    ends = ends.encode(**place, color=_colour("group", ["w", "u"]), shape=_shape("group", ["w", "u"]))
    words = alt.Chart(alt.Data(values=[r for r in data if r["group"] == "label"])).mark_text(fontSize=11, color=INK)
    heads = alt.Chart(alt.Data(values=titles)).mark_text(
        fontSize=12, fontWeight="bold", color=INK, lineBreak="\n", baseline="bottom", dy=-16
    )
    layers = (lines, ends, words.encode(**place, text="label:N"), heads.encode(**place, text="label:N"))
    return finish(alt.layer(*layers), height=PANEL * deep)


def _filters(values: Sequence[Any]) -> Any:
    import altair as alt

    return log_channel(alt.X, "k", values, "filters of each group k (log scale)")


def _share_scale(title: str, top: float = 1.0) -> dict[str, Any]:
    import altair as alt

    axis = share_axis() if top > 0.1 else alt.Axis(format=".1%", tickCount=5)
    return {"title": title, "scale": alt.Scale(domain=[0, top * 1.02], nice=False), "axis": axis}


def _measured(base: Any, field: str, y: dict[str, Any], names: Sequence[str], by: str) -> list[Any]:
    """Points with their intervals; the points differ by shape as well as by colour."""
    import altair as alt

    spans = (
        base.transform_filter("isValid(datum.low)").mark_rule(strokeWidth=2).encode(y=alt.Y("low:Q", **y), y2="high:Q")
    )
    tooltip = [f"{by}:N", *(alt.Tooltip(f"{name}:Q", format=".3%") for name in (field, "low", "high"))]
    points = base.mark_point(size=50, filled=True, opacity=1).encode(
        y=alt.Y(f"{field}:Q", **y),
        shape=_shape(by, names),
        tooltip=tooltip,
    )
    return [spans, points]


def _colour(field: str, names: Sequence[str], chosen: Sequence[Look] = _LOOKS) -> Any:
    legend = {"symbolType": "circle", "symbolSize": 90, "labelLimit": 400, "columns": 2}
    return encode(field, names, [chosen[i % len(chosen)] for i in range(len(names))], legend, of=("color",))["color"]


def _shape(field: str, names: Sequence[str]) -> Any:
    looks = [_LOOKS[i % len(_LOOKS)] for i in range(len(names))]
    return encode(field, names, looks, of=("shape",), silent=("shape",))["shape"]
