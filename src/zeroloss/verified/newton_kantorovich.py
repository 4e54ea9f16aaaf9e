"""The proof by Newton-Kantorovich: an exact minimum near weights where the residual is small, moving every layer.

`F(w) = (sqrt(n_g) (f(x_g; w) - mean_g))_g` over the distinct inputs. Its constants, all rounding counted:

- `eps >= |F(w)|`, by the running error analysis (`zeroloss.verified.forward`);
- `sigma <= sigma_min(DF(w))`: `sqrt(lambda_min)` of the full kernel by the Cholesky criterion, less a bound on
  `|DF_float - DF|_F` (`zeroloss.verified.jacobian`);
- `beta`, the Lipschitz constant of `DF` on a ball (`zeroloss.verified.lipschitz`); for relu, leaky_relu and abs with
  second derivative 0, if no kink is crossed within the radius (`zeroloss.verified.kinks`).

The theorem (`kantorovich`). Let `|F(w)| <= eps`, `sigma_min(DF(w)) >= sigma > 0` (all rows), and `DF` be `beta`-Lipschitz on
the closed ball `B(w, R)`. If `h = beta eps/sigma^2 <= 1/2` and

    rho = (sigma/beta)(1 - sqrt(1 - 2h)) = 2 eps/(sigma (1 + sqrt(1 - 2h))) <= R,

then `F` has an exact zero within `rho` of `w`. (After Kantorovich; ours: along `v' = -DF(v)^+ F(v)` the residual decays
as `e^-t`, and `s = |v - w|` obeys `(sigma - beta s) ds <= eps e^-t dt`, so `s` stays below `rho`.) Sharp: for
`F = eps + sigma w - beta w^2/2` there is no zero beyond `h = 1/2`.

A zero of `F` is a global minimum of the squared risk, whatever the targets of equal inputs are.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg.lapack as lapack

from zeroloss.data.repeats import Collapsed
from zeroloss.plumbing import InputError
from zeroloss.plumbing.format import format_bytes
from zeroloss.plumbing.memory import available_bytes
from zeroloss.verdict import Record, at_least, at_most
from zeroloss.verified.bound import Lower, Upper
from zeroloss.verified.directed import FEW_UP, LEAST, SLOP, norm_upper, norms_upper, ratio_upper, sqrt_lower
from zeroloss.verified.eigenvalues import is_above, smallest_eigenvalue
from zeroloss.verified.forward import Layer, backward, forward, output_error
from zeroloss.verified.jacobian import Rows, Trained, jacobian_rows
from zeroloss.verified.kinks import kink_margin, undecided
from zeroloss.verified.layers import Layers, LayersLike
from zeroloss.verified.lipschitz import lipschitz_of_derivative
from zeroloss.verified.proved import proved_lower, proved_upper
from zeroloss.verified.ritz import lowest_pair
from zeroloss.verified.symmetric import prepare

MOST_EQUATIONS = 20_000
"""Equations above which the kernel (3.2 GB) is not formed and nothing is proved."""
WORTH_GUESSING = 1000
"""Rows above which a factor that is there already is used to guess the smallest eigenvalue."""
DRIFT = 0.02
"""A stored kernel is used if it is off by no more than this part of its smallest eigenvalue."""


RADII = (1.001, 1.01, 1.03, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8, 1.9, 2.0)
"""Balls tried, in units of `eps/sigma`; no `rho` is outside [1, 2]."""


NOTHING = proved_lower(-math.inf)
"""A lower bound on anything."""


@dataclasses.dataclass(frozen=True)
class Kantorovich:
    """The result of the theorem.

    Attributes:
        beta, h: on the ball of radius `ball`.
        radius: `rho`, rounded up; None where no ball works (the numbers then are those of the smallest ball tried on which
            `h` is above 1/2).
    """

    ball: float
    beta: Upper
    h: Upper
    radius: Upper | None


def kantorovich(eps: Upper, sigma: Lower, beta: Callable[[float], Upper]) -> Kantorovich:
    """The theorem with `beta(R)` a bound on `B(w, R)`: the smallest ball of a few that contains its own `rho`.

    Args:
        eps: an upper bound on `|F(w)|`; sigma: a lower bound on the smallest singular value, 0 for none.
        beta: an upper bound on the Lipschitz constant for each radius; may be infinite.
    """
    unknown = proved_upper(math.inf)
    if not (0 < sigma < math.inf and 0 <= eps < math.inf):
        return Kantorovich(0.0, unknown, unknown, None)
    worst = None
    for times in RADII:
        ball = ratio_upper((times, SLOP, eps), (sigma,)) + LEAST
        if not math.isfinite(ball):
            break
        slope = beta(ball)
        h = proved_upper(ratio_upper((slope, eps, SLOP), (sigma, sigma)) + LEAST) if math.isfinite(slope) else unknown
        if not h <= 0.5:
            worst = worst or Kantorovich(ball, slope, h, None)
            continue
        root = math.sqrt(max(0.0, 1 - 2 * h)) * (1 - 1e-9)  # rounded down: it stands in the denominator
        radius = proved_upper(ratio_upper((2.0, eps, SLOP), (sigma, 1 + root)) + LEAST)
        if radius <= ball:
            return Kantorovich(ball, slope, h, radius)
    return worst or Kantorovich(0.0, unknown, unknown, None)


def singular_value_of(eigenvalue: Lower, error: float = 0.0) -> Lower:
    """`sqrt(eigenvalue) - error`, rounded down, 0 at least: a bound on `sigma_min(DF)` from one on `lambda_min(DF DF^T)`.

    `error`: how far the Jacobian whose kernel it is may be from `DF`, in the 2-norm.
    """
    return proved_lower(max(0.0, sqrt_lower(eigenvalue) - error))


@dataclasses.dataclass(frozen=True)
class NewtonKantorovich(Record):
    """The numbers of the proof; `radius` is None where it does not go through, and `obstacle` is the reason.

    Attributes:
        residual_upper: `eps`, the Euclidean norm over distinct inputs (weighted by the root of their multiplicity) and
            outputs.
        singular_value_lower: `sigma` (0: none).
        lipschitz_upper: `beta` on the ball of radius `ball`; h: `beta eps/sigma^2`, rounded up.
        radius: `rho`, rounded up.
        kink_margin: how many times farther than `rho` the nearest kink is, at least (None: nothing has kinks).
        equations, parameters: rows and columns of `DF`; distinct: its inputs.
        kernel: which kernel the smallest eigenvalue was bounded of.
    """

    residual_upper: Upper
    singular_value_lower: Lower
    lipschitz_upper: Upper
    h: Upper
    ball: float
    radius: Upper | None
    kink_margin: float | None
    equations: int
    parameters: int
    distinct: int
    kernel: str
    obstacle: str


@np.errstate(over="ignore", invalid="ignore", divide="ignore")  # infinite and undefined bounds prove nothing
def newton_kantorovich(
    network: LayersLike, distinct: Collapsed, trained: Trained, *, stored: Any = None, factor: Any = None
) -> NewtonKantorovich:
    """The proof at the weights of `network` (float64), for collapsed data, moving the layers `trained`.

    Args:
        stored: a kernel `(n c, n c)` with weighted rows that may be that of `network` or of weights near by; it is
            compared with the one at these weights, tile by tile, and used only if its distance is small enough.
        factor: a Cholesky factor (LAPACK, lower triangle) of such a kernel: it finds where the bound on the eigenvalue is
            to be tried, and proves nothing.
    """
    network = Layers.of(network)
    equations, parameters = distinct.y.size, trained.count(network)
    unknown = proved_upper(math.inf)
    blank = NewtonKantorovich(
        unknown,
        proved_lower(0.0),
        unknown,
        unknown,
        0.0,
        None,
        None,
        equations,
        parameters,
        len(distinct.x),
        "none",
        "",
    )
    short = too_large(network, distinct, trained)
    try:
        if short:
            eps = residual_norm(network, forward(network, distinct.x), distinct)
            return dataclasses.replace(blank, residual_upper=eps, obstacle=short)
        return _prove(network, distinct, trained, (stored, factor), blank)
    except InputError as error:  # numbers out of the range proofs are made for
        return dataclasses.replace(blank, obstacle=str(error).rstrip("."))


def residual_norm(network: LayersLike, layers: list[Layer], distinct: Collapsed) -> Upper:
    """`eps`: a proved upper bound on `|F(w)|`, the smaller of two: with entrywise errors, and with those of whole rows."""
    network = Layers.of(network)
    last, root = layers[-1], np.sqrt(np.asarray(distinct.sizes, np.float64))
    gaps = np.abs(distinct.y - last.z) * FEW_UP + distinct.rounding
    by_entry = norm_upper((gaps + last.z_error) * root[:, None])
    rows = norms_upper(gaps) * SLOP + output_error(network, layers)
    return proved_upper(min(by_entry, norm_upper(rows * root)) * SLOP)


def too_large(network: Layers, distinct: Collapsed, trained: Trained) -> str:
    """Why the proof is not tried: fewer parameters than equations, or too many equations; "" if it is."""
    equations, parameters = distinct.y.size, trained.count(network)
    if parameters < equations:
        return f"{equations - parameters:,} more equations ({equations:,}) than trained parameters ({parameters:,})"
    if equations > MOST_EQUATIONS:
        return f"{equations:,} equations are more than the {MOST_EQUATIONS:,} whose kernel is formed"
    needed = 8 * (2.6 * equations**2 + 6.0 * equations * sum(network.widths))
    free = available_bytes()
    if free is not None and needed > free:
        return f"it takes {format_bytes(needed)} and {format_bytes(free)} are free"
    return ""


def _prove(
    network: Layers, distinct: Collapsed, trained: Trained, known: tuple[Any, Any], blank: NewtonKantorovich
) -> NewtonKantorovich:
    layers = forward(network, distinct.x)
    eps = residual_norm(network, layers, distinct)
    found = dataclasses.replace(blank, residual_upper=eps)
    at_kink = undecided(network, layers)
    if at_kink:
        why = f"{at_kink} pre-activations are at a kink, or closer to it than their rounding"
        return dataclasses.replace(found, kink_margin=0.0, obstacle=why)
    root = np.sqrt(np.asarray(distinct.sizes, np.float64))
    cotangents = backward(network, layers, kinks=True)
    peak = cotangents.peak
    rows = jacobian_rows(network, layers, cotangents, root, trained)
    del cotangents
    sigma, eigenvalue, which = _singular_value(rows, *known)
    found = dataclasses.replace(found, singular_value_lower=sigma, kernel=which)
    if not sigma > 0:
        why = (
            f"the tangent kernel is not shown to be positive definite: its smallest eigenvalue is at least {eigenvalue:.3g} "
            f"and the rounding of the derivative {rows.error:.3g}"
        )
        return dataclasses.replace(found, obstacle=why)
    sizes = [(norms_upper(v.h) + norms_upper(v.h_error)) * SLOP for v in layers]
    beta = lipschitz_of_derivative(network, sizes, peak, root, trained, linear_pieces=True)
    result = kantorovich(eps, sigma, beta)
    found = dataclasses.replace(found, lipschitz_upper=result.beta, h=result.h, ball=result.ball)
    if result.radius is None:
        return dataclasses.replace(found, obstacle=_short(eps, sigma, result.beta, result.h))
    margin = kink_margin(network, layers, sizes, trained, result.radius)
    found = dataclasses.replace(found, kink_margin=None if margin == math.inf else margin)
    if not margin > 1:
        why = (
            f"the radius would be {at_most(result.radius)}, and the nearest kink of a pre-activation is only shown to be farther than "
            f"{at_least(max(margin, 0.0))} times that"
        )
        return dataclasses.replace(found, obstacle=why)
    return dataclasses.replace(found, radius=result.radius)


def _short(eps: float, sigma: float, beta: float, h: float) -> str:
    allowed = sigma / beta * sigma / 2 if 0 < beta < math.inf else 0.0
    return (
        f"h = beta eps/sigma^2 is bounded by {at_most(h)} and must be at most 1/2: with beta <= {at_most(beta)} and sigma >= "
        f"{at_least(sigma)} the residual would have to be at most {at_least(allowed)}, {at_most(2 * h)} times less than the "
        f"bound {at_most(eps)} on it"
    )


def _singular_value(rows: Rows, stored: Any, factor: Any) -> tuple[Lower, Lower, str]:
    """A lower bound on `sigma_min(DF)`, the one on the eigenvalue it is from, and the kernel that was used."""
    lower, which = NOTHING, ""
    if stored is not None:
        lower, which = (
            _from_stored(rows, np.asarray(stored), factor),
            "the one that descent has formed, its drift counted",
        )
    if not lower > 0:
        matrix, rounding = rows.kernel()
        lower, which = _eigenvalue_lower(matrix, rounding, factor), "formed at these weights"
    return singular_value_of(lower, rows.error), lower, which


def _from_stored(rows: Rows, matrix: np.ndarray, factor: Any) -> Lower:
    size = rows.parts[0][2].shape[0] * rows.parts[0][2].shape[1] if rows.parts else 0
    if matrix.shape != (size, size) or not np.isfinite(np.diag(matrix)).all():
        return NOTHING
    off = rows.distance(matrix, most=DRIFT * float(np.min(np.diag(matrix))))
    if not math.isfinite(off):
        return NOTHING
    lower = _eigenvalue_lower(matrix, off, factor)
    return lower if lower > 0 and off <= DRIFT * (lower + off) else NOTHING


def _eigenvalue_lower(matrix: np.ndarray, entry_error: float, factor: Any) -> Lower:
    """A proved lower bound on the smallest eigenvalue; with a factor from near by, in one factorisation."""
    if not (math.isfinite(entry_error) and np.isfinite(matrix).all()):
        return NOTHING  # its numbers overflow
    if factor is None or factor.shape != matrix.shape or len(matrix) <= WORTH_GUESSING:
        return smallest_eigenvalue(matrix, entry_error=entry_error).lower
    ready, error = prepare(matrix, entry_error)

    def solve(v: np.ndarray) -> np.ndarray:
        return lapack.dpotrs(factor, v.reshape(-1, 1), lower=1)[0][:, 0]

    pair = lowest_pair(ready.product, solve, len(matrix), noise=0.0, tolerance=1e-3, most=30)
    # Half a per cent below the estimate, so that one factorisation nearly always suffices.
    guess = 0.995 * (pair.value - pair.error) if math.isfinite(pair.error) else 0.0
    if guess > 0 and is_above(ready.matrix, guess, factor=ready.factor):
        return proved_lower(math.nextafter(guess / ready.scale - error, -math.inf))
    return smallest_eigenvalue(matrix, entry_error=entry_error).lower
