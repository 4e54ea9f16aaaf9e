"""Regression and classification with tangent kernels, as scikit-learn estimators.

They predict what the linearised network predicts after training for a given time: no weights are trained.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets, unique_labels
from sklearn.utils.validation import check_is_fitted, check_random_state, validate_data

from zeroloss.plumbing import InputError
from zeroloss.tangent.gradient_flow import GradientFlow

KERNELS = ("infinite", "finite")


class _TangentKernel(BaseEstimator):
    def __init__(
        self,
        kernel: str = "infinite",
        *,
        width: int = 512,
        depth: int = 1,
        activation: str = "relu",
        weight_std: float | None = None,
        bias_std: float = 0.1,
        ridge: float = 0.0,
        time: float = np.inf,
        center: bool = True,
        random_state: Any = None,
        block: int = 1024,
    ):
        self.kernel = kernel
        self.width = width
        self.depth = depth
        self.activation = activation
        self.weight_std = weight_std
        self.bias_std = bias_std
        self.ridge = ridge
        self.time = time
        self.center = center
        self.random_state = random_state
        self.block = block

    def _fit(self, x: np.ndarray, targets: np.ndarray) -> None:
        """The closed form for targets `(n, c)`."""
        self._check_parameters()
        self.seed_ = int(check_random_state(self.random_state).randint(2**31 - 1))
        self.x_fit_ = x
        start = None if self._starts_at_zero else np.repeat(self._start(x), targets.shape[1], axis=1)
        flow = GradientFlow(self._kernel(x), targets, f0_train=start, ridge=self.ridge)
        self.eigenvalues_ = flow.eigenvalues
        self.dual_coef_ = flow.dual(time=self.time)

    def _predict(self, x: Any) -> np.ndarray:
        """`f0(x) + K(x, X) a`, `(m, c)`, a block of rows at a time."""
        check_is_fitted(self)
        x = validate_data(self, x, dtype=np.float64, reset=False)
        parts = []
        for start in range(0, len(x), self.block):
            rows = x[start : start + self.block]
            part = self._kernel(rows, self.x_fit_) @ self.dual_coef_
            parts.append(part if self._starts_at_zero else part + self._start(rows))
        return np.concatenate(parts)

    @property
    def _starts_at_zero(self) -> bool:
        return bool(self.center) or self.kernel == "infinite"

    def _check_parameters(self) -> None:
        if self.kernel not in KERNELS:
            raise InputError(f"kernel={self.kernel!r}; choose one of {', '.join(KERNELS)}.")
        if np.ndim(self.time) != 0 or not self.time >= 0:
            raise InputError(f"time={self.time}: it must be one number, 0 or more (infinity for the limit).")
        if int(self.block) != self.block or self.block < 1:
            raise InputError(f"block={self.block}: give at least one row per block.")

    @property
    def network_(self) -> Any:
        """The network whose kernel it is, with one output; at infinite width only its kind counts, and it is of width 1.

        Made from the seed each time: JAX would not bring float64 weights back from a pickle.
        """
        from zeroloss.networks import MLP

        check_is_fitted(self, "seed_")
        width = self.width if self.kernel == "finite" else 1
        kind = (self.activation, "ntk", self.weight_std, self.bias_std)
        return MLP(self.x_fit_.shape[1], 1, width, self.depth, *kind, dtype="float64", key=self.seed_)

    def _kernel(self, x1: np.ndarray, x2: np.ndarray | None = None) -> np.ndarray:
        if self.kernel == "infinite":
            from zeroloss.tangent.infinite import infinite_kernel

            return infinite_kernel(self.network_, x1, x2).ntk
        from zeroloss.tangent.kernel import kernel

        return kernel(self.network_, x1, x2, "trace")

    def _start(self, x: np.ndarray) -> np.ndarray:
        from zeroloss.networks import predict

        return np.asarray(predict(self.network_, x))


_PARAMETERS = """
    kernel : "infinite" (the limit kernel of infinite width) or "finite" (that of one random network, in float64)
    width, depth, activation, weight_std, bias_std : of the `zeroloss.MLP` in NTK parametrization with one output; all
        columns share its kernel, as if each had such a network to itself. `width` does not count at infinite width.
    ridge : r, 0 or more: `|f - y|^2 + r |w - w0|^2` is minimised (no 1/n).
    time : of gradient flow on `1/(2n) (|f - y|^2 + r |w - w0|^2)`; infinity is the limit, which interpolates if r is 0.
    center : subtract the network's output at the start, so that predictions start from 0. If False, "finite" starts from
        the random network's own output; "infinite" then is the mean over random starts, which is the same.
    random_state : seed of the finite network.
    block : test rows at a time; the kernel between them and the training set is what memory holds.

    Attributes
    ----------
    dual_coef_ : `a` `(n, c)`.
    eigenvalues_ : of the training kernel, ascending, `(n,)`.
    x_fit_, n_features_in_ : the training inputs and how many columns they have.
    seed_, network_ : the network's seed, and the network.
"""


class TangentKernelRegressor(RegressorMixin, _TangentKernel):
    __doc__ = f"""What a linearised network predicts after training on the squared loss (scikit-learn estimator).

        f(x) = f0(x) + K(x, X) (K + r I)^{{-1}} (1 - exp(-t (K + r I)/n)) (y - f0(X)),

    `K` the tangent kernel. Fitting costs `O(n^3)` and `O(n^2)` memory. See `zeroloss.tangent.gradient_flow`.

    Parameters
    ----------{_PARAMETERS}
    Standing: folklore (Jacot et al., arXiv 1806.07572; Lee et al., arXiv 1902.06720).
    """

    def fit(self, X: Any, y: Any) -> TangentKernelRegressor:
        """Fit targets `y`, `(n,)` or `(n, c)`, at the rows of `X` `(n, d)`."""
        X, y = validate_data(self, X, y, dtype=np.float64, multi_output=True, y_numeric=True)
        self._one_column = y.ndim == 1
        self._fit(X, np.asarray(y, np.float64).reshape(len(X), -1))
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Predictions `(m,)`, or `(m, c)` where `y` had columns."""
        found = self._predict(X)
        return found[:, 0] if self._one_column else found

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


class TangentKernelClassifier(ClassifierMixin, _TangentKernel):
    __doc__ = f"""Classes by least squares with a tangent kernel (scikit-learn estimator).

    The targets are one column per class, `1 - 1/C` in the class's own and `-1/C` elsewhere; the column with the largest
    prediction wins. The predictions are those of `TangentKernelRegressor`; they are scores, not probabilities.

    Parameters
    ----------{_PARAMETERS}    classes_ : the classes.

    Standing: folklore (Lee et al., arXiv 1902.06720, train on such targets).
    """

    def fit(self, X: Any, y: Any) -> TangentKernelClassifier:
        """Fit class labels `y` `(n,)` at the rows of `X` `(n, d)`."""
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_ = unique_labels(y)
        member = np.asarray(y)[:, None] == self.classes_
        self._fit(X, member - 1 / len(self.classes_))
        return self

    def decision_function(self, X: Any) -> np.ndarray:
        """Scores `(m, C)`, or for two classes `(m,)`: positive for the second."""
        scores = self._predict(X)
        return scores[:, 1] - scores[:, 0] if len(self.classes_) == 2 else scores

    def predict(self, X: Any) -> np.ndarray:
        """The class with the largest score, `(m,)`."""
        check_is_fitted(self)
        return self.classes_[np.argmax(self._predict(X), axis=1)]
