"""The trials: spectra, descents, steps, certificates, generalisation, and problems that are no regression."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from zeroloss.networks import trainable_mask
from zeroloss.studies.grids import Metrics
from zeroloss.studies.terjek_gonzalez_sanchez_width import descent, problems
from zeroloss.studies.typed import per_block, per_key
from zeroloss.tangent import infinite_kernel
from zeroloss.theorems import composite_theorem
from zeroloss.verified.jacobian import trained_layers
from zeroloss.verified.lipschitz import constants, eigenvalue_bounds

SHARE = 1.0
"""Steps of descents, in `n/lambda_max`."""
MOST = 400
CERTIFIED_N, CERTIFIED_D = 10, 50
CERTIFIED_STEPS = 400
TRANSFER_STEPS = 60
TRANSFER = 2.0 ** (np.arange(-8, 9) / 4)
"""Steps tried, in units of the largest stable one at the start."""
REACHED = 0.01
"""The share of the first loss below which a run of 60 steps counts as having descended."""
GAP_N, GAP_D, GAP_TEST, GAP_STEPS = 400, 10, 4000, 300
DELTA = 0.05
GRID = 2.0 ** (np.arange(0, 33) / 4)
"""Radii whose union is paid for, fixed before any data: 1 to 256."""


@dataclasses.dataclass(frozen=True)
class Layers:
    """A tanh network of a width and depth on inputs of a kind (`problems.KINDS`)."""

    data: str
    depth: int
    width: int

    @property
    def millions(self) -> float:
        """Millions of weights."""
        return (problems.D * self.width + (self.depth - 1) * self.width**2) / 1e6


@dataclasses.dataclass(frozen=True)
class Other:
    """A problem that is no regression ("physics", "moments")."""

    problem: str
    width: int


@dataclasses.dataclass(frozen=True)
class Transfer:
    """A network whose largest steps are looked for."""

    parametrization: str
    width: int


@dataclasses.dataclass(frozen=True)
class Certified:
    """A network that the composite theorem is tried on ("fixed signs", or "depth 1" and so on)."""

    network: str
    width: int


@dataclasses.dataclass(frozen=True)
class Gap:
    """Targets ("linear", "random") and the width of a hidden layer."""

    targets: str
    width: int


@per_key
def lambda_min(cell: Layers, key: int) -> dict[str, Any]:
    """The proved lower end of the smallest eigenvalue of the tangent kernel at a random start, and the infinite width's."""
    x = problems.inputs(cell.data, problems.N, key)
    network = problems.mlp(cell.width, cell.depth, key, dtype="float64")
    low, high = eigenvalue_bounds(network, x, trained_layers(network, trainable_mask(network)))
    limit = np.asarray(infinite_kernel(network, x).ntk, np.float64)
    return {"lower": low, "upper_of_largest": high, "infinite": float(np.linalg.eigvalsh(limit)[0])}


@per_block
def descents(cell: Layers, keys: np.ndarray) -> Metrics:
    """Full-batch descent of all layers on random labels; see `descent.columns`."""
    networks = [problems.mlp(cell.width, cell.depth, int(key)) for key in keys]
    data = [(problems.inputs(cell.data, problems.N, int(key)), problems.labels(problems.N, int(key))) for key in keys]
    return descent.columns(descent.block("regression", networks, data, MOST, SHARE), problems.N)


@per_block
def others(cell: Other, keys: np.ndarray) -> Metrics:
    """The same for a physics-informed residual or for moments; `n = 1`: the loss is `|F|^2/2`."""
    make = {"physics": problems.physics_data, "moments": problems.moments_data}[cell.problem]
    networks = [problems.mlp(cell.width, 1, int(key), d=problems.PINN_D) for key in keys]
    return descent.columns(descent.block(cell.problem, networks, [make(int(key)) for key in keys], 4000, 0.5), 1)


@per_key
def transfer(cell: Transfer, key: int) -> dict[str, Any]:
    """The largest stable step `2n/lambda_max` at the start and at the end, the largest that descends, and the best.

    `reaches`: the largest of the steps tried from which on no larger one, and down from which every one, brings the loss
    below 1 % in 60 steps; `best`: the step with the lowest loss after 60.
    """
    n = problems.N
    network = problems.mlp(cell.width, 2, key, cell.parametrization)
    data = tuple(map(np.float32, (problems.inputs("sphere", n, key), problems.labels(n, key))))
    found = {k: np.asarray(v) for k, v in _transfer(network, data).items()}
    good = np.where(np.isfinite(found["losses"]), found["losses"], np.inf) <= REACHED
    up = int(np.argmin(good)) if not good.all() and good[0] else len(good) if good[0] else 0
    largest = 2 * n / float(found["high"])
    return {
        "start": largest,
        "end": 2 * n / float(found["high_end"]),
        "gap": float(found["gap"]),
        "reaches": largest * float(TRANSFER[up - 1]) if up else math.nan,
        "best": largest * float(TRANSFER[int(np.nanargmin(_finite(found["losses"])))]),
    }


def _finite(losses: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(losses), losses, 1e30)


@eqx.filter_jit
def _transfer(network: Any, data: Any) -> Any:
    moved, fixed = problems.split(network)
    mask = (True,) * (network.depth + 1)
    n = len(data[0])
    residual = functools.partial(_regression, fixed=fixed, data=data)
    gram = functools.partial(descent._layerwise, rest=fixed, own=data, mask=mask)
    high = jnp.linalg.eigvalsh(gram(moved))[-1]
    w, squares, _ = descent.follow(residual, moved, 0.5 * n / high, n, 600, 1e-7)

    def tried(times: Any) -> Any:
        _, squares, _ = descent.follow(residual, moved, times * 2 * n / high, n, TRANSFER_STEPS, 0.0)
        return squares[-1] / squares[0]

    losses = jax.lax.map(tried, jnp.asarray(TRANSFER, data[0].dtype))
    gap = jnp.nanmin(squares) / squares[0]
    return {"high": high, "high_end": jnp.linalg.eigvalsh(gram(w))[-1], "gap": gap, "losses": losses}


def _regression(w: Any, fixed: Any, data: Any) -> Any:
    return problems.regression(eqx.combine(w, fixed), data)


@per_key
def certificates(cell: Certified, key: int) -> dict[str, Any]:
    """The composite theorem at the start, and where it holds (hidden layer with fixed signs) whether descent keeps it.

    `over_rate`, `over_path`, `over_linear`, `over_nearest`: what was measured over what is promised, at the worst step: the
    gap, the path, the linearisation error `beta R^2/2`, and the distance to the linearised solution `sqrt(1.25) beta
    R^2/s0`.
    """
    n, d = CERTIFIED_N, CERTIFIED_D
    signs = cell.network == "fixed signs"
    depth = 1 if signs else int(cell.network[-1])
    network = (
        problems.signs(cell.width, key, d) if signs else problems.mlp(cell.width, depth, key, d=d, dtype="float64")
    )
    x, y = problems.inputs("sphere", n, key, d), problems.labels(n, key)
    trained = trained_layers(network, trainable_mask(network, "hidden" if signs else None))
    known = constants(network, x, y, np.zeros_like(y), np.ones(n), trained)
    theorem = composite_theorem(known.lam0, known.Lam0, known.residual, n, known.beta)
    row = {"lower": known.lam0, "beta": known.beta(1.0), "ratio": theorem.ratio, "proved": theorem.holds}
    row |= {"asked": cell.width * theorem.shrink**2}
    return row | (_kept(network, (x, y), theorem, n) if theorem.holds and signs else _unkept())


def _unkept() -> dict[str, float]:
    return dict.fromkeys(("over_rate", "over_path", "over_linear", "over_nearest"), math.nan)


def _kept(network: Any, data: tuple[Any, ...], theorem: Any, n: int) -> dict[str, float]:
    share = theorem.step_size / n  # in n/lambda_max, of which the largest eigenvalue is known to be below
    found = {k: np.asarray(v) for k, v in _certified(network, data, share, n).items()}
    squares = found["squares"]
    taken = int(np.isfinite(squares).sum())
    t = np.arange(1, taken)
    promised = squares[0] * theorem.rate**t * (1 + 1e-9) + 1e-26 * squares[0]
    bend = theorem.beta * theorem.radius**2
    return {
        "over_rate": float(np.max(squares[1:taken] / promised)),
        "over_path": float(found["path"]) / theorem.radius,
        "over_linear": float(found["linearisation_absolute"]) / (bend / 2),
        "over_nearest": float(found["distance"]) / (math.sqrt(1.25) * bend / math.sqrt(theorem.lam0)),
    }


@eqx.filter_jit
def _certified(network: Any, data: Any, share: Any, n: Any) -> Any:
    moved, fixed = problems.split(network, "hidden")
    residual = functools.partial(_regression, fixed=fixed, data=data)
    gram = functools.partial(descent._layerwise, rest=fixed, own=data, mask=(True, False))
    # `measured` takes the step in units of n/lambda_max of the kernel it forms: the same step as the theorem's.
    high = jnp.linalg.eigvalsh(gram(moved))[-1]
    return descent.measured(residual, gram, moved, n, CERTIFIED_STEPS, share * high, 1e-24)


@per_key
def generalisation(cell: Gap, key: int) -> dict[str, Any]:
    """Test less training loss `min(|f - y|, 1)` of a hidden layer with fixed signs, and the bound that pays for its radius.

    `bound = 2 (R sqrt(mean K_ii/n) + beta R^2/(2 sqrt n)) + 3 sqrt(log(2/delta_j)/(2n))`, `R = R_j` the smallest radius of the grid that
    holds the run, `delta_j = delta/((j + 1)(j + 2))`.
    """
    x = problems.inputs("sphere", GAP_N + GAP_TEST, key, GAP_D)
    rng = np.random.default_rng([key, 15])
    y = x[:, :1] if cell.targets == "linear" else rng.choice([-1.0, 1.0], (len(x), 1))
    network = problems.signs(cell.width, key, GAP_D)
    own, rest = (x[:GAP_N], y[:GAP_N]), (x[GAP_N:], y[GAP_N:])
    found = {k: float(v) for k, v in _gap(network, own, rest).items()}
    trained = trained_layers(network, trainable_mask(network, "hidden"))
    # On a sphere every |x| is known: the bound needs no other constant of the sample than the kernel's diagonal.
    known = constants(network, own[0], own[1], np.zeros_like(own[1]), np.ones(GAP_N), trained)
    diagonal = float(np.mean(np.diag(known.kernel)))
    place = int(np.searchsorted(GRID, found["moved"]))
    first, second, third = bound_terms(place, diagonal, known.beta(float(GRID[min(place, len(GRID) - 1)])), GAP_N)
    row = {"gap": found["test"] - found["train"], "train": found["train"], "test": found["test"]}
    row |= {"moved": found["moved"], "first": first, "second": second, "third": third}
    return row | {"bound": 2 * (first + second) + third}


def bound_terms(place: int, diagonal: float, beta: float, n: int, delta: float = DELTA) -> tuple[float, float, float]:
    """`R sqrt(mean K_ii/n)`, `beta R^2/(2 sqrt n)`, `3 sqrt(log(2/delta_j)/(2n))` for the radius at `place` of the grid
    (infinite beyond it)."""
    if place >= len(GRID):
        return math.inf, math.inf, math.inf
    radius = float(GRID[place])
    paid = delta / ((place + 1) * (place + 2))
    third = 3 * math.sqrt(math.log(2 / paid) / (2 * n))
    return radius * math.sqrt(diagonal / n), beta * radius**2 / (2 * math.sqrt(n)), third


@eqx.filter_jit
def _gap(network: Any, own: Any, rest: Any) -> Any:
    moved, fixed = problems.split(network, "hidden")
    n = len(own[0])
    residual = functools.partial(_regression, fixed=fixed, data=own)
    gram = functools.partial(descent._layerwise, rest=fixed, own=own, mask=(True, False))
    high = jnp.linalg.eigvalsh(gram(moved))[-1]
    w, _, _ = descent.follow(residual, moved, n / high, n, GAP_STEPS, 1e-6)

    def loss(data: Any) -> Any:
        return jnp.mean(jnp.minimum(jnp.abs(_regression(w, fixed, data)), 1.0))

    return {"train": loss(own), "test": loss(rest), "moved": descent._length(descent._minus(w, moved))}
