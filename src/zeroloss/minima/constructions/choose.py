"""The choice of a construction (bumps, caps or slab) for given data, with the reason."""

from __future__ import annotations

import numpy as np

from zeroloss.minima.constructions.bumps import all_coordinates, bumps, choose_coordinates
from zeroloss.minima.constructions.bumps import cost as bumps_cost
from zeroloss.minima.constructions.caps import caps
from zeroloss.minima.constructions.slab import cost as slab_cost
from zeroloss.minima.constructions.slab import slab
from zeroloss.minima.constructions.spoilers import Spoilers
from zeroloss.plumbing import InputError, Progress, Silent
from zeroloss.plumbing.format import format_bytes

KINDS = ("auto", "bumps", "slab", "caps")
SMALL = 4_000_000
"""Parameters that bumps may take when `auto` chooses (32 MB in float64)."""
LARGE = 64_000_000
"""Parameters that bumps or slabs may take at all (0.5 GB in float64)."""
PAIRS = 3_000
"""Points up to which all pairs are compared to choose coordinates."""

REASONS = {
    "bumps": "as rounding does not lower their peaks and they fit the budget",
    "caps": "one unit per point, as every point is outside the convex hull of the others",
    "slab": "as nothing else was possible",
}


def spoil(x: np.ndarray, kind: str = "auto", key: int = 0, progress: Progress | None = None) -> tuple[Spoilers, str]:
    """`n` functions that are 1 at one row each of `x` `(n, d)` (distinct rows) and 0 at the others, and why these.

    `auto` tries, in this order: bumps over all coordinates and then over some of them, within `SMALL` parameters; caps;
    bumps within `LARGE`; a slab. Bumps come first because their peaks are exact in float32 and they are left in almost
    every direction; caps are far smaller where there are many points in many dimensions.

    Raises:
        InputError: an unknown kind, or one that these points do not allow (with the reason).
    """
    progress = progress or Silent()
    if kind not in KINDS:
        raise InputError(f"there is no kind of twin {kind!r}; choose one of {', '.join(KINDS)}.")
    ways = {
        "bumps": lambda: _bumps(x, LARGE, key),
        "slab": lambda: _slab(x, key),
        "caps": lambda: caps(x, progress),
    }
    if kind != "auto":
        made = ways[kind]()
        return made, f"{kind}, as requested: {made.note}."
    failures = []
    for name, way in (
        ("small bumps", lambda: _bumps(x, SMALL, key)),
        *((k, ways[k]) for k in ("caps", "bumps", "slab")),
    ):
        try:
            made = way()
        except InputError as error:
            failures.append(f"no {name}: {str(error).split(';')[0].rstrip('.')}")
            continue
        return made, f"{made.kind}, {REASONS[made.kind]}: {made.note}." + (
            f" ({'; '.join(failures)})" if failures else ""
        )
    raise InputError(f"no construction fits these {len(x)} points: {'. '.join(failures)}. Use fewer points.")


def _bumps(x: np.ndarray, budget: int, key: int) -> Spoilers:
    every = all_coordinates(x)
    cost = bumps_cost(x, every)
    if cost <= budget:
        return bumps(x, key=key)
    if len(x) > PAIRS or 2 * len(x) ** 2 // 20 > budget:  # the second: a coordinate of 5 % distinct values is too many
        raise InputError(
            f"{len(x)} bumps over all coordinates take {cost:,} parameters of {budget:,} allowed; use kind='caps'."
        )
    return bumps(x, choose_coordinates(x, budget, key), key)


def _slab(x: np.ndarray, key: int) -> Spoilers:
    cost = slab_cost(*x.shape)
    if cost > LARGE:
        raise InputError(
            f"a slab for {len(x)} points takes {cost:,} parameters ({format_bytes(8 * cost)}); use kind='caps' or fewer "
            "points."
        )
    return slab(x, key)
