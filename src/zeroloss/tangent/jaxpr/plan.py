"""For every trained parameter, the cheaper of the two contractions, by counted operations.

- *outer*: two Gram matrices for each pair of positions, multiplied and summed: `sum_pq (h_ip . h_jq) (g_iap . g_jbq)`;
- *explicit*: the gradient of every example and output written out, `(n, c, size)`, and contracted.

Uses of one leaf may differ in layout. Where any two of them put the same entries at the same places, or at transposed
places, or share none, the outer form has their cross terms; otherwise the gradients are added entry by entry.
"""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np

from zeroloss.tangent.jaxpr.reader import Reader, Use

ENTRYWISE = 40
"""Cost of one multiplication and addition of a product of Gram matrices, in operations of a matrix product."""

LATE = 2.0
LATE_FROM = 50_000_000
"""Gradients are written out late, which is slower, where those of all examples have more entries than `LATE_FROM` and inputs
and cotangents `LATE` times fewer."""


@dataclasses.dataclass(frozen=True)
class Side:
    """One use within a leaf's contraction.

    Attributes:
        use: index into `reader.uses`.
        swapped: its layout is transposed: the cotangent stands on the side of `A`.
        bias: index of a bias use with the same cotangent, whose share is counted as one more column of `h`; or None.
    """

    use: int
    swapped: bool = False
    bias: int | None = None


@dataclasses.dataclass(frozen=True)
class Group:
    """One contraction: a leaf with its uses (and perhaps its biases), or a plain leaf.

    Attributes:
        leaf: index of the leaf; leaves: all that are served, absorbed biases too.
        form: "outer", "explicit", or "late": written out like "explicit", but only while it is multiplied, as inputs and
            cotangents take less memory; aligned: whether all its uses have one layout up to transposition.
        sides: its uses; empty for a plain leaf.
        crossing: pairs of sides that share entries (each with itself among them).
        size: entries of an explicit gradient.
        outer, explicit: counted operations of either form for one pair of examples (outer is inf where there is none).
        making: operations per example to write the gradient out.
    """

    leaf: int
    leaves: tuple[int, ...]
    form: str
    aligned: bool
    sides: tuple[Side, ...]
    crossing: tuple[tuple[int, int], ...]
    size: int
    outer: float
    explicit: float
    making: float


def plan(reader: Reader, sizes: list[int], n1: int, n2: int, c: int, outputs: str) -> tuple[Group, ...]:
    """The contractions for `n1` against `n2` examples, `c` outputs.

    Args:
        sizes: entries of every leaf.
        outputs: "full", "trace" or "diagonal".
    """
    by_leaf: dict[int, list[int]] = {}
    for number, use in enumerate(reader.uses):
        if use.leaf not in reader.plain:
            by_leaf.setdefault(use.leaf, []).append(number)
    absorbed = _absorbed(reader, by_leaf)
    columns = c * c if outputs == "full" else c
    groups = []
    for leaf in reader.trained:
        if leaf in reader.plain:
            groups.append(_plain(leaf, sizes[leaf], columns))
        elif leaf not in absorbed:
            biases = {w: b for bias, pairs in absorbed.items() for w, b in pairs if reader.uses[w].leaf == leaf}
            group = _group(reader, leaf, by_leaf[leaf], biases, sizes[leaf], c, columns)
            groups += _chosen(reader, group, by_leaf, sizes, n1, n2, c, columns)
    return tuple(groups)


def _plain(leaf: int, size: int, columns: int) -> Group:
    return Group(leaf, (leaf,), "explicit", False, (), (), size, np.inf, 2.0 * size * columns, 0.0)


def _chosen(reader, group, by_leaf, sizes, n1, n2, c, columns) -> list[Group]:
    """The group in its cheaper form; written out, its biases go their own ways."""
    explicit = n1 * n2 * group.explicit + (n1 + n2) * group.making
    if n1 * n2 * group.outer <= explicit:
        return [group]
    kinds = {reader.uses[s.use].kind for s in group.sides}
    shapes = [reader.uses[s.use].sizes for s in group.sides]
    kept = sum(b * p * (a + c * f) for b, p, a, f in shapes)
    late = group.aligned and kinds <= {"dense", "convolution"} and LATE * kept <= c * group.size
    late = late and (n1 + n2) * c * group.size > LATE_FROM
    alone = dataclasses.replace(
        group,
        form="late" if late else "explicit",
        leaves=(group.leaf,),
        sides=tuple(dataclasses.replace(s, bias=None) for s in group.sides),
    )
    rest = []
    for leaf in group.leaves[1:]:
        own = _group(reader, leaf, by_leaf[leaf], {}, sizes[leaf], c, columns)
        rest += _chosen(reader, own, by_leaf, sizes, n1, n2, c, columns)
    return [alone, *rest]


def _absorbed(reader: Reader, by_leaf: dict[int, list[int]]) -> dict[int, list[tuple[int, int]]]:
    """Biases that stand beside one weight each: bias leaf -> pairs (use of the weight, use of the bias)."""
    found, taken = {}, set()
    for leaf, numbers in by_leaf.items():
        if any(reader.uses[u].kind != "bias" for u in numbers):
            continue
        for weight, others in by_leaf.items():
            slots = {_place(reader.uses[w]): w for w in others if reader.uses[w].kind in ("dense", "convolution")}
            pairs = [(slots.get(_place(reader.uses[u])), u) for u in numbers]
            whole = len(slots) == len(others) == len(numbers) == len({w for w, _ in pairs} - {None})
            same = whole and _same_side(reader, others) and _same_side(reader, numbers)
            if same and weight not in taken and weight != leaf:
                found[leaf] = [(w, u) for w, u in pairs if w is not None]
                taken.add(weight)
                break
    return found


def _place(use: Use):
    return use.slot, use.arrange, use.loops, use.slices


def _same_side(reader: Reader, numbers: list[int]) -> bool:
    first = reader.uses[numbers[0]].index
    return all(reader.uses[u].index.shape == first.shape and (reader.uses[u].index == first).all() for u in numbers)


def _group(reader, leaf, numbers, biases, size, c, columns) -> Group:
    uses = [reader.uses[u] for u in numbers]
    swaps, crossing = _layouts(uses)
    aligned = swaps is not None
    sides = tuple(Side(u, bool(swaps and swaps[k]), biases.get(u)) for k, u in enumerate(numbers))
    leaves = (leaf, *dict.fromkeys(reader.uses[b].leaf for b in biases.values()))
    whole = uses[0].index.size if aligned and all(u.index.size == uses[0].index.size for u in uses) else size
    aligned = aligned and _one_layout(uses, swaps)
    making = sum(
        2.0 * c * b * p * a * f if u.kind != "lookup" else 2.0 * c * p * f for u in uses for b, p, a, f in [u.sizes]
    )
    outer = np.inf if swaps is None else sum(_pair(uses[s], uses[t], columns) for s, t in crossing)
    if any(u.kind == "lookup" for u in uses) and len(crossing) > len(uses):
        outer = np.inf  # a table that is also multiplied with: written out
    return Group(
        leaf,
        leaves,
        "outer",
        aligned,
        sides,
        tuple(crossing),
        whole if aligned else size,
        outer,
        2.0 * whole * columns,
        making,
    )


def _pair(u: Use, v: Use, columns: int) -> float:
    b, p, a, f = u.sizes
    q = v.sizes[1]
    return float(b * p * q * (2 * a + columns * (2 * f + ENTRYWISE)))


def _one_layout(uses: list[Use], swaps) -> bool:
    first = uses[0].index
    return all(
        np.array_equal(first, u.index.swapaxes(1, 2) if s else u.index) for u, s in zip(uses, swaps, strict=True)
    )


def _layouts(uses: list[Use]):
    """For each use whether it is transposed against the first that shares entries with it, and the pairs that share
    entries; (None, all pairs) where some pair fits neither way."""
    k = len(uses)
    every = list(itertools.product(range(k), range(k)))
    if k == 1:
        return [False], every
    swaps: list[bool | None] = [None] * k
    crossing = [(s, s) for s in range(k)]
    for s, t in itertools.combinations(range(k), 2):
        relation = _relation(uses[s].index, uses[t].index)
        if relation == "apart":
            continue
        if relation == "mixed":
            return None, every
        turned = relation == "swapped"
        if swaps[s] is None:
            swaps[s] = False
        wanted = swaps[s] != turned
        if swaps[t] is not None and swaps[t] != wanted:
            return None, every
        swaps[t] = wanted
        crossing += [(s, t), (t, s)]
    return [bool(s) for s in swaps], crossing


def _relation(one: np.ndarray, other: np.ndarray) -> str:
    if np.array_equal(one, other):
        return "same"
    if np.array_equal(one, other.swapaxes(1, 2)):
        return "swapped"
    return "mixed" if np.intersect1d(one, other).size else "apart"
