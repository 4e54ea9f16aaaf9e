"""One look for one meaning, on every figure: colour (Okabe and Ito's, safe for the colour-blind), dash and shape."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from zeroloss.plumbing import InputError

BLUE, VERMILLION, GREEN, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#767676"
INK = "#1B1F24"
"""Words and rules that belong to no series; a dark page exchanges it for its own."""


@dataclasses.dataclass(frozen=True)
class Look:
    """How one series is drawn: readable by colour, and without it."""

    colour: str
    dash: tuple[int, ...]
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


CURVES = (
    Look(BLUE, (1, 0), "circle"),
    Look(VERMILLION, (6, 3), "square"),
    Look(GREEN, (2, 3), "triangle-up"),
    Look(PURPLE, (8, 2, 2, 2), "diamond"),
    Look(GREY, (4, 2), "cross"),
)
"""Of curves that are only numbered, in their order."""


def looks(names: Sequence[str]) -> list[Look]:
    """The look of each series, in order; a series without a look of its own gets one that is still free."""
    spare = iter(_MORE * len(names))
    return [LOOKS[name] if name in LOOKS else next(spare) for name in names]


def encode(
    field: str,
    names: Sequence[str],
    chosen: Sequence[Look],
    legend: Mapping[str, Any] | None = None,
    *,
    of: Sequence[str] = ("color", "strokeDash"),
    silent: Sequence[str] = (),
) -> dict[str, Any]:
    """Altair encodings of a series field: for each name its look.

    Args:
        chosen: the looks, in the order of the names.
        legend: arguments of the legend that all encodings share; on top, without a title, unless they say otherwise.
        of: which encodings: "color", "strokeDash", "shape".
        silent: those of them that stay out of the legend.
    """
    import altair as alt

    made = alt.Legend(**({"title": None, "orient": "top"} | dict(legend or {})))
    kinds: dict[str, tuple[Any, list]] = {
        "color": (alt.Color, [look.colour for look in chosen]),
        "strokeDash": (alt.StrokeDash, [list(look.dash) for look in chosen]),
        "shape": (alt.Shape, [look.shape for look in chosen]),
    }
    return {
        name: kinds[name][0](
            field,
            type="nominal",
            scale=alt.Scale(domain=list(names), range=kinds[name][1]),
            legend=None if name in silent else made,
        )
        for name in of
    }


def numbered(field: str, names: Sequence[str], *, points: bool = False, columns: int = 3) -> dict[str, Any]:
    """`encode` with the looks of `CURVES`: colour and dash, or for points colour and shape.

    Raises:
        InputError: more names than looks.
    """
    if len(names) > len(CURVES):
        raise InputError(f"{len(names)} curves are too many to distinguish; draw {len(CURVES)} or fewer.")
    symbols = {"symbolSize": 120} if points else {"symbolType": "stroke", "symbolSize": 600}
    of = ("color", "shape") if points else ("color", "strokeDash")
    return encode(
        field, names, CURVES[: len(names)], symbols | {"symbolStrokeWidth": 2.5, "columns": columns}, of=of
    )  # fmt: skip


def channels(
    field: str, names: Sequence[str], *, dash: bool = True, shape: bool = False, offset: int = 10
) -> dict[str, Any]:
    """`encode` with the looks of the names, and one legend for all.

    Only one layer of a figure should have them, or its legend mixes the symbols of all; the others come from `each`.
    `offset`: pixels between legend and frame.
    """
    of = ["color", *(["strokeDash"] if dash else []), *(["shape"] if shape else [])]
    legend = {"symbolSize": 600 if dash else 150, "symbolStrokeWidth": 2.5, "offset": offset}
    return encode(field, names, looks(names), legend, of=of)


def each(
    base: Any,
    field: str,
    names: Sequence[str],
    draw: Callable[[Any, Look], Any],
    chosen: Sequence[Look] | None = None,
) -> list[Any]:
    """One layer per series, without a legend: `draw(base restricted to the series, its look)`."""
    import altair as alt

    return [
        draw(base.transform_filter(alt.FieldEqualPredicate(field=field, equal=name)), look)
        for name, look in zip(names, chosen or looks(names), strict=True)
    ]


def dots(look: Look, size: int, opacity: float = 1) -> dict[str, Any]:
    """The points of a series: filled marks of its colour and shape."""
    return {"size": size, "filled": True, "opacity": opacity, "color": look.colour, "shape": look.shape}
