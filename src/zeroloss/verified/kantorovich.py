"""The theorem of Newton and Kantorovich for underdetermined systems, on numbers.

Let `|F(w)| <= eps`, `sigma_min(DF(w)) >= sigma > 0` (all rows), and `DF` be `beta`-Lipschitz on the closed ball
`B(w, R)`. If `h = beta eps/sigma^2 <= 1/2` and

    rho = (sigma/beta)(1 - sqrt(1 - 2h)) = 2 eps/(sigma (1 + sqrt(1 - 2h))) <= R,

then `F` has an exact zero within `rho` of `w`. (After Kantorovich; ours: along `v' = -DF(v)^+ F(v)` the residual decays
as `e^-t`, and `s = |v - w|` obeys `(sigma - beta s) ds <= eps e^-t dt`, so `s` stays below `rho`.) Sharp: for
`F = eps + sigma w - beta w^2/2` there is no zero beyond `h = 1/2`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

from zeroloss.verified.forward import SLOP
from zeroloss.verified.norms import ratio_upper

RADII = (1.001, 1.01, 1.03, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8, 1.9, 2.0)
"""Balls tried, in units of `eps/sigma`; no `rho` is outside [1, 2]."""


@dataclasses.dataclass(frozen=True)
class Kantorovich:
    """What the theorem says.

    Attributes:
        beta, h: on the ball of radius `ball`.
        radius: `rho`, rounded up; None where no ball works (the numbers then are those of the smallest ball tried on which
            `h` is above 1/2).
    """

    ball: float
    beta: float
    h: float
    radius: float | None


def kantorovich(eps: float, sigma: float, beta: Callable[[float], float]) -> Kantorovich:
    """The theorem with `beta(R)` a bound on `B(w, R)`: the smallest ball of a few that contains its own `rho`.

    Args:
        eps: an upper bound on `|F(w)|`; sigma: a lower bound on the smallest singular value, 0 for none.
        beta: an upper bound on the Lipschitz constant for each radius; may be infinite.
    """
    if not (0 < sigma < math.inf and 0 <= eps < math.inf):
        return Kantorovich(0.0, math.inf, math.inf, None)
    worst = None
    for times in RADII:
        ball = ratio_upper((times, SLOP, eps), (sigma,)) + 1e-300
        if not math.isfinite(ball):
            break
        slope = beta(ball)
        h = ratio_upper((slope, eps, SLOP), (sigma, sigma)) + 1e-300 if math.isfinite(slope) else math.inf
        if not h <= 0.5:
            worst = worst or Kantorovich(ball, slope, h, None)
            continue
        root = math.sqrt(max(0.0, 1 - 2 * h)) * (1 - 1e-9)
        radius = ratio_upper((2.0, eps, SLOP), (sigma, 1 + root)) + 1e-300
        if radius <= ball:
            return Kantorovich(ball, slope, h, radius)
    return worst or Kantorovich(0.0, math.inf, math.inf, None)
