"""How far a stored kernel is from the true one: what turns an enclosure for a matrix into one for the network.

The kernel is formed again in float64, tile by tile (`zeroloss.verified.jacobian`), with a bound on every number it is made of, layer
by layer: `(a^2 h_i.h_j + c^2)(g_ia.g_jb)`. With `d_i` the root of the diagonal entry, an inner product of length m is within
`gamma_m` of exact relative to `d_i d_j`, so the whole is off by at most `gamma trace` in the 2-norm; the Jacobian it is
made of is within `e` of the true one in the Frobenius norm, which adds `2 e |J|_F + e^2`; and the stored kernel differs
from it by a Frobenius norm that is simply computed. (Ours.)
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from zeroloss.networks.activations import activation
from zeroloss.plumbing import InputError
from zeroloss.plumbing.arithmetic import require_ieee
from zeroloss.plumbing.float64 import exact_float64
from zeroloss.verified.bound import Upper
from zeroloss.verified.directed import SLOP, norm_upper, square_upper
from zeroloss.verified.forward import backward, forward
from zeroloss.verified.jacobian import Trained, jacobian_rows
from zeroloss.verified.layers import Layers, LayersLike
from zeroloss.verified.proved import proved_upper
from zeroloss.verified.symmetric import as_matrix


def entry_error_bound(network: LayersLike, x: np.ndarray, k: Any, trained: Trained) -> Upper:
    """A proved bound on `|k - K|_2`, `K` the tangent kernel of `network` on the rows of `x` in exact arithmetic.

    For `smallest_eigenvalue(k, entry_error=entry_error_bound(network, x, k))`, whose bounds then are about the network, at
    the exact values of its weights and of `x`, however `k` was computed. Forms one more kernel.

    Args:
        network: fully connected, every activation smooth.
        x: `(n, d)`.
        k: the stored full kernel, `(n, n, c, c)` or `(n c, n c)`.
        trained: which weights and biases `k` is of.

    Raises:
        InputError: an activation with kinks, a kernel of another shape.
    """
    network = Layers.of(network)
    kinked = [
        name for layer in network.activations for name, _ in layer if not math.isfinite(activation(name).curvature)
    ]
    if kinked:
        raise InputError(
            f"the rounding of {kinked[0]} is not bounded (its slope jumps); a bound 'as stored' is all there is."
        )
    require_ieee()
    layers = forward(network, exact_float64(x, "inputs"))
    rows = jacobian_rows(network, layers, backward(network, layers), np.ones(len(layers[0].h)), trained)
    stored = as_matrix(exact_float64(k, "entries of the kernel"))
    size = layers[-1].z.size
    if stored.shape != (size, size):
        raise InputError(f"a kernel of {stored.shape} for {(size, size)}: give the full kernel on the rows of x.")
    if not np.isfinite(stored).all():
        raise InputError("the kernel holds NaN or infinity; there is no bound on its error.")
    # `distance` is that of the symmetric part.
    off = rows.distance(stored) + 0.5 * norm_upper(stored - stored.T) * SLOP
    return proved_upper((off + 2 * rows.error * math.sqrt(rows.trace * SLOP) + square_upper(rows.error)) * SLOP)
