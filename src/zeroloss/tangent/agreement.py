"""Does a bounded evaluation agree with the network's own answers? The last check before a proof is accepted."""

from __future__ import annotations

from typing import Any

import numpy as np

from zeroloss.networks.predict import predict

ERRORS = 8.0
"""Error bounds of the evaluation that the network's own float64 arithmetic may be off by: another order of sums, and
functions that are right within a few more units in the last place."""
ALLOWANCE = 1e-11
"""Further allowance for the network's own arithmetic, in units of its largest answer."""


def disagreement(network: Any, x: np.ndarray, z: np.ndarray, z_error: np.ndarray) -> str:
    """Why answers `z` within `z_error` `(n, c)` are not those of the float64 `network` at the rows of `x`; "" if they may be.

    The proof rests on `z` and its bound; that the network which is run is the one which was bounded is compared here:
    `|z - network(x)| <= z_error + ERRORS z_error + ALLOWANCE max|z|`, where the last two allow for the rounding of the
    network's own evaluation, which has no proved bound. It can only refuse.

    Standing: ours.
    """
    own = np.asarray(predict(network, x), np.float64).reshape(len(x), -1)
    if own.shape != z.shape:
        return f"the bounded evaluation gives {z.shape[1]} answers and the network {own.shape[1]}; please report it"
    allowed = (1 + ERRORS) * z_error + ALLOWANCE * float(np.max(np.abs(z), initial=0.0))
    gap = np.abs(own - z)
    off = ~(gap <= allowed)
    if not off.any():
        return ""
    worst = float(np.max(np.where(np.isfinite(gap[off]), gap[off], np.inf)))
    return (
        f"the bounded evaluation and the network's own answer disagree by {worst:.3g} where rounding explains at most "
        f"{float(np.max(allowed[off])):.3g}, so the network that runs is not the one that was bounded; please report it"
    )
