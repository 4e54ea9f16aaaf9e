"""Checks of numbers from users: one rule for counts, seeds, steps and probabilities, and one line where a number fails it."""

from __future__ import annotations

import math
import numbers
from typing import Any

from zeroloss.plumbing.errors import InputError

MOST = 2**31 - 1
"""The largest count: what indexes arrays here has 32 bits."""
LARGEST_SEED = 2**32 - 1


def whole_number(name: str, value: Any, least: int = 1, most: int = MOST) -> int:
    """`value` as an int, if it is a whole number from `least` to `most` (2.0 is one; True, "2", 2.5 and NaN are not).

    Raises:
        InputError: it is not; the line names it by `name`.
    """
    good = isinstance(value, numbers.Real) and not _is_truth(value)
    good = good and (isinstance(value, numbers.Integral) or float(value).is_integer())
    if not good or not least <= value <= most:
        span = f"{least} or more" if most == MOST and not (good and value > most) else f"from {least} to {most:,}"
        raise InputError(f"{name}={_short(value)}: give a whole number, {span}.")
    return int(value)


def real_number(name: str, value: Any, least: float = 0.0, below: float = math.inf, *, closed: bool = False) -> float:
    """`value` as a float, if it is a finite number above `least` (`closed`: or equal to it) and below `below`.

    Raises:
        InputError: it is not; the line names it by `name`.
    """
    good = isinstance(value, numbers.Real) and not _is_truth(value) and _is_finite(value) and value < below
    if not good or value < least or (value == least and not closed):
        if least == 0 and below == math.inf and not closed:
            raise InputError(f"{name}={_short(value)}: it must be a positive number.")
        above = "" if least == -math.inf else f", {least:g} or more" if closed else f", above {least:g}"
        raise InputError(
            f"{name}={_short(value)}: give a finite number{above}{'' if below == math.inf else f' and below {below:g}'}."
        )
    return float(value)


def choice(name: str, value: Any, known: Any) -> Any:
    """`value`, if it is one of `known` (texts).

    Raises:
        InputError: it is not; the line lists them.
    """
    if not isinstance(value, str) or value not in known:
        raise InputError(f"{name}={_short(value)!r}: choose one of {', '.join(known)}.")
    return value


def _is_truth(value: Any) -> bool:
    return isinstance(value, bool) or type(value).__name__ in ("bool_", "bool")


def _is_finite(value: Any) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond every float
        return False


def _short(value: Any) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return " ".join(text.split())[:60]
