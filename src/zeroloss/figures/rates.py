"""Rates of convergence: error against sample size, interpolation beside smoothing; the visited atoms' part; descent."""

from __future__ import annotations

from typing import Any

from zeroloss.figures.axes import finish, log_channel
from zeroloss.figures.palette import BLUE, GREEN, GREY, INK, PURPLE, VERMILLION, Look, encode
from zeroloss.figures.tables import columns, rows, series
from zeroloss.plumbing import InputError

ORANGE = "#E69F00"
ESTIMATES = {
    "interpolating network": Look(VERMILLION, (1, 0), "circle"),
    "regularised network": Look(BLUE, (1, 0), "square"),
    "local mean": Look(GREEN, (6, 3), "triangle-up"),
    "nearest neighbours": Look(PURPLE, (8, 2), "diamond"),
    "kernel ridge": Look(GREY, (2, 3), "cross"),
    "smoothing spline": Look(ORANGE, (4, 2), "triangle-down"),
}
_MORE = (
    Look(BLUE, (1, 0), "circle"),
    Look(VERMILLION, (6, 3), "square"),
    Look(GREEN, (2, 3), "triangle-up"),
    Look(PURPLE, (8, 2), "diamond"),
    Look(ORANGE, (4, 2), "cross"),
    Look(GREY, (1, 2), "triangle-down"),
)
PANEL = 210
"""Width and height of a panel, pixels."""


def _channels(names: list[str], per_row: int = 3) -> dict[str, Any]:
    """Colour, dash and shape of each name, with one legend on top."""
    if len(names) > len(_MORE):
        raise InputError(f"{len(names)} curves are too many to distinguish; draw {len(_MORE)} or fewer.")
    spare = iter(_MORE)
    chosen = [ESTIMATES.get(name) or next(spare) for name in names]
    legend = {"columns": per_row, "symbolSize": 110, "symbolStrokeWidth": 0, "labelLimit": 0, "columnPadding": 16}
    return encode("curve", names, chosen, legend, of=("color", "strokeDash", "shape"), silent=("strokeDash",))


def _layers(data: list[dict], encodings: dict[str, Any], x: Any, y: Any) -> list[Any]:
    """Lines, bars (columns low and high) and points."""
    import altair as alt

    base = alt.Chart(alt.Data(values=data)).encode(x=x)
    line = base.mark_line(strokeWidth=2).encode(y=y, color=encodings["color"], strokeDash=encodings["strokeDash"])
    dots = base.mark_point(filled=True, size=45, opacity=1).encode(
        y=y,
        color=encodings["color"],
        shape=encodings["shape"],
        tooltip=["curve:N", alt.Tooltip(f"{x.shorthand}:Q", format=","), alt.Tooltip(f"{y.shorthand}:Q", format=".3g")],
    )
    barred = [r for r in data if r.get("low") is not None and r.get("high") is not None and r["low"] > 0]
    if not barred:
        return [line, dots]
    bars = alt.Chart(alt.Data(values=barred)).mark_rule(strokeWidth=1.2, opacity=0.7, clip=True)
    return [bars.encode(x=x, y=alt.Y("low:Q"), y2="high:Q", color=encodings["color"]), line, dots]


def error_against_n(table: Any, references: Any) -> Any:
    """The L2 error against the sample size, one panel per dimension, both axes logarithmic; reference lines by their words.

    Args:
        table: columns d, n, curve (a method of `ESTIMATES`), error, low, high (its interval).
        references: columns d, n, error, line (the words of each line); two or more n per line.

    Raises:
        InputError: tables without these columns or rows.
    """
    import altair as alt

    data = [r for r in rows(columns(table, ("d", "n", "curve", "error", "low", "high"), "error")) if r["error"] > 0]
    lines = rows(columns(references, ("d", "n", "error", "line"), "error"))
    names = series([r["curve"] for r in data], list(ESTIMATES))
    every = [r["error"] for r in data + lines]
    every += [v for r in data for v in (r["low"], r["high"]) if v and r["error"] / 4 < v < 4 * r["error"]]
    encodings = _channels(names)
    words = series([r["line"] for r in lines], [])
    key = alt.Legend(title=None, orient="bottom", symbolSize=500, symbolStrokeWidth=1.8, labelLimit=0, columns=1)
    dashes = alt.Scale(domain=words, range=[[6, 3], [2, 2], [1, 3]][: len(words)])
    panels = []
    for number, d in enumerate(sorted({r["d"] for r in data})):
        own = [r for r in data if r["d"] == d]
        x = log_channel(alt.X, "n", [r["n"] for r in data], "examples n (log scale)")
        x["axis"] = alt.Axis(values=sorted({r["n"] for r in own})[::2], format="d")
        y = log_channel(alt.Y, "error", every, "L2 error under the design (log scale)" if number == 0 else "")
        # The lines' legend once, below the first panel.
        dash = alt.StrokeDash("line:N", scale=dashes, legend=key if number == 0 else None)
        rules = alt.Chart(alt.Data(values=[r for r in lines if r["d"] == d])).mark_line(color=INK, strokeWidth=1.5)
        layer = alt.layer(rules.encode(x=x, y=y, strokeDash=dash), *_layers(own, encodings, x, y))
        # Methods and reference lines both have dashes, with a scale each.
        panels.append(
            layer.resolve_scale(strokeDash="independent").properties(width=PANEL, height=260, title=f"d = {d}")
        )
    return alt.hconcat(*panels, spacing=14).resolve_scale(color="shared", shape="shared", strokeDash="shared")


def visited_part(table: Any, references: Any, *, limit: float | None = None) -> Any:
    """The visited atoms' part of the error, in units of the noise's variance, against n; both axes logarithmic.

    Args:
        table: columns n, visited, curve.
        references: columns n, visited, curve: what theory says (thin lines).
        limit: a constant that is drawn across.

    Raises:
        InputError: tables without these columns or rows.
    """
    import altair as alt

    data = rows(columns(table, ("n", "visited", "curve"), "visited"))
    theory = rows(columns(references, ("n", "visited", "curve"), "visited"))
    names = series([r["curve"] for r in data], [])
    every = [r["visited"] for r in data + theory] + ([limit] if limit else [])
    x = log_channel(alt.X, "n", [r["n"] for r in data + theory], "examples n (log scale)")
    y = log_channel(alt.Y, "visited", every, "visited atoms' part / s² (log scale)")
    encodings = _channels(names)
    thin = alt.Chart(alt.Data(values=theory)).mark_line(strokeWidth=1.5, strokeDash=[4, 3])
    thin = thin.encode(x=x, y=y, color=encodings["color"])
    base = alt.Chart(alt.Data(values=data)).mark_point(filled=True, size=70, opacity=1)
    tips = ["curve:N", alt.Tooltip("n:Q", format=","), alt.Tooltip("visited:Q", format=".4g")]
    dots = base.encode(x=x, y=y, color=encodings["color"], shape=encodings["shape"], tooltip=tips)
    layers = [thin, dots]
    if limit:
        rule = alt.Chart(alt.Data(values=[{"visited": limit, "text": f"limit {limit:.4f}"}]))
        layers.append(rule.mark_rule(color=INK, strokeWidth=1.5).encode(y=y))
        layers.append(
            rule.mark_text(align="right", dy=10, dx=-6, color=INK, fontSize=12).encode(
                y=y, x=alt.value("width"), text="text:N"
            )
        )
    return finish(alt.layer(*layers))


def excess_against_steps(table: Any) -> Any:
    """What is left of the empirical risk above its infimum, relative to the start, against steps; logarithmic.

    Args:
        table: columns step, excess, curve; an excess of 0 or less is left out.

    Raises:
        InputError: a table without these columns, or without an excess above 0.
    """
    import altair as alt

    cols = columns(table, ("step", "excess", "curve"), "excess")
    data = [r for r in rows(cols) if r["excess"] and r["excess"] > 0]
    if not data:
        raise InputError("the excess table has no excess above 0; there is nothing to draw.")
    names = series([r["curve"] for r in data], [])
    x = log_channel(alt.X, "step", [r["step"] for r in data], "steps of gradient descent (log scale)")
    y = log_channel(alt.Y, "excess", [r["excess"] for r in data], "relative excess of the risk (log scale)")
    return finish(alt.layer(*_layers(data, _channels(names), x, y)))
