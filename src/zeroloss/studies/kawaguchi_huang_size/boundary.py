"""The trials of the phase diagram: random targets at n random inputs, fitted by networks of p parameters.

A cell names a size and a ratio. The network is the one whose number of parameters is nearest to `ratio * size`, and n is then
`round(p/ratio)`, a few more or fewer than the size: so the ratio, which decides, is exact to rounding. A row has the true `p` and `n`.

Targets: "normal", independent standard normal, so that what holds for almost every target holds for them; or "signs", +1 and
-1. These are no generic targets: saturated units can come as near to signs as one likes with fewer parameters than equations.

Two ways down. Levenberg-Marquardt in float64 (`zeroloss.descent.levenberg_marquardt`), several starts per problem: if any reaches zero a
minimum of value zero is there (to rounding). Gradient descent in float32, one start, with a budget of gradients: a trial step
that lowers the loss is taken and the step size then grown, one that does not is refused and the step size halved.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from zeroloss.plumbing import InputError
from zeroloss.studies.kawaguchi_huang_size.network import (
    count,
    counted_widths,
    padded_masks,
    padded_start,
    padded_widths,
    sphere,
)

if TYPE_CHECKING:
    from zeroloss.studies.kawaguchi_huang_size.trials import Phase

INPUTS = 4
"""Dimension of the inputs: small, so that one unit more is few parameters more."""
STARTS, STEPS = 3, 300
"""Levenberg-Marquardt: starts per problem, steps per start."""
ZERO = 1e-18
"""Part of the targets' sum of squares that counts as zero in float64: a step of Newton's from it would be at rounding."""
NEAR = 1e-2
"""Part of the targets' sum of squares that counts as reached by gradient descent, which comes no nearer to zero in any
budget one would pay for."""
GROWTH = 1.1
"""Factor on the step size after a step that is taken."""


class Cell(NamedTuple):
    """A network and its number of equations, laid into the shape of its bucket."""

    widths: tuple[int, ...]
    p: int
    n: int
    padded: tuple[int, ...]
    rows: int


def cell_of(depth: int, size: int, ratio: float) -> Cell:
    """The network and n for this ratio near this size; buckets: ratios below 1, then doubling (1 to 2, to 4, ...)."""
    widths = counted_widths(ratio * size, depth, INPUTS)
    p = count(INPUTS, widths)
    n = round(p / ratio)
    top = bucket(ratio)
    rows = max(n, size + (8 if top == 1 else 4))
    return Cell(widths, p, n, padded_widths(top * size, depth, INPUTS), rows)


def bucket(ratio: float) -> float:
    """The largest ratio of the bucket: 1 for all below 1, else the next power of 2."""
    return 1.0 if ratio < 1 else 2.0 ** max(1, math.ceil(math.log2(ratio)))


def problem(cell: Cell, targets: str, key: int) -> tuple[np.ndarray, np.ndarray, np.random.Generator]:
    """Inputs `(rows, d)` and targets `(rows,)`, padded with zeros, and the generator for the starts.

    Raises:
        InputError: targets of another kind.
    """
    if targets not in ("normal", "signs"):
        raise InputError(f"there are no targets {targets!r}; choose normal or signs.")
    rng = np.random.default_rng([key, cell.n, cell.p])
    x, y = np.zeros((cell.rows, INPUTS)), np.zeros(cell.rows)
    x[: cell.n] = sphere(rng, cell.n, INPUTS)
    y[: cell.n] = rng.standard_normal(cell.n) if targets == "normal" else rng.choice([-1.0, 1.0], cell.n)
    return x, y, rng


def batch(cell: Phase, keys: np.ndarray, starts: int, dtype: Any) -> tuple[Cell, Any, tuple[Any, ...]]:
    """The cell; starts `(b starts, p)`; the other arguments with the same leading axis."""
    laid = cell_of(cell.depth, cell.size, cell.ratio)
    drawn = [problem(laid, cell.targets, int(key)) for key in keys]
    begin = np.stack(
        [padded_start(rng, INPUTS, laid.widths, laid.padded) for _, _, rng in drawn for _ in range(starts)]
    )
    x = np.repeat(np.stack([one for one, _, _ in drawn]), starts, axis=0)
    y = np.repeat(np.stack([one for _, one, _ in drawn]), starts, axis=0)
    used = np.tile(np.arange(laid.rows) < laid.n, (len(begin), 1))
    masks = tuple(np.tile(mask, (len(begin), 1)) for mask in padded_masks(laid.widths, laid.padded))
    arrays = jax.tree.map(lambda a: jnp.asarray(a, dtype), (begin, x, y, used, masks))
    return laid, arrays[0], arrays[1:]


def relative(loss: Any, y: Any) -> np.ndarray:
    """`|f - y|^2/|y|^2` from `|f - y|^2/2`."""
    return 2 * np.asarray(loss, float) / (np.asarray(y, float) ** 2).sum(axis=1)


@functools.partial(jax.jit, static_argnums=0)
def descend(loss: Any, start: Any, arguments: Any, goal: Any, budget: Any) -> Any:
    """Losses reached `(b,)` and gradients used `(b,)`."""
    gradient = jax.value_and_grad(loss)
    value, slope = jax.vmap(gradient)(start, *arguments)
    state = (start, value, slope, jnp.ones_like(value), jnp.ones_like(value, jnp.int32))

    def one(w: Any, value: Any, slope: Any, step: Any, used: Any, goal: Any, *rest: Any) -> Any:
        new_w = w - step * slope
        new_value, new_slope = gradient(new_w, *rest)
        taken = new_value < value
        active = value > goal
        moved = active & taken
        w, slope = jnp.where(moved, new_w, w), jnp.where(moved, new_slope, slope)
        step = jnp.where(active, step * jnp.where(taken, GROWTH, 0.5), step)
        return w, jnp.where(moved, new_value, value), slope, step, used + active

    def going(state: Any) -> Any:
        return jnp.any((state[1] > goal) & (state[4] < budget))

    state = jax.lax.while_loop(going, lambda s: jax.vmap(one)(*s, goal, *arguments), state)
    return state[1], state[4]
