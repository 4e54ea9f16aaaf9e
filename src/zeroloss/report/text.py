"""Numbers as text for people, never rounded into a stronger statement."""

from __future__ import annotations

import decimal
import math
from typing import Any

from zeroloss.plumbing.format import format_seconds

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_THIN = "\u202f"
NONE = "not measured"


def number(value: Any, digits: int = 3) -> str:
    """A number in `digits` significant digits; whole numbers whole; very large and small ones as a power of ten."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return NONE
    if not isinstance(value, int | float):
        return str(value)
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else ("∞" if value > 0 else "−∞")
    if isinstance(value, int) and abs(value) < 10**12:
        return f"{value:,}".replace("-", "−")
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e6:
        text = f"{value:.{digits}g}"
        return (f"{float(text):,.0f}" if "e" in text or abs(value) >= 10**digits else text).replace("-", "−")
    mantissa, exponent = f"{float(value):.{digits - 1}e}".split("e")
    mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}{_THIN}×{_THIN}10{str(int(exponent)).translate(_RAISED)}".replace("-", "−")


def percent(share: float | None) -> str:
    """A share in [0, 1] in per cent: 100 % and 0 % only where it is exactly 1 or 0."""
    if share is None or not math.isfinite(share):
        return NONE
    for decimals in (1, 2, 3):
        text = f"{100 * share:.{decimals}f}"
        if float(text) not in (0.0, 100.0):
            return f"{text}{_THIN}%"
    if share in (0, 1):
        return f"{100 * share:.0f}{_THIN}%"
    return f"{'over 99.999' if share > 0.5 else 'under 0.001'}{_THIN}%"


def score(value: float | None, task: str) -> str:
    """Accuracy in per cent, or R^2: 1 only where it is exactly that."""
    if value is None:
        return NONE
    if task != "regression":
        return percent(value)
    text = number(value)
    return f"1 − {number(1 - value, 2)}" if text == "1" and value < 1 else text


def interval(low: float | None, high: float | None, task: str) -> str:
    """`[low, high]`, or nothing if an end is missing."""
    if low is None or high is None:
        return ""
    return f"{score(low, task)} to {score(high, task)}"


def seconds(value: float | None) -> str:
    """A duration."""
    return NONE if value is None else format_seconds(value)


def score_name(task: str) -> str:
    """The name of the score of a task."""
    return "accuracy" if task != "regression" else "R²"


def plural(count: int, noun: str, many: str = "") -> str:
    """`count` and `noun`, in the plural (`many`, or with an s) unless there is one."""
    return f"{number(count)} {noun if count == 1 else many or noun + 's'}"


def enclosure(low: float, high: float, digits: int = 4) -> str:
    """`[low, high]` in `digits` significant digits, rounded outward: the interval as written encloses the exact one."""
    ends = [_outward(low, digits, decimal.ROUND_FLOOR), _outward(high, digits, decimal.ROUND_CEILING)]
    return "[" + ", ".join(number(end, digits) for end in ends) + "]"


def at_most(value: float, digits: int = 2) -> str:
    """A number in `digits` significant digits, rounded up: "at most ..." stays true."""
    return number(_outward(value, digits, decimal.ROUND_CEILING), digits)


def _outward(value: float, digits: int, rounding: str) -> float:
    if not math.isfinite(value):
        return value
    return float(decimal.Context(prec=digits, rounding=rounding).create_decimal(float(value)))
