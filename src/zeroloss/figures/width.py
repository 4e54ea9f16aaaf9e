"""Error against width: from far too small to far too large."""

from __future__ import annotations

from typing import Any

from zeroloss.figures.axes import finish, log_channel, share_axis
from zeroloss.figures.palette import INK, channels, each
from zeroloss.figures.tables import columns, rows

SETS = ("test", "training")


def error_against_width(table: Any, equations: int | None = None, *, error: str = "share of wrong answers") -> Any:
    """Training and test error against the number of parameters: one point per seed, a line through the means.

    Args:
        table: columns width, parameters, seed, train_error, test_error.
        equations: examples times outputs; a rule marks where the parameters equal it.
        error: what the errors are. A share of wrong answers is drawn in per cent; anything else on a scale that is
            linear up to 0.1 and logarithmic beyond, so that a peak and a zero both fit.
    """
    import altair as alt

    cols = columns(table, ("width", "parameters", "seed", "train_error", "test_error"), "width")
    data = [
        {"width": r["width"], "parameters": r["parameters"], "seed": r["seed"], "set": name, "error": r[key]}
        for r in rows(cols)
        for name, key in (("test", "test_error"), ("training", "train_error"))
        if r[key] is not None
    ]
    share = error == "share of wrong answers"
    values = [r["error"] for r in data]
    y = _share(values) if share else _symlog(values, error)
    places = [*cols["parameters"], *([equations] if equations else [])]
    x = log_channel(alt.X, "parameters", places, "number of parameters (log scale)")
    names = [name for name in SETS if any(r["set"] == name for r in data)]
    base = alt.Chart(alt.Data(values=data)).encode(x=x)
    form = ".2%" if share else ".4g"
    tooltip = [
        alt.Tooltip("set:N"),
        alt.Tooltip("width:Q", format=",d"),
        alt.Tooltip("parameters:Q", format=",d"),
        alt.Tooltip("seed:N"),
        alt.Tooltip("error:Q", format=form),
    ]
    points = each(
        base,
        "set",
        names,
        lambda b, look: b.mark_point(size=36, filled=True, opacity=0.55, color=look.colour, shape=look.shape).encode(
            y=alt.Y("error:Q", **y), tooltip=tooltip
        ),
    )
    means = (
        base.transform_aggregate(average="mean(error)", groupby=["parameters", "set"])
        .mark_line(strokeWidth=2.5)
        .encode(y=alt.Y("average:Q", **y), **channels("set", names, offset=26 if equations else 10))
    )
    layers = [means, *points]
    if equations:
        layers += _rule(equations, x, right=equations**2 > min(places) * max(places))
    return finish(alt.layer(*layers))


def _share(values: list[float]) -> dict[str, Any]:
    import altair as alt

    top = max([0.05, *values]) * 1.05
    return {"title": "wrong answers (per cent)", "scale": alt.Scale(domain=[0, min(top, 1.0)]), "axis": share_axis()}


def _symlog(values: list[float], title: str) -> dict[str, Any]:
    import altair as alt

    top = max([1.0, *values])
    ticks = [0, 0.1, 0.3] + [m * 10**k for k in range(9) for m in (1, 3) if m * 10**k <= top * 1.2]
    ticks = ticks if len(ticks) <= 9 else [0, 0.1] + [10**k for k in range(9) if 10**k <= top * 1.2]
    return {
        "title": f"{title} (linear to 0.1, then log)",
        "scale": alt.Scale(type="symlog", constant=0.1, domain=[min([0.0, *values]), top * 1.1], nice=False),
        "axis": alt.Axis(values=ticks, format="~g"),
    }


def _rule(equations: int, x: Any, *, right: bool) -> list[Any]:
    """A rule at parameters = equations; its words stand above the frame, on the side where there is more room."""
    import altair as alt

    data = alt.Data(values=[{"parameters": equations, "label": f"{equations:,} equations = parameters"}])
    base = alt.Chart(data).encode(x=x)
    words = base.mark_text(
        align="right" if right else "left", baseline="bottom", dx=4 if right else -4, fontSize=12, color=INK
    )
    rule = base.mark_rule(strokeDash=[2, 3], strokeWidth=1.5, color=INK)
    return [rule, words.encode(y=alt.value(-5), text="label:N")]
