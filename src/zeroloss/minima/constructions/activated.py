"""Bumps, slabs and caps of relu units, made of other units.

Parametric relu, slope `a` in (0, 1):  `R(z) = (P(z) + a P(-z))/(1 - a^2)`: two units for one, or none more where `-z` is
the input of another unit anyway. Off a bump 0 to the rounding of its steep sides (about 1e-12 in float64).

Sigmoid: with `t = x_k - v` a coordinate (or projection), `h` a half-width and `s` the sigmoid, a hat is a difference of
steep sigmoids, `s(k (t + h)) - s(k (t - h)) = 1 - s(k (t - h)) - s(k (-t - h))`, so that a unit `R(t)` becomes
`s(k (t - h))`, and a bump, `q` hats,

    bump_i = s(K (1/2 - sum_k [s(k (t_k - h)) + s(k (-t_k - h))])),     a box of half-width about h;     cap_i -> s(K (cap_i - 1/2)).

Its values at the points are 1 and 0 to about `exp(-40)`, and the read-out of the `n x n` system makes the fit exact.

Standing: which activations, paper (Guan 2407.16872); these formulas, ours.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from zeroloss.minima.constructions.spoilers import Spoilers
from zeroloss.networks.activations import negative_slope
from zeroloss.plumbing import InputError

STEEP = 80.0
"""`K`, and `2 k h`: a sigmoid is `exp(-40)` from 0 or 1 half a rise away."""


def check_activation(name: str) -> None:
    """`InputError` for an activation without bumps."""
    slope = negative_slope(name)
    if name not in ("relu", "sigmoid") and (slope is None or not 0 < slope < 1):
        raise InputError(
            f"there are no bumps of activation {name!r}; choose relu, leaky_relu, prelu(a) with 0 < a < 1, or sigmoid."
        )


def with_activation(spoilers: Spoilers, name: str) -> Spoilers:
    """The same functions (relu) of parametric relu units, or similar ones of sigmoids.

    Raises:
        InputError: an activation without bumps.
    """
    check_activation(name)
    if name == "relu":
        return spoilers
    return _sigmoid(spoilers) if name == "sigmoid" else _parametric(spoilers, name)


def _parametric(spoilers: Spoilers, name: str) -> Spoilers:
    a = negative_slope(name)
    assert a is not None
    weights: list[np.ndarray] = []
    biases: list[np.ndarray] = []
    combine = np.eye(spoilers.weights[0].shape[1])
    for w, b in zip(spoilers.weights, spoilers.biases, strict=True):
        w, b, partner = _with_partners(w @ combine if weights else w, b)
        weights.append(w)
        biases.append(b)
        units = np.arange(len(partner))
        combine = np.zeros((len(partner), len(b)))
        combine[units, units] = 1 / (1 - a * a)
        combine[units, partner] += a / (1 - a * a)
    return dataclasses.replace(spoilers, weights=tuple(weights), biases=tuple(biases), activation=name, combine=combine)


def _with_partners(w: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The units and, where it is missing, for each the one of opposite input; and where that is."""
    place = {(row.tobytes(), float(offset)): i for i, (row, offset) in enumerate(zip(w + 0.0, b + 0.0, strict=True))}
    partner = np.array(
        [place.get((row.tobytes(), float(offset)), -1) for row, offset in zip(0.0 - w, 0.0 - b, strict=True)]
    )
    missing = np.flatnonzero(partner < 0)
    partner[missing] = len(w) + np.arange(len(missing))
    return np.vstack([w, -w[missing]]), np.concatenate([b, -b[missing]]), partner


def _sigmoid(spoilers: Spoilers) -> Spoilers:
    if len(spoilers.weights) == 1:  # caps
        if spoilers.weights[0].shape[0] == 1:
            return dataclasses.replace(spoilers, activation="sigmoid", biases=(np.full(1, STEEP),))
        return dataclasses.replace(
            spoilers,
            weights=(STEEP * spoilers.weights[0],),
            biases=(STEEP * (spoilers.biases[0] - 0.5),),
            activation="sigmoid",
        )
    (first, second), (offset, _) = spoilers.weights, spoilers.biases
    used = second != 0  # entries -1/r_i, at both signs of each coordinate of the point
    radius = np.where(used, -1 / np.where(used, second, -1.0), np.inf).min(axis=1)
    half = np.where(used, (2 * radius / used.sum(axis=1))[:, None], np.inf).min(axis=0)
    steep = STEEP / (2 * half)
    return dataclasses.replace(
        spoilers,
        weights=(steep[:, None] * first, np.where(used, -STEEP, 0.0)),
        biases=(steep * (offset - half), np.full(len(second), STEEP / 2)),
        width=float(half.min()),
        note=f"{spoilers.note}, as boxes of steep sigmoids",
        activation="sigmoid",
    )
