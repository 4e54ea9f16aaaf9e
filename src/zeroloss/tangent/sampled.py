r"""A lower estimate of the Lipschitz constant of `DF` on a ball, by sampling; never part of a proof.

    beta >= sup_w |D^2 F(w)| >= max over the weights and directions tried of |D^2 F(w)[u, u]|,   |u| = 1

(`sup_{|L| = 1} |L . D^2 F|_2 = sup_u |D^2 F[u, u]|`, each `L . D^2 F` being symmetric.) At each of the weights tried `u` is improved by
power iteration: `L = D^2 F[u, u]/|.|`, then `u <- (L . D^2 F) u/|.|`. The weights are the start, points at distance `R` from it in random
directions, and the two at `R` along the worst direction found. Computed in float64, its rounding not counted. (Ours.)
"""

from __future__ import annotations

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from zeroloss.networks import trainable_mask
from zeroloss.plumbing import InputError, double
from zeroloss.plumbing.precision import as_double
from zeroloss.verdict import Record

STARTS = 2
"""Directions that power iteration starts from, at each of the weights."""


@dataclasses.dataclass(frozen=True)
class SampledLipschitz(Record):
    """An estimate of `beta` from below.

    Attributes:
        value: the largest `|D^2 F(w)[u, u]|` met; at_start: the largest at the centre.
        radius: of the ball; weights: how many points of it were tried; iterations: of power iteration at each; key.
        note: what kind of number it is.
    """

    value: float
    at_start: float
    radius: float
    weights: int
    iterations: int
    key: int
    note: str = "an estimate from below, by sampling: no bound, and no part of a proof"


def sampled_lipschitz(
    network: Any,
    x: np.ndarray,
    *,
    radius: float = 0.0,
    sizes: np.ndarray | None = None,
    trainable: Any = None,
    points: int = 2,
    iterations: int = 30,
    key: int = 0,
) -> SampledLipschitz:
    """Sample `beta`, the Lipschitz constant of `DF` on the ball of `radius` about the weights of `network`.

    Args:
        network: called on one example.
        x: `(n, d)`; sizes: how often each row counts (`F` has rows `sqrt(size) f(x)`), by default once.
        trainable: which parameters move.
        points: random weights on the sphere of `radius`, beside the centre.
        iterations: of power iteration from each of two starts.

    Raises:
        InputError: a negative or infinite radius.
    """
    if not 0 <= radius < np.inf:
        raise InputError(f"radius={radius}: give a finite number, 0 or more.")
    x = np.asarray(x, np.float64)
    root = np.sqrt(np.ones(len(x)) if sizes is None else np.asarray(sizes, np.float64))
    with double():
        moved, fixed = eqx.partition(as_double(network), trainable_mask(network, trainable))
        flat, unravel = ravel_pytree(moved)
        curve = _curvature(fixed, unravel, jnp.asarray(x), jnp.asarray(root), iterations)
        rng = np.random.default_rng(key)

        def direction() -> np.ndarray:
            v = rng.standard_normal(flat.size)
            return v / np.linalg.norm(v)

        best = (0.0, direction())
        at_start = 0.0
        places = [np.zeros(flat.size), *(radius * direction() for _ in range(points if radius else 0))]
        for index, offset in enumerate(places):
            for _ in range(STARTS):
                best = max(best, _climb(curve, flat, offset, direction()), key=lambda found: found[0])
            at_start = best[0] if index == 0 else at_start
        ends = (radius * best[1], -radius * best[1]) if radius else ()
        for offset in ends:
            best = max(best, _climb(curve, flat, offset, best[1]), key=lambda found: found[0])
    return SampledLipschitz(best[0], at_start, float(radius), len(places) + len(ends), iterations, key)


def _climb(curve: Any, flat: Any, offset: np.ndarray, direction: np.ndarray) -> tuple[float, np.ndarray]:
    value, found = curve(flat + jnp.asarray(offset), jnp.asarray(direction))
    return (float(value) if np.isfinite(value) else 0.0), np.asarray(found)


def _curvature(fixed: Any, unravel: Any, x: Any, root: Any, iterations: int) -> Any:
    """`(w, u) -> (largest |D^2 F(w)[u, u]|, its u)` over power iteration from `u`, compiled."""

    def answers(w, x, root):
        return (jax.vmap(eqx.combine(unravel(w), fixed))(x) * root[:, None]).ravel()

    @jax.jit
    def run(w, u, x, root):
        def second(u):
            def first(v):
                return jax.jvp(lambda p: answers(p, x, root), (v,), (u,))[1]

            return jax.jvp(first, (w,), (u,))[1]

        def step(_, state):
            u, best, kept = state
            form = second(u)
            size = jnp.linalg.norm(form)
            pull = form / jnp.maximum(size, 1e-300)
            # (L . D^2 F) u: the derivative along u of the gradient of L . F.
            change = jax.jvp(jax.grad(lambda p: answers(p, x, root) @ pull), (w,), (u,))[1]
            kept = jnp.where(size > best, u, kept)
            best = jnp.maximum(size, best)
            length = jnp.linalg.norm(change)
            return jnp.where(length > 0, change / jnp.maximum(length, 1e-300), u), best, kept

        _, best, kept = jax.lax.fori_loop(0, iterations + 1, step, (u, jnp.zeros(()), u))
        return best, kept

    return lambda w, u: run(w, u, x, root)
