"""The trials on the paper's own shape: hidden widths about `log^2 n`, the last one n. What is proved there, and what is measured.

With the read-out alone the squared loss is a convex quadratic: with `A = [m^(-1/2) H, 1]` `(n, m + 1)`, the last features and the bias,
and `s` a proved lower bound on its smallest singular value, a zero of the residual lies within `|r|/s`
(`zeroloss.verified.readout`), and descent with a step `eta <= n/sigma_max(A)^2` (any below `2n/(sigma_max^2 + s^2)`, so that
the rounding of `sigma_max` is of no account) has `loss_t <= (1 - eta s^2/n)^(2t) loss_0`. That is a
theorem at these weights (in exact arithmetic; that the float run obeys it is measured). With all layers trained nothing of the kind
is proved here: its loss is measured only.

The paper's guarantee gives every layer but the last a learning rate of zero (as reported by others): the first variant.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np

from zeroloss.networks import FeedForward
from zeroloss.prove.polish import polish_readout
from zeroloss.studies.kawaguchi_huang_size.network import count, sphere, theory_widths, whole_network
from zeroloss.studies.study import Metrics, Parameters
from zeroloss.verified.forward import forward
from zeroloss.verified.readout import readout_matrix, readout_proof, singular_value_lower

INPUTS = 10
LOOKS = (0, 10, 30, 100, 300, 1000, 3000)
"""Steps at which the loss is recorded."""


def _drawn(parameters: Parameters, key: int) -> tuple[FeedForward, np.ndarray, np.ndarray]:
    """The network, inputs on the sphere, signs as targets; `missing` units are left out of the last layer."""
    n, depth, missing = int(parameters["n"]), int(parameters["depth"]), int(parameters.get("missing", 0))
    rng = np.random.default_rng([key, n, depth])
    widths = theory_widths(n, depth)
    widths = (*widths[:-1], widths[-1] - missing)
    std = float(parameters["weight_std"])
    network = whole_network(rng, INPUTS, widths, 1, str(parameters["activation"]), std)
    return network, sphere(rng, n, INPUTS), rng.choice([-1.0, 1.0], (n, 1))


def rank(parameters: Parameters, keys: np.ndarray) -> Metrics:
    """The rank of the last features, and the proof. Metrics: `parameters`; `rank` (by the float singular values, at the usual
    threshold); `smallest`, `largest` singular value (float, no proof); `smallest_lower` (proved; 0: none); `radius` of the proof at the
    polished read-out (-1: none); `residual` there (proved upper bound on `|y - f|`)."""
    rows = []
    for key in keys:
        network, x, y = _drawn(parameters, int(key))
        matrix, error = readout_matrix(network, forward(network, x)[-1])
        values = np.linalg.svd(matrix, compute_uv=False)
        proof = readout_proof(polish_readout(network, x, y), x, y, np.zeros_like(y))
        rows.append(
            {
                "parameters": count(INPUTS, network.widths),
                "rank": int((values > values[0] * max(matrix.shape) * np.finfo(float).eps).sum()),
                "smallest": values[len(x) - 1] if len(values) >= len(x) else 0.0,
                "largest": values[0],
                "smallest_lower": singular_value_lower(matrix, error),
                "radius": -1.0 if proof.radius is None else proof.radius,
                "residual": proof.residual_upper,
            }
        )
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def descent(parameters: Parameters, keys: np.ndarray) -> Metrics:
    """Gradient descent with a constant step: read-out only, and all layers, from the same start, with the same number of steps.

    Steps: `n/sigma_max(A)^2` for the read-out, `n/lambda_max` of the whole tangent kernel at the start for all layers.

    Metrics: `readout_loss`, `all_loss`, `promised` `(b, looks)` (loss by the theorem, at `LOOKS`); `readout_end`, `all_end`,
    `promised_end`; `kept`: whether the read-out's losses are at most what is promised, at every look (to 1e-9 of the first); `factor`:
    the proved contraction of the residual a step, `1 - eta s^2/n`.
    """
    rows = [_both(*_drawn(parameters, int(key))) for key in keys]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def _both(network: FeedForward, x: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    n = len(x)
    matrix, error = readout_matrix(network, forward(network, x)[-1])
    lower, largest = singular_value_lower(matrix, error), float(np.linalg.norm(matrix, 2))
    shared = (jnp.asarray(x), jnp.asarray(y))
    step = n / largest**2
    readout = np.asarray(_losses(network, True, *shared, jnp.asarray(step)))
    whole = np.asarray(_losses(network, False, *shared, jnp.asarray(n / _largest(network, *shared))))
    factor = 1 - step * lower**2 / n
    promised = readout[0] * factor ** (2 * np.array(LOOKS))
    return {
        "readout_loss": readout,
        "all_loss": whole,
        "promised": promised,
        "readout_end": readout[-1],
        "all_end": whole[-1],
        "promised_end": promised[-1],
        "kept": bool((readout <= promised + 1e-9 * readout[0]).all()),
        "factor": factor,
    }


def _halved(network: FeedForward, x, y):
    return 0.5 * jnp.mean(jnp.sum((jax.vmap(network)(x) - y) ** 2, axis=1))


@functools.partial(jax.jit, static_argnums=1)
def _losses(network: FeedForward, readout_only: bool, x, y, step):
    """The losses at `LOOKS`."""
    last = network.depth

    def moved(net: FeedForward, _):
        slope = jax.grad(_halved)(net, x, y)
        keep = jax.tree.map(lambda a, g: a - step * g, net, slope)
        if readout_only:
            weights = (*net.weights[:last], keep.weights[last])
            biases = (*net.biases[:last], keep.biases[last])
            keep = FeedForward(weights, biases, net.activations, net.weight_scales, net.bias_scales)
        return keep, None

    found = [_halved(network, x, y)]
    for steps in np.diff(LOOKS):
        network, _ = jax.lax.scan(moved, network, None, length=int(steps))
        found.append(_halved(network, x, y))
    return jnp.stack(found)


@jax.jit
def _largest(network: FeedForward, x, y):
    """The largest eigenvalue of the tangent kernel of one output."""
    rows = jax.vmap(lambda one: jax.flatten_util.ravel_pytree(jax.grad(lambda net: net(one)[0])(network))[0])(x)
    return jnp.linalg.eigvalsh(rows @ rows.T)[-1]
