"""Gradient descent on the XOR network for tens of thousands of seeds at once.

A network meets a point only through its set of patterns (see `zeroloss.data.xord`), so a training set is a count for
each of 15 sets, and a filter `f` is its responses to the patterns: with `a = f . (1, 1)` and `c = f . (1, -1)` they are
`relu(a)`, `relu(-a)`, `relu(c)`, `relu(-c)` for A, B, C, D. A gradient step along A or B changes `a` alone and one along
C or D `c` alone, by twice the coefficient, since the patterns have squared norm 2 and are orthogonal. So the exact
full-batch descent on

    L = mean_positives max(gamma - N, 0) + mean_negatives max(1 + N, 0)

is, with `s_i = +1` for a `w` filter and -1 for a `u` filter,

    (a_i, c_i) += 2 step s_i sum_S q_S e_i(S),
    q_S = counts_S / n_pos [N(S) < gamma] for positive sets, - counts_S / n_neg [N(S) > -1] for negative ones,

`e_i(S)` the unit vector (with its sign) of the pattern in `S` to which filter `i` responds most, 0 where it responds to
none. The sums of the `q_S` are formed in whole numbers (`counts * n_neg`, `counts * n_pos`), so coefficients that
cancel do so exactly.

Conventions where a derivative does not exist: 0 at the kinks of `relu` and of the loss; where two patterns tie for the
maximum, A or B is taken before C or D (JAX's own `max` would share; ties of different patterns have probability 0).

A seed is done when its loss is zero; its gradient then is zero too. A seed whose gradient is exactly zero at a positive
loss has stalled for ever, and is given up.

Standing: recalled (network, loss, initialisation, step); the reduction is ours, and tested against autodiff.
Source: A. Brutzkus, A. Globerson, Why do larger models generalize better? arXiv 1810.03037 (ICML 2019).
"""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from zeroloss.data.xord import SETS, is_positive
from zeroloss.networks.xor import random_filters
from zeroloss.plumbing import InputError

CHECK_EVERY = 32
"""Steps between two checks of which seeds still move."""
FIRST_STAGE = 4096
"""Steps after which the seeds that still move go on alone."""


@dataclasses.dataclass(frozen=True)
class XorHinge:
    """`mean_positives max(gamma - N, 0) + mean_negatives max(1 + N, 0)`; targets `(n, 1)` of -1 and 1, both present.

    Standing: recalled. Source: arXiv 1810.03037.
    """

    gamma: float = 8.0
    name: ClassVar[str] = "xor-hinge"
    smoothness: ClassVar[float | None] = None

    def __call__(self, outputs, targets):
        short = jax.nn.relu(self.gamma - outputs) * (targets > 0) / (targets > 0).sum()
        over = jax.nn.relu(1 + outputs) * (targets < 0) / (targets < 0).sum()
        return (short + over).sum()

    def check(self, targets) -> None:
        if set(np.unique(np.asarray(targets))) != {-1.0, 1.0}:
            raise InputError("the XOR loss takes targets -1 and 1, with at least one of each.")


class Filters(NamedTuple):
    """Responses of the filters of `b` networks to A and to C, `(2 k, b)` each; the first `k` are `w`, then `u`."""

    a: Any
    c: Any


class XorDescent(NamedTuple):
    """What gradient descent reached, one entry per seed.

    Attributes:
        filters: where it stopped.
        zero: `(b,)` whether the training loss is exactly zero.
        stalled: `(b,)` whether the gradient is exactly zero at a positive loss.
        steps: `(b,)` steps taken at a positive loss; if `zero`, the steps to zero loss.
    """

    filters: Filters
    zero: Any
    stalled: Any
    steps: Any


def start(keys: Any, k: int, weight_std: float) -> Filters:
    """The filters of `XorNetwork(k, weight_std, key)` for each key."""
    return from_weights(jax.vmap(lambda key: random_filters(key, k, weight_std))(keys))


def from_weights(weights: Any) -> Filters:
    """`(b, 2, k, 2)` weights as responses."""
    weights = jnp.asarray(weights)
    rows = jnp.moveaxis(weights.reshape(weights.shape[0], -1, 2), 0, 1)
    return Filters(rows[..., 0] + rows[..., 1], rows[..., 0] - rows[..., 1])


def to_weights(filters: Filters) -> Any:
    """Responses as `(b, 2, k, 2)` weights."""
    a, c = filters
    rows = jnp.moveaxis(jnp.stack([(a + c) / 2, (a - c) / 2], -1), 1, 0)
    return rows.reshape(rows.shape[0], 2, -1, 2)


def outputs(filters: Filters, sets: tuple[int, ...] = SETS) -> Any:
    """`N(S)` for each set: `(len(sets), b)`."""
    signs = _signs(filters.a)
    return jnp.stack([(signs * _response(filters, code)[2]).sum(0) for code in sets])


def xor_descent(
    filters: Filters, counts: Any, *, sets: tuple[int, ...], gamma: float, step_size: float, steps: int
) -> XorDescent:
    """Gradient descent until each training loss is zero, its gradient is zero, or the steps are used up.

    Args:
        counts: `(len(sets), b)` how many training points have each set; each seed has positives and negatives.
        sets: the codes that may occur; fewer are quicker.
        steps: the most steps, rounded up to a multiple of `CHECK_EVERY`.

    Raises:
        InputError: counts that do not fit, or a seed without positives or negatives.
    """
    counts = jnp.asarray(counts, filters.a.dtype)
    if counts.shape != (len(sets), filters.a.shape[1]):
        raise InputError(f"counts {counts.shape} do not fit {len(sets)} sets and {filters.a.shape[1]} seeds.")
    positive = is_positive(np.array(sets))
    if not bool(jnp.all(counts[positive].sum(0) > 0) & jnp.all(counts[~positive].sum(0) > 0)):
        raise InputError("each training set needs at least one positive and one negative.")
    sets = tuple(int(s) for s in sets)
    result, taken = _descent(filters, counts, sets, gamma, step_size, min(FIRST_STAGE, steps)), FIRST_STAGE
    while taken < steps:
        still = np.flatnonzero(~np.asarray(result.zero | result.stalled))
        if not len(still):
            break
        rows = _filled(still, counts.shape[1])
        more = _descent(_take(result.filters, rows), counts[:, rows], sets, gamma, step_size, min(taken, steps - taken))
        result = _put(result, more, still)
        taken *= 2
    return result


def _filled(rows: np.ndarray, most: int) -> np.ndarray:
    """The rows, the last one repeated until there are `most`, or a quarter or a 32nd of that: few shapes to compile."""
    size = min(size for size in (most, -(-most // 4), -(-most // 32)) if size >= len(rows))
    return np.concatenate([rows, np.repeat(rows[-1:], size - len(rows))])


def _take(filters: Filters, rows: np.ndarray) -> Filters:
    return Filters(filters.a[:, rows], filters.c[:, rows])


def _put(result: XorDescent, more: XorDescent, rows: np.ndarray) -> XorDescent:
    """The result with its `rows` as `more` has them, in order; steps add up."""
    n = len(rows)
    a, c = (old.at[:, rows].set(new[:, :n]) for old, new in zip(result.filters, more.filters, strict=True))
    return XorDescent(
        Filters(a, c),
        result.zero.at[rows].set(more.zero[:n]),
        result.stalled.at[rows].set(more.stalled[:n]),
        result.steps.at[rows].add(more.steps[:n]),
    )


def advance(
    filters: Filters, counts: Any, *, sets: tuple[int, ...], gamma: float, step_size: float, steps: int
) -> Filters:
    """Exactly so many steps of `xor_descent`."""
    return _advance(filters, jnp.asarray(counts, filters.a.dtype), tuple(sets), gamma, step_size, steps)


def training_loss(filters: Filters, counts: Any, *, sets: tuple[int, ...], gamma: float) -> Any:
    """`L` of each seed, `(b,)`."""
    counts, n = jnp.asarray(counts, filters.a.dtype), outputs(filters, sets)
    positive = is_positive(np.array(sets))[:, None]
    short = jnp.where(positive, counts * jax.nn.relu(gamma - n), 0).sum(0) / jnp.where(positive, counts, 0).sum(0)
    over = jnp.where(positive, 0, counts * jax.nn.relu(1 + n)).sum(0) / jnp.where(positive, 0, counts).sum(0)
    return short + over


@partial(jax.jit, static_argnames=("sets",))
def _descent(filters, counts, sets, gamma, step_size, steps):
    rates, scale = _rates(counts, sets, step_size)

    def one(_, state):
        filters, done, _ = state
        moved, active = _step(filters, rates, scale, sets, gamma)
        return moved, done + active, filters

    def body(state):
        filters, done, _, t = state
        filters, done, before = jax.lax.fori_loop(0, CHECK_EVERY, one, (filters, done, filters))
        moves = ((filters.a != before.a) | (filters.c != before.c)).any(0)
        return filters, done, moves, t + CHECK_EVERY

    b = counts.shape[1]
    begin = (filters, jnp.zeros(b, jnp.int32), jnp.ones(b, bool), 0)
    filters, done, moves, _ = jax.lax.while_loop(lambda s: s[2].any() & (s[3] < steps), body, begin)
    _, active = _step(filters, rates, scale, sets, gamma)
    return XorDescent(filters, ~active, active & ~moves, done)


@partial(jax.jit, static_argnames=("sets",))
def _advance(filters, counts, sets, gamma, step_size, steps):
    rates, scale = _rates(counts, sets, step_size)
    return jax.lax.fori_loop(0, steps, lambda _, f: _step(f, rates, scale, sets, gamma)[0], filters)


def _rates(counts, sets, step_size):
    """Whole-number coefficients `(len(sets), b)`, and `2 step / (n_pos n_neg)` that multiplies them."""
    positive = is_positive(np.array(sets))[:, None]
    n_pos, n_neg = jnp.where(positive, counts, 0).sum(0), jnp.where(positive, 0, counts).sum(0)
    return jnp.where(positive, counts * n_neg, -counts * n_pos), 2 * step_size / (n_pos * n_neg)


def _step(filters, rates, scale, sets, gamma):
    """One step, and whether each seed's loss was positive before it."""
    signs = _signs(filters.a)
    along_a, along_c, active = 0.0, 0.0, False
    for i, code in enumerate(sets):
        by_a, by_c, response = _response(filters, code)
        n = (signs * response).sum(0)
        pulls = (n < gamma) if is_positive(code) else (n > -1)
        q = jnp.where(pulls, rates[i], 0)
        active = active | (q != 0)
        along_a, along_c = along_a + jnp.where(by_a, q, 0), along_c + jnp.where(by_c, q, 0)
    a = filters.a + scale * signs * jnp.sign(filters.a) * along_a
    c = filters.c + scale * signs * jnp.sign(filters.c) * along_c
    return Filters(a, c), active


def _response(filters, code):
    """Whether each filter responds to the set by A or B, whether by C or D, and how much."""
    a, c = filters
    size_a, size_c = jnp.abs(a), jnp.abs(c)
    has_a, has_c = _has(a, code & 3), _has(c, code >> 2)
    by_a = has_a & (~has_c | (size_a >= size_c))
    by_c = has_c & ~by_a
    return by_a, by_c, jnp.where(by_a, size_a, jnp.where(by_c, size_c, 0))


def _has(value, which):
    """Whether the set (bit 1: the pattern, bit 2: its negative) holds the one to which `value` responds."""
    if which == 3:
        return jnp.ones_like(value, bool)
    return (value > 0) if which == 1 else (value < 0) if which == 2 else jnp.zeros_like(value, bool)


def _signs(a):
    k = a.shape[0] // 2
    return jnp.where(jnp.arange(2 * k) < k, 1.0, -1.0).astype(a.dtype)[:, None]
