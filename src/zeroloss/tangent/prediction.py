"""What the tangent kernel at the start predicts: the loss of the linearised model under gradient descent."""

from __future__ import annotations

import dataclasses

import numpy as np

from zeroloss.tangent.lanczos import lanczos
from zeroloss.tangent.operator import KernelOperator


@dataclasses.dataclass(frozen=True)
class LinearisedCurve:
    """Squared loss of the linearised model after `t` steps of size `step_size`:

        L(t) = 1/(2n) sum_k weights_k (1 - step_size nodes_k / n)^(2t),

    the residual's spectral measure under the kernel by Gauss quadrature (Lanczos from the residual).

    Attributes:
        nodes, weights: the quadrature (`weights` sum to `|r0|^2`).
        n: examples.
    """

    nodes: np.ndarray
    weights: np.ndarray
    n: int

    def loss(self, steps: np.ndarray, step_size: float) -> np.ndarray:
        """The predicted loss after each of `steps`."""
        t = np.asarray(steps, np.float64)[:, None]
        factor = np.abs(1 - step_size * np.maximum(self.nodes, 0) / self.n)
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            powers = np.exp(2 * t * np.log(factor))
            powers = np.where(t == 0, 1.0, powers)
            return (powers @ self.weights) / (2 * self.n)

    @property
    def largest_stable_step(self) -> float:
        """`2 n / lambda_max`, not itself stable, by the largest Ritz value (from below, so the step is from above).

        Infinite if the residual is 0, or the kernel is."""
        top = float(self.nodes[-1])
        return 2 * self.n / top if top > 0 else np.inf


def linearised_curve(
    operator: KernelOperator | np.ndarray, residual: np.ndarray, *, steps: int = 64
) -> LinearisedCurve:
    """The curve for the residual `f - y`, `(n, c)`, of the network whose full kernel is given, as an operator or a
    matrix."""
    result = lanczos(operator.__matmul__, np.ravel(residual), steps)
    return LinearisedCurve(result.nodes, result.weights, len(residual))
