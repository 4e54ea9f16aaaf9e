"""Curves: loss against step, answers along a line between two training points, score against distance."""

from __future__ import annotations

from typing import Any

from zeroloss.figures.axes import finish, log_channel, share_axis
from zeroloss.figures.palette import INK, Look, channels, each
from zeroloss.figures.tables import columns, rows, series

NETWORKS = ("fitted", "twin", "nearest neighbour")


def loss_curves(table: Any, *, unit: str = "") -> Any:
    """Training loss against steps of descent, both axes logarithmic.

    The horizontal axis is `step + 1`, so that step 0 has a place on it; a loss of exactly 0 has none and is left out.

    Args:
        table: columns step, loss, curve ("measured" | "predicted").
        unit: of the loss, for the axis title.
    """
    import altair as alt

    cols = columns(table, ("step", "loss", "curve"), "loss")
    data = [r | {"at": r["step"] + 1} for r in rows(cols) if r["loss"] is not None and r["loss"] > 0]
    names = series(cols["curve"], ("measured", "predicted"))
    base = alt.Chart(alt.Data(values=data)).encode(
        x=log_channel(alt.X, "at", [r["at"] for r in data], "step + 1 (log scale)"),
        y=log_channel(
            alt.Y, "loss", [r["loss"] for r in data], f"training loss{f' ({unit})' if unit else ''}, log scale"
        ),
        tooltip=[
            alt.Tooltip("curve:N"),
            alt.Tooltip("step:Q", format=",d"),
            alt.Tooltip("loss:Q", format=".4g"),
        ],
    )
    lines = base.mark_line(strokeWidth=2.5).encode(**channels("curve", names))
    points = each(base, "curve", names, lambda b, look: b.mark_point(**_dot(look)))
    return finish(alt.layer(lines, *points))


def _dot(look: Look, size: int = 30) -> dict[str, Any]:
    return {"size": size, "filled": True, "opacity": 1, "color": look.colour, "shape": look.shape, "clip": True}


def slice_through(
    table: Any,
    *,
    label_a: str = "A",
    label_b: str = "B",
    output_name: str = "output",
    target_a: float | None = None,
    target_b: float | None = None,
) -> Any:
    """One output of both networks on the straight line from training point A (position 0) to training point B (1).

    Args:
        table: columns position, network ("fitted" | "twin"), output.
        label_a: names the point A, and `label_b` B, on the axis.
        output_name: names the output, for the axis title.
        target_a: the training target of A (drawn as a ring), and `target_b` that of B.
    """
    import altair as alt

    cols = columns(table, ("position", "network", "output"), "slice")
    names = series(cols["network"], NETWORKS)
    x = alt.X(
        "position:Q",
        title=f"position: 0 at {label_a}, 1 at {label_b}",
        scale=alt.Scale(domain=_wider(min(cols["position"]), max(cols["position"])), nice=False),
        axis=alt.Axis(tickCount=5),
    )
    y = alt.Y("output:Q", title=output_name, scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=5))
    base = alt.Chart(alt.Data(values=sorted(rows(cols), key=lambda r: (r["network"], r["position"]))))
    lines = base.mark_line(strokeWidth=2.5).encode(
        x=x,
        y=y,
        **channels("network", names),
        tooltip=["network:N", alt.Tooltip("position:Q", format=".3f"), alt.Tooltip("output:Q", format=".4g")],
    )
    ends = [(0.0, target_a, label_a), (1.0, target_b, label_b)]
    targets = [{"position": p, "output": float(t), "point": name} for p, t, name in ends if t is not None]
    if not targets:
        return finish(lines)
    rings = (
        alt.Chart(alt.Data(values=targets))
        .mark_point(size=170, strokeWidth=2, filled=False, shape="circle", color=INK)
        .encode(x="position:Q", y="output:Q", tooltip=["point:N", alt.Tooltip("output:Q", title="target")])
    )
    return finish(alt.layer(lines, rings))


def trust_curves(
    table: Any,
    *,
    score: str = "accuracy",
    floor: float = -1.0,
    unit: str = "nearest-neighbour distances",
    fitted: str = "fitted",
) -> Any:
    """Score at distance t from the training points, with its interval; t = 1 is the distance to the nearest neighbour.

    Args:
        table: columns t, score, lower, upper, network ("fitted" | "twin" | "reference"); or a column `reference` with
            the score of the nearest neighbour's answer, which becomes a curve of its own.
        score: "accuracy" (drawn in per cent) or the name of another score, such as "R^2".
        floor: a score other than accuracy is drawn down to here at most.
        unit: what `t` counts.
        fitted: what the legend calls the fitted network.
    """
    import altair as alt

    cols = columns(table, ("t", "score", "lower", "upper", "network"), "trust")
    data = [r | {"network": fitted} if r["network"] == "fitted" else r for r in _with_reference(rows(cols))]
    names = series([r["network"] for r in data], (fitted, *NETWORKS))
    values = [v for r in data for v in (r["score"], r["lower"], r["upper"]) if v is not None]
    accuracy = score == "accuracy"
    low, high = (0.0, 1.0) if accuracy else (max(floor, min([0.0, *values])), max([1.0, *values]))
    y: dict[str, Any] = {
        "title": "accuracy (per cent right)" if accuracy else f"{score} (1 is perfect)",
        "scale": alt.Scale(domain=_wider(low, high), nice=False),
        "axis": share_axis() if accuracy else alt.Axis(tickCount=5),
    }
    base = alt.Chart(alt.Data(values=data)).encode(
        x=alt.X(
            "t:Q",
            title=f"distance t ({unit})",
            scale=alt.Scale(domain=_wider(min(cols["t"]), max(cols["t"])), nice=False),
            axis=alt.Axis(tickCount=5),
        ),
    )
    bands = each(
        base,
        "network",
        names,
        lambda b, look: b.mark_area(opacity=0.2, clip=True, color=look.colour).encode(
            y=alt.Y("lower:Q", **y), y2="upper:Q"
        ),
    )
    form = ".1%" if accuracy else ".3f"
    tips = [alt.Tooltip(f"{name}:Q", format=form) for name in ("score", "lower", "upper")]
    tooltip = ["network:N", alt.Tooltip("t:Q", format=".3f"), *tips]
    lines = base.mark_line(strokeWidth=2.5, clip=True).encode(
        y=alt.Y("score:Q", **y), **channels("network", names), tooltip=tooltip
    )
    points = each(
        base,
        "network",
        names,
        lambda b, look: b.mark_point(**_dot(look, 36)).encode(y=alt.Y("score:Q", **y), tooltip=tooltip),
    )
    return finish(alt.layer(*bands, lines, *points))


def _wider(low: float, high: float) -> list[float]:
    """The range with a fiftieth more at both ends, so that nothing is cut at the edge."""
    return [low - 0.02 * (high - low), high + 0.02 * (high - low)]


def _with_reference(data: list[dict]) -> list[dict]:
    """Rows whose reference (a row's name, or a column) is called what it is: the nearest neighbour's answer."""
    result, seen = [], {}
    for row in data:
        if row.get("reference") is not None:
            seen[row["t"]] = row["reference"]
        row = {k: v for k, v in row.items() if k != "reference"}
        result.append(row | {"network": "nearest neighbour"} if row["network"] == "reference" else row)
    if any(r["network"] == "nearest neighbour" for r in result):
        return result
    extra = [
        {"t": t, "score": s, "lower": None, "upper": None, "network": "nearest neighbour"} for t, s in seen.items()
    ]
    return result + extra
