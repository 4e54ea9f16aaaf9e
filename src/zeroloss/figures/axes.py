"""Axes: powers of ten written as powers of ten, percentages as percentages."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
HEIGHT = 300
"""Height of a figure, pixels."""


def power(exponent: int) -> str:
    """`10^exponent` with a raised exponent; 1 and 10 as they are."""
    return {0: "1", 1: "10"}.get(exponent, "10" + str(exponent).translate(_RAISED))


def log_channel(channel: Any, field: str, values: Iterable[float | None], title: str, *, ticks: int = 6) -> Any:
    """A logarithmic position channel (`alt.X` or `alt.Y`) with labels 10^k, wide enough for the positive `values`."""
    import altair as alt

    positive = [v for v in values if v is not None and v > 0]
    low, high = (min(positive), max(positive)) if positive else (1.0, 10.0)
    first, last = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
    last = max(last, first + 1)
    stride = max(1, math.ceil((last - first) / ticks))
    exponents = range(stride * math.ceil(first / stride), last + 1, stride)
    names = json.dumps({str(k): power(k) for k in exponents}, ensure_ascii=False)
    axis = alt.Axis(
        values=[10.0**k for k in exponents],
        labelExpr=f"{names}[round(log(datum.value) / LN10)]",
    )
    if last - first <= 2:  # few decades: the values between the powers help
        axis = alt.Axis(format="~g", tickCount=5)
    margin = max(0.02, 0.03 * math.log10(high / low))
    scale = alt.Scale(type="log", domain=[low / 10**margin, high * 10**margin], nice=False)
    return channel(field, type="quantitative", scale=scale, axis=axis, title=title)


def share_axis() -> Any:
    """An axis for shares in [0, 1], in per cent."""
    import altair as alt

    return alt.Axis(format=".0%", tickCount=5)


def finish(chart: Any, height: int = HEIGHT) -> Any:
    """`chart` as wide as the box it stands in, `height` pixels high."""
    return chart.properties(width="container", height=height)
