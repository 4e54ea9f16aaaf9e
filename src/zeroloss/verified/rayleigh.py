"""A proved upper bound on the smallest eigenvalue of a network's full tangent kernel, without forming it.

For a unit vector `v` over the examples and one output `a`, `lambda_min(K) <= |J^T (v (x) e_a)|^2`, and layer by layer the vector
`J^T (v (x) e_a)` is the matrix `sum_i v_i h_i g_ia^T` (and `sum_i v_i g_ia` for the bias). Rounding: the products sum n terms, within
`gamma_n` of `sum_i |v_i| |h_i| |g_ia| <= |J_a|_F` by Cauchy-Schwarz; the error of `J` itself adds `|J_float - J|_F`.
"""

from __future__ import annotations

import math

import numpy as np

from zeroloss.plumbing import InputError
from zeroloss.plumbing.arithmetic import require_ieee
from zeroloss.verified.bound import Upper
from zeroloss.verified.directed import SLOP, TINY, gamma, norm_upper, norms_upper, square_upper
from zeroloss.verified.forward import Layer, backward, forward
from zeroloss.verified.layers import Layers, LayersLike
from zeroloss.verified.proved import proved_upper

BLOCK = 1_000_000


def smallest_eigenvalue_upper(network: LayersLike, x: np.ndarray, vector: np.ndarray) -> Upper:
    """`min_a |J^T (v (x) e_a)|^2` with all rounding, for the kernel over all parameters of a float64 network.

    Args:
        network: with smooth activations (KeyError otherwise).
        x: `(n, d)`; vector: `(n,)`, not zero, for example an eigenvector of the trace form.
    """
    network = Layers.of(network)
    require_ieee()
    vector = np.asarray(vector, np.float64)
    peak = float(np.max(np.abs(vector), initial=0.0))
    if not 0 < peak < math.inf:
        raise InputError("the vector is zero or not finite; give one that has a direction.")
    vector = vector / peak  # before squares are taken, which might under- or overflow
    vector = vector / np.linalg.norm(vector)
    layers = forward(network, x)
    c = layers[-1].z.shape[1]
    sums: list[list[np.ndarray]] = [[] for _ in layers]
    length, error, largest = np.zeros(c), 0.0, 0.0
    rows = max(1, BLOCK // (c * max(network.widths, default=1)))
    for start in range(0, len(x), rows):
        part = slice(start, start + rows)
        block = [Layer(e.h[part], e.h_error[part], e.z[part], e.z_error[part]) for e in layers]
        cotangents = backward(network, block)
        for index, layer in enumerate(block):
            a, offset = (
                network.weight_scales[index],
                network.bias_scales[index] if network.biases[index] is not None else 0.0,
            )
            h = np.column_stack([a * layer.h, np.full(len(layer.h), offset)])
            h_error = np.column_stack([abs(a) * layer.h_error, np.zeros(len(layer.h))]) + 2.0**-51 * np.abs(h)
            g, g_error = cotangents.g[index], cotangents.error[index]
            found = np.einsum("nh,nag->ahg", vector[part, None] * h, g, optimize=True)
            sums[index] = [found] if not sums[index] else [sums[index][0] + found]
            h_norm, g_norm = norms_upper(h)[:, None], norms_upper(g)
            length = np.hypot(length, norms_upper(h_norm * g_norm, 0))
            h_off, g_off = norms_upper(h_error)[:, None] + TINY, norms_upper(g_error)
            error = math.hypot(error, norm_upper(h_off * g_norm + h_norm * g_off + h_off * g_off))
            largest = max(largest, float(np.max(np.abs(h))), float(np.max(np.abs(g))))
    lengths = norms_upper(np.stack([norms_upper(s[0].reshape(c, -1)) for s in sums]), 0)
    # Products of three numbers: what one loses by underflow the third multiplies.
    rounding = gamma(len(x) + 16) * length + error + TINY * (1 + largest)
    shortest = float(np.min(lengths + rounding)) * SLOP / (1 - gamma(len(x) + 8))
    return proved_upper(square_upper(shortest) * SLOP)
