"""The trials on the XOR network: global minima, samples, clusters, paths."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from zeroloss.data.xord import ALL_FOUR, BOTH_NEGATIVE, SETS, draw_sets, is_positive, set_law
from zeroloss.studies.brutzkus_globerson_xor.descent import (
    Filters,
    XorDescent,
    advance,
    outputs,
    start,
    to_weights,
    xor_descent,
)
from zeroloss.studies.typed import per_block
from zeroloss.theorems import xor_formulas as formulas

PAIRS = 16
"""Pairs of a point; they matter only for how often each non-diverse set occurs."""
DIVERSE = 0.98
"""`p_plus = p_minus` for the test error where an experiment does not say."""
DIVERSE_SETS = (BOTH_NEGATIVE, ALL_FOUR)
COMMON_SETS = (4, 8, 12, 7, 11, 13, 14, 15)
"""What nearly every sample of long rows consists of."""
BUDGET = 200
"""Steps times `c_eta`: descent is given `200 / c_eta` steps, 82,000 at `c_eta = 1/410`."""
SNAPSHOTS, BETWEEN = 41, 256
BIN = 2.5
"""Degrees per bin of the angles."""
BINS = 20


@dataclasses.dataclass(frozen=True)
class Training:
    """k filters of each group and gamma, `1/c_eta`; for samples their number m and the share of diverse ones."""

    k: int
    gamma: float
    inverse_c_eta: float
    m: int = 2
    diverse: float = DIVERSE

    @property
    def c_eta(self) -> float:
        """`c_eta`; the axis holds its inverse, a whole number."""
        return 1 / self.inverse_c_eta

    @property
    def constants(self) -> tuple[float, float]:
        """gamma and the step size."""
        return self.gamma, formulas.step_size(self.k, self.c_eta)

    def start(self, keys: np.ndarray) -> Filters:
        """The filters at the start."""
        return start(_keys(keys, 0), self.k, formulas.weight_std(self.k, self.c_eta))

    def train(self, first: Filters, counts: Any, sets: tuple[int, ...]) -> XorDescent:
        """Descent on a count for each set of patterns."""
        gamma, step = self.constants
        budget = int(BUDGET * self.inverse_c_eta)
        return xor_descent(first, counts, sets=sets, gamma=gamma, step_size=step, steps=budget)

    def on_diverse(self, first: Filters) -> XorDescent:
        """Descent on diverse points alone."""
        return self.train(first, np.ones((2, first.a.shape[1])), DIVERSE_SETS)


@per_block
def minima(cell: Training, keys: np.ndarray) -> dict[str, Any]:
    """Descent on diverse points only: does it reach zero training loss, and on which sets of patterns is it wrong?"""
    first = cell.start(keys)
    reached = cell.on_diverse(first)
    return _fate(reached, DIVERSE) | _covering(first)


@per_block
def samples(cell: Training, keys: np.ndarray) -> dict[str, Any]:
    """Descent on `m/2` positives and `m/2` negatives drawn with `p_plus = p_minus = diverse`; the exact test error."""
    m, share = cell.m, cell.diverse
    drawn = draw_sets(_keys(keys, 1), m // 2, m - m // 2, PAIRS, share, share)
    counts = np.stack([np.asarray((drawn == code).sum(1)) for code in SETS])
    for sets in (DIVERSE_SETS, COMMON_SETS, SETS):
        rows = np.array(sets) - 1
        if counts[rows].sum() == counts.sum():
            break
    reached = cell.train(cell.start(keys), counts[rows], sets)
    kept = ("zero_loss", "stalled", "steps", "wrong", "test_error")
    fate = _fate(reached, share)
    all_diverse = counts[np.array(DIVERSE_SETS) - 1].sum(0) == m
    return {name: fate[name] for name in kept} | {"all_diverse": all_diverse}


@per_block
def clusters(cell: Training, keys: np.ndarray) -> dict[str, Any]:
    """Angles of the filters to the centres of their clusters, before and after descent, and who is in which."""
    first = cell.start(keys)
    reached = cell.on_diverse(first)
    before, after = _angles(first), _angles(reached.filters)
    result: dict[str, Any] = {"zero_loss": np.asarray(reached.zero)}
    for name, found in (("start", before), ("end", after)):
        for group in ("w", "u"):
            learned = found[group]["learned"]
            result[f"{group}_angle_{name}"] = _mean(found[group]["angle"], learned)
            result[f"{group}_histogram_{name}"] = _histogram(found[group]["angle"], learned)
            result[f"{group}_occupancy_{name}"] = found[group]["occupancy"]
    for group in ("w", "u"):
        length, learned = after[group]["length"], after[group]["learned"]
        result[f"{group}_length_learned"] = np.where(learned, length, 0).sum(1) / length.sum(1)
    return result


@per_block
def paths(cell: Training, keys: np.ndarray) -> dict[str, Any]:
    """The filters in the plane every 256 steps: `(b, 2, k, 41, 2)`, `w` before `u`."""
    first = cell.start(keys)
    counts, (gamma, step) = jnp.ones((2, len(keys))), cell.constants
    frames = [first]
    for _ in range(SNAPSHOTS - 1):
        frames.append(advance(frames[-1], counts, sets=DIVERSE_SETS, gamma=gamma, step_size=step, steps=BETWEEN))
    fate = _fate(cell.on_diverse(first), DIVERSE)
    path = np.stack([np.asarray(to_weights(frame)) for frame in frames], axis=3)
    return {"path": path, "zero_loss": fate["zero_loss"], "wrong": fate["wrong"], "steps": fate["steps"]}


def _keys(keys: np.ndarray, which: int) -> Any:
    """One of two independent JAX keys of each seed: 0 for the filters, 1 for the sample."""
    return jax.vmap(lambda seed: jax.random.fold_in(jax.random.key(seed), which))(jnp.asarray(keys))


def _fate(reached: XorDescent, share: float) -> dict[str, Any]:
    """What became of each network. A set is right if `N > 0` for a positive, `N < 0` for a negative; an output of
    exactly 0 is wrong, except in `wrong_strictly`. `test_error` is exact: half of the points positive, shares `share`.
    """
    n = np.asarray(outputs(reached.filters))
    signed = np.where(is_positive(np.array(SETS))[:, None], n, -n)
    negative, positive = set_law(PAIRS, share, share)[:, 1:]
    return {
        "zero_loss": np.asarray(reached.zero),
        "stalled": np.asarray(reached.stalled),
        "steps": np.asarray(reached.steps),
        "wrong": (signed <= 0).any(0),
        "wrong_strictly": (signed < 0).any(0),
        "wrong_sets": (signed <= 0).sum(0),
        "test_error": (positive + negative) @ (signed <= 0) / 2,
    }


def _covering(first: Filters) -> dict[str, Any]:
    """Which patterns the filters start at."""
    k = first.a.shape[0] // 2
    codes, favoured = np.asarray(_pattern(first)), np.asarray(first.c)[k:] > 0
    found = [(codes[:k] == pattern).any(0) for pattern in range(4)]
    both = favoured.any(0) & ~favoured.all(0)
    return {
        "some_w_positive": found[0] | found[1],
        "w_all_four": found[0] & found[1] & found[2] & found[3],
        "u_both": both,
        "covered": found[0] & found[1] & both,
    }


def _pattern(filters: Filters) -> Any:
    """The pattern to which each filter responds most: 0, 1, 2, 3 for A, B, C, D."""
    a, c = filters
    return jnp.where(jnp.abs(a) >= jnp.abs(c), jnp.where(a > 0, 0, 1), jnp.where(c > 0, 2, 3))


def _angles(filters: Filters) -> dict[str, dict[str, np.ndarray]]:
    """By group: `angle` (degrees) of each filter to the mean of those of its group and pattern, its `length`, whether
    it is of the clusters that descent makes grow (`w` at A and B, `u` at C and D): `(b, k)`; `occupancy` `(b, 4)`."""
    weights, pattern = np.asarray(to_weights(filters), float), np.asarray(_pattern(filters)).T
    k = weights.shape[2]
    result = {}
    for g, (group, grown) in enumerate((("w", (0, 1)), ("u", (2, 3)))):
        rows, codes = weights[:, g], pattern[:, g * k : (g + 1) * k]
        member = codes[..., None] == np.arange(4)  # (b, k, 4)
        centres = np.einsum("bkp,bkx->bpx", member, rows)
        centre = np.take_along_axis(centres, codes[..., None], axis=1)
        cosine = (rows * centre).sum(-1)
        sine = rows[..., 0] * centre[..., 1] - rows[..., 1] * centre[..., 0]
        result[group] = {
            "angle": np.degrees(np.abs(np.arctan2(sine, cosine))),
            "length": np.linalg.norm(rows, axis=-1),
            "learned": np.isin(codes, grown),
            "occupancy": member.mean(1),
        }
    return result


def _mean(values: np.ndarray, kept: np.ndarray) -> np.ndarray:
    return np.where(kept, values, 0).sum(1) / np.maximum(kept.sum(1), 1)


def _histogram(angles: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """`(b, BINS)`: how many of the kept filters have an angle in each bin (the last holds what lies beyond, too)."""
    places = np.minimum((angles / BIN).astype(int), BINS - 1)
    return ((places[..., None] == np.arange(BINS)) & kept[..., None]).sum(1)
