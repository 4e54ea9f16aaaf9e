"""The trials: who reaches zero with how many parameters, what is proved of the read-out, and natural against random labels.

`boundary`, `readout` and `labels` say what each is and compute it.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax.numpy as jnp
import numpy as np

from zeroloss.descent.levenberg_marquardt import levenberg_marquardt
from zeroloss.studies.grids import Metrics
from zeroloss.studies.kawaguchi_huang_size import boundary, labels, readout
from zeroloss.studies.kawaguchi_huang_size.boundary import NEAR, STARTS, STEPS, ZERO
from zeroloss.studies.kawaguchi_huang_size.network import padded_network
from zeroloss.studies.typed import per_block, per_key


@dataclasses.dataclass(frozen=True)
class Phase:
    """A cell of the phase diagram; `budget`: gradients, where descent is by gradient."""

    activation: str
    depth: int
    size: int
    ratio: float
    targets: str = "normal"
    budget: int = 0

    @property
    def shape(self) -> tuple[Any, ...]:
        """What decides the compiled program."""
        return self.activation, self.depth, self.size, boundary.bucket(self.ratio)


@dataclasses.dataclass(frozen=True)
class Shape:
    """A network of the paper's shape for n inputs, `missing` units left out of the last layer."""

    activation: str
    depth: int
    n: int
    weight_std: float
    missing: int = 0


@dataclasses.dataclass(frozen=True)
class Labels:
    """A data set (a name or a file of `zeroloss.load_data`), the kind of its labels, and the most training rows."""

    data: str
    kind: str
    rows: int
    activation: str


@per_block
def by_levenberg_marquardt(cell: Phase, keys: np.ndarray) -> Metrics:
    """`STARTS` starts per key. Metrics: `n`, `p`, `zeros` (starts that reached zero), `starts`, `best`, `middle` (least and median
    relative loss `|f - y|^2/|y|^2` over the starts), `steps` (median), `stalled`, `open` (starts that stopped for want of progress,
    and for want of steps)."""
    laid, begin, rest = boundary.batch(cell, keys, STARTS, jnp.float64)
    residual, jacobian, _ = padded_network(boundary.INPUTS, laid.padded, cell.activation)
    y = np.asarray(rest[1])
    found = levenberg_marquardt(
        residual, begin, rest, jacobian=jacobian, steps=STEPS, tolerance=0.5 * ZERO * float((y**2).sum(axis=1).min())
    )
    shape = (len(keys), STARTS)
    relative = boundary.relative(found.loss, y).reshape(shape)
    converged, stalled = (np.asarray(a).reshape(shape) for a in (found.converged, found.stalled))
    return {
        "n": np.full(len(keys), laid.n),
        "p": np.full(len(keys), laid.p),
        "zeros": converged.sum(axis=1),
        "starts": np.full(len(keys), STARTS),
        "best": relative.min(axis=1),
        "middle": np.median(relative, axis=1),
        "steps": np.median(np.asarray(found.steps).reshape(shape), axis=1),
        "stalled": stalled.sum(axis=1),
        "open": (~stalled & ~converged).sum(axis=1),
    }


@per_block
def by_gradient_descent(cell: Phase, keys: np.ndarray) -> Metrics:
    """One start per key, `budget` gradients. Metrics: `n`, `p`, `zeros` (0 or 1: relative loss at most `NEAR`), `starts` (1), `best`
    (relative loss reached), `steps` (gradients used: of a run that reached `NEAR`, how many it took)."""
    laid, begin, rest = boundary.batch(cell, keys, 1, jnp.float32)
    _, _, loss = padded_network(boundary.INPUTS, laid.padded, cell.activation)
    goal = 0.5 * NEAR * jnp.sum(rest[1] ** 2, axis=1) / laid.n
    final, steps = boundary.descend(loss, begin, rest, goal, jnp.asarray(cell.budget))
    relative = boundary.relative(np.asarray(final, float) * laid.n, rest[1])
    return {
        "n": np.full(len(keys), laid.n),
        "p": np.full(len(keys), laid.p),
        "zeros": (relative <= NEAR * (1 + 1e-5)).astype(int),
        "starts": np.ones(len(keys), int),
        "best": relative,
        "steps": np.asarray(steps),
    }


@per_key
def rank(cell: Shape, key: int) -> dict[str, Any]:
    """The rank of the last features, and the proof by the read-out (see `readout.rank`)."""
    return readout.rank(*readout.drawn(cell, key))


@per_key
def descent(cell: Shape, key: int) -> dict[str, Any]:
    """Gradient descent of the read-out alone, and of all layers (see `readout.descent`)."""
    return readout.descent(*readout.drawn(cell, key))


@per_key
def fitted(cell: Labels, key: int) -> dict[str, Any]:
    """Labels of a kind, fitted and tested (see `labels.fitted`)."""
    return labels.fitted(cell, key)
