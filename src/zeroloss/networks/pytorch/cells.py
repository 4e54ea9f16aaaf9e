"""The weights of recurrent layers in the order torch lists them."""

from __future__ import annotations

from typing import Any


def cells(params: Any, has_biases: bool, projected: bool) -> list[tuple[Any, ...]]:
    """`(w_ih, w_hh, b_ih, b_hh, w_hr)` of each layer and direction, from torch's flat list; None for what is not there."""
    each = 2 + 2 * has_biases + projected
    found = []
    for start in range(0, len(params), each):
        w_ih, w_hh, *rest = params[start : start + each]
        b_ih, b_hh = rest[:2] if has_biases else (None, None)
        found.append((w_ih, w_hh, b_ih, b_hh, rest[-1] if projected else None))
    return found
