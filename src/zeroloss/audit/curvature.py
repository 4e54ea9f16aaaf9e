"""Products of the training loss's curvature with vectors, never formed, in blocks of examples.

With `L(w) = 1/n sum_i l(f(x_i; w), y_i)`:

- *Hessian* `H = d^2 L/dw^2`, on parameter vectors: the derivative of the gradient along `v`, forward over reverse.
- *Gauss-Newton* `G = 1/n sum_i J_i^T l''_i J_i`. With `l''_i = B_i B_i^T` it has the same nonzero eigenvalues, and the same
  trace, as `1/n B^T K B` on the `n c` outputs, `K` the tangent kernel: vectors are shorter there, and the product is that of
  `KernelOperator`.

`H - G` is the residual's part: it vanishes where the squared loss is zero.
"""

from __future__ import annotations

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from zeroloss.networks import is_double, precision, predict, trainable_mask
from zeroloss.plumbing import InputError
from zeroloss.plumbing.derivatives import explained
from zeroloss.tangent.operator import KernelOperator, bytes_per_example, in_blocks
from zeroloss.tangent.points import points

LOSSES = ("squared", "cross-entropy", "binary-cross-entropy", "hinge")
TIMES = 4
"""Memory that a Hessian product holds per example, in units of the values of one evaluation."""
ROOM = 2**30
"""Largest memory of a block of examples in a Hessian product: each block passes over all weights, so few large ones are quicker
(ResNet-18: 1.2 s per product with 9 examples per block, 0.7 s with 64)."""


def example_loss(name: str) -> Any:
    """`l(f, y)` of one example, `(c,)` each, as in `zeroloss.audit.training_loss`."""

    def squared(f, y):
        return 0.5 * jnp.sum((f - y) ** 2)

    def binary(f, y):
        return jnp.sum(jnp.logaddexp(0, f) - jnp.maximum(y, 0) * f)

    def cross_entropy(f, y):
        return binary(f, y) if len(y) == 1 else -jnp.sum(y * jax.nn.log_softmax(f))

    def hinge(f, y):
        if len(y) == 1:
            return jnp.maximum(0, 1 - y[0] * f[0])
        own = y == jnp.max(y)
        rival = jnp.max(jnp.where(own, -jnp.inf, f))
        return jnp.maximum(0, 1 + rival - jnp.sum(jnp.where(own, f, 0)))

    known = {"squared": squared, "cross-entropy": cross_entropy, "binary-cross-entropy": binary, "hinge": hinge}
    if name not in known:
        raise InputError(f"the audit knows no loss {name!r}; choose {', '.join(LOSSES)}.")
    return known[name]


def loss_root(name: str, f: np.ndarray, y: np.ndarray) -> np.ndarray | None:
    """`B` `(n, c, c)` with `d^2 l/df^2 = B B^T` at outputs `f` `(n, c)`; None for the identity (squared loss).

    Cross-entropy with `p = softmax f`: `diag p - p p^T = B B^T` for `B = diag sqrt p - p sqrt p^T` (rows of `y` add up to 1).
    Binary cross-entropy, and one column: `diag sqrt(p (1 - p))`, `p = 1/(1 + e^-f)`. Hinge: 0, almost everywhere.
    """
    if name == "squared":
        return None
    n, c = f.shape
    if name == "hinge":
        return np.zeros((n, c, c))
    f = np.asarray(f, np.float64)
    if c == 1 or name == "binary-cross-entropy":
        p = 0.5 * (1 + np.tanh(0.5 * f))
        return np.eye(c) * np.sqrt(p * (1 - p))[:, :, None]
    p = np.exp(f - f.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    root = np.sqrt(p)
    return np.eye(c) * root[:, :, None] - p[:, :, None] * root[:, None, :]


class GaussNewton:
    """`v -> 1/n B^T K B v` on `(n c,)` vectors.

    Attributes:
        size: `n c`; dtype: the network's; examples: `n`.
    """

    def __init__(self, network: Any, x: np.ndarray, y: np.ndarray, loss: str, block: int | None = None):
        self._kernel = KernelOperator(network, x, block=block)
        self.dtype, self.examples = self._kernel.dtype, len(x)
        self.size = self._kernel.size
        root = loss_root(loss, np.asarray(predict(network, x), np.float64), np.asarray(y, np.float64))
        self._root = None if root is None else root.astype(self.dtype)
        self._shape = self._kernel.outputs

    def multiply(self, v: np.ndarray) -> np.ndarray:
        """The product."""
        rows = np.asarray(v, self.dtype).reshape(self._shape)
        if self._root is not None:
            rows = np.einsum("nab,nb->na", self._root, rows)
        image = np.asarray(self._kernel.matvec(rows.ravel())).reshape(self._shape)
        if self._root is not None:
            image = np.einsum("nab,na->nb", self._root, image)
        return image.ravel() / self.examples


class Hessian:
    """`v -> H v` on vectors of all parameters.

    Attributes:
        size: number of parameters; dtype: the network's; examples: `n`; rows: examples per block.
    """

    def __init__(self, network: Any, x: np.ndarray, y: np.ndarray, loss: str, block: int | None = None):
        example_loss(loss)
        self._loss, self._scope = loss, network
        x = points(network, x)
        moved, fixed = eqx.partition(network, trainable_mask(network))
        self._moved, self._fixed = moved, fixed
        self.size = sum(leaf.size for leaf in jax.tree.leaves(moved))
        self.dtype = np.dtype(np.float64 if is_double(network) else np.float32)
        self.examples = len(x)
        with precision(network):
            room = max(1, TIMES * bytes_per_example(network, x))
            self.rows = block or max(1, ROOM // room)
            self._x = in_blocks(x, self.rows)
            self.rows = self._x.shape[1]
            with np.errstate(over="ignore"):  # products of what overflows are refused where they are used
                self._y = in_blocks(np.asarray(y, self.dtype), self.rows)
            counted = np.arange(self._x.shape[0] * self.rows).reshape(self._x.shape[:2]) < len(x)
            self._weights = jnp.asarray(counted.astype(self.dtype) / len(x))

    def multiply(self, v: np.ndarray) -> np.ndarray:
        """The product."""
        with precision(self._scope), explained():
            flat = jnp.asarray(np.asarray(v, self.dtype))
            return np.asarray(_product(self._moved, self._fixed, self._x, self._y, self._weights, flat, self._loss))


@eqx.filter_jit
def _product(moved, fixed, x, y, weights, v, loss):
    return hessian_product(moved, fixed, x, y, weights, v, loss)


def hessian_product(moved, fixed, x, y, weights, v, loss):
    """`H v` from blocks `x` `(b, rows, ...)`, targets and weights of the examples; flat `v`."""
    cost = example_loss(loss)
    _, back = ravel_pytree(moved)
    direction = back(v)

    def turned(total, part):
        inputs, targets, share = part

        def mean(parameters):
            network = eqx.combine(parameters, fixed)
            costs = jax.vmap(lambda a, b: cost(network(a), b))(inputs, targets)
            return jnp.sum(share * costs)

        _, change = jax.jvp(jax.grad(mean), (moved,), (direction,))
        return jax.tree.map(jnp.add, total, change), None

    zero = jax.tree.map(jnp.zeros_like, moved)
    total, _ = turned(zero, (x[0], y[0], weights[0])) if len(x) == 1 else jax.lax.scan(turned, zero, (x, y, weights))
    return ravel_pytree(total)[0]


def parameters(network: Any) -> int:
    """Number of trainable parameters (without the running means of a batch normalisation); 0 for a function."""
    return sum(math.prod(leaf.shape) for leaf in moved_leaves(network))


def moved_leaves(network: Any) -> list[Any]:
    """The trainable arrays, by `trainable_mask`; none for a function."""
    if not jax.tree.leaves(eqx.filter(network, eqx.is_inexact_array)):
        return []
    return jax.tree.leaves(eqx.filter(network, trainable_mask(network)))
