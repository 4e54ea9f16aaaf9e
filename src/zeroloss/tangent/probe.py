"""The check that every kernel passes: one random bilinear form, by vjp and by the original function itself."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from zeroloss.networks import Wrapped
from zeroloss.tangent.jaxpr.layerwise import padded

MOST = 32
"""Examples that take part, at most."""


def probe(
    network: Any,
    x1: np.ndarray,
    x2: np.ndarray | None,
    mask: Any,
    result: np.ndarray,
    outputs: str,
    c: int,
    lowest: np.dtype | None = None,
) -> None:
    """Compare `v^T K u` with `<DF(x1)^T v, DF(x2)^T u>` of the original function for random `v`, `u`.

    `v` and `u` are normal on up to 32 examples (the first, the last, the others drawn), and 0 elsewhere. On one set of
    points `u = v`, which distinguishes two symmetric matrices as well. For the trace and diagonal forms `v` and `u` belong to
    one output at a time: a random one, or (trace) each of up to 16.

    Args:
        lowest: the lowest precision that a value of the network passes through (`zeroloss.plumbing.operations`); by
            default the kernel's own. No kernel is more exact: a block that computes in bfloat16 leaves 8 bits.

    Raises:
        ArithmeticError: they differ by more than rounding explains.
    """
    rng = np.random.default_rng(len(x1) + 7 * c)
    rows = _some(len(x1), rng)
    columns = rows if x2 is None else _some(len(x2), rng)
    v = rng.standard_normal((len(rows), c)).astype(result.dtype)
    u = v if x2 is None else rng.standard_normal((len(columns), c)).astype(result.dtype)
    points = x1[rows], None if x2 is None else x2[columns]
    moved, fixed = eqx.partition(network, mask)
    if outputs == "full":
        square = result.reshape(len(x1), c, -1, c)[rows][:, :, columns]
        found = float(np.einsum("ia,iajb,jb->", v, square, u, optimize=True))
        expected = _pairing(moved, fixed, *points, v, u)
    else:
        if outputs == "trace" and c > 16:
            return  # the trace needs every output; the full form's probe covers the same parts
        chosen = range(c) if outputs == "trace" else [int(rng.integers(c))]
        square = (result if outputs == "trace" else result[..., chosen[0]])[rows][:, columns]
        found = float(v[:, 0] @ (square @ u[:, 0]))
        unit = np.eye(c, dtype=result.dtype)
        terms = [_pairing(moved, fixed, *points, v[:, :1] * unit[k], u[:, :1] * unit[k]) for k in chosen]
        expected = float(np.mean(terms))
    scale = float(np.abs(v).max() * np.abs(u).max()) * float(np.abs(square).sum())
    eps = max(float(jnp.finfo(kind).eps) for kind in (result.dtype, lowest or result.dtype))
    if not abs(found - expected) <= 1e3 * eps * scale:
        raise ArithmeticError(
            f"the layerwise kernel disagrees with vjp and jvp of the function ({found:.6g} against {expected:.6g}); "
            "please report the network, and pass nothing on."
        )


def _some(n: int, rng: np.random.Generator) -> np.ndarray:
    """Up to `MOST` of `n` examples, the first and the last among them."""
    if n <= MOST:
        return np.arange(n)
    return np.concatenate([[0], np.sort(rng.choice(np.arange(1, n - 1), MOST - 2, replace=False)), [n - 1]])


def _pairing(moved, fixed, x1, x2, v, u) -> float:
    block = len(x1) if x2 is None else max(len(x1), len(x2))  # one compiled shape for both
    left = _pulled(moved, fixed, x1, v, block)
    right = left if x2 is None else _pulled(moved, fixed, x2, u, block)
    return float(sum(jnp.vdot(a, b) for a, b in zip(jax.tree.leaves(left), jax.tree.leaves(right), strict=True)))


def _pulled(moved, fixed, x, v, block):
    """`DF(x)^T v`."""
    ((rows, count),), ((weights, _),) = padded(x, block), padded(v, block)
    weights = np.where(np.arange(block)[:, None] < count, weights, 0).astype(v.dtype)
    return _pull(moved, fixed, jnp.asarray(rows), jnp.asarray(weights))


@eqx.filter_jit
def _pull(moved, fixed, x, u):
    def outputs(weights):
        network = eqx.combine(weights, fixed)
        return network.batch(x) if isinstance(network, Wrapped) else jax.vmap(network)(x)

    _, pullback = eqx.filter_vjp(outputs, moved)
    return pullback(u)[0]
