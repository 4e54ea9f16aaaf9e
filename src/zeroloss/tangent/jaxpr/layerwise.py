"""Inputs and cotangents of every layer, block by block of examples.

For a dense layer `z = W h` the gradient of one output by `W` is `g h^T`, so two examples' gradients have the inner
product `(h_i . h_j)(g_i . g_j)`: two Gram matrices multiplied entrywise, `O(n^2 (m_in + c^2 m_out))` operations and no
Jacobian in memory. (The identity is folklore.) Where an entry is used at many positions it costs less to write the
gradient out; `zeroloss.tangent.jaxpr.plan` counts which.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Iterator
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from zeroloss.tangent.jaxpr.plan import Group, Side, plan
from zeroloss.tangent.jaxpr.reader import Reader, Use

BLOCK_BYTES = 32e6
"""Bytes of activations and cotangents of one block of examples: what fits into the caches is several times faster."""
LARGE_BYTES = 256e6
"""The same where the kept parts of an example are larger than its activations, so that copying blocks costs more."""


@dataclasses.dataclass(frozen=True)
class Part:
    """What one contraction needs of a set of examples.

    Attributes:
        explicit: `(n, c, size)`, or None.
        sides: for the outer form, one per use: arrays of the `A` and of the `F` side, `(n, B, P, M)`, the one that holds
            the cotangent `(n, c, B, P, M)`; and whether that is the side of `A`.
        crossing: pairs of sides that share entries.
        late: whether the gradient is to be written out from the sides (see `late_tile`).
    """

    explicit: np.ndarray | None
    sides: tuple[tuple[np.ndarray, np.ndarray, bool], ...] = ()
    crossing: tuple[tuple[int, int], ...] = ()
    late: bool = False

    def inputs_and_cotangents(self) -> tuple[tuple[bool, ...], list[tuple[np.ndarray, np.ndarray]]]:
        """Whether each use is transposed, and its `h` `(n, B, P, A)` and `g` `(n, c, B, P, F)`."""
        return tuple(s for _, _, s in self.sides), [(f, a) if s else (a, f) for a, f, s in self.sides]

    def size(self) -> int:
        """Entries of the gradient of one example and output."""
        if self.explicit is not None:
            return self.explicit.shape[-1]
        a, f, _ = self.sides[0]
        return a.shape[-3] * a.shape[-1] * f.shape[-1]

    def take(self, rows: slice) -> Part:
        """The same of some of the examples."""
        if self.explicit is not None:
            return dataclasses.replace(self, explicit=self.explicit[rows])
        return dataclasses.replace(self, sides=tuple((a[rows], f[rows], s) for a, f, s in self.sides))

    def output(self, k: int) -> Part:
        """The same of one output."""
        one = slice(k, k + 1)
        if self.explicit is not None:
            return dataclasses.replace(self, explicit=np.ascontiguousarray(self.explicit[:, one]))
        sides = tuple((a[:, one], f, s) if s else (a, f[:, one], s) for a, f, s in self.sides)
        return dataclasses.replace(self, sides=sides)

    def gathered(self) -> Part | None:
        """All outputs as one, so that the kernel of this part is the sum over outputs; None where it is not so simple."""
        if self.explicit is not None:
            return dataclasses.replace(self, explicit=self.explicit.reshape(len(self.explicit), 1, -1))
        if self.late or len(self.sides) > 1 or self.sides[0][2]:
            return None
        a, f, _ = self.sides[0]
        n, c, b, p, m = f.shape
        together = f.transpose(0, 2, 3, 1, 4).reshape(n, 1, b, p, c * m)
        return dataclasses.replace(self, sides=((a, together, False),))


@dataclasses.dataclass(frozen=True, eq=False)
class Reading:
    """A network read once: its layers, and the contraction chosen for each.

    Attributes:
        reader: the layers; groups: the contractions.
        arrays, trained: which leaves of the network are arrays, and which of these are trained.
        c: outputs; sizes: entries of each array.
    """

    reader: Reader
    groups: tuple[Group, ...]
    function: Any
    arrays: tuple[int, ...]
    c: int
    sizes: tuple[int, ...]

    @property
    def compiled(self) -> bool:
        """Whether the passes have run before in this process."""
        return self.groups in self.reader.compiled

    def features(self, itemsize: int) -> int:
        """Bytes that one example's parts take."""
        total = 0
        for group in self.groups:
            if group.form == "explicit":
                total += self.c * group.size
                continue
            for side in group.sides:
                b, p, a, f = self.reader.uses[side.use].sizes
                total += b * p * (a + (group.form == "outer") + self.c * f)
        return total * itemsize

    def working(self, itemsize: int) -> int:
        """Bytes of one example's deltas, inputs and cotangents while they are found."""
        cotangents = sum(math.prod(shape) for shape, _ in self.reader.slots) * (self.c + 1)
        inputs = sum(math.prod(u.sizes[:3]) for u in self.reader.uses if u.kind != "bias")
        return (cotangents + inputs) * itemsize

    def block(self, itemsize: int) -> int:
        """Number of examples per pass."""
        working = max(1, self.working(itemsize))
        room = LARGE_BYTES if self.features(itemsize) > working else BLOCK_BYTES
        return 1 << (min(max(1, int(room // working)), 256).bit_length() - 1)


def read(network: Any, x: np.ndarray, mask: Any, n2: int, outputs: str) -> Reading:
    """The layers of `network` on rows like those of `x`, and the contractions for `len(x)` against `n2` examples."""
    leaves, structure = jax.tree.flatten(network)
    wanted = tuple(bool(w) for w in jax.tree.leaves(mask))
    arrays = tuple(i for i, leaf in enumerate(leaves) if eqx.is_array(leaf))
    shapes = tuple((leaves[i].shape, leaves[i].dtype) for i in arrays)  # a key's dtype has no name that NumPy knows
    rest = tuple(leaf for i, leaf in enumerate(leaves) if i not in set(arrays))
    signature = (structure, shapes, rest, wanted, arrays, x.shape[1:], str(x.dtype), str(jnp.result_type(float)))
    try:
        reader, function = _reader_cached(signature)
    except TypeError:  # something static in the network has no hash: read it anew
        reader, function = _reader(signature)
    sizes = tuple(math.prod(shape) for shape, _ in shapes)
    c = reader.out_size
    try:
        groups = _plan_cached(reader, sizes, len(x), n2, c, outputs)
    except TypeError:  # pragma: no cover
        groups = plan(reader, list(sizes), len(x), n2, c, outputs)
    return Reading(reader, groups, function, arrays, c, sizes)


def _reader(signature) -> tuple[Reader, Any]:
    structure, shapes, rest, wanted, arrays, point, dtype, _ = signature
    known = iter(rest)
    fixed = [None if i in set(arrays) else next(known) for i in range(len(wanted))]
    trained = [k for k, i in enumerate(arrays) if wanted[i]]

    def function(values, v):
        full = list(fixed)
        for i, value in zip(arrays, values, strict=True):
            full[i] = value
        return jax.tree.unflatten(structure, full)(v)

    values = [jax.ShapeDtypeStruct(shape, dt) for shape, dt in shapes]
    return Reader(function, values, jax.ShapeDtypeStruct(point, dtype), trained), function


@functools.lru_cache(maxsize=64)
def _reader_cached(signature) -> tuple[Reader, Any]:
    return _reader(signature)


@functools.lru_cache(maxsize=256)
def _plan_cached(reader, sizes, n1, n2, c, outputs) -> tuple[Group, ...]:
    return plan(reader, list(sizes), n1, n2, c, outputs)


def parts(reading: Reading, network: Any, x: np.ndarray, most: int | None = None) -> list[Part]:
    """What every contraction needs of the rows of `x`, in blocks of examples of one compiled shape (of at most `most`
    examples; by default `len(x)`)."""
    leaves = jax.tree.leaves(network)
    values = [leaves[i] for i in reading.arrays]
    block = min(most or len(x), reading.block(4 if x.dtype == np.float32 else 8))
    joined: Any = None
    for start, (rows, count) in zip(range(0, len(x), block), padded(x, block), strict=True):
        found = _extract(
            reading.reader, reading.function, reading.groups, reading.reader.consts, values, jnp.asarray(rows)
        )
        if len(x) <= block:
            joined = jax.tree.map(lambda leaf, k=count: np.asarray(leaf)[:k], found)
            break
        if joined is None:
            joined = jax.tree.map(lambda leaf: np.empty((len(x), *leaf.shape[1:]), leaf.dtype), found)
        for whole, part in zip(jax.tree.leaves(joined), jax.tree.leaves(found), strict=True):
            whole[start : start + count] = np.asarray(part)[:count]
    reading.reader.compiled.add(reading.groups)
    result = []
    for group, arrays in zip(reading.groups, joined, strict=True):
        if group.form == "explicit":
            result.append(Part(arrays))
        else:
            sides = tuple((a, f, side.swapped) for (a, f), side in zip(arrays, group.sides, strict=True))
            result.append(Part(None, sides, group.crossing, group.form == "late"))
    return result


def padded(x: np.ndarray, block: int) -> Iterator[tuple[np.ndarray, int]]:
    """Blocks of one size (the last padded with its last row), with how many rows of each count."""
    for start in range(0, len(x), block):
        rows = x[start : start + block]
        short = block - len(rows)
        yield (np.concatenate([rows, np.repeat(rows[-1:], short, axis=0)]) if short else rows), len(rows)


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _extract(reader, function, groups, consts, values, x):
    return jax.vmap(lambda v: _one_example(reader, function, groups, consts, values, v))(x)


def _one_example(reader: Reader, function, groups, consts, values, v):
    zeros = [jnp.zeros(shape, dtype) for shape, dtype in reader.slots]
    out, pullback, inputs = jax.vjp(lambda deltas: reader.run(consts, values, v, deltas), zeros, has_aux=True)
    (slots,) = jax.vmap(pullback)(jnp.eye(out.size, dtype=out.dtype))
    hs = [use.stacked(h) for use, h in zip(reader.uses, inputs, strict=True)]
    gs = [jax.vmap(use.cotangent)(slots[use.slot]) for use in reader.uses]
    plain = dict(zip(reader.plain, _plain_gradients(reader, function, values, v), strict=True))
    return [
        plain[group.leaf]
        if group.leaf in plain
        else (
            _explicit(reader, group, hs, gs, values[group.leaf].size)
            if group.form == "explicit"
            else [_outer(side, hs, gs) for side in group.sides]
        )
        for group in groups
    ]


def _plain_gradients(reader: Reader, function, values, v) -> list:
    """`(c, size)` for every leaf that no rule serves."""
    if not reader.plain:
        return []

    def partial(own):
        full = list(values)
        for i, value in zip(reader.plain, own, strict=True):
            full[i] = value
        return function(full, v)

    jacobians = jax.jacrev(partial)([values[i] for i in reader.plain])
    return [j.reshape(j.shape[0], -1) for j in jacobians]


def _outer(side: Side, hs, gs):
    """Arrays of the `A` side and of the `F` side."""
    h, g = hs[side.use], gs[side.use]
    if side.bias is not None:
        h = jnp.concatenate([h, hs[side.bias]], axis=-1)
    return (g, h) if side.swapped else (h, g)


def _explicit(reader: Reader, group: Group, hs, gs, size: int):
    """The gradient by the leaf, `(c, size)`: in the layout `(B, F, A)` of the first use, or entry by entry of the leaf."""
    total: Any = 0.0
    for side in group.sides:
        use = reader.uses[side.use]
        found = _written(use, hs[side.use], gs[side.use])
        if group.aligned:
            found = found.swapaxes(-1, -2) if side.swapped else found
            total = total + found.reshape(len(found), -1)
        else:
            flat = jnp.zeros((len(found), size), found.dtype)
            entries = use.index.swapaxes(1, 2).reshape(-1)
            total = total + flat.at[:, entries].add(found.reshape(len(found), -1))
    return total


def late_tile(one: Part, two: Part) -> np.ndarray:
    """`(n1, c, n2, c)` of two parts whose gradients are not written out yet.

    Written out and multiplied in one compiled function: two libraries' threads taking turns would be in each other's way.
    """
    swapped, sides = one.inputs_and_cotangents()
    others = None if one is two else two.inputs_and_cotangents()[1]
    return np.asarray(_late_tile(swapped, sides, others))


@functools.partial(jax.jit, static_argnums=0)
def _late_tile(swapped, sides, others):
    left = _write_late(swapped, sides)
    right = left if others is None else _write_late(swapped, others)
    return jnp.einsum("iap,jbp->iajb", left, right)


def _write_late(swapped: tuple[bool, ...], sides):
    """`(n, c, size)` from the inputs `(n, B, P, A)` and cotangents `(n, c, B, P, F)` of each use."""
    total: Any = 0.0
    for turned, (h, g) in zip(swapped, sides, strict=True):
        found = jnp.einsum("ncbpf,nbpa->nbcfa", g, h).swapaxes(1, 2)
        total = total + (found.swapaxes(-1, -2) if turned else found)
    return total.reshape(*total.shape[:2], -1)


def _written(use: Use, h, g):
    """`(c, B, F, A)`: `sum_p g[c, b, p, f] h[b, p, a]`."""
    if use.kind == "lookup":
        rows = use.sizes[2]
        numbers = jnp.where(h[0, :, 0] < 0, rows, h[0, :, 0])  # -1, no row, is dropped
        found = jax.vmap(lambda one: jnp.zeros((rows, one.shape[-1]), one.dtype).at[numbers].add(one, mode="drop"))(
            g[:, 0]
        )
        return found.swapaxes(1, 2)[:, None]
    if use.kind == "scale":
        return jnp.sum(h * g, axis=-2, keepdims=True)
    if use.kind == "bias":  # its h is one number over all positions of one turn
        return jnp.sum(h * g, axis=-2)[..., None]
    # In this order the product comes out as it is kept, without a transposition.
    return jnp.einsum("cbpf,bpa->bcfa", g, h).swapaxes(0, 1)
