"""Contraction: the kernel of two sets of examples from their layerwise parts, summed over the parameters.

Everything here is matrix products (BLAS, row blocks that stay in the cache) and entrywise products of their results.
"""

from __future__ import annotations

import numpy as np

from zeroloss.tangent.jaxpr.layerwise import Part, late_tile

TILE = 1024
"""Rows and columns of the kernel formed at a time."""
CELLS = 4_000_000
"""Entries of a Gram matrix over positions formed at a time."""
FEATURE_BYTES = 1_000_000_000
"""Inputs, cotangents and gradients that are kept at a time; beyond, they are found again for each pair of blocks."""
LATE_BYTES = 64e6
"""Gradients written out at a time, where that is put off until they are multiplied."""


def gram(first: list[Part], second: list[Part] | None, shape: tuple[int, int, int], outputs: str) -> np.ndarray:
    """Sum of the parts' kernels.

    Args:
        first, second: parts of `x1` and of `x2` (None: the same points; then the result is bitwise symmetric).
        shape: `(n1, n2, c)`.
        outputs: "full": the matrix `(n1 c, n2 c)`, example-major; "trace": `(n1, n2)`, the mean over outputs;
            "diagonal": `(n1, n2, c)`.
    """
    n1, n2, c = shape
    if outputs == "diagonal":
        planes = [
            _full([p.output(a) for p in first], second and [p.output(a) for p in second], (n1, n2, 1)) for a in range(c)
        ]
        return np.stack(planes, axis=-1)
    if outputs == "trace":
        return _full(_summed(first, c), second and _summed(second, c), (n1, n2, 1)) / c
    return _full(first, second, shape)


def _summed(parts: list[Part], c: int) -> list[Part]:
    """Parts of one output whose kernels add up to the sum over outputs."""
    result = []
    for part in parts:
        together = part.gathered() if c > 1 else part
        result += [part.output(a) for a in range(c)] if together is None else [together]
    return result


def _full(first: list[Part], second: list[Part] | None, shape: tuple[int, int, int]) -> np.ndarray:
    n1, n2, c = shape
    symmetric = second is None
    other = first if second is None else second
    result = np.zeros((n1, c, n2, c), np.result_type(*map(_dtype, first)))
    for one, two in zip(first, other, strict=True):
        step = _step(one, c)
        for i in range(0, n1, step):
            rows = slice(i, min(i + step, n1))
            left = one.take(rows)
            for j in range(i if symmetric else 0, n2, step):
                columns = slice(j, min(j + step, n2))
                right = left if symmetric and i == j else two.take(columns)
                result[rows, :, columns] += _tile(left, right, c)
    matrix = result.reshape(n1 * c, n2 * c)
    if symmetric:
        mirror(matrix)
    return matrix


def _dtype(part: Part):
    if part.explicit is not None:
        return part.explicit.dtype
    a, f, swapped = part.sides[0]
    return a.dtype if swapped else f.dtype


def _step(part: Part, c: int) -> int:
    """Number of examples per tile."""
    if part.late:
        return max(1, min(TILE // c, int(LATE_BYTES // (c * part.size() * _dtype(part).itemsize))))
    if part.explicit is not None:
        return max(1, TILE // c)
    most = max(f.shape[-2] for _, f, _ in part.sides)
    if most == 1:
        return max(1, TILE // c)
    return max(1, min(TILE // c, int((CELLS / (c * most) ** 2) ** 0.5)))


def _tile(one: Part, two: Part, c: int) -> np.ndarray:
    """`(n1, c, n2, c)`."""
    if one.late:
        return late_tile(one, two)
    if one.explicit is not None:
        n1, n2 = len(one.explicit), len(two.explicit)  # type: ignore[arg-type]
        size = one.explicit.shape[-1]
        product = one.explicit.reshape(n1 * c, size) @ two.explicit.reshape(n2 * c, size).T  # type: ignore[union-attr]
        return product.reshape(n1, c, n2, c)
    total: np.ndarray | None = None
    for s, t in one.crossing:
        found = _pair(one.sides[s], two.sides[t], c)
        total = found if total is None else total + found
    assert total is not None
    return total


def _pair(one, two, c: int) -> np.ndarray:
    """One use against another: the sum over groups of the Gram matrices of both sides multiplied entrywise."""
    (a1, f1, swapped1), (a2, f2, swapped2) = one, two
    total: np.ndarray | None = None
    for b in range(f1.shape[-3]):
        left, right, left2, right2 = (v[..., b, :, :] for v in (a1, f1, a2, f2))
        if swapped1 != swapped2:
            found = _across(left, right, left2, right2, swapped1)
        elif swapped1:
            found = _straight(right, left, right2, left2, c)
        else:
            found = _straight(left, right, left2, right2, c)
        total = found if total is None else total + found
    assert total is not None
    return total


def _straight(h1, g1, h2, g2, c: int) -> np.ndarray:
    """`h` `(n, P, A)`, `g` `(n, c, P, F)`: `sum_pq (h1_ip . h2_jq)(g1_iap . g2_jbq)`."""
    (n1, p, _), (n2, q, _) = h1.shape, h2.shape
    weights = _inner(h1, h2)
    products = _flat(g1) @ _flat(g2).T
    if p == q == 1:
        cells = products.reshape(n1, c, n2, c)
        cells *= weights[:, None, :, None]
        return cells
    cells = products.reshape(n1, c, p, n2, c, q)
    cells *= weights.reshape(n1, 1, p, n2, 1, q)
    return cells.sum(axis=(2, 5))


def _across(a1, f1, a2, f2, swapped1) -> np.ndarray:
    """The cotangents stand on different sides."""
    if swapped1:  # a1 (n1, c, P, A), f1 (n1, P, F), a2 (n2, Q, A), f2 (n2, c, Q, F)
        left = np.einsum("iapm,jqm->iapjq", a1, a2, optimize=True)
        right = np.einsum("ipm,jbqm->ipjbq", f1, f2, optimize=True)
        return np.einsum("iapjq,ipjbq->iajb", left, right)
    left = np.einsum("ipm,jbqm->ipjbq", a1, a2, optimize=True)
    right = np.einsum("iapm,jqm->iapjq", f1, f2, optimize=True)
    return np.einsum("ipjbq,iapjq->iajb", left, right)


def _flat(array: np.ndarray) -> np.ndarray:
    return array.reshape(-1, array.shape[-1])


def _inner(h1: np.ndarray, h2: np.ndarray) -> np.ndarray:
    """Inner products of inputs; of two row numbers, whether they are the same row."""
    if np.issubdtype(h1.dtype, np.integer):
        one, two = h1.reshape(-1, 1), h2.reshape(1, -1)
        return ((one == two) & (one >= 0)).astype(np.float32)
    return _flat(h1) @ _flat(h2).T


def mirror(matrix: np.ndarray) -> None:
    """Copy the upper triangle onto the lower, block by block."""
    for start in range(0, len(matrix), TILE):
        stop = min(start + TILE, len(matrix))
        matrix[stop:, start:stop] = matrix[start:stop, stop:].T
        square = matrix[start:stop, start:stop]
        upper = np.triu(square)
        square[...] = upper + np.triu(upper, 1).T
