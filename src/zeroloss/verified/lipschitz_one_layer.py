r"""`beta` of a network with one hidden layer, all examples together (ours): smaller than the recursion's by up to `sqrt n`.

`F_ia(w) = sqrt(n_i) f_a(x_i)`, `f_a(x) = a_2 sum_k V_ak phi(z_k) + c_2 b_a`, `z_k = a_1 w_k . x + c_1 b_k`. With `x~ = (t a_1 x, u c_1)`
(`t`, `u` = 1 where `W_1`, `b_1` are trained, else 0), `X~` the rows `sqrt(n_i) x~_i`, `t_2` = 1 where `V` is trained:

    M(R) = |a_2| c2 (max_k |V_k(w0)| + t_2 R) |X~|_2 max_i |x~_i|,   V_k = (V_1k .. V_ck)
    C    = t_2 |a_2| c1 |X~|_2
    beta(R) = (M + sqrt(M^2 + 4 C^2))/2

Proof. `|D^2 F[v, v']|` is the largest `sum_ia L_ia D^2 F_ia[v, v']` over `|L| = 1`. With `zeta_ik = v_k . x~_i`, the hidden layer's
part is at most `|a_2| c2 max_k |V_k| sum_k sum_i |L_i| sqrt(n_i) |zeta_ik| |zeta'_ik|`; by Cauchy-Schwarz over `i`,
`sum_i ... <= |X~|_2 |v_k| max_i |x~_i| |v'_k|`, which summed over `k` is at most `|X~|_2 max_i |x~_i|` times the lengths of the hidden
parts of `v` and `v'`. A change `dV` of the read-out meets the hidden layer once:
`|a_2| sum_k sum_i sqrt(n_i) (L_i . dV_k) phi' zeta'_ik <= |a_2| c1 sum_k |dV_k| |X~|_2 |v'_k|`. The largest value of the two by two form
with entries `M, C, C, 0` is `beta`. With a fixed read-out it does not depend on `R`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from zeroloss.networks.activations import activation
from zeroloss.verified.bound import Upper
from zeroloss.verified.directed import SLOP, TINY, norms_upper, ratio_upper
from zeroloss.verified.forward import spectral_norm_upper
from zeroloss.verified.jacobian import Trained
from zeroloss.verified.layers import Layers, LayersLike
from zeroloss.verified.proved import proved_upper


def one_layer_lipschitz(
    network: LayersLike, x: np.ndarray, root: np.ndarray, trained: Trained
) -> Callable[[float], Upper]:
    """`R -> beta(R)` above: a proved upper bound, rounding included, non-decreasing; infinite for kinks.

    Args:
        network: with exactly one hidden layer, in float64.
        x: `(n, d)` distinct inputs; root: `sqrt(n_g)`, `(n,)`.
    """
    network = Layers.of(network)
    known = [activation(name) for name, _ in network.activations[0]]
    c1, c2 = max(a.slope for a in known), max(a.curvature for a in known)
    readout = network.weights[1]
    scale, last = abs(network.weight_scales[0]), abs(network.weight_scales[1])
    offset = abs(network.bias_scales[0]) if trained.biases[0] and network.biases[0] is not None else 0.0
    inputs = np.column_stack([float(trained.weights[0]) * scale * x, np.full(len(x), offset)])
    with np.errstate(over="ignore"):  # lengths beyond float64 are infinite, and so is the bound
        longest = float(np.max(norms_upper(inputs))) * SLOP + TINY
        weighted = inputs * root[:, None]
    together = (spectral_norm_upper(weighted) if np.isfinite(weighted).all() else math.inf) * SLOP + TINY
    tallest = float(np.max(norms_upper(readout, 0))) * SLOP + TINY
    moves = float(trained.weights[1])
    cross = ratio_upper((moves, last, c1, together, SLOP))

    def beta(radius: float) -> Upper:
        if not math.isfinite(c2):
            return proved_upper(math.inf)
        own = ratio_upper((last, c2, tallest + moves * radius, together, longest, SLOP))
        own = max(own, TINY) if own > 0 else 0.0  # half of the smallest number is 0 in float64
        value = (0.5 * own + math.hypot(0.5 * own, cross)) * SLOP
        return proved_upper(value if math.isfinite(value) else math.inf)

    return beta
