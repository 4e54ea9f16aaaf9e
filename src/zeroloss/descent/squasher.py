"""Regression with squasher networks, as a scikit-learn estimator: to the minimum of the empirical squared risk, or short of it.

Both regimes are the same three steps: random inner weights and a read-out at 0; some steps of gradient descent on *all*
weights; then the read-out is set to the minimiser of what descent was minimising. Descent alone comes near that minimum
slowly (the condition number of the features is a thousand at sixteen examples and a million at five hundred), and the last
step is what descent on the read-out tends to: from 0, gradient descent on least squares converges to the solution of least
norm. What differs is the penalty, and with it the start: "interpolate" has none, "regularised" has one on the read-out.

Standing: paper (the network, gradient descent on all weights; interpolation, and that few steps with a penalty repair it);
ours (the presets by default, the exact last step, the choice of the penalty).
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, check_random_state, validate_data

from zeroloss.descent.readout import descended, features, relative_excess, ridge_readout, to_the_infimum
from zeroloss.networks import predict
from zeroloss.networks.squasher import SquasherConfig, SquasherNetwork
from zeroloss.plumbing import InputError, double


@dataclasses.dataclass(frozen=True)
class Regime:
    """The defaults of a regime: networks (a number, or so many per example), preset, steps."""

    networks: int
    an_example: bool
    preset: str
    steps: int


REGIMES = {
    "interpolate": Regime(4, True, "localised", 100),
    "regularised": Regime(100, False, "smooth", 20),
}


class SquasherRegressor(RegressorMixin, BaseEstimator):
    """Regression by K squasher networks side by side, trained by gradient descent (scikit-learn estimator).

    `f(x) = sum_k c_k h_k(x)` (`zeroloss.SquasherNetwork`) in float64. With regime "interpolate" the weights go to a global
    minimum of the empirical squared risk `1/(2n) sum_i |f(x_i) - y_i|^2`, the mean target at repeated inputs: such estimates miss
    the minimax rate under some designs (Kohler & Krzyzak 2021). With "regularised", few steps and a penalty on the
    read-out, `1/(2n) (sum_i |f(x_i) - y_i|^2 + r |c|^2)`.

    Parameters
    ----------
    regime : "interpolate" or "regularised".
    networks : K; by default 4 per example ("interpolate"), 100 ("regularised").
    depth, width, activation : of each network, see `zeroloss.SquasherNetwork`.
    preset : where the inner weights start: "localised" (default of "interpolate"), "smooth" (of "regularised"), "theory".
    steps : of gradient descent on all weights before the read-out is solved for; by default 100 and 20. With 0 the inner
        weights stay where they start, and "interpolate" is the limit of gradient descent on the read-out alone.
    penalty : r of "regularised"; None chooses it by leave-one-out.
    truncate : c: predictions are cut to `+-c log n`, as the theory does with its estimates; None does not cut.
    scale : map the inputs to the unit cube, for which presets are made, by their training ranges.
    random_state : seed of the start.

    Attributes
    ----------
    network_ : the trained network; it takes scaled inputs.
    excess_ : `(L - inf)/(L_0 - inf)`: what is left of the empirical squared risk above its infimum, relative to f = 0.
    penalty_ : the r used (0 for "interpolate").
    n_features_in_ : columns of the inputs.

    Standing: paper (both regimes), ours (how the read-out is finished).
    """

    def __init__(
        self,
        regime: str = "interpolate",
        *,
        networks: int | None = None,
        depth: int = 2,
        width: int = 5,
        activation: str = "sigmoid",
        preset: str | None = None,
        steps: int | None = None,
        penalty: float | None = None,
        truncate: float | None = None,
        scale: bool = True,
        random_state: Any = None,
    ):
        self.regime = regime
        self.networks = networks
        self.depth = depth
        self.width = width
        self.activation = activation
        self.preset = preset
        self.steps = steps
        self.penalty = penalty
        self.truncate = truncate
        self.scale = scale
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> SquasherRegressor:
        """Fit targets `y`, `(n,)` or `(n, c)`, at the rows of `X` `(n, d)`."""
        X, y = validate_data(self, X, y, dtype=np.float64, multi_output=True, y_numeric=True)
        self._one_column = y.ndim == 1
        y = np.asarray(y, np.float64).reshape(len(X), -1)
        regime, steps = self._checked()
        self.low_, self.span_ = np.zeros(X.shape[1]), np.ones(X.shape[1])
        if self.scale:
            self.low_ = X.min(axis=0)
            span = X.max(axis=0) - self.low_
            self.span_ = np.where(span > 0, span, 1.0)
        x = self._scaled(X)
        start = self._start(regime, x, y)
        if self.regime == "interpolate":
            network = to_the_infimum(descended(start, x, y, 0.0, steps), x, y)
            self.penalty_ = 0.0
        else:
            # The penalty of the descent is that of the start; the last step chooses again, at the features reached.
            first = ridge_readout(features(start, x), y, self.penalty)[1] if steps else 0.0
            network = descended(start, x, y, first, steps)
            readout, self.penalty_ = ridge_readout(features(network, x), y, self.penalty)
            network = network.with_readout(readout.T)
        self._keep(network)
        self.bound_ = math.inf if self.truncate is None else self.truncate * math.log(max(len(X), 2))
        self.excess_ = relative_excess(predict(network, x), x, y)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Predictions `(m,)`, or `(m, c)` where `y` had columns."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        found = np.clip(predict(self.network_, self._scaled(X), block=1024), -self.bound_, self.bound_)
        return found[:, 0] if self._one_column else found

    @property
    def network_(self) -> SquasherNetwork:
        """Made from NumPy's arrays each time: JAX would not bring float64 weights back from a pickle."""
        check_is_fitted(self, "arrays_")
        shell = SquasherNetwork.of(self.config_, "float64")
        with double():
            leaves = [jnp.asarray(array) for array in self.arrays_]
        return jax.tree.unflatten(jax.tree.structure(shell), leaves)

    def _keep(self, network: SquasherNetwork) -> None:
        self.config_ = network.config
        self.arrays_ = [np.asarray(leaf) for leaf in jax.tree.leaves(network)]

    def _scaled(self, x: np.ndarray) -> np.ndarray:
        return (x - self.low_) / self.span_

    def _start(self, regime: Regime, x: np.ndarray, y: np.ndarray) -> SquasherNetwork:
        """The network at its random start."""
        n, d = x.shape
        k = self.networks if self.networks is not None else regime.networks * (n if regime.an_example else 1)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        preset = self.preset if self.preset is not None else regime.preset
        config = SquasherConfig(d, y.shape[1], k, self.depth, self.width, self.activation, preset, n, None)
        return SquasherNetwork.of(config, "float64", seed)

    def _checked(self) -> tuple[Regime, int]:
        if self.regime not in REGIMES:
            raise InputError(f"regime={self.regime!r}; choose one of {', '.join(REGIMES)}.")
        regime = REGIMES[self.regime]
        steps = regime.steps if self.steps is None else self.steps
        if int(steps) != steps or steps < 0:
            raise InputError(f"steps={steps}: give a whole number, 0 or more.")
        for name in ("penalty", "truncate"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value >= 0):
                raise InputError(f"{name}={value}: it must be a number, 0 or more, or None.")
        return regime, int(steps)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
