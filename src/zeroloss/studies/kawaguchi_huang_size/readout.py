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

from typing import TYPE_CHECKING, Any

import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np

from zeroloss.descent import descend
from zeroloss.networks import FeedForward
from zeroloss.prove.polish import polish_readout
from zeroloss.studies.kawaguchi_huang_size.network import count, sphere, theory_widths, whole_network
from zeroloss.verified.forward import forward
from zeroloss.verified.readout import readout_matrix, readout_proof, singular_value_lower

if TYPE_CHECKING:
    from zeroloss.studies.kawaguchi_huang_size.trials import Shape

INPUTS = 10
LOOKS = (0, 10, 30, 100, 300, 1000, 3000)
"""Steps at which the loss is recorded."""


def drawn(cell: Shape, key: int) -> tuple[FeedForward, np.ndarray, np.ndarray]:
    """The network, inputs on the sphere, signs as targets."""
    rng = np.random.default_rng([key, cell.n, cell.depth])
    widths = theory_widths(cell.n, cell.depth)
    widths = (*widths[:-1], widths[-1] - cell.missing)
    network = whole_network(rng, INPUTS, widths, 1, cell.activation, cell.weight_std)
    return network, sphere(rng, cell.n, INPUTS), rng.choice([-1.0, 1.0], (cell.n, 1))


def rank(network: FeedForward, x: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    """The rank of the last features, and the proof. Metrics: `parameters`; `rank` (by the float singular values, at the usual
    threshold); `smallest`, `largest` singular value (float, no proof); `smallest_lower` (proved; 0: none); `radius` of the proof at the
    polished read-out (-1: none); `residual` there (proved upper bound on `|y - f|`)."""
    matrix, error = readout_matrix(network, forward(network, x)[-1])
    values = np.linalg.svd(matrix, compute_uv=False)
    proof = readout_proof(polish_readout(network, x, y), x, y, np.zeros_like(y))
    return {
        "parameters": count(INPUTS, network.widths),
        "rank": int((values > values[0] * max(matrix.shape) * np.finfo(float).eps).sum()),
        "smallest": values[len(x) - 1] if len(values) >= len(x) else 0.0,
        "largest": values[0],
        "smallest_lower": singular_value_lower(matrix, error),
        "radius": -1.0 if proof.radius is None else proof.radius,
        "residual": proof.residual_upper,
    }


def descent(network: FeedForward, x: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    """Gradient descent with a constant step: read-out only, and all layers, from the same start, with the same number of steps.

    Steps: `n/sigma_max(A)^2` for the read-out, `n/lambda_max` of the whole tangent kernel at the start for all layers.

    Metrics: `readout_loss`, `all_loss`, `promised` `(looks,)` (loss by the theorem, at `LOOKS`); `readout_end`, `all_end`,
    `promised_end`; `kept`: whether the read-out's losses are at most what is promised, at every look (to 1e-9 of the first); `factor`:
    the proved contraction of the residual per step, `1 - eta s^2/n`.
    """
    n = len(x)
    matrix, error = readout_matrix(network, forward(network, x)[-1])
    lower, largest = singular_value_lower(matrix, error), float(np.linalg.norm(matrix, 2))
    step = n / largest**2
    readout = _losses(network, x, y, step, "readout")
    whole = _losses(network, x, y, n / float(_largest(network, jnp.asarray(x))), None)
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


def _losses(network: FeedForward, x: np.ndarray, y: np.ndarray, step: float, trainable: str | None) -> np.ndarray:
    """The losses `1/(2n) sum |f - y|^2` at `LOOKS`."""
    found = []
    for steps in np.diff(LOOKS, prepend=0):
        fit = descend(network, (x, y), step_size=step, steps=int(steps), tolerance=0.0, trainable=trainable)
        network = fit.network
        found.append(fit.loss)
    return np.array(found)


@jax.jit
def _largest(network: FeedForward, x: Any) -> Any:
    """The largest eigenvalue of the tangent kernel of one output."""
    rows = jax.vmap(lambda one: jax.flatten_util.ravel_pytree(jax.grad(lambda net: net(one)[0])(network))[0])(x)
    return jnp.linalg.eigvalsh(rows @ rows.T)[-1]
