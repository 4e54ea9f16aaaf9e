"""The XOR detection distribution (XORD): a point is a row of pairs, and only the set of pairs in it matters.

A point is `d` pairs in {-1, 1}^2. There are four: A = (1, 1), B = (-1, -1), C = (1, -1), D = (-1, 1). The label is +1
iff A or B occurs. A positive is *diverse* if all four occur, a negative if both C and D do; a positive is diverse with
probability `p_plus`, a negative with `p_minus`.

Given its label and whether it is diverse, a point is uniform among the points of {-1, 1}^(2d) of that kind. Hence its
*set* of patterns has probability in proportion to `onto(d, |S|)`, the number of rows of `d` pairs that use each pattern
of `S` at least once and no other, and given its set the row is uniform among those. Both are drawn exactly: the set
from its law; the row from left to right, each pair from its conditional law given the pairs before it. With
`count(n, r; s)` the number of rows of `n` pairs from `s` patterns that use `r` given ones,

    count(n, r; s) = sum_i (-1)^i C(r, i) (s - i)^n,     onto(n, s) = count(n, s; s),

a pattern that is still missing comes next with probability `count(n-1, r-1; s) / count(n, r; s)`, one that has been
used with `count(n-1, r; s) / count(n, r; s)`, where `r` patterns are missing and `n` pairs are to come.

A set is written as a code: the sum of A = 1, B = 2, C = 4, D = 8; 1 to 15.

Standing: recalled (the distribution; that only p_plus and p_minus matter); the law within a kind is ours.
Source: A. Brutzkus, A. Globerson, Why do larger models generalize better? arXiv 1810.03037 (ICML 2019).
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from math import comb
from typing import Any

import numpy as np

from zeroloss.plumbing import InputError

PATTERNS = np.array([(1, 1), (-1, -1), (1, -1), (-1, 1)], np.int8)
"""A, B, C, D."""
SETS = tuple(range(1, 16))
"""The codes of all sets of patterns."""
POSITIVE, BOTH_NEGATIVE, ALL_FOUR = 0b0011, 0b1100, 0b1111


def is_positive(codes: Any) -> Any:
    """Whether points with these sets are labelled +1."""
    return (np.asarray(codes) & POSITIVE) > 0


def natural_shares(pairs: int) -> tuple[float, float]:
    """`(p_plus, p_minus)` if every point of {-1, 1}^(2d) of a label is equally likely."""
    positives = 4**pairs - 2**pairs
    return float(Fraction(_count(pairs, 4, 4), positives)), float(Fraction(_count(pairs, 2, 2), 2**pairs))


def set_law(pairs: int, p_plus: float, p_minus: float) -> np.ndarray:
    """`(2, 16)`: the probability of each set, given the label: row 0 for -1, row 1 for +1.

    Raises:
        InputError: no row of so few pairs is diverse, or a probability is outside [0, 1].
    """
    _check(pairs, p_plus, p_minus)
    law = np.zeros((2, 16))
    kinds = (
        (0, p_minus, [BOTH_NEGATIVE]),
        (0, 1 - p_minus, [4, 8]),
        (1, p_plus, [ALL_FOUR]),
        (1, 1 - p_plus, [s for s in SETS if is_positive(s) and s != ALL_FOUR]),
    )
    for row, share, codes in kinds:
        weights = [_count(pairs, s.bit_count(), s.bit_count()) for s in codes]
        for code, weight in zip(codes, weights, strict=True):
            law[row, code] += share * float(Fraction(weight, sum(weights) or 1))
    return law


def draw_sets(keys: Any, positives: int, negatives: int, pairs: int, p_plus: float, p_minus: float) -> Any:
    """The sets of independent points, one sample per key: `(b, positives + negatives)` codes, the positives first.

    Args:
        keys: `(b,)` JAX keys.
    """
    import jax
    import jax.numpy as jnp

    with np.errstate(divide="ignore"):
        law = jnp.asarray(np.log(set_law(pairs, p_plus, p_minus)), jnp.float32)
    row = jnp.asarray([1] * positives + [0] * negatives)
    return jax.vmap(lambda key: jax.random.categorical(key, law[row], axis=-1))(keys)


def draw_points(keys: Any, sets: Any, pairs: int) -> Any:
    """Rows with these sets of patterns, uniform among them: `(b, m)` codes to `(b, m, 2 * pairs)` float32.

    Raises:
        InputError: fewer pairs than a set has patterns.
    """
    import jax
    import jax.numpy as jnp

    sets = jnp.asarray(sets)
    members = (sets[..., None] >> jnp.arange(4)) & 1  # (b, m, 4)
    if int(members.sum(-1).max()) > pairs:
        raise InputError(f"{pairs} pairs cannot hold {int(members.sum(-1).max())} patterns; give more pairs.")
    shares = jnp.asarray(_shares(pairs), jnp.float32)  # (s, n, r): a missing pattern's probability, a used one's

    def one(key, member):
        size = member.sum(-1)

        def place(missing, at):
            left, key = at
            new, old = jnp.moveaxis(shares[size, left, missing.sum(-1)], -1, 0)
            chance = jnp.where(missing > 0, new[..., None], old[..., None]) * member
            chosen = jax.random.categorical(key, jnp.log(chance), axis=-1)
            return missing * (1 - jax.nn.one_hot(chosen, 4, dtype=missing.dtype)), chosen

        at = (jnp.arange(pairs, 0, -1), jax.random.split(key, pairs))
        _, chosen = jax.lax.scan(place, member, at)  # (pairs, m)
        return jnp.asarray(PATTERNS, jnp.float32)[chosen.T].reshape(member.shape[0], 2 * pairs)

    return jax.vmap(one)(keys, members)


def sets_of(x: Any) -> np.ndarray:
    """The codes of points `(..., 2 d)` with entries -1 and 1."""
    pairs = np.asarray(x).reshape(*np.shape(x)[:-1], -1, 1, 2)
    present = (pairs == PATTERNS).all(-1).any(-2)
    return (present << np.arange(4)).sum(-1)


def make_xord(
    samples: int = 1000, pairs: int = 16, p_plus: float | None = None, p_minus: float | None = None, seed: int = 42
) -> tuple[np.ndarray, np.ndarray]:
    """`(x, labels)`: `(samples, 2 * pairs)` float64 in {-1, 1} and labels -1 and 1, half of each, shuffled.

    Args:
        p_plus, p_minus: probability that a positive, a negative is diverse; None: as if all points were equally likely.
    """
    import jax

    natural = natural_shares(pairs)
    p_plus, p_minus = natural[0] if p_plus is None else p_plus, natural[1] if p_minus is None else p_minus
    key_sets, key_points, key_order = jax.random.split(jax.random.key(seed), 3)
    positives = samples - samples // 2
    sets = draw_sets(key_sets[None], positives, samples // 2, pairs, p_plus, p_minus)
    x = np.asarray(draw_points(key_points[None], sets, pairs)[0], np.float64)
    labels = np.where(is_positive(np.asarray(sets[0])), 1, -1)
    order = np.asarray(jax.random.permutation(key_order, samples))
    return x[order], labels[order]


@cache
def _count(n: int, needed: int, letters: int) -> int:
    """Rows of `n` from `letters` patterns in which `needed` given ones occur."""
    if n < needed:
        return 0
    return sum((-1) ** i * comb(needed, i) * (letters - i) ** n for i in range(needed + 1))


@cache
def _shares(pairs: int) -> np.ndarray:
    """`(5, pairs + 1, 5, 2)`: by size of the set, pairs to come and patterns missing, the probability that the next
    pair is one given missing pattern, and that it is one given used pattern."""
    table = np.zeros((5, pairs + 1, 5, 2))
    for s in range(1, 5):
        for n in range(1, pairs + 1):
            for r in range(s + 1):
                total = _count(n, r, s)
                if total:
                    table[s, n, r, 0] = float(Fraction(_count(n - 1, r - 1, s), total)) if r else 0.0
                    table[s, n, r, 1] = float(Fraction(_count(n - 1, r, s), total))
    return table


def _check(pairs: int, p_plus: float, p_minus: float) -> None:
    if not (0 <= p_plus <= 1 and 0 <= p_minus <= 1):
        raise InputError(f"p_plus={p_plus}, p_minus={p_minus}: both are probabilities, from 0 to 1.")
    if pairs < 1:
        raise InputError(f"{pairs} pairs: a point has at least 1.")
    if (p_plus > 0 and pairs < 4) or (p_minus > 0 and pairs < 2):
        raise InputError(f"no point of {pairs} pairs is diverse; give 4 pairs or more, or p_plus=0 and p_minus=0.")
