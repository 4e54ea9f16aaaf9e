"""Regression with squasher networks, as a scikit-learn estimator: to the minimum of the empirical risk, or short of it.

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
import warnings
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted, check_random_state, validate_data

from zeroloss.data import collapse
from zeroloss.networks import predict
from zeroloss.networks.squasher import SquasherNetwork
from zeroloss.plumbing import InputError, double


@dataclasses.dataclass(frozen=True)
class Regime:
    """What a regime does unless told otherwise: networks (a number, or so many an example), preset, steps."""

    networks: int
    an_example: bool
    preset: str
    steps: int


REGIMES = {
    "interpolate": Regime(4, True, "localised", 100),
    "regularised": Regime(100, False, "smooth", 20),
}
PENALTIES = 10.0 ** np.arange(-9, 1)
"""Ridge penalties that leave-one-out chooses among, in units of the largest eigenvalue of `H H^T`."""


@eqx.filter_jit
def _features(network: SquasherNetwork, x: Any) -> Any:
    return jax.vmap(network.features)(x)


def features(network: SquasherNetwork, x: np.ndarray) -> np.ndarray:
    """`H` `(n, K)` in float64: what the read-out reads at the rows of `x`."""
    with double():
        return np.asarray(_features(network, jnp.asarray(x, network.dtype)), np.float64)


@eqx.filter_jit
def _stepped(network: SquasherNetwork, x: Any, y: Any, penalty: Any, size: Any, count: Any) -> Any:
    """`count` steps on `1/(2n) (|f(X) - y|^2 + penalty |c|^2)` and the last value of it."""

    def risk(w: SquasherNetwork) -> Any:
        r = jax.vmap(w)(x) - y
        return (jnp.sum(r * r) + penalty * jnp.sum(w.readout**2)) / (2 * len(x))

    def step(_: Any, w: SquasherNetwork) -> SquasherNetwork:
        return jax.tree.map(lambda v, g: v - size * g, w, jax.grad(risk)(w))

    end = jax.lax.fori_loop(0, count, step, network)
    return end, risk(end)


def descended(network: SquasherNetwork, x: np.ndarray, y: np.ndarray, penalty: float, steps: int) -> SquasherNetwork:
    """Gradient descent on all weights with the step `1/smoothness` at the start, `n/(lambda_max(H H^T) + penalty)`.

    At the start the read-out is 0, so the tangent kernel is `H H^T`. A descent that ends above where it began is thrown
    away, with a warning.
    """
    if not steps:
        return network
    h = features(network, x)
    size = len(x) / (float(np.linalg.norm(h, 2)) ** 2 + penalty)
    with double():
        ended, value = _stepped(network, jnp.asarray(x), jnp.asarray(y), penalty, size, jnp.asarray(steps))
    if not float(value) <= float(np.sum(y**2)) / (2 * len(x)):
        warnings.warn("gradient descent on all weights diverged; the start was kept.", ConvergenceWarning, stacklevel=3)
        return network
    return ended


def to_the_infimum(network: SquasherNetwork, x: np.ndarray, y: np.ndarray, rounds: int = 3) -> SquasherNetwork:
    """The read-out moved as little as possible to a minimiser of the empirical risk `1/(2n) |f(X) - y|^2` over read-outs.

    It reaches the infimum over all functions, the group means at repeated inputs, wherever the features of the distinct
    inputs are independent. Repeats are collapsed, rows weighted by the roots of their number; Cholesky on `H H^T` with
    refinement, and a singular value decomposition where that fails.
    """
    distinct = collapse(x, y)
    root = np.sqrt(distinct.sizes)[:, None]
    a = root * features(network, distinct.x) if len(distinct.x) < len(x) else features(network, x)
    return network.with_readout(_moved(a, root * distinct.y, np.asarray(network.readout, np.float64).T, rounds).T)


def _moved(a: np.ndarray, b: np.ndarray, c: np.ndarray, rounds: int) -> np.ndarray:
    """`c` moved least so that `|a c - b|` is least; `a` `(n, K)`, `b` `(n, outputs)`."""
    best, least = c, float(np.linalg.norm(b - a @ c))
    aim = 1e-13 * max(float(np.linalg.norm(b)), 1e-300)
    if a.shape[1] >= a.shape[0]:
        try:
            factor = scipy.linalg.cho_factor(a @ a.T, lower=True)
            for _ in range(rounds):
                c = best + a.T @ scipy.linalg.cho_solve(factor, b - a @ best)
                size = float(np.linalg.norm(b - a @ c))
                if not size < least:
                    break
                best, least = c, size
        except np.linalg.LinAlgError:
            pass
    if least <= 1e4 * aim:
        return best
    u, s, vt = np.linalg.svd(a, full_matrices=False)
    inverse = np.where(s > 1e-14 * s[0], 1 / np.maximum(s, 1e-300), 0.0)[:, None]
    for _ in range(rounds):
        c = best + vt.T @ (inverse * (u.T @ (b - a @ best)))
        size = float(np.linalg.norm(b - a @ c))
        if not size < least * (1 - 1e-6):
            break
        best, least = c, size
    return best


def ridge_readout(h: np.ndarray, y: np.ndarray, penalty: float | None) -> tuple[np.ndarray, float]:
    """The read-out `(K, c)` least in `|H c - y|^2 + r |c|^2`, and `r`: the one given, or of `PENALTIES` the one whose
    leave-one-out error is least (in closed form)."""
    u, s, vt = np.linalg.svd(h, full_matrices=False)
    inner = u.T @ y

    def filtered(r: float) -> np.ndarray:
        return s**2 / (s**2 + r)

    def left_out(r: float) -> float:
        shrunk = filtered(r)
        leverage = np.minimum((u * u) @ shrunk, 1 - 1e-10)
        return float(np.mean(((y - u @ (shrunk[:, None] * inner)) / (1 - leverage)[:, None]) ** 2))

    if penalty is None:
        penalty = min((float(p) * float(s[0]) ** 2 for p in PENALTIES), key=left_out)
    penalty = max(float(penalty), 1e-14 * float(s[0]) ** 2)
    return vt.T @ ((s / (s**2 + penalty))[:, None] * inner), penalty


class SquasherRegressor(RegressorMixin, BaseEstimator):
    """Regression by K squasher networks side by side, trained by gradient descent (scikit-learn estimator).

    `f(x) = sum_k c_k h_k(x)` (`zeroloss.SquasherNetwork`) in float64. With regime "interpolate" the weights go to a global
    minimum of the empirical risk `1/(2n) sum_i |f(x_i) - y_i|^2`, the mean target at repeated inputs: such estimates miss
    the minimax rate under some designs (Kohler & Krzyzak 2021). With "regularised", few steps and a penalty on the
    read-out, `1/(2n) (sum_i |f(x_i) - y_i|^2 + r |c|^2)`.

    Parameters
    ----------
    regime : "interpolate" or "regularised".
    networks : K; by default 4 an example ("interpolate"), 100 ("regularised").
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
    excess_ : `(L - inf)/(L_0 - inf)`: what is left of the empirical risk above its infimum, relative to f = 0.
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
            _, first = ridge_readout(features(start, x), y, self.penalty) if steps else (None, 0.0)
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
        shell = SquasherNetwork(*self.config_, dtype="float64")
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
        shape = (d, y.shape[1], k, self.depth, self.width, self.activation, preset, n)
        return SquasherNetwork(*shape, dtype="float64", key=seed)

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


def relative_excess(f: np.ndarray, x: np.ndarray, y: np.ndarray) -> float:
    """`(L(f) - inf)/(L(0) - inf)` for outputs `f` `(n, c)`, `inf` the infimum over all functions of the input.

    Both differences are sums over distinct inputs of `n_g |f - mean|^2` and `n_g |mean|^2`, which lose nothing to
    cancellation. Where all group means are 0 there is nothing to fit: 0 if f is 0 there, else infinity.
    """
    distinct = collapse(x, y)
    _, first = np.unique(x + 0.0, axis=0, return_index=True)
    order = np.sort(first)  # `collapse` keeps the order of first appearance
    weight = distinct.sizes[:, None]
    above = float(np.sum(weight * (f[order] - distinct.y) ** 2))
    whole = float(np.sum(weight * distinct.y**2))
    return above / whole if whole > 0 else (0.0 if above == 0 else math.inf)
