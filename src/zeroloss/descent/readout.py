"""Networks with a linear read-out, `f(x) = C h(x)`: some steps on all weights, then the read-out solved for.

    empirical squared risk   1/(2n) (|f(X) - y|^2 + r |C|^2),

`H` `(n, K)` the features of the rows. With `r = 0` the read-out moves to the nearest minimiser (what gradient descent on it
tends to); with `r > 0` it is the ridge solution, `r` chosen by leave-one-out in closed form.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from sklearn.exceptions import ConvergenceWarning

from zeroloss.data import collapse, groups
from zeroloss.descent.least_move import least_move
from zeroloss.networks.squasher import SquasherNetwork
from zeroloss.plumbing import double

PENALTIES = 10.0 ** np.arange(-9, 1)
"""Ridge penalties that leave-one-out chooses among, in units of the largest eigenvalue of `H H^T`."""


@eqx.filter_jit
def _features(network: SquasherNetwork, x: Any) -> Any:
    return jax.vmap(network.features)(x)


def features(network: SquasherNetwork, x: np.ndarray) -> np.ndarray:
    """`H` `(n, K)` in float64: what the read-out reads at the rows of `x`."""
    with double():
        return np.asarray(_features(network, jnp.asarray(x, network.dtype)), np.float64)


@eqx.filter_jit
def _stepped(network: SquasherNetwork, x: Any, y: Any, penalty: Any, size: Any, count: Any) -> Any:
    """`count` steps on `1/(2n) (|f(X) - y|^2 + penalty |c|^2)` and the last value of it."""

    def risk(w: SquasherNetwork) -> Any:
        r = jax.vmap(w)(x) - y
        return (jnp.sum(r * r) + penalty * jnp.sum(w.readout**2)) / (2 * len(x))

    def step(_: Any, w: SquasherNetwork) -> SquasherNetwork:
        return jax.tree.map(lambda v, g: v - size * g, w, jax.grad(risk)(w))

    end = jax.lax.fori_loop(0, count, step, network)
    return end, risk(end)


def descended(network: SquasherNetwork, x: np.ndarray, y: np.ndarray, penalty: float, steps: int) -> SquasherNetwork:
    """Gradient descent on all weights with the step `1/smoothness` at the start, `n/(lambda_max(H H^T) + penalty)`.

    At the start the read-out is 0, so the tangent kernel is `H H^T`. A descent that ends above where it began is thrown
    away, with a warning.
    """
    if not steps:
        return network
    h = features(network, x)
    size = len(x) / (float(np.linalg.norm(h, 2)) ** 2 + penalty)
    with double():
        ended, value = _stepped(network, jnp.asarray(x), jnp.asarray(y), penalty, size, jnp.asarray(steps))
    if not float(value) <= float(np.sum(y**2)) / (2 * len(x)):
        warnings.warn("gradient descent on all weights diverged; the start was kept.", ConvergenceWarning, stacklevel=3)
        return network
    return ended


def to_the_infimum(network: SquasherNetwork, x: np.ndarray, y: np.ndarray, rounds: int = 3) -> SquasherNetwork:
    """The read-out moved as little as possible to a minimiser of the empirical squared risk `1/(2n) |f(X) - y|^2` over read-outs.

    It reaches the infimum over all functions, the group means at repeated inputs, wherever the features of the distinct
    inputs are independent. Repeats are collapsed, rows weighted by the roots of their number; Cholesky on `H H^T` with
    refinement, and a singular value decomposition where that fails.
    """
    distinct = collapse(x, y)
    root = np.sqrt(distinct.sizes)[:, None]
    a = root * features(network, x)[groups(x).first]  # of all rows: one shape, whatever repeats, is compiled once
    return network.with_readout(_moved(a, root * distinct.y, np.asarray(network.readout, np.float64).T, rounds).T)


def _moved(a: np.ndarray, b: np.ndarray, c: np.ndarray, rounds: int) -> np.ndarray:
    """`c` moved least so that `|a c - b|` is least; `a` `(n, K)`, `b` `(n, outputs)`."""
    best = least_move(a, c, lambda moved: b - a @ moved, rounds)
    least = float(np.linalg.norm(b - a @ best))
    aim = 1e-13 * max(float(np.linalg.norm(b)), 1e-300)
    if least <= 1e4 * aim:
        return best
    u, s, vt = np.linalg.svd(a, full_matrices=False)
    inverse = np.where(s > 1e-14 * s[0], 1 / np.maximum(s, 1e-300), 0.0)[:, None]
    for _ in range(rounds):
        c = best + vt.T @ (inverse * (u.T @ (b - a @ best)))
        size = float(np.linalg.norm(b - a @ c))
        if not size < least * (1 - 1e-6):
            break
        best, least = c, size
    return best


def ridge_readout(h: np.ndarray, y: np.ndarray, penalty: float | None) -> tuple[np.ndarray, float]:
    """The read-out `(K, c)` least in `|H c - y|^2 + r |c|^2`, and `r`: the one given, or of `PENALTIES` the one whose
    leave-one-out error is least (in closed form)."""
    u, s, vt = np.linalg.svd(h, full_matrices=False)
    inner = u.T @ y

    def filtered(r: float) -> np.ndarray:
        return s**2 / (s**2 + r)

    def left_out(r: float) -> float:
        shrunk = filtered(r)
        leverage = np.minimum((u * u) @ shrunk, 1 - 1e-10)
        return float(np.mean(((y - u @ (shrunk[:, None] * inner)) / (1 - leverage)[:, None]) ** 2))

    if penalty is None:
        penalty = min((float(p) * float(s[0]) ** 2 for p in PENALTIES), key=left_out)
    penalty = max(float(penalty), 1e-14 * float(s[0]) ** 2)
    return vt.T @ ((s / (s**2 + penalty))[:, None] * inner), penalty


def relative_excess(f: np.ndarray, x: np.ndarray, y: np.ndarray) -> float:
    """`(L(f) - inf)/(L(0) - inf)` for outputs `f` `(n, c)`, `inf` the infimum over all functions of the input.

    Both differences are sums over distinct inputs of `n_g |f - mean|^2` and `n_g |mean|^2`, which lose nothing to
    cancellation. Where all group means are 0 there is nothing to fit: 0 if f is 0 there, else infinity.
    """
    distinct = collapse(x, y)
    weight = distinct.sizes[:, None]
    above = float(np.sum(weight * (f[groups(x).first] - distinct.y) ** 2))
    whole = float(np.sum(weight * distinct.y**2))
    return above / whole if whole > 0 else (0.0 if above == 0 else math.inf)
