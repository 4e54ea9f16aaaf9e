r"""A convergence theorem for gradient descent on a composite risk (ours, after Terjek & Gonzalez-Sanchez, arXiv
2205.13507).

`J = l o F`, `l` `L`-smooth and `mu`-Polyak-Lojasiewicz on the whole space; `lam0`, `Lam0` the extreme eigenvalues of
`DF(w0) DF(w0)^T`, `s0 = sqrt(lam0)`; `DF` `beta`-Lipschitz on `B(w0, R)`; `gap0 = J(w0) - l*`. With `eta <= 1/L_J`,
`kappa = 1 - eta L_J/2`, `q = sqrt(2 gap0/mu)/kappa`: if `2 beta q < lam0`, then with `lam_end = lam0 - 2 beta q`,
`R = (s0 - sqrt(lam_end))/beta`, `L_J = L (sqrt(Lam0) + beta R)^2 + beta sqrt(2 L gap0)`, gradient descent with exact
arithmetic stays in the ball, its path is no longer than `R`, and `gap_t <= (1 - 2 kappa eta mu lam_end)^t gap0`.

Squared loss on n examples: `L = mu = 1/n`, `sqrt(2 gap0/mu) = |r0|`, `sqrt(2 L gap0) = |r0|/n`. Here `beta` may depend
on the radius
for which it was computed: a trial radius `R'` serves if the `R` that comes out is at most `R'`.

Why: in the ball `sigma_min(DF) >= s0 - beta |w - w0|`, so `|grad J|^2 >= sigma_min^2 2 mu gap`; a step lowers the gap
by at least `kappa eta |grad J|^2`, hence `sqrt(2 gap/mu)` by at least `kappa sigma_min |step|`; the sum of
`(s0 - beta s) ds` along the path is at most `q`. Full batch, full kernel, equal inputs collapsed.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

from zeroloss.verdict import Record
from zeroloss.verified.bound import Lower, Upper
from zeroloss.verified.directed import DOWN, UP, WIDE, ratio_upper, square_upper
from zeroloss.verified.proved import proved_lower, proved_upper

FRACTIONS = (1.0, 0.5, 0.25, 0.1, 0.05, 0.02, 0.01)
"""Steps tried where none is given, as shares of `1/L_J`; the largest that works is taken."""


@dataclasses.dataclass(frozen=True)
class Composite(Record):
    """What the theorem needs and promises for a squared loss.

    Attributes:
        holds: whether every hypothesis is met.
        ratio: `2 beta q/lam0` at the best radius: below 1 it holds (with a trial radius too small it counts what is
            missing).
        step_size, smoothness: `eta` and `L_J`.
        lam0, Lam0: proved lower and upper bound of the extreme eigenvalues; beta: at `trial_radius`; residual: upper
            bound on `|r0|`.
        radius, lam_end, rate: the promises (None where it does not hold): path length, `lam_end`, factor of the gap
            per step.
        obstacle: what is missing, where it does not hold.
        shrink: by how much `beta` would have to be smaller, at every radius, for it to hold (0 where `beta` is 0;
            infinite where no `beta` would do). Not the ratio where `beta` grows with the radius.
    """

    holds: bool
    ratio: float
    step_size: float
    smoothness: float
    lam0: Lower
    Lam0: Upper
    beta: float
    trial_radius: float
    residual: Upper
    radius: Upper | None
    lam_end: Lower | None
    rate: Upper | None
    obstacle: str = ""
    shrink: float = math.inf


def composite_theorem(
    lam0: Lower, Lam0: Upper, residual: Upper, n: int, beta: Callable[[float], Upper], step_size: float | None = None
) -> Composite:
    """Look for a radius (and a step, where none is given) at which the theorem holds.

    Args:
        lam0, Lam0: proved bounds, `lam0 <= lambda_min`, `lambda_max <= Lam0`, of `DF DF^T` at the start.
        residual: proved upper bound on `|r0|`.
        n: examples (the loss is `1/(2n) |r|^2`).
        beta: an upper bound on the Lipschitz constant of `DF` on `B(w0, R)`, non-decreasing in `R`.
        step_size: `eta`, or None.
    """
    if not lam0 > 0:
        return Composite(
            False,
            math.inf,
            step_size or 0.0,
            math.inf,
            lam0,
            Lam0,
            math.inf,
            0.0,
            residual,
            None,
            None,
            None,
            "lambda_min not above zero",
        )
    # `|r0|/s0` is the length of the path where the map is linear (beta = 0): radii from half of it to 3,400 times it.
    start = max(residual / math.sqrt(lam0), 1e-12)
    radii = [start * 2 ** (k / 4) for k in range(-4, 48)]
    values = [(r, beta(r)) for r in radii]
    shrink = _shrink(lam0, Lam0, residual, n, values, step_size)
    tried: list[Composite] = []
    for fraction in FRACTIONS if step_size is None else (None,):
        trials = [_at_radius(lam0, Lam0, residual, n, r, b, step_size, fraction) for r, b in values if math.isfinite(b)]
        good = [t for t in trials if t.holds]
        if good:
            return dataclasses.replace(min(good, key=lambda t: t.radius or math.inf), shrink=shrink)
        tried += trials
    if not tried:
        return Composite(
            False, math.inf, step_size or 0.0, math.inf, lam0, Lam0, math.inf, start, residual, None, None, None,
            "DF is not known to be Lipschitz near the start (kinks, or overflow)",
        )  # fmt: skip
    return dataclasses.replace(min(tried, key=lambda t: t.ratio), shrink=shrink)


def _shrink(
    lam0: Lower, Lam0: Upper, residual: Upper, n: int, values: list[tuple[float, Upper]], step_size: float | None
) -> float:
    """The least `s` such that with `beta(R)/s` for `beta(R)` some `R` has `s0 R - beta(R) R^2/(2 s) >= q`.

    `q` for the smallest step tried, or for the given one where curvature has vanished (`L_J = Lam0/n`). An estimate, no
    part of a proof.
    """
    eta = FRACTIONS[-1] * n / Lam0 if step_size is None else step_size
    kappa = 1 - eta * Lam0 / n / 2
    if not 0 < eta * Lam0 / n <= 1:
        return math.inf
    q, s0 = residual / kappa, math.sqrt(lam0)
    found = [b * r * r / (2 * (s0 * r - q)) for r, b in values if math.isfinite(b) and s0 * r > q]
    return min(found, default=math.inf)


def _at_radius(
    lam0: Lower,
    Lam0: Upper,
    residual: Upper,
    n: int,
    trial: float,
    beta: Upper,
    step_size: float | None,
    fraction: float | None,
) -> Composite:
    reach = math.sqrt(Lam0) + beta * trial
    smoothness = ratio_upper((square_upper(reach) + ratio_upper((beta, residual)), WIDE), (n,))
    eta = math.nan
    if math.isfinite(smoothness):
        eta = (1.0 if fraction is None else fraction) / smoothness if step_size is None else step_size
    kappa = 1 - eta * smoothness / 2 * WIDE
    # A step of 0, or a negative one, goes nowhere; comparisons with NaN are false.
    if not (eta > 0 and eta * smoothness <= UP and kappa > 0):
        obstacle = "the numbers overflow" if math.isnan(eta) else f"the step {eta:.3g} is "
        if not math.isnan(eta):
            obstacle += f"above 1/L_J = {1 / smoothness:.3g}" if eta > 0 else "not above zero"
        return Composite(
            False, math.inf, eta, smoothness, lam0, Lam0, beta, trial, residual, None, None, None, obstacle
        )
    q = ratio_upper((residual, WIDE), (kappa,))
    s0 = math.sqrt(lam0) * DOWN
    left = math.nextafter(lam0 - ratio_upper((2.0, beta, q, WIDE)), -math.inf)
    # The most that (s0 - beta s) ds can sum to within the trial radius: q must stay below it.
    room = s0**2 / (2 * beta) if beta > 0 and s0 / beta <= trial else s0 * trial - beta * trial * trial / 2
    ratio = ratio_upper((q, WIDE), (room,))
    # = (s0 - sqrt(left))/beta, without cancellation and for beta = 0
    radius = ratio_upper((2.0, q, WIDE), (s0 + math.sqrt(max(left, 0.0)),))
    holds = left > 0 and radius <= trial
    if not holds:
        obstacle = f"2 beta |r0|/kappa is {at(ratio)} times what lambda_min allows"
        return Composite(
            False, max(ratio, 1.0), eta, smoothness, lam0, Lam0, beta, trial, residual, None, None, None, obstacle
        )
    rate = (1 - 2 * kappa * eta * left / n * (1 - 1e-15)) * (1 + 1e-15) + 1e-16
    return Composite(
        True, ratio, eta, smoothness, lam0, Lam0, beta, trial, residual,
        proved_upper(radius), proved_lower(left), proved_upper(rate),
    )  # fmt: skip


def at(value: float) -> str:
    """A ratio for a sentence."""
    return f"{value:.3g}"
