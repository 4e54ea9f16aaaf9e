"""Nets of few filters and of many: test error against the number of training images, and filters as images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from zeroloss.figures.axes import finish, log_channel, share_axis
from zeroloss.figures.palette import BLUE, GREEN, GREY, INK, PURPLE, VERMILLION, Look, dots, each, encode
from zeroloss.figures.tables import columns, plain, rows, series
from zeroloss.plumbing import InputError

NETS = {
    "large": ("many filters", Look(BLUE, (1, 0), "circle")),
    "small": ("few, random start", Look(VERMILLION, (6, 3), "triangle-up")),
    "kmeans": ("few, k-means centres", Look(GREEN, (8, 2), "square")),
    "random": ("few, random directions", Look(GREY, (2, 3), "cross")),
    "picked": ("few, picked filters", Look(PURPLE, (4, 2), "diamond")),
}
"""What each net is called on the figure, and how it looks."""


def error_against_images(table: Any) -> Any:
    """Test error against the number of training images, one series per net: one point per seed, a line through the means.

    Args:
        table: columns images, seed, net (keys of `NETS`), test_error (shares).

    Raises:
        InputError: a table without these columns or rows, or a net of another name.
    """
    import altair as alt

    cols = columns(table, ("images", "seed", "net", "test_error"), "filters")
    unknown = sorted(set(cols["net"]) - set(NETS))
    if unknown:
        raise InputError(f"there is no net {unknown[0]!r} on the filters figure; it knows {', '.join(NETS)}.")
    names = [NETS[net][0] for net in series(cols["net"], list(NETS))]
    chosen = [look for name, look in NETS.values() if name in names]
    data = [r | {"net": NETS[r["net"]][0]} for r in rows(cols)]
    for r in data:  # points side by side; lines are through the true places
        r["place"] = plain(r["images"] * 1.025 ** (names.index(r["net"]) - (len(names) - 1) / 2))
    legend = {"columns": 3, "symbolSize": 500, "symbolStrokeWidth": 2.5}
    top = max(0.02, *(r["test_error"] for r in data)) * 1.05
    y = alt.Scale(domain=[0, min(1.0, top)])
    places = sorted(set(cols["images"]))
    reach = [r["place"] for r in data]
    x, beside = (log_channel(alt.X, f, reach, "training images (log scale)") for f in ("images", "place"))
    x["axis"] = beside["axis"] = alt.Axis(values=places, format=",d")
    base = alt.Chart(alt.Data(values=data)).encode(x=x)
    means = (
        base.transform_aggregate(average="mean(test_error)", groupby=["images", "net"])
        .mark_line(strokeWidth=2.5)
        .encode(
            y=alt.Y("average:Q", title="wrong answers on other images (per cent)", scale=y, axis=share_axis()),
            **encode("net", names, chosen, legend),
        )
    )
    tips = ["net:N", "images:Q", "seed:N", alt.Tooltip("test_error:Q", format=".2%")]

    def drawn(part: Any, look: Look) -> Any:
        return part.mark_point(**dots(look, 40, 0.6)).encode(x=beside, y=alt.Y("test_error:Q", scale=y), tooltip=tips)

    points = each(base, "net", names, drawn, chosen)
    return finish(alt.layer(means, *points))


def filter_images(filters: Mapping[str, Any], *, per_row: int = 8) -> Any:
    """Filters as images side by side: blue above 0, white at 0, vermillion below; one scale for all.

    Args:
        filters: for each name its weights, `(s, s)` or `(s^2,)`.
        per_row: images in a row.

    Raises:
        InputError: none, or one that is not square or not finite.
    """
    import altair as alt

    data, words = [], []
    if not filters:
        raise InputError("there are no filters to draw.")
    widest = 0
    for count, (name, values) in enumerate(filters.items()):
        array = np.asarray(values, np.float64).reshape(-1)
        side = round(float(np.sqrt(array.size)))
        if side * side != array.size or not array.size or not np.isfinite(array).all():
            raise InputError(f"{name} has {array.size} weights; give finite numbers for a square filter.")
        left, top = (count % per_row) * 1.15, -(count // per_row) * 1.4
        widest = max(widest, count % per_row)
        words.append({"x": left + 0.5, "y": top + 0.04, "name": name})
        for k, weight in enumerate(array):
            i, j = divmod(k, side)
            box = {"x": left + j / side, "x2": left + (j + 1) / side, "y": top - i / side, "y2": top - (i + 1) / side}
            data.append({n: plain(v) for n, v in box.items()} | {"weight": plain(float(weight)), "filter": name})
    most = max(abs(r["weight"]) for r in data) or 1.0
    bottom = min(r["y2"] for r in data)
    x_scale = alt.Scale(domain=[-0.05, widest * 1.15 + 1.05], nice=False)
    y_scale = alt.Scale(domain=[bottom - 0.05, 0.2], nice=False)
    squares = (
        alt.Chart(alt.Data(values=data))
        .mark_rect(stroke="#D0D4D9", strokeWidth=0.5)
        .encode(
            x=alt.X("x:Q", axis=None, scale=x_scale),
            y=alt.Y("y:Q", axis=None, scale=y_scale),
            x2="x2:Q",
            y2="y2:Q",
            color=alt.Color(
                "weight:Q",
                title="weight",
                scale=alt.Scale(domain=[-most, 0, most], range=[VERMILLION, "#FFFFFF", BLUE], interpolate="rgb"),
            ),
            tooltip=["filter:N", alt.Tooltip("weight:Q", format=".3g")],
        )
    )
    names = (
        alt.Chart(alt.Data(values=words))
        .mark_text(baseline="bottom", fontSize=12, color=INK)
        .encode(x="x:Q", y="y:Q", text="name:N")
    )
    return finish(alt.layer(squares, names), height=round(150 * (0.25 - bottom)))
