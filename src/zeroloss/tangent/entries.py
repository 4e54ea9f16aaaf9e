"""How far a stored kernel is from the true one: what turns an enclosure for a matrix into one for the network.

The kernel is formed again in float64 with a bound on every number it is made of (`zeroloss.tangent.rounding`), layer by
layer: `(a^2 h_i.h_j + c^2)(g_ia.g_jb)`. With `d_i` the root of the diagonal entry, an inner product of length m is within
`gamma_m` of exact relative to `d_i d_j`, so the whole is off by at most `gamma trace` in the 2-norm; the Jacobian it is
made of is within `e` of the true one in the Frobenius norm, which adds `2 e |J|_F + e^2`; and the stored kernel differs
from it by a Frobenius norm that is simply computed. (Ours.)
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from zeroloss.networks import FeedForward, trainable_mask
from zeroloss.networks.activations import activation
from zeroloss.plumbing import InputError
from zeroloss.tangent.kernel import as_matrix
from zeroloss.tangent.prepare import UNIT, gamma
from zeroloss.tangent.rounding import SLOP, Layer, backward, forward


def entry_error_bound(network: FeedForward, x: np.ndarray, k: Any, *, trainable: Any = None) -> float:
    """A proved bound on `|k - K|_2`, `K` the tangent kernel of `network` on the rows of `x` in exact arithmetic.

    For `smallest_eigenvalue(k, entry_error=entry_error_bound(network, x, k))`, whose bounds then are about the network, at
    the exact values of its weights and of `x`, however `k` was computed. Forms one more kernel.

    Args:
        network: fully connected, every activation smooth.
        x: `(n, d)`.
        k: the stored full kernel, `(n, n, c, c)` or `(n c, n c)`.
        trainable: what `k` was made with; see `zeroloss.networks.trainable_mask`.

    Raises:
        InputError: another kind of network, an activation with kinks, a kernel of another shape.
    """
    if not isinstance(network, FeedForward):
        raise InputError(
            f"the rounding of a {type(network).__name__} is not bounded; only that of a FeedForward or MLP is."
        )
    kinked = [
        name for layer in network.activations for name, _ in layer if not math.isfinite(activation(name).curvature)
    ]
    if kinked:
        raise InputError(
            f"the rounding of {kinked[0]} is not bounded (its slope jumps); a bound 'as stored' is all there is."
        )
    mask = trainable_mask(network, trainable)
    layers = forward(network, np.asarray(x, np.float64))
    formed, rounding = _formed(network, layers, mask)
    stored = np.asarray(as_matrix(k), np.float64)
    if stored.shape != formed.shape:
        raise InputError(f"a kernel of {stored.shape} for {formed.shape}: give the full kernel on the rows of x.")
    if not np.isfinite(stored).all():
        raise InputError("the kernel holds NaN or infinity; there is no bound on its error.")
    difference = float(np.linalg.norm(stored - formed)) + UNIT * float(np.linalg.norm(formed))
    return (difference * (1 + 4 * formed.size * UNIT) + rounding) * SLOP


def _formed(network: FeedForward, layers: list[Layer], mask: Any) -> tuple[np.ndarray, float]:
    """The kernel `(n c, n c)` in float64, and a bound on its distance from the true one in the 2-norm."""
    cotangents = backward(network, layers)
    n, c = layers[-1].z.shape
    total, squared, longest = np.zeros((n * c, n * c)), 0.0, 0
    for index, layer in enumerate(layers):
        a, offset = network.weight_scales[index], network.bias_scales[index]
        offset = offset if mask.biases[index] else 0.0  # None: there is no bias
        a = a if mask.weights[index] else 0.0
        if a == 0 and offset == 0:
            continue
        h, g = a * layer.h, cotangents.g[index]
        flat = g.reshape(n * c, -1)
        total += (flat @ flat.T) * np.repeat(np.repeat(h @ h.T + offset**2, c, 0), c, 1)
        longest = max(longest, flat.shape[1] + h.shape[1])
        h_error = np.linalg.norm(abs(a) * layer.h_error + 4 * UNIT * np.abs(h), axis=1)[:, None]
        h_norm = np.sqrt(np.sum(h**2, axis=1) + offset**2)[:, None]
        g_error = np.linalg.norm(cotangents.error[index], axis=2)
        g_norm = np.linalg.norm(g, axis=2)
        squared += float(np.sum((h_error * g_norm + h_norm * g_error + h_error * g_error) ** 2))
    error, trace = math.sqrt(squared) * SLOP, float(np.trace(total)) * SLOP
    rounding = gamma(longest + len(layers) + 12) * trace
    return total, (rounding + 2 * error * math.sqrt(trace + rounding) + error**2) * SLOP
