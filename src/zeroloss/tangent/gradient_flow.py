"""What training does to the linearised model, in closed form: gradient flow and gradient descent at any time.

The objective is the squared loss with a ridge on the distance the weights have moved,

    L_r(w) = 1/(2n) ( sum_i |f(x_i; w) - y_i|^2 + r |w - w0|^2 ),   f(x; w) = f0(x) + J(x) (w - w0).

Then `w - w0 = J^T a`, and gradient flow `dw/dt = -grad L_r` gives, with `K = J J^T` and `f0` the outputs at the start,

    a(t) = (K + r I)^{-1} (1 - exp(-t (K + r I)/n)) (y - f0),   f(x, t) = f0(x) + K(x, X) a(t),

gradient descent with step `s` the same with `(1 - s (K + r I)/n)^k` for the exponential. As `t` grows this is kernel
ridge regression of `y - f0` with ridge `r` (no 1/n), and at `r = 0` interpolation by the pseudo-inverse. Standing: folklore
(Jacot et al., arXiv 1806.07572; Lee et al., arXiv 1902.06720, for `r = 0`); with the ridge: ours, a line of algebra.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import scipy.linalg

from zeroloss.plumbing import InputError
from zeroloss.plumbing.exact import as_float64
from zeroloss.verdict import Record


@dataclasses.dataclass(frozen=True)
class FlowPrediction(Record):
    """Outputs of the linearised model.

    Attributes:
        train: `(n, c)`, or `(T, n, c)` for `T` times.
        test: `(m, c)` or `(T, m, c)`; None without test inputs.
        loss: the squared training loss `1/(2n) |f - y|^2` (without the ridge), a number or `(T,)`.
    """

    train: np.ndarray
    test: np.ndarray | None
    loss: float | np.ndarray


class GradientFlow:
    """The closed form for one training set: one eigendecomposition, then any number of times and test sets.

    Args:
        k_train: `(n, n)`, one kernel for every output, or a full kernel `(n, n, c, c)`; symmetric up to rounding, positive
            semi-definite. Only its symmetric part is used.
        y: targets `(n, c)` (or `(n,)`: c = 1).
        f0_train: outputs at the start, `(n, c)`; 0 by default.
        ridge: `r` above, 0 or more.

    Attributes:
        eigenvalues: of the kernel, ascending, negative ones (rounding) set to 0.
        n: examples.

    Raises:
        InputError: shapes that do not fit, NaN or infinity, a negative ridge.
    """

    def __init__(self, k_train: Any, y: Any, *, f0_train: Any = None, ridge: float = 0.0):
        k = as_float64(k_train, "entries of the training kernel")
        self._y = _columns(y, "targets y")
        self.n, self._c = self._y.shape
        self._full = k.ndim == 4
        expected = (self.n, self.n, self._c, self._c) if self._full else (self.n, self.n)
        if k.shape != expected:
            raise InputError(
                f"a training kernel of shape {k.shape} for targets {self._y.shape}: give (n, n) or (n, n, c, c)."
            )
        if not (np.isfinite(ridge) and ridge >= 0):
            raise InputError(f"ridge={ridge}: it must be a finite number, 0 or more.")
        self.ridge = float(ridge)
        self._f0 = np.zeros_like(self._y) if f0_train is None else _columns(f0_train, "f0_train")
        if self._f0.shape != self._y.shape:
            raise InputError(f"f0_train of shape {self._f0.shape} for targets {self._y.shape}: they must be alike.")
        matrix = self._matrix(k)
        if not np.isfinite(matrix).all():
            raise InputError("the training kernel holds NaN or infinity.")
        values, self._vectors = scipy.linalg.eigh(0.5 * (matrix + matrix.T))
        self.eigenvalues = np.maximum(values, 0.0)
        # Below this an eigenvalue cannot be distinguished from zero.
        self._cutoff = len(values) * np.finfo(np.float64).eps * float(np.max(np.abs(values)))
        residual = self._y - self._f0
        self._coordinates = self._vectors.T @ (residual.reshape(-1, 1) if self._full else residual)

    def predict(
        self,
        k_test: Any = None,
        *,
        f0_test: Any = None,
        time: Any = np.inf,
        steps: Any = None,
        step_size: float | None = None,
    ) -> FlowPrediction:
        """Outputs after `time` of gradient flow, or after `steps` steps of gradient descent of size `step_size`.

        Args:
            k_test: kernel between test and training inputs, `(m, n)` or `(m, n, c, c)`.
            f0_test: outputs at the start, `(m, c)`; 0 by default.
            time: one time or several, 0 or more; infinity is the limit.
            steps: a number of steps or several, with `step_size`; the method is stable only below
                `2 n/(lambda_max + ridge)`.

        Raises:
            InputError: times that are negative or not numbers, shapes that do not fit.
        """
        weights, single = self._weights(time, steps, step_size)
        target = (self.n, self._c)
        eigen = self.eigenvalues[:, None] * self._coordinates
        train = np.stack([self._f0 + (self._vectors @ (w[:, None] * eigen)).reshape(target) for w in weights])
        loss = np.sum((train - self._y) ** 2, axis=(1, 2)) / (2 * self.n)
        test = None if k_test is None else self._test(k_test, f0_test, weights)
        if single:
            return FlowPrediction(train[0], None if test is None else test[0], float(loss[0]))
        return FlowPrediction(train, test, loss)

    def dual(self, *, time: float = np.inf, steps: Any = None, step_size: float | None = None) -> np.ndarray:
        """`a(t)` `(n, c)`: the prediction at new inputs is `f0 + K(x, X) a(t)`."""
        weights, single = self._weights(time, steps, step_size)
        if not single:
            raise InputError("dual takes one time; call it once for each.")
        return (self._vectors @ (weights[0][:, None] * self._coordinates)).reshape(self.n, self._c)

    def _test(self, k_test: Any, f0_test: Any, weights: list[np.ndarray]) -> np.ndarray:
        k = as_float64(k_test, "entries of the test kernel")
        expected = (self.n, self._c, self._c) if self._full else (self.n,)
        if k.ndim != 1 + len(expected) or k.shape[1:] != expected:
            raise InputError(
                f"a test kernel of shape {k.shape}: give {('m', *expected)}, test inputs first.".replace("'", "")
            )
        shape = (len(k), self._c)
        start = np.zeros(shape) if f0_test is None else _columns(f0_test, "f0_test")
        if start.shape != shape:
            raise InputError(f"f0_test of shape {start.shape}: it must be {shape}.")
        rotated = self._matrix(k) @ self._vectors
        return np.stack([start + (rotated @ (w[:, None] * self._coordinates)).reshape(shape) for w in weights])

    def _matrix(self, k: np.ndarray) -> np.ndarray:
        if not self._full:
            return k
        n1, n2, c, d = k.shape
        return k.transpose(0, 2, 1, 3).reshape(n1 * c, n2 * d)

    def _weights(self, time, steps, step_size) -> tuple[list[np.ndarray], bool]:
        """`(1 - exp(-t (lambda + r)/n))/(lambda + r)` for each time, `t/n` where `lambda + r` is 0."""
        if (steps is None) != (step_size is None):
            raise InputError("give steps and step_size together (gradient descent), or time alone (gradient flow).")
        given = np.asarray(time if steps is None else steps, np.float64)
        if given.ndim > 1 or not (given >= 0).all() or (steps is not None and not np.isfinite(given).all()):
            raise InputError("times (or steps) must be numbers that are 0 or more: one, or a list of them.")
        if step_size is not None and not (np.isfinite(step_size) and step_size > 0):
            raise InputError(f"step_size={step_size}: it must be a positive number.")
        if steps is not None and not (given == np.round(given)).all():
            raise InputError("steps must be whole numbers; for other times give time= (gradient flow).")
        return [self._weight(float(t), step_size) for t in np.atleast_1d(given)], given.ndim == 0

    def _weight(self, t: float, step_size: float | None) -> np.ndarray:
        rate = self.eigenvalues + self.ridge
        null = rate <= self._cutoff
        safe = np.where(rate > 0, rate, 1.0)
        elapsed = t if step_size is None else t * step_size
        flow = step_size is None
        gone = -np.expm1(-(elapsed / self.n) * safe) if flow else _one_minus_power(step_size * safe / self.n, t)
        if not np.isfinite(gone).all():
            raise InputError(
                f"gradient descent with step_size={step_size} diverges beyond all numbers in {t:.0f} steps; "
                f"it is stable below {2 * self.n / float(rate.max()):.6g}."
            )
        weight = np.where(rate > 0, gone / safe, elapsed / self.n)
        # So late that the direction would have moved if its eigenvalue were above rounding: no kernel row has a share in it.
        late = elapsed / self.n * self._cutoff > 1 if self._cutoff > 0 else np.isinf(elapsed)
        return np.where(null & late, 0.0, weight)


def _one_minus_power(z: np.ndarray, k: float) -> np.ndarray:
    """`1 - (1 - z)^k`, to full precision for small `z`."""
    small = np.minimum(z, 0.5)
    with np.errstate(over="ignore"):
        return np.where(z <= 0.5, -np.expm1(k * np.log1p(-small)), 1 - (1 - z) ** k)


def _columns(values: Any, name: str) -> np.ndarray:
    values = np.asarray(values, np.float64)
    values = values[:, None] if values.ndim == 1 else values
    if values.ndim != 2 or len(values) == 0 or not np.isfinite(values).all():
        raise InputError(f"{name}: give finite numbers (n, c), with at least one row; these have shape {values.shape}.")
    return values


def gradient_flow(
    k_train: Any,
    y: Any,
    k_test: Any = None,
    *,
    f0_train: Any = None,
    f0_test: Any = None,
    time: Any = np.inf,
    ridge: float = 0.0,
    steps: Any = None,
    step_size: float | None = None,
) -> FlowPrediction:
    """The linearised model after `time` of gradient flow, or `steps` of gradient descent, on the squared loss.

        f(x, t) = f0(x) + K(x, X) (K + r I)^{-1} (1 - exp(-t (K + r I)/n)) (y - f0(X)),

    the flow of `1/(2n) (|f - y|^2 + r |w - w0|^2)`. See `GradientFlow` for the arguments, for many times at the cost of
    one decomposition, and for the errors raised.

    Args:
        k_train, k_test: `(n, n)` and `(m, n)`, or full kernels `(n, n, c, c)` and `(m, n, c, c)`.
        y, f0_train, f0_test: `(n, c)`, `(n, c)`, `(m, c)`.
        time: one time or several; infinity by default.
        ridge: `r`.
        steps, step_size: gradient descent instead of the flow.
    """
    flow = GradientFlow(k_train, y, f0_train=f0_train, ridge=ridge)
    return flow.predict(k_test, f0_test=f0_test, time=time, steps=steps, step_size=step_size)
