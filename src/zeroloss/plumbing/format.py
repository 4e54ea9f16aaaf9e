"""How messages, prices and reports write memory, time and counts: one form of each."""

from __future__ import annotations

import math

BYTES = (("GB", 1e9), ("MB", 1e6), ("kB", 1e3))
TIMES = ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h"), (63_000_000, 86_400, "days"))
"""Below how many seconds a unit is used, how long the unit is, and its name."""
YEAR = 31_557_600
MILLION = 1e6


def format_bytes(size: float) -> str:
    """Bytes to three digits in decimal units (1 GB is 10^9 bytes): "12 bytes", "269 MB", "1.6 GB", "1,200 GB"."""
    if not math.isfinite(size):
        return "unknown memory"
    for unit, scale in BYTES:
        if size >= 0.9995 * scale:  # what three digits would round up to it
            return f"{size / scale:,.0f} {unit}" if size >= 999.5 * scale else f"{size / scale:.3g} {unit}"
    return f"{size:.0f} bytes"


def format_seconds(seconds: float) -> str:
    """A duration to two digits, or to a millisecond, in the unit a person would use: "45 s", "5 min", "2 h", "12 days"."""
    if not math.isfinite(seconds):
        return "unknown time"
    if seconds < 5e-4:
        return "0 s"
    for limit, unit, name in TIMES:
        if seconds < limit:
            return f"{seconds / unit:.2g} {name}" if seconds < 9.95 * unit else f"{seconds / unit:,.0f} {name}"
    return f"{seconds / YEAR:,.3g} years"


def format_count(count: float) -> str:
    """Whole below a million, "12,345"; above it to two digits, "1.2e+09"."""
    if not math.isfinite(count):
        return "an unknown number of"
    return f"{count:,.0f}" if count < MILLION else f"{count:.2g}"
