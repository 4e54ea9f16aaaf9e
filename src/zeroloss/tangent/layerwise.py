"""Inputs and cotangents of every layer, and their Gram matrices multiplied entrywise.

For a dense layer `z = W h` the gradient of one output by `W` is `g h^T`, so two examples' gradients have the inner
product `(h_i . h_j)(g_i . g_j)`: two Gram matrices multiplied entrywise, `O(n^2 (m_in + c^2 m_out))` operations and no
Jacobian in memory. (The identity is folklore.)
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from zeroloss.tangent.uses import Reader

ROWS = 1280
"""Rows of the kernel formed at a time."""


@dataclasses.dataclass(frozen=True)
class Factor:
    """One summand of the kernel: `K[(i,a),(j,b)] = (scale_i scale_j + h_i . h_j)(g_ia . g_jb)`.

    `h` is `(n, m_in)` or None, `g` is `(n, c, m_out)`; a dense use has scale 0, a bias its number, another parameter 1.
    """

    h: np.ndarray | None
    scale: float
    g: np.ndarray

    def inputs(self, other: Factor, rows: slice, columns: slice, offset: float) -> np.ndarray | float:
        if self.h is None or other.h is None:
            return self.g.dtype.type(offset)
        gram = self.h[rows] @ other.h[columns].T
        return gram + self.g.dtype.type(offset) if offset else gram


def factors(network: Any, x: np.ndarray, mask: Any, *, block: int = 256) -> list[Factor]:
    """The factors of the tangent kernel of `network` on the rows of `x`, over the leaves where `mask` is True."""
    wanted = tuple(bool(w) for w in jax.tree.leaves(mask))
    parts: list[Any] = []
    kinds: tuple[str, ...] = ()
    for rows, count in _padded(x, min(block, len(x))):
        kinds, *arrays = _extract(network, wanted, jnp.asarray(rows))
        parts.append(jax.tree.map(lambda leaf, k=count: np.asarray(leaf)[:k], arrays))
    inputs, cotangents, jacobians = jax.tree.map(lambda *blocks: np.concatenate(blocks), *parts)
    return _factors(kinds, inputs, cotangents, jacobians)


@eqx.filter_jit
def _extract(network: Any, wanted: tuple[bool, ...], x: Any) -> tuple[Any, ...]:
    """Kinds of the uses, their inputs `(n, m_in)`, their cotangents `(n, c, m_out)`, Jacobians `(n, c, p)` of plain
    leaves.

    The jaxpr is read while this is traced, so a network of the same kind and shapes is neither read nor compiled again.
    """
    leaves, structure = jax.tree.flatten(network)
    arrays = [i for i, leaf in enumerate(leaves) if eqx.is_array(leaf)]
    trained = [arrays.index(i) for i in arrays if wanted[i] and eqx.is_inexact_array(leaves[i])]

    def function(values, v):
        full = list(leaves)
        for i, value in zip(arrays, values, strict=True):
            full[i] = value
        return jax.tree.unflatten(structure, full)(v)

    values = [leaves[i] for i in arrays]
    reader = Reader(function, values, jax.ShapeDtypeStruct(x.shape[1:], x.dtype), trained)
    results = jax.vmap(lambda v: _one_example(reader, function, values, v))(x)
    return (tuple(use.kind for use in reader.uses), *results)


def _one_example(reader: Reader, function, values, v):
    zeros = [jnp.zeros(use.shape, use.dtype) for use in reader.uses]
    out, pullback, inputs = jax.vjp(lambda deltas: reader.run(values, v, deltas), zeros, has_aux=True)
    basis = jnp.eye(out.size, dtype=out.dtype)
    (cotangents,) = jax.vmap(pullback)(basis)
    cotangents = [g.reshape(out.size, -1) for g in cotangents]
    plain = [values[i] for i in reader.plain]

    def partial(plain_values):
        full = list(values)
        for i, value in zip(reader.plain, plain_values, strict=True):
            full[i] = value
        return function(full, v)

    jacobians = [j.reshape(out.size, -1) for j in jax.jacrev(partial)(plain)] if plain else []
    return inputs, cotangents, jacobians


def _padded(x: np.ndarray, block: int) -> Iterator[tuple[np.ndarray, int]]:
    """Blocks of one size (the last padded with its last row), with how many rows of each count."""
    for start in range(0, len(x), block):
        rows = x[start : start + block]
        short = block - len(rows)
        yield (np.concatenate([rows, np.repeat(rows[-1:], short, axis=0)]) if short else rows), len(rows)


def _factors(kinds, inputs, cotangents, jacobians) -> list[Factor]:
    result: list[Factor] = []
    for kind, h, g in zip(kinds, inputs, cotangents, strict=True):
        if kind == "dense":
            result.append(Factor(h, 0.0, g))
            continue
        result.append(Factor(None, float(np.ravel(h)[0]), g))
    result += [Factor(None, 1.0, jacobian) for jacobian in jacobians]
    return result


def _merged(first: list[Factor], second: list[Factor]) -> list[tuple[Factor, Factor, float]]:
    """Pairs of factors with their offset `scale * scale`.

    A bias beside a weight has the same cotangents up to a number, so one Gram matrix serves both; the number is found
    on both sets of points, as proportions may hold on one of them only, or differ.
    """
    dense = [(f, s) for f, s in zip(first, second, strict=True) if f.h is not None]
    offsets = [0.0] * len(dense)
    rest: list[tuple[Factor, Factor, float]] = []
    for f, s in zip(first, second, strict=True):
        if f.h is not None:
            continue
        for index, (weight, partner) in enumerate(dense):
            left = _ratio(f.g, weight.g)
            right = left if first is second or left is None else _ratio(s.g, partner.g)
            if left is not None and right is not None:
                offsets[index] += f.scale * left * s.scale * right
                break
        else:
            rest.append((f, s, f.scale * s.scale))
    return [(f, s, offset) for (f, s), offset in zip(dense, offsets, strict=True)] + rest


def _ratio(g: np.ndarray, other: np.ndarray) -> float | None:
    """`k` with `g = k * other` to rounding, if there is one."""
    if g.shape != other.shape:
        return None
    place = int(np.argmax(np.abs(other)))
    denominator = other.ravel()[place]
    if denominator == 0 or not np.isfinite(denominator):
        return None
    k = g.ravel()[place] / denominator
    close = np.abs(g - k * other) <= 16 * np.finfo(g.dtype).eps * np.abs(g)
    return float(k) if close.all() else None


def gram(first: list[Factor], second: list[Factor] | None, shape: tuple[int, int, int], outputs: str) -> np.ndarray:
    """Sum of the factors' kernels.

    Args:
        first, second: factors of `x1` and of `x2` (None: the same points; then the result is bitwise symmetric).
        shape: `(n1, n2, c)`.
        outputs: "full": the matrix `(n1 c, n2 c)`, example-major; "trace": `(n1, n2)`; "diagonal": `(n1, n2, c)`.
    """
    if outputs == "diagonal":
        planes = [
            gram(_output(first, a), second and _output(second, a), (*shape[:2], 1), "full") for a in range(shape[2])
        ]
        return np.stack(planes, axis=-1)
    if outputs == "trace":
        flat = [dataclasses.replace(f, g=f.g.reshape(len(f.g), 1, -1)) for f in first]
        flat2 = second and [dataclasses.replace(f, g=f.g.reshape(len(f.g), 1, -1)) for f in second]
        return gram(flat, flat2, (*shape[:2], 1), "full") / shape[2]
    return _full(first, second, shape)


def _output(parts: list[Factor], a: int) -> list[Factor]:
    return [dataclasses.replace(f, g=np.ascontiguousarray(f.g[:, a : a + 1])) for f in parts]


def _full(first, second, shape):
    n1, n2, c = shape
    symmetric = second is None
    pairs = _merged(first, first if second is None else second)
    result = np.zeros((n1 * c, n2 * c), first[0].g.dtype)
    step = max(1, ROWS // c)
    for start in range(0, n1, step):
        rows = slice(start, min(start + step, n1))
        columns = slice(start, n2) if symmetric else slice(0, n2)
        block = result[rows.start * c : rows.stop * c, columns.start * c :]
        for f, s, offset in pairs:
            m = f.g.shape[-1]
            g = f.g[rows].reshape(-1, m) @ s.g[columns].reshape(-1, m).T
            weight = f.inputs(s, rows, columns, offset)
            if isinstance(weight, np.ndarray):
                cells = g.reshape(rows.stop - rows.start, c, columns.stop - columns.start, c)
                cells *= weight[:, None, :, None]
            elif weight != 1:
                g *= weight
            block += g
    if symmetric:
        _mirror(result, step * c)
    return result


def _mirror(matrix: np.ndarray, step: int) -> None:
    """Copy the upper triangle onto the lower, block by block."""
    for start in range(0, len(matrix), step):
        stop = min(start + step, len(matrix))
        matrix[stop:, start:stop] = matrix[start:stop, stop:].T
        square = matrix[start:stop, start:stop]
        upper = np.triu(square)
        square[...] = upper + np.triu(upper, 1).T
