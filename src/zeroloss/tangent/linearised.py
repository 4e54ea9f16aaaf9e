"""The linearised model: a network replaced by its first-order expansion in the weights."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from zeroloss.networks import Wrapped, differentiable, is_double, trainable_mask
from zeroloss.networks.trainable import constant
from zeroloss.plumbing import double
from zeroloss.plumbing.derivatives import pushforward
from zeroloss.plumbing.outputs import one_array


class Expansion(eqx.Module):
    """The point a network is expanded at, and how far from it the model is.

    Attributes:
        displacement: `u = w - w0`, shaped like the trained leaves (None elsewhere): what descent moves, 0 at the start.
        origin: `w0`, never trained.
        rest: every other leaf of the network, never trained.
    """

    displacement: Any
    origin: Any = constant()
    rest: Any = constant()

    def network(self) -> Any:
        """The original network at the weights `w0 + u`."""
        return eqx.combine(jax.tree.map(jnp.add, self.origin, self.displacement), self.rest)


class Linearised(Expansion):
    """`f_lin(x; u) = f(x; w0) + Df(x; w0) u`, called on one example: `(d,) -> (c,)`."""

    def __call__(self, x):
        return _expanded(self, lambda network: network(x))


def linearized(network: Any, trainable: Any = None) -> Linearised | Wrapped:
    """The linearised model of a network at its present weights `w0`, as a network.

        f_lin(x; u) = f(x; w0) + Df(x; w0) u,   u = w - w0.

    Its trained parameters are the displacement `u`, 0 at the start (and not `w`: small moves of large weights keep their
    digits); `.network()` is the original at `w0 + u`. Its tangent kernel is that of `network` at `w0`, wherever `u` is, and
    gradient descent on the squared loss follows `gradient_flow(..., steps=, step_size=)` and `linearised_curve`. `predict`,
    `descend`, `kernel` and `trainable_mask` take it like any other network.

    Args:
        network: called on one example; of a wrapped function the answer is wrapped too, with an `Expansion` as `.params`,
            so that a function that mixes examples is refused where the original would be.
        trainable: which parameters may move; see `zeroloss.networks.trainable_mask`. The others stay as they are.

    Raises:
        InputError: `trainable` does not fit the network.

    Standing: folklore (Jacot et al., arXiv 1806.07572; Lee et al., arXiv 1902.06720).
    """
    network = differentiable(network)
    mask = trainable_mask(network, trainable)
    if isinstance(network, Wrapped):
        origin, rest = eqx.partition(network.params, mask.params)
        return Wrapped(Expansion(_zeros(network, origin), origin, rest), _WrappedExpansion(network.function))
    origin, rest = eqx.partition(network, mask)
    return Linearised(_zeros(network, origin), origin, rest)


class _WrappedExpansion:
    """`function(params, batch)` expanded in `params`; equal for equal functions, so that nothing compiles twice."""

    def __init__(self, function):
        self.function = function

    def __call__(self, expansion: Expansion, batch):
        return _expanded(expansion, lambda params: one_array(self.function(params, batch)))

    @property
    def layout(self):
        """How a row splits into several inputs, where the function takes these."""
        return getattr(self.function, "layout", None)

    def __eq__(self, other):
        return type(other) is type(self) and other.function == self.function

    def __hash__(self):
        return hash((type(self), self.function))


def _expanded(expansion: Expansion, function):
    value, change = pushforward(
        lambda w: function(eqx.combine(w, expansion.rest)), expansion.origin, expansion.displacement
    )
    return value + change


def _zeros(network: Any, origin: Any) -> Any:
    if is_double(network):
        with double():
            return jax.tree.map(jnp.zeros_like, origin)
    return jax.tree.map(jnp.zeros_like, origin)
