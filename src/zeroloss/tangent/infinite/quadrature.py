"""The law of the scale that turns a normal variable into a logistic one, and its Gauss rule.

If `S` has Kolmogorov's limiting distribution and `Z` is standard normal, `2 S Z` is logistic (Andrews & Mallows 1974,
recalled). So the logistic function is a mixture of normal distribution functions, `sigmoid(u) = E_S Phi(u/(2 S))`, and
tanh, sigmoid, softplus and silu are mixtures of functions whose duals are closed forms. What is left is a mean over two
independent scales, whose integrand is smooth at the same rate for every variance and correlation: a product of two
short Gauss rules serves a variance of 1e-12 and one of 1e12 alike, where a rule in the Gaussian variables themselves
needs ever more nodes as the variance grows.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.linalg import eigh_tridiagonal

FINE, COARSE = 14, 12
"""Nodes per scale, in the rule that is used and in the one it is compared with."""


class Rule(NamedTuple):
    """Nodes `(FINE,)` and weights `(FINE,)` of a mean over one scale `S`; padded with weights of 0."""

    nodes: np.ndarray
    weights: np.ndarray


@lru_cache
def scale_rule(count: int) -> Rule:
    """The Gauss rule with `count` nodes for Kolmogorov's distribution, in the variable `log S`.

    It is exact for polynomials in `log S` of degree below `2 count`. Its nodes are eigenvalues of the Jacobi matrix
    that the Lanczos recurrence finds from a trapezoidal rule of the density (error below 1e-16).

    Measured for tanh, sigmoid, softplus and silu, standard deviations from 1e-6 to 25 and angles from 0 to pi, against
    a trapezoidal rule in the Gaussian variables and relative to `sqrt(E phi(u)^2 E phi(v)^2)`: the duals and those of
    the derivatives err by less than 1e-13 at 12 nodes, and by less than 5e-15, of which most is rounding, at 14. Against
    37 times 37 nodes of another rule, tanh at standard deviations up to 1e6 errs by 1e-15 at 14.
    Standing: the rule is ours.
    """
    t = np.arange(-500, 413) * 0.004
    weights = np.exp(t) * kolmogorov_density(np.exp(t))
    keep = weights > 1e-40
    t, weights = t[keep], weights[keep] / weights.sum()
    basis = np.zeros((count + 1, t.size))
    basis[0] = np.sqrt(weights)
    diagonal, beside = np.zeros(count), np.zeros(count)
    for k in range(count):
        v = t * basis[k]
        diagonal[k] = v @ basis[k]
        for _ in range(2):
            v = v - basis[: k + 1].T @ (basis[: k + 1] @ v)
        beside[k] = np.linalg.norm(v)
        basis[k + 1] = v / beside[k]
    nodes, vectors = eigh_tridiagonal(diagonal, beside[:-1])
    spare = max(0, FINE - count)
    return Rule(np.exp(np.append(nodes, np.zeros(spare))), np.append(vectors[0] ** 2, np.zeros(spare)))


def kolmogorov_density(s: np.ndarray) -> np.ndarray:
    """The density `8 s sum_j (-1)^(j-1) j^2 exp(-2 j^2 s^2)` at positive `s` `(m,)`.

    Below 1 by the equal series `sqrt(2 pi) sum_j (2 o_j/s^4 - 1/s^2) exp(-o_j/s^2)`, `o_j = (2j - 1)^2 pi^2/8`, which
    does not cancel there. Standing: recalled.
    """
    j = np.arange(1, 12)[:, None]
    large = np.maximum(s, 1.0)
    right = 8 * large * np.sum((-1.0) ** (j - 1) * j**2 * np.exp(-2 * j**2 * large**2), axis=0)
    small, o = np.minimum(s, 1.0), (2 * j - 1) ** 2 * math.pi**2 / 8
    left = math.sqrt(2 * math.pi) * np.sum((2 * o / small**4 - 1 / small**2) * np.exp(-o / small**2), axis=0)
    return np.where(s > 1, right, left)
