"""The kernel as a linear operator: `K v = DF(x1) (DF(x2)^T v)` by one vjp and one jvp, never formed."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from scipy.sparse.linalg import LinearOperator

from zeroloss.networks import Wrapped, differentiable, is_double, precision, trainable_mask
from zeroloss.networks.weights import check_weights
from zeroloss.plumbing import InputError, double
from zeroloss.plumbing.derivatives import explained, pushforward
from zeroloss.plumbing.operations import of_example
from zeroloss.tangent.jaxpr.independence import check_independent
from zeroloss.tangent.lanczos import lanczos
from zeroloss.tangent.points import output_size, points

ACTIVATION_BYTES = 2**28
"""Approximate bytes of the intermediate values of one block of examples, unless `block` is given."""


class KernelOperator(LinearOperator):
    """`v -> K v` for the tangent kernel between the rows of `x1` and of `x2` (by default `x1` itself).

        K[(i, a), (j, b)] = <df_a(x1_i)/dw, df_b(x2_j)/dw>,   K v = DF(x1) (DF(x2)^T v),

    one pass backward over `x2` and one forward over `x1`, a block of examples at a time; no 1/n inside. A
    `scipy.sparse.linalg.LinearOperator` of shape `(n1 c, n2 c)`, example-major, in the precision of the network: `@`,
    `matvec`, `rmatvec`, `matmat`, `.T`, `eigsh` and `cg` work on it. `operator @ v` also takes `v` as `(n2, c)` and then
    gives `(n1, c)`. For JAX programs, matfree among them, see `traceable`.

    Args:
        network: called on one example; or `zeroloss.wrap(f, params)`.
        x1, x2: `(n1, ...)`, `(n2, ...)`; integers (token ids) stay integers.
        trainable: which parameters count; see `zeroloss.networks.trainable_mask`.
        block: examples at a time; by default so many that their intermediate values take about 256 MB.

    Attributes:
        outputs: `(n1, c)`.
        size: `n1 c`.
        symmetric: whether `x2` is `x1`.

    Raises:
        InputError: a network that does not fit the inputs, inputs that are not finite, or a wrapped function that mixes
            examples.
    """

    def __init__(self, network: Any, x1: Any, trainable: Any = None, *, x2: Any = None, block: int | None = None):
        network = differentiable(network, x1)
        self.wide = is_double(network)
        dtype = np.float64 if self.wide else np.float32
        if block is not None and block < 1:
            raise InputError(f"block={block}: give at least one example per block.")
        check_weights(network)
        moved, rest = eqx.partition(network, trainable_mask(network, trainable))
        arrays, self._static = eqx.partition(rest, eqx.is_array)
        pointed = [points(network, x) for x in ((x1,) if x2 is None else (x1, x2))]
        with precision(network):
            (c,) = {output_size(network, x) for x in pointed}
            for x in pointed:
                if isinstance(network, Wrapped):
                    check_independent(network, x)
            rows = block or max(1, ACTIVATION_BYTES // max(1, bytes_per_example(network, pointed[0])))
            blocks = [in_blocks(x, rows) for x in pointed]
        self._parameters = (moved, arrays, blocks[0], None if x2 is None else blocks[1])
        self._swapped = (moved, arrays, blocks[-1], None if x2 is None else blocks[0])
        self.symmetric = x2 is None
        self.outputs = (len(pointed[0]), c)
        self.inputs = (len(pointed[-1]), c)
        self.size = len(pointed[0]) * c
        super().__init__(np.dtype(dtype), (self.size, len(pointed[-1]) * c))

    def traceable(self) -> tuple[Callable, tuple]:
        """`(function, parameters)` with `function(v, *parameters) = K v` for flat `v`, all in JAX.

        For transformations and for matfree: `matfree.decomp.tridiag_sym(k)(function, v, *parameters)`. The data and the
        weights are in `parameters`, so that compiled functions take them as arguments. For a float64 network call it inside
        `with zeroloss.double():`.
        """
        static, size = self._static, self.outputs

        def function(v, moved, arrays, first, second):
            return _product(moved, arrays, static, first, second, v, size)

        return function, self._parameters

    def _apply(self, v: np.ndarray, parameters: tuple, size: tuple[int, int]) -> np.ndarray:
        with _scope(self.wide), explained():
            flat = jnp.asarray(np.asarray(v, self.dtype).ravel())
            return np.asarray(_compiled(parameters, self._static, flat, size))

    def _matvec(self, v: np.ndarray) -> np.ndarray:
        return self._apply(v, self._parameters, self.outputs)

    def _rmatvec(self, v: np.ndarray) -> np.ndarray:
        return self._apply(v, self._swapped, self.inputs)

    def __matmul__(self, v: Any) -> Any:
        if isinstance(v, np.ndarray) and v.ndim == 2 and v.shape == self.inputs and v.shape[1] > 1:
            return self._matvec(v).reshape(self.outputs)
        return super().__matmul__(v)

    def __reduce__(self):
        raise TypeError("a KernelOperator is not pickled; make it again from the network and the inputs")


def _scope(wide: bool):
    return double() if wide else contextlib.nullcontext()


def bytes_per_example(network: Any, x: np.ndarray) -> int:
    """Bytes of the intermediate values of one example: the results of all equations that depend on it, none freed."""
    arrays, static = eqx.partition(network, eqx.is_array)
    jaxpr = jax.make_jaxpr(lambda a, v: eqx.combine(a, static)(v))(arrays, jnp.asarray(x[0])).jaxpr
    return int(of_example(jaxpr, [False] * (len(jaxpr.invars) - 1) + [True])[1])


def in_blocks(x: np.ndarray, rows: int) -> jax.Array:
    """`(blocks, rows, ...)`, equally filled, the last row repeated to fill the last block."""
    count = math.ceil(len(x) / rows)
    rows = math.ceil(len(x) / count)
    short = count * rows - len(x)
    padded = np.concatenate([x, np.repeat(x[-1:], short, axis=0)]) if short else x
    return jnp.asarray(padded.reshape(count, rows, *x.shape[1:]))


@eqx.filter_jit
def _compiled(parameters, static, v, size):
    moved, arrays, first, second = parameters
    return _product(moved, arrays, static, first, second, v, size)


def _product(moved, arrays, static, first, second, v, size):
    """`K v`: the cotangents of all blocks pulled back and summed, then pushed forward block by block."""
    n, c = size
    source = first if second is None else second

    def outputs(x):
        return lambda weights: jax.vmap(eqx.combine(weights, arrays, static))(x)

    count, rows = source.shape[:2]
    filled = jnp.zeros((count * rows, c), v.dtype).at[: v.size // c].set(v.reshape(-1, c))  # nothing from padded rows
    filled = filled.reshape(count, rows, c)

    def pull(total, part):
        x, cotangent = part
        (found,) = eqx.filter_vjp(outputs(x), moved)[1](cotangent)
        return jax.tree.map(jnp.add, total, found), None

    def push(x):
        return pushforward(outputs(x), moved, direction)[1]

    if count == 1:
        (direction,) = eqx.filter_vjp(outputs(source[0]), moved)[1](filled[0])
    else:
        direction, _ = jax.lax.scan(pull, jax.tree.map(jnp.zeros_like, moved), (source, filled))
    image = push(first[0]) if len(first) == 1 else jax.lax.map(push, first)
    return image.reshape(-1, c)[:n].ravel()


def top_eigenvalue(operator: KernelOperator, *, steps: int = 24, seed: int = 0) -> float:
    """The largest eigenvalue by Lanczos: a lower bound in exact arithmetic, in practice exact to a fraction of a per
    cent.

    For step sizes; a proof takes `largest_eigenvalue` of the formed kernel.
    """
    start = np.random.default_rng(seed).standard_normal(operator.size)
    return float(lanczos(operator.__matmul__, start, steps).nodes[-1])
