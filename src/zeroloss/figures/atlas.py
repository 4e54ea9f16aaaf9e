"""How many parameters theories require, against the number of examples: one line per theory, named at its end."""

from __future__ import annotations

import json
import math
from typing import Any

from zeroloss.figures.axes import power
from zeroloss.figures.palette import BLUE, GREEN, INK, VERMILLION
from zeroloss.figures.tables import columns, rows
from zeroloss.plumbing import InputError

WIDTH, GAP, LEAD = 400, 15, 18
"""Of a panel, between two names, and of the line that leads to a name; pixels."""
TOP = 20
"""Lines leave the frame at 10^20; their names then say where they end."""
STYLE = {"paper": (BLUE, (1, 0)), "recalled": (VERMILLION, (6, 3)), "ours": (GREEN, (2, 3))}


def atlas_lines(table: Any, n: int | None = None, parameters: int | None = None) -> Any:
    """Required parameters against the number of examples on logarithmic axes, one panel per group of theories.

    Lines are named at their ends, or where they leave the frame at the top; the colour and dash say the standing of the
    formula. `≥` before a name: a lower end.

    Args:
        table: columns theory, group, n, parameters, at_least and, if there, standing.
        n: examples of the problem, a rule across the panels; parameters: of the network there is, another.

    Raises:
        InputError: nothing can be drawn, or the table is not as described.
    """
    import altair as alt

    cols = columns(table, ("theory", "group", "n", "parameters", "at_least"), "atlas")
    data = [r for r in rows(cols) if r["parameters"] is not None and r["parameters"] > 0 and r["n"] > 0]
    if not data:
        raise InputError("no theory of the atlas has a finite number; there is nothing to draw.")
    places = [r["n"] for r in data] + ([n] if n else [])
    x = _axis(alt.X, "n", min(places), max(places), WIDTH, "examples n (log scale)")
    groups = list(dict.fromkeys(r["group"] for r in data))
    values = [r["parameters"] for r in data] + ([parameters] if parameters else [])
    top = min(10.0**TOP, 10 * max(values))
    panels = []
    for g in groups:
        part = [r for r in data if r["group"] == g]
        height = max(150, GAP * len({r["theory"] for r in part}) + 40)
        y = _axis(alt.Y, "parameters", min(values), max(top, 10 * min(values)), height, "parameters (log scale)")
        panels.append(_panel(part, g, x, y, height, n, parameters, first=g == groups[0], last=g == groups[-1]))
    return (
        alt.vconcat(*panels, spacing=14)
        .resolve_scale(color="shared", strokeDash="shared")
        .configure_view(strokeWidth=1)
    )


def _axis(channel: Any, field: str, low: float, high: float, pixels: int, title: str | None) -> Any:
    """A logarithmic channel with labels 10^k, never closer than 40 pixels."""
    import altair as alt

    first, last = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
    last = max(last, first + 1)
    stride = max(1, math.ceil((last - first) / (pixels / 40)))
    exponents = range(stride * math.ceil(first / stride), last + 1, stride)
    names = json.dumps({str(k): power(k) for k in exponents}, ensure_ascii=False)
    axis = alt.Axis(values=[10.0**k for k in exponents], labelExpr=f"{names}[round(log(datum.value) / LN10)]")
    scale = alt.Scale(type="log", domain=[10.0**first, 10.0**last], nice=False)
    return channel(field, type="quantitative", scale=scale, axis=axis, title=title)


def _panel(
    data: list[dict],
    group: str,
    x: Any,
    y: Any,
    height: int,
    n: int | None,
    parameters: int | None,
    *,
    first: bool,
    last: bool,
) -> Any:
    import altair as alt

    ends = _ends(data, parameters)
    low, high = (math.log10(v) for v in y.to_dict()["scale"]["domain"])
    _place(ends, low, high, height)
    base = alt.Chart(alt.Data(values=data)).encode(x=x if last else _bare(x), y=y, **_looks(data))
    tips = ["theory:N", alt.Tooltip("n:Q", format=",d"), alt.Tooltip("parameters:Q", format=".2g")]
    drawn = base.mark_line(strokeWidth=2, clip=True).encode(detail="theory:N", tooltip=tips)
    named = alt.Chart(alt.Data(values=ends))
    leads = named.mark_rule(color=INK, opacity=0.45).encode(
        x=alt.value(WIDTH), x2=alt.value(WIDTH + LEAD), y=alt.Y("at:Q", scale=None), y2="place:Q"
    )
    words = named.mark_text(align="left", baseline="middle", dx=3, fontSize=11.5, color=INK).encode(
        x=alt.value(WIDTH + LEAD), y=alt.Y("place:Q", scale=None), text="name:N"
    )
    layers = [drawn, *_rules(n, parameters, named=first, x=x, y=y), leads, words]
    title = alt.TitleParams(group, anchor="start", fontSize=12.5, color=INK)
    return alt.layer(*layers).properties(width=WIDTH, height=height, title=title)


def _bare(x: Any) -> Any:
    """The same axis without its title."""
    bare = x.copy()
    bare.title = None
    return bare


def _looks(data: list[dict]) -> dict[str, Any]:
    """Colour and dash by standing, with a legend of those there are."""
    import altair as alt

    if not all(r.get("standing") in STYLE for r in data):
        return {"color": alt.value(BLUE)}
    names = list(STYLE)
    legend = alt.Legend(title="formula", orient="top", symbolSize=500, symbolStrokeWidth=2)
    colour = alt.Scale(domain=names, range=[STYLE[name][0] for name in names])
    dash = alt.Scale(domain=names, range=[list(STYLE[name][1]) for name in names])
    return {
        "color": alt.Color("standing:N", scale=colour, legend=legend),
        "strokeDash": alt.StrokeDash("standing:N", scale=dash, legend=legend),
    }


def _ends(data: list[dict], parameters: int | None) -> list[dict]:
    """The last point of each line (the network's rule among them) with its name, highest first."""
    ends: dict[str, dict] = {}
    for r in data:
        if r["theory"] not in ends or r["n"] > ends[r["theory"]]["n"]:
            ends[r["theory"]] = r
    found = [
        {"name": ("≥ " if r["at_least"] else "") + r["theory"], "log": math.log10(r["parameters"])}
        for r in ends.values()
    ]
    if parameters:
        found.append({"name": f"your network: {parameters:,}", "log": math.log10(parameters)})
    return sorted(found, key=lambda r: -r["log"])


def _place(ends: list[dict], low: float, high: float, height: int) -> None:
    """Pixels of each end (`at`) and of its name (`place`): as near as may be, `GAP` apart, within the panel."""
    for r in ends:
        r["at"] = max((high - r["log"]) / (high - low) * height, 0.0)
        if r["log"] > high:
            r["name"] += f": up to 1e{round(r['log'])}"
    top = 4.0
    for r in ends:
        r["place"] = top = max(r["at"], top)
        top += GAP
    bottom = float(height - 2)
    for r in reversed(ends):
        r["place"] = min(r["place"], bottom)
        bottom = r["place"] - GAP


def _rules(n: int | None, parameters: int | None, *, named: bool, x: Any, y: Any) -> list[Any]:
    """The problem's n, named in the first panel, and the network's parameters."""
    import altair as alt

    layers = []
    if n:
        at = alt.Chart(alt.Data(values=[{"n": n, "label": f"n = {n:,}"}])).encode(x=x)
        layers.append(at.mark_rule(strokeDash=[2, 3], strokeWidth=1.5, color=INK))
        if named:
            words = at.mark_text(align="center", fontSize=11, color=INK)
            layers.append(words.encode(y=alt.value(-8), text="label:N"))
    if parameters:
        at = alt.Chart(alt.Data(values=[{"parameters": parameters}])).encode(y=y)
        layers.append(at.mark_rule(strokeDash=[7, 3], strokeWidth=1.5, color=INK))
    return layers
