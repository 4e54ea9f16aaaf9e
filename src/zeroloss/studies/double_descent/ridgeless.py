"""Least squares on features, in closed form: minimum norm, ridge, and gradient descent stopped anywhere.

With features `F` `(n, p)` = `U diag(s) V^T` of rank `r` (thin) and targets `Y` `(n, c)` every estimate here is

    W = V diag(g(s)) U^T Y,        its answers at other features `G` are `(G V) diag(g(s)) U^T Y`,

and they differ in the filter `g`:

    minimum norm      g(s) = 1/s                                    (the pseudo-inverse, "ridgeless")
    ridge             g(s) = s/(s^2 + a s_1^2)                      (minimises |F W - Y|^2 + a s_1^2 |W|^2)
    gradient descent  g(s) = (1 - (1 - q s^2/s_1^2)^T)/s            (T steps from 0)

`s_1` is the largest singular value. A step `n q/s_1^2` of gradient descent on `|F W - Y|^2/(2n)` is `q/2` of the largest
stable one; T -> infinity gives the minimum norm. So one factorisation serves all estimates, penalties, stopping times and label
noises. By the singular values of `F` itself, not of `F F^T`: near p = n its condition number may pass 1e4, and squared
it would leave few digits.

Standing: textbook.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

STEP = 0.9
"""`q`: below 1, so that no direction is fitted in one step and the logarithm below is finite."""


class Factor(NamedTuple):
    """`U` `(n, r)`, `s` `(r,)` decreasing, and `G V` `(m, r)` of the other features."""

    u: np.ndarray
    s: np.ndarray
    others: np.ndarray

    @property
    def condition(self) -> float:
        """`s_1/s_r`."""
        return float(self.s[0] / self.s[-1])


def factorise(features: np.ndarray, others: np.ndarray) -> Factor:
    """Singular values of `features` `(n, p)` in float64, without those at rounding, `max(n, p) eps s_1`."""
    u, s, vt = np.linalg.svd(np.asarray(features, np.float64), full_matrices=False)
    kept = s > max(features.shape) * np.finfo(np.float64).eps * s[0]
    return Factor(u[:, kept], s[kept], others @ vt[kept].T)


def minimum_norm(s: np.ndarray) -> np.ndarray:
    """The filter of the pseudo-inverse."""
    return 1 / s


def ridge(s: np.ndarray, penalty: float) -> np.ndarray:
    """The filter of ridge regression; `penalty` in units of `s_1^2`."""
    return s / (s**2 + penalty * s[0] ** 2)


def descent(s: np.ndarray, steps: float) -> np.ndarray:
    """The filter of `steps` steps of gradient descent from 0."""
    return -np.expm1(steps * np.log1p(-STEP * (s / s[0]) ** 2)) / s


def fitted(factor: Factor, g: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Answers `(n, c)` at the training features."""
    return factor.u @ ((g * factor.s)[:, None] * (factor.u.T @ y))


def answers(factor: Factor, g: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Answers `(m, c)` at the other features."""
    return factor.others @ (g[:, None] * (factor.u.T @ y))


def norm(factor: Factor, g: np.ndarray, y: np.ndarray) -> float:
    """`|W|` (Frobenius)."""
    return float(np.linalg.norm(g[:, None] * (factor.u.T @ y)))
