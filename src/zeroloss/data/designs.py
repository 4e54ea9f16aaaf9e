"""Designs of regression: where inputs fall, which smooth function is to be found, and the error under the design itself.

    Y = m(X) + s e,   X ~ P_X on the unit cube,   e standard normal,   error = int |f - m|^2 dP_X.

Two designs are atomic, because there the sample fixes what a minimiser of the empirical squared risk answers at every atom
that occurs in it, noise included, and the error is a sum that can be computed exactly:

- `equal_atoms(n, d)`: as many equally likely atoms as there will be examples (so the design grows with the sample);
- `heavy_tailed(t, d, atoms)`: one fixed design, `p_k` in proportion to `k^-(1+t)`, k = 1, ..., atoms;
- `uniform(d)`: the continuous one. Its error is a mean over points of a low-discrepancy sequence with a random shift.

Atoms stand at the points of the R-sequence (fractional parts of multiples of the inverse powers of the generalised golden
ratio), which fills the cube evenly at any length and repeats no point; in one dimension equal atoms stand at equal steps.

The visited atoms' part of the error, `sum_k p_k 1{N_k > 0} (mean of the noise at k)^2`, is the same for every function
that minimises the empirical squared risk. Its expectation is `s^2 sum_k p_k E[1{N_k > 0}/N_k]`, `N_k` binomial. For n equal atoms it
tends from above to `s^2 e^-1 (Ei(1) - gamma_E)`, gamma_E Euler's constant; on the heavy-tailed design it falls like
`n^(-t/(1+t))`, which is slower than the minimax rate `n^(-2p/(2p+d))` iff `t < 2p/d`.

Standing: ours (designs, constant and rate), after Kohler & Krzyzak (arXiv 1912.03925), whose lower bound they explain.
Source of the rate: C. J. Stone, Annals of Statistics 10 (1982) 1040-1053.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from zeroloss.data.content import read_only
from zeroloss.plumbing import InputError

MIDDLE = 4096
"""Points by which mean and size of a function over the cube are computed."""


@dataclasses.dataclass(frozen=True, repr=False)
class Atoms:
    """A design of finitely many points: `points` `(k, d)` with probabilities `weights` `(k,)`."""

    points: np.ndarray
    weights: np.ndarray

    def __post_init__(self) -> None:
        object.__setattr__(self, "points", read_only(np.asarray(self.points, np.float64)))
        object.__setattr__(self, "weights", read_only(np.asarray(self.weights, np.float64)))
        if self.points.ndim != 2 or self.weights.shape != self.points.shape[:1]:
            raise InputError(
                f"atoms {self.points.shape} with weights {self.weights.shape} make no design; give (k, d) and (k,)."
            )

    @property
    def d(self) -> int:
        return self.points.shape[1]

    def __repr__(self) -> str:
        return f"<Atoms: {len(self.points)} points in {self.d} dimensions>"

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """`(n,)`: the numbers of n independent atoms."""
        place = np.searchsorted(np.cumsum(self.weights), rng.uniform(size=n) * self.weights.sum(), side="right")
        return np.minimum(place, len(self.weights) - 1)


@dataclasses.dataclass(frozen=True)
class Uniform:
    """The uniform distribution on the unit cube of `d` dimensions."""

    d: int

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """`(n, d)`: n independent points."""
        return rng.uniform(size=(n, self.d))

    def rule(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """`(count, d)`: points of the R-sequence with a random shift: their mean is an unbiased estimate of the integral."""
        return (r_sequence(count, self.d) + rng.uniform(size=self.d)) % 1.0


def r_sequence(count: int, d: int) -> np.ndarray:
    """`(count, d)`: `frac(k g^-j + 1/2)`, k = 1, ..., count, j = 1, ..., d, `g > 1` the root of `g^(d+1) = g + 1`.

    Source: M. Roberts, The unreasonable effectiveness of quasirandom sequences (2018).
    """
    g = 2.0
    for _ in range(64):
        g = (1 + g) ** (1 / (d + 1))
    return (np.arange(1, count + 1)[:, None] * g ** -np.arange(1.0, d + 1) + 0.5) % 1.0


def equal_atoms(n: int, d: int) -> Atoms:
    """n equally likely atoms in d dimensions."""
    _positive(n=n, d=d)
    points = (np.arange(n)[:, None] + 0.5) / n if d == 1 else r_sequence(n, d)
    return Atoms(points, np.full(n, 1 / n))


def heavy_tailed(tail: float, d: int, atoms: int) -> Atoms:
    """`p_k` in proportion to `k^-(1 + tail)`, k = 1, ..., atoms, in d dimensions."""
    _positive(tail=tail, d=d, atoms=atoms)
    p = np.arange(1.0, atoms + 1) ** -(1 + tail)
    return Atoms(r_sequence(atoms, d), p / p.sum())


def uniform(d: int) -> Uniform:
    """The continuous design."""
    _positive(d=d)
    return Uniform(d)


def visited_limit() -> float:
    """`e^-1 (Ei(1) - gamma_E)`: the visited part for n equal atoms and unit noise is above it at every n, and tends to it."""
    from scipy.special import expi

    return float(math.exp(-1) * (expi(1.0) - np.euler_gamma))


def visited_expectation(weights: np.ndarray, n: int) -> float:
    """`sum_k p_k E[1{N_k > 0}/N_k]`, `N_k` binomial(n, p_k): the visited part of the error for unit noise, exactly.

    `g_n = E[1{N > 0}/N]` by `g_n = (1 - p) g_{n-1} + (1 - (1 - p)^n)/n`; equal weights are computed once.
    """
    p, times = np.unique(np.asarray(weights, np.float64), return_counts=True)
    g, power = np.zeros_like(p), np.ones_like(p)
    for j in range(1, n + 1):
        power = power * (1 - p)
        g = (1 - p) * g + (1 - power) / j
    return float(np.sum(times * p * g))


def visited_error(weights: np.ndarray, index: np.ndarray, noise: np.ndarray) -> float:
    """`sum_k p_k 1{N_k > 0} (mean of the noise at k)^2` of one sample: atoms `index` `(n,)` with noise `(n,)`."""
    found, inverse, counts = np.unique(index, return_inverse=True, return_counts=True)
    return float(np.sum(weights[found] * (np.bincount(inverse, noise) / counts) ** 2))


def minimax_exponent(p: float, d: int) -> float:
    """The exponent `-2p/(2p + d)` of n, negative: the best rate is n to this power, for (p, C)-smooth functions of d
    variables, over all designs (Stone 1982)."""
    return -2 * p / (2 * p + d)


def visited_exponent(tail: float) -> float:
    """The exponent `-t/(1 + t)` of n, negative: the visited part falls like n to this power on the design `p_k ~ k^-(1+t)`."""
    return -tail / (1 + tail)


@dataclasses.dataclass(frozen=True, repr=False)
class Smooth:
    """A (p, C)-smooth function of d variables, `0 < p <= 2`: a sum of ridges with a cusp of that order each.

        m(x) = sum_j a_j g_p(u_j . (x - z_j)) - level,   |u_j| = 1,   g_p(v) = |v|^p (p < 2),   v |v| (p = 2)

    With `q < p <= q + 1` whole, every derivative of order q is Hoelder of order `p - q` with constant C, where
    `C = sum_j |a_j|` for `p <= 1` and `C = p 2^(2-p) sum_j |a_j|` for `1 < p <= 2`.
    """

    p: float
    directions: np.ndarray
    places: np.ndarray
    sizes: np.ndarray
    level: float

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """`(n, d) -> (n,)`."""
        v = np.einsum("nkd,kd->nk", x[:, None, :] - self.places, self.directions)
        return (v * np.abs(v) if self.p == 2 else np.abs(v) ** self.p) @ self.sizes - self.level

    @property
    def constant(self) -> float:
        """C."""
        total = float(np.abs(self.sizes).sum())
        return total if self.p <= 1 else self.p * 2 ** (2 - self.p) * total


def smooth_function(p: float, d: int, key: int = 0, ridges: int = 8, size: float = 0.5) -> Smooth:
    """A random `Smooth` function whose root mean square over the cube is `size`; `constant` is its C.

    Cusps at uniform places, directions uniform, signs alternating.

    Raises:
        InputError: p outside (0, 2].
    """
    if not 0 < p <= 2:
        raise InputError(f"p={p}: these functions are smooth of order above 0 and at most 2.")
    _positive(d=d, ridges=ridges, size=size)
    rng = np.random.default_rng([key, d, 7])
    u = rng.standard_normal((ridges, d))
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    places = rng.uniform(size=(ridges, d))
    signs = np.where(np.arange(ridges) % 2, -1.0, 1.0)
    raw = Smooth(p, u, places, signs, 0.0)(r_sequence(MIDDLE, d))
    scale = size / float(raw.std())
    return Smooth(p, u, places, scale * signs, scale * float(raw.mean()))


def _positive(**values: float) -> None:
    for name, value in values.items():
        if not (np.isfinite(value) and value > 0):
            raise InputError(f"{name}={value}: it must be positive.")
