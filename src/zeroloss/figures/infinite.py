"""How finite networks approach infinite width: distance of the tangent kernel from its limit, against the width."""

from __future__ import annotations

import math
from typing import Any

from zeroloss.figures.axes import finish, log_channel
from zeroloss.figures.palette import channels, each
from zeroloss.figures.tables import columns, rows
from zeroloss.plumbing import InputError

NAMES = ("measured", "predicted")


def kernel_convergence(table: Any) -> Any:
    """Relative distance from the kernel of infinite width against the width: one point per seed, a line through the means.

    The means are geometric, as both axes are logarithmic. The line `predicted` is `C width^(-1/2)`, with `C` the
    geometric mean of `deviation width^(1/2)` over all points: its slope is the claim, its height is fitted.

    Args:
        table: columns width, seed, deviation, as `zeroloss.tangent.infinite.convergence` gives them.

    Raises:
        InputError: a table without these columns, without rows, or without a deviation above 0.
    """
    import altair as alt

    cols = columns(table, ("width", "seed", "deviation"), "convergence")
    points = [r for r in rows(cols) if r["deviation"] is not None and r["deviation"] > 0]
    if not points:
        raise InputError("the convergence table has no deviation above 0; there is nothing to draw.")
    widths = sorted({r["width"] for r in points})
    height = _means(points, lambda r: r["deviation"] * math.sqrt(r["width"]), [None])[None]
    means = _means(points, lambda r: r["deviation"], widths)
    lines = [{"width": w, "deviation": means[w], "line": "measured"} for w in widths]
    lines += [{"width": w, "deviation": height / math.sqrt(w), "line": "predicted"} for w in widths]
    every = [r["deviation"] for r in points + lines]
    x = log_channel(alt.X, "width", widths, "width (log scale)")
    if len(widths) <= 8:
        x["axis"] = alt.Axis(values=widths, format="~d")
    y = log_channel(alt.Y, "deviation", every, "relative distance from infinite width (log scale)")
    labels = {"measured": "measured, mean over seeds", "predicted": "slope −1/2, height fitted"}
    base = alt.Chart(alt.Data(values=lines)).encode(x=x, y=y)
    words = f"{labels!r}".replace("'", '"') + "[datum.label]"
    encodings = channels("line", NAMES)
    for key in ("color", "strokeDash"):
        encodings[key]["legend"]["labelExpr"] = words
    drawn = base.mark_line(strokeWidth=2.5).encode(**encodings)
    seeds = [r | {"line": "measured"} for r in points]
    tooltip = [
        alt.Tooltip("width:Q", format=",d"),
        alt.Tooltip("seed:N"),
        alt.Tooltip("deviation:Q", format=".4g", title="relative distance"),
    ]
    dots = each(
        alt.Chart(alt.Data(values=seeds)).encode(x=x, y=y),
        "line",
        ["measured"],
        lambda b, look: b.mark_point(size=36, filled=True, opacity=0.55, color=look.colour, shape=look.shape).encode(
            tooltip=tooltip
        ),
    )
    return finish(alt.layer(drawn, *dots))


def _means(points: list[dict], value: Any, widths: list) -> dict:
    """The geometric mean of `value` over the points of each width (over all points for None)."""
    result = {}
    for width in widths:
        logs = [math.log(value(r)) for r in points if width is None or r["width"] == width]
        result[width] = math.exp(sum(logs) / len(logs)) if logs else math.nan
    return result
