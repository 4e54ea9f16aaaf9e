"""Numbers in sentences, rounded to the side on which the sentence stays true."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal


def at_most(value: float, digits: int = 3) -> str:
    """`value` with few digits, rounded up: "x is at most ..." stays true."""
    return _rounded(value, digits, ROUND_CEILING)


def at_least(value: float, digits: int = 3) -> str:
    """`value` with few digits, rounded down: "x is at least ..." stays true."""
    return _rounded(value, digits, ROUND_FLOOR)


def _rounded(value: float, digits: int, rounding: str) -> str:
    exact = Decimal(float(value))
    if not exact.is_finite() or exact == 0:
        return f"{float(value):.{digits}g}"
    short = Context(prec=digits, rounding=rounding).create_decimal(exact)
    exponent = short.adjusted()
    if -5 < exponent < max(digits, 6):
        return f"{short.normalize():f}"
    mantissa = short.scaleb(-exponent).normalize()
    return f"{mantissa:f}e{exponent:+03d}"
