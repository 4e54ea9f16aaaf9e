"""The check that every kernel passes: one random bilinear form, by vjp and by the original function itself."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from zeroloss.networks import Wrapped
from zeroloss.tangent.layerwise import padded

BLOCK = 256
"""Examples a pass."""


def probe(
    network: Any, x1: np.ndarray, x2: np.ndarray | None, mask: Any, result: np.ndarray, outputs: str, c: int
) -> None:
    """Compare `v^T K u` with `<DF(x1)^T v, DF(x2)^T u>` of the original function for random `v`, `u`.

    For the trace and diagonal forms `v` and `u` have the same signs for all outputs, so that the expected value is one
    output's (the diagonal form: a random one), or the sum over at most 16 of them.

    Raises:
        ArithmeticError: they differ by more than rounding explains.
    """
    rng = np.random.default_rng(len(x1) + 7 * c)
    n2 = len(x1) if x2 is None else len(x2)
    dtype = result.dtype
    v, u = rng.standard_normal((len(x1), c)).astype(dtype), rng.standard_normal((n2, c)).astype(dtype)
    moved, fixed = eqx.partition(network, mask)
    if outputs == "full":
        found = float(v.ravel() @ (result @ u.ravel()))
        expected = _pairing(moved, fixed, x1, x2, v, u)
    else:
        if outputs == "trace" and c > 16:
            return  # the trace needs every output; the full form's probe covers the same parts
        columns = range(c) if outputs == "trace" else [int(rng.integers(c))]
        first, last = v[:, :1], u[:, :1]
        plane = result if outputs == "trace" else result[..., columns[0]]
        found = float(first[:, 0] @ (plane @ last[:, 0]))
        unit = np.eye(c, dtype=dtype)
        expected = float(np.mean([_pairing(moved, fixed, x1, x2, first * unit[k], last * unit[k]) for k in columns]))
    scale = float(np.abs(v[:, :1]).max() * np.abs(u[:, :1]).max()) * float(np.abs(result).sum())
    if not abs(found - expected) <= 1e3 * float(np.finfo(dtype).eps) * scale:
        raise ArithmeticError(
            f"the layerwise kernel disagrees with vjp and jvp of the function ({found:.6g} against {expected:.6g}); "
            "please report the network, and pass nothing on."
        )


def _pairing(moved, fixed, x1, x2, v, u) -> float:
    x2 = x1 if x2 is None else x2
    block = min(max(len(x1), len(x2)), BLOCK)  # one compiled shape for both
    left, right = _pulled(moved, fixed, x1, v, block), _pulled(moved, fixed, x2, u, block)
    return float(sum(jnp.vdot(a, b) for a, b in zip(jax.tree.leaves(left), jax.tree.leaves(right), strict=True)))


def _pulled(moved, fixed, x, v, block):
    """`DF(x)^T v`, the examples in blocks of one shape."""
    total = None
    for (rows, count), (weights, _) in zip(padded(x, block), padded(v, block), strict=True):
        weights = np.where(np.arange(len(weights))[:, None] < count, weights, 0).astype(v.dtype)
        found = _pull(moved, fixed, jnp.asarray(rows), jnp.asarray(weights))
        total = found if total is None else jax.tree.map(jnp.add, total, found)
    return total


@eqx.filter_jit
def _pull(moved, fixed, x, u):
    def outputs(weights):
        network = eqx.combine(weights, fixed)
        return network.batch(x) if isinstance(network, Wrapped) else jax.vmap(network)(x)

    _, pullback = eqx.filter_vjp(outputs, moved)
    return pullback(u)[0]
