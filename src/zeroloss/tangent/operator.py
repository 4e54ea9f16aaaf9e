"""The kernel as a linear operator: `K v = DF (DF^T v)` by one vjp and one jvp, never formed."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from zeroloss.networks import is_double, trainable_mask
from zeroloss.plumbing import double
from zeroloss.tangent.lanczos import lanczos


class KernelOperator:
    """`v -> K v` for the tangent kernel of a network on the rows of `x`; `v` is `(n, c)` or `(n c,)`, example-major."""

    def __init__(self, network: Any, x: np.ndarray, trainable: Any = None):
        self.wide = is_double(network)
        self.dtype = np.float64 if self.wide else np.float32
        mask = trainable_mask(network, trainable)
        with _scope(self.wide):
            self._moved, self._fixed = eqx.partition(network, mask)
            self._x = jnp.asarray(np.asarray(x, self.dtype))
            shape = eqx.filter_eval_shape(_outputs, self._moved, self._fixed, self._x).shape
        self.outputs = shape
        self.size = shape[0] * shape[1]
        self.shape = (self.size, self.size)

    def __matmul__(self, v: np.ndarray) -> np.ndarray:
        v = np.asarray(v, self.dtype)
        with _scope(self.wide):
            image = _product(self._moved, self._fixed, self._x, jnp.asarray(v.reshape(self.outputs)))
            return np.asarray(image).reshape(v.shape)


def _scope(wide: bool):
    import contextlib

    return double() if wide else contextlib.nullcontext()


def _outputs(moved, fixed, x):
    return jax.vmap(eqx.combine(moved, fixed))(x)


@eqx.filter_jit
def _product(moved, fixed, x, v):
    def function(weights):
        return _outputs(weights, fixed, x)

    _, pullback = eqx.filter_vjp(function, moved)
    (direction,) = pullback(v)
    _, image = eqx.filter_jvp(function, (moved,), (direction,))
    return image


def top_eigenvalue(operator: KernelOperator, *, steps: int = 24, seed: int = 0) -> float:
    """The largest eigenvalue by Lanczos: a lower bound in exact arithmetic, in practice exact to a fraction of a per
    cent.

    For step sizes; a proof takes `largest_eigenvalue` of the formed kernel.
    """
    start = np.random.default_rng(seed).standard_normal(operator.size)
    return float(lanczos(operator.__matmul__, start, steps).nodes[-1])


@eqx.filter_jit
def _pull(moved, fixed, x, u):
    _, pullback = eqx.filter_vjp(lambda w: _outputs(w, fixed, x), moved)
    return pullback(u)[0]


def probe(
    network: Any, x1: np.ndarray, x2: np.ndarray | None, mask: Any, result: np.ndarray, outputs: str, c: int
) -> None:
    """Compare `v^T K u` with `<DF(x1)^T v, DF(x2)^T u>` of the original function for random `v`, `u`.

    Raises:
        ArithmeticError: they differ by more than rounding explains.
    """
    rng = np.random.default_rng(len(x1) + 7 * c)
    n2 = len(x1) if x2 is None else len(x2)
    v, u = rng.standard_normal((len(x1), c)).astype(x1.dtype), rng.standard_normal((n2, c)).astype(x1.dtype)
    moved, fixed = eqx.partition(network, mask)
    if outputs == "full":
        found = float(v.ravel() @ (result @ u.ravel()))
        expected = _pairing(moved, fixed, x1, x2, v, u)
    else:
        # One output at a time: the diagonal blocks are what these two forms hold.
        a = int(rng.integers(c))
        columns = range(c) if outputs == "trace" and c <= 16 else [a]
        if outputs == "trace" and c > 16:
            return  # the trace needs every output; the full form's probe covers the same factors
        first, last = v[:, :1], u[:, :1]
        found = float(first[:, 0] @ ((result if outputs == "trace" else result[..., a]) @ last[:, 0]))
        unit = np.eye(c, dtype=x1.dtype)
        values = [_pairing(moved, fixed, x1, x2, first * unit[k], last * unit[k]) for k in columns]
        expected = float(np.mean(values))
    scale = float(np.abs(v[:, :1]).ravel().max() * np.abs(u[:, :1]).max() * np.abs(result).sum())
    tolerance = 1e3 * float(np.finfo(x1.dtype).eps) * scale
    if not abs(found - expected) <= tolerance:
        raise ArithmeticError(
            f"the layerwise kernel disagrees with vjp and jvp of the function ({found:.6g} against {expected:.6g}); "
            "please report the network, and pass nothing on."
        )


def _pairing(moved, fixed, x1, x2, v, u) -> float:
    left = _pull(moved, fixed, jnp.asarray(x1), jnp.asarray(v))
    right = _pull(moved, fixed, jnp.asarray(x1 if x2 is None else x2), jnp.asarray(u))
    return float(sum(jnp.vdot(a, b) for a, b in zip(jax.tree.leaves(left), jax.tree.leaves(right), strict=True)))
