"""One look for one meaning, on every figure: colour (Okabe and Ito's, safe for the colour-blind), dash and shape."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

BLUE, VERMILLION, GREEN, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#767676"
INK = "#1B1F24"
"""Words and rules that belong to no series; a dark page exchanges it for its own."""


@dataclasses.dataclass(frozen=True)
class Look:
    """How one series is drawn: readable by colour, and without it."""

    colour: str
    dash: tuple[int, int]
    shape: str


LOOKS = {
    "fitted": Look(BLUE, (1, 0), "circle"),
    "model": Look(BLUE, (1, 0), "circle"),
    "twin": Look(VERMILLION, (6, 3), "triangle-up"),
    "nearest neighbour": Look(GREY, (2, 3), "square"),
    "measured": Look(BLUE, (1, 0), "circle"),
    "predicted": Look(PURPLE, (6, 3), "diamond"),
    "test": Look(BLUE, (1, 0), "circle"),
    "training": Look(GREEN, (6, 3), "square"),
    "you have": Look(BLUE, (1, 0), "circle"),
    "theory needs": Look(VERMILLION, (6, 3), "diamond"),
}
_MORE = (Look(GREEN, (8, 2), "cross"), Look(PURPLE, (4, 2), "diamond"), Look(GREY, (1, 2), "square"))


def looks(names: Sequence[str]) -> list[Look]:
    """The look of each series, in order; a series without a look of its own gets one that is still free."""
    spare = iter(_MORE * len(names))
    return [LOOKS[name] if name in LOOKS else next(spare) for name in names]


def channels(
    field: str, names: Sequence[str], *, dash: bool = True, shape: bool = False, offset: int = 10
) -> dict[str, Any]:
    """Altair encodings `color`, `strokeDash`, `shape` of a series field, with one legend on top for all of them.

    Only one layer of a figure should have them, or its legend mixes the symbols of all; the others come from `each`.
    `offset`: pixels between legend and frame.
    """
    import altair as alt

    chosen, domain = looks(names), list(names)
    size = 600 if dash else 150
    legend = alt.Legend(title=None, orient="top", symbolSize=size, symbolStrokeWidth=2.5, offset=offset)

    def scale(values: list) -> Any:
        return alt.Scale(domain=domain, range=values)

    encodings: dict[str, Any] = {
        "color": alt.Color(field, type="nominal", scale=scale([x.colour for x in chosen]), legend=legend)
    }
    if dash:
        dashes = scale([list(x.dash) for x in chosen])
        encodings["strokeDash"] = alt.StrokeDash(field, type="nominal", scale=dashes, legend=legend)
    if shape:
        shapes = scale([x.shape for x in chosen])
        encodings["shape"] = alt.Shape(field, type="nominal", scale=shapes, legend=legend)
    return encodings


def each(base: Any, field: str, names: Sequence[str], draw: Callable[[Any, Look], Any]) -> list[Any]:
    """A layer a series, without a legend: `draw(base restricted to the series, its look)`."""
    import altair as alt

    return [
        draw(base.transform_filter(alt.FieldEqualPredicate(field=field, equal=name)), look)
        for name, look in zip(names, looks(names), strict=True)
    ]
