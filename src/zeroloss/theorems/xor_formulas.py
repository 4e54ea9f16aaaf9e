"""Theory of the XOR network: the constants of the paper, and the probabilities over the random start.

**Where 33/48 comes from** (ours; it gives the recalled constant exactly). If every training point is diverse, the
training set is two sets of patterns: {A, B, C, D} with label +1 and {C, D} with -1. In the coordinates `a`, `c` of
`zeroloss.descent.xor` a filter starts isotropic, so it responds most to each of the four patterns with probability 1/4.
While both losses are positive, a `w` filter that responds most to A or B is pulled along it; one that responds most to
C or D is pulled along it by the positives and against it by the negatives, which cancel: it stays. A `u` filter that
responds most to A or B is pushed until it no longer does, and what it detects is the one of C and D that it favoured at
the start. So the loss falls to zero only if some `w` filter starts at A or B, `P = 1 - 2^-k`; otherwise the gradient is
exactly zero at a positive loss. The network then is right on every set of patterns only if some `w` starts at A and
some at B, `1 - 2 (3/4)^k + 2^-k`, and the `u` favour both C and D, `1 - 2^(1-k)`. For `k = 2`:

    P(zero loss and some set wrong) = 3/4 - (1/8) (1/2) = 11/16 = 33/48.

That covering suffices needs a large margin: with `n_A` and `n_B` filters at A and B the point {A, C, D} gets about
`(gamma + 1) n_A / (n_A + n_B) - 1`, positive iff `n_A / (n_A + n_B) > 1 / (gamma + 1)`: at `k = 2` and `gamma = 1` a
tie, at `gamma = 8` always.
"""

from __future__ import annotations

import math

C_0 = 1e-10
"""The slack of the small network's theorem (recalled: at most 1e-10)."""
SMALL_NET = 33 / 48
LARGE_NET = 1 - 16 * math.exp(-8)
"""The large network's probability, but for `C_0` (recalled)."""


def weight_std(k: int, c_eta: float) -> float:
    """`sigma = c_eta / (16 k^1.5)`, the largest the paper allows (recalled)."""
    return c_eta / (16 * k**1.5)


def step_size(k: int, c_eta: float) -> float:
    """`c_eta / k`, the largest the paper allows (recalled)."""
    return c_eta / k


def step_bound(k: int, gamma: float, c_eta: float) -> float:
    """`7 (gamma + 1 + 8 c_eta) / ((k/2 - 2 sqrt k) step)`; NaN for `k <= 16`, where the bound is void (recalled)."""
    room = k / 2 - 2 * math.sqrt(k)
    return 7 * (gamma + 1 + 8 * c_eta) / (room * step_size(k, c_eta)) if room > 1e-9 else math.nan


def samples_needed(delta: float, p_plus: float, p_minus: float) -> float:
    """`2 log(48 delta / (33 (1 - c_0))) / log(p_plus p_minus)`: what the small network needs at least to fail with
    probability at most `delta < 33/48`, half of the points positive (recalled)."""
    return 2 * math.log(delta / (SMALL_NET * (1 - C_0))) / math.log(p_plus * p_minus)


def small_net_errs(m: int, p_plus: float, p_minus: float) -> float:
    """`(33/48) (1 - c_0) (p_plus p_minus)^(m/2)`: the bound behind `samples_needed`: all points are diverse, and then
    the small network reaches a global minimum that errs."""
    return SMALL_NET * (1 - C_0) * (p_plus * p_minus) ** (m / 2)


def reaches(k: int) -> float:
    """`1 - 2^-k`: some `w` filter starts at A or B (ours)."""
    return 1 - 0.5**k


def covers(k: int) -> float:
    """`(1 - 2 (3/4)^k + 2^-k)(1 - 2^(1-k))`: A and B among the `w` filters, C and D favoured among the `u` (ours)."""
    return (1 - 2 * 0.75**k + 0.5**k) * (1 - 2 * 0.5**k)


def errs(k: int) -> float:
    """`reaches(k) - covers(k)`: a global minimum that is wrong on some set of patterns (ours); 33/48 at `k = 2`."""
    return reaches(k) - covers(k)


def all_four(k: int) -> float:
    """`sum_i (-1)^i C(4, i) (1 - i/4)^k`: each of the four patterns is the one to which some `w` filter responds most
    (exact for an isotropic start)."""
    return sum((-1) ** i * math.comb(4, i) * (1 - i / 4) ** k for i in range(5))


def both_negative(k: int) -> float:
    """`1 - 2^(1-k)`: of C and D, some `u` filter favours each (exact for an isotropic start)."""
    return 1 - 2 * 0.5**k
