"""The kernels of a network of infinite width: `nngp = lim E f(x) f(x')` and `ntk = lim <df(x)/dw, df(x')/dw>`."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core as jex

from zeroloss.networks import MLP, FeedForward, ResidualMLP
from zeroloss.plumbing import InputError, double
from zeroloss.tangent.infinite.duals import safe_sqrt
from zeroloss.tangent.infinite.layers import EPS, Activation, Dense, Layer, Residual, Serial, State, blur_of
from zeroloss.tangent.infinite.quadrature import COARSE, FINE, Rule, scale_rule
from zeroloss.verdict import Record

ENTRIES = 2**18
"""Entries of the kernel computed at a time."""


@dataclasses.dataclass(frozen=True, eq=False)
class InfiniteKernel(Record):
    """Both kernels of one output, `(n1, n2)`, float64.

    Of `c` outputs the full kernels are `nngp[i, j] delta_ab` and `ntk[i, j] delta_ab`: outputs are independent.

    Attributes:
        nngp: covariance of the output over random weights, as the width goes to infinity.
        ntk: limit of the tangent kernel, all weights and biases trained.
        error: per entry, an estimate (not a proved bound) of the error of `ntk` and of `nngp`: the difference between
            two quadrature rules, which is the error of the worse one, plus a running first-order estimate of rounding.
            Closed forms have rounding only.
        method: "closed form" or "quadrature".
    """

    nngp: np.ndarray
    ntk: np.ndarray
    error: np.ndarray
    method: str

    def __repr__(self) -> str:
        n1, n2 = self.ntk.shape
        return f"<infinite kernel of {n1} x {n2} inputs, {self.method}, error about {self.error.max(initial=0):.1e}>"


def infinite_kernel(network: Any, x1: Any, x2: Any = None) -> InfiniteKernel:
    """The kernels of `network` at infinite width between the rows of `x1` and of `x2` (by default `x1` itself).

    With `s`, `t` the standard deviations of weights and biases in NTK parametrization, `m` the input size, `phi` the
    activation, and `(u, v)` Gaussian with the covariance of layer `l` at the two inputs:

        nngp_1 = (s^2/m) x.x' + t^2,                ntk_1 = nngp_1
        nngp_{l+1} = s^2 E phi(u) phi(v) + t^2,     ntk_{l+1} = nngp_{l+1} + s^2 ntk_l E phi'(u) phi'(v)

    and sums of both at residual sums. It is about the random start: weights that `network` holds do not count, its
    kind does. The expectations are closed forms for relu, leaky_relu, abs, erf, gelu, identity, sin and cos, and means
    of closed forms over two random scales, by quadrature, for tanh, sigmoid, softplus and silu (see `.error`).
    For x2 None the kernels are bitwise symmetric. It works on blocks of `ENTRIES` entries.

    Args:
        network: an `MLP` or `ResidualMLP` in NTK parametrization, or a description without weights such as
            `Serial(Dense(1.4, 0.1), Activation("relu"), Dense(1.4, 0.1))`.
        x1, x2: `(n1, d)`, `(n2, d)`.

    Raises:
        InputError: a network that has no such limit or none known here, inputs that do not fit it, or that are so large
            that the kernel overflows.

    Standing: recalled (Jacot, Gabriel & Hongler 2018; Lee et al. 2018). `propagate` is the same as a function that can
    be differentiated by its inputs.
    """
    layers = describe(network)
    size = getattr(network, "in_size", None)
    x1 = _points(x1, size)
    other = x1 if x2 is None else _points(x2, x1.shape[1])
    with double():
        fine = _blocks(layers, x1, other, scale_rule(FINE))
        closed = not _mixed(layers)
        coarse = fine if closed else _blocks(layers, x1, other, scale_rule(COARSE))
    if not all(np.isfinite(part).all() for part in fine):
        raise InputError("the infinite kernel is not finite: the inputs are too large; scale them down.")
    gap = np.maximum(np.abs(fine[0] - coarse[0]), np.abs(fine[1] - coarse[1]))
    nngp, ntk, error = fine[0], fine[1], gap + fine[2]
    if x2 is None:
        nngp, ntk, error = ((part + part.T) / 2 for part in (nngp, ntk, error))
    return InfiniteKernel(nngp, ntk, error, "closed form" if closed else "quadrature")


def propagate(layers: Layer, x1: Any, x2: Any, rule: Rule | None = None) -> State:
    """The state after `layers` at all pairs of rows: `.nngp` and `.ntk` are what `infinite_kernel` returns.

    A function of JAX arrays `(n1, d)`, `(n2, d)`: it can be compiled and differentiated by `x1` and `x2`. Call it in
    `with zeroloss.double():`. Derivatives are finite at equal, proportional, antipodal and zero inputs too; where the
    kernel has a cone there (kinked activations), the derivative is that of its smooth part.
    """
    layers.gaussian(False)
    x1, x2 = jnp.asarray(x1), jnp.asarray(x2)
    state = _inputs(x1, x2)
    return layers.apply(state, scale_rule(FINE) if rule is None else rule)


def describe(network: Any) -> Layer:
    """The description without weights of an `MLP` or `ResidualMLP` (a description is returned as it is).

    Raises:
        InputError: a network without the limit, or of a kind whose limit is not known here.
    """
    if isinstance(network, MLP):
        _check_parametrization(network.parametrization)
        dense = Dense(network.config.weight_std, network.config.bias_std)
        hidden: list[Layer] = [dense, Activation(network.config.activation)]
        return Serial(*hidden * network.depth, dense)
    if isinstance(network, ResidualMLP):
        dense = Dense(network.config.weight_std, network.config.bias_std)
        phi = Activation(network.config.activation)
        return Serial(dense, *[Residual(phi, dense)] * network.config.blocks, phi, dense)
    if isinstance(network, FeedForward):
        raise InputError(
            "a FeedForward does not say how its weights are drawn, so it has no infinite width; give an MLP, or a Serial(...) of layers."
        )
    if not (callable(getattr(network, "apply", None)) and callable(getattr(network, "gaussian", None))):
        raise InputError(
            f"a {type(network).__name__} has no infinite kernel here; give an MLP, a ResidualMLP, or a Serial(...) of layers."
        )
    network.gaussian(False)
    return network


def _check_parametrization(name: str) -> None:
    if name == "standard":
        raise InputError(
            "the tangent kernel of parametrization='standard' grows with the width and has no limit; use parametrization='ntk'."
        )
    if name != "ntk":
        raise InputError(
            f"the infinite kernel of parametrization={name!r} is not known here; use parametrization='ntk'."
        )


def _mixed(layers: Any) -> bool:
    """Whether any layer depends on the quadrature rule: found by tracing the dependence itself."""
    shape = jax.ShapeDtypeStruct((1, 1), jnp.float64)
    jaxpr = jax.make_jaxpr(lambda a, b, rule: propagate(layers, a, b, rule)[:5])(shape, shape, scale_rule(FINE)).jaxpr
    rule = set(jaxpr.invars[2:])
    return any(not isinstance(var, jex.Literal) and var in rule for e in jaxpr.eqns for var in e.invars)


def _points(x: Any, size: int | None) -> np.ndarray:
    try:
        x = np.asarray(x, np.float64)
    except (TypeError, ValueError) as error:
        raise InputError("the inputs are not numbers; give an array (n, d).") from error
    if x.ndim != 2 or 0 in x.shape:
        raise InputError(f"inputs of shape {x.shape}: give at least one example, as the rows of an array (n, d).")
    if size is not None and x.shape[1] != size:
        raise InputError(f"inputs with {x.shape[1]} columns for {size}: give the same number of columns.")
    if not np.isfinite(x).all():
        raise InputError("the inputs hold NaN or infinity; remove or fill those rows.")
    return x


def _blocks(layers: Layer, x1: np.ndarray, x2: np.ndarray, rule: Rule) -> list[np.ndarray]:
    """`nngp`, `ntk` and the estimated rounding error, a block of rows at a time; all blocks of one shape."""
    rows = min(len(x1), max(1, ENTRIES // len(x2)))
    parts = []
    for start in range(0, len(x1), rows):
        block = x1[start : start + rows]
        padded = np.concatenate([block, np.repeat(block[-1:], rows - len(block), axis=0)])
        results = _compiled(layers, jnp.asarray(padded), jnp.asarray(x2), jax.tree.map(jnp.asarray, rule))
        parts.append([np.asarray(result)[: len(block)] for result in results])
    return [np.concatenate(part) for part in zip(*parts, strict=True)]


@partial(jax.jit, static_argnums=0)
def _compiled(layers: Layer, x1: Any, x2: Any, rule: Rule) -> tuple[Any, Any, Any]:
    state = propagate(layers, x1, x2, rule)
    top1 = jnp.sqrt(jnp.maximum(state.ntk_first, state.first**2))
    top2 = jnp.sqrt(jnp.maximum(state.ntk_second, state.second**2))
    return state.nngp, state.ntk, state.rounding * top1[:, None] * top2[None, :]


def _inputs(x1: Any, x2: Any) -> State:
    """The state before the first layer: `nngp = x.x'/d`, and no parameter yet.

    The angle is `2 atan2(|a - b|, |a + b|)` of the unit vectors: its absolute error is a few units of rounding where
    the arc cosine of their product would err by 1e-8 (Kahan).
    """
    d = x1.shape[1]
    (unit1, size1), (unit2, size2) = _unit(x1), _unit(x2)
    angle = jax.lax.map(lambda a: _angles(a, unit2), unit1)
    zero1, zero2 = jnp.zeros_like(size1), jnp.zeros_like(size2)
    root = jnp.sqrt(float(d))
    return State(
        first=size1 / root,
        second=size2 / root,
        nngp=(x1 / root) @ (x2 / root).T,
        angle=angle,
        ntk=jnp.zeros_like(angle),
        ntk_first=zero1,
        ntk_second=zero2,
        blur=blur_of(angle),
        rounding=jnp.full_like(angle, (4 + d) * EPS),
    )


def _unit(x: Any) -> tuple[Any, Any]:
    """Rows divided by their lengths (0 for a row of zeros), and the lengths, for entries of any size."""
    top = jax.lax.stop_gradient(jnp.max(jnp.abs(x), axis=1))
    scale = jnp.where(top > 0, top, 1.0)
    scaled = x / scale[:, None]
    length = safe_sqrt(jnp.sum(scaled**2, axis=1))
    return scaled / jnp.where(length > 0, length, 1.0)[:, None], scale * length


def _angles(a: Any, units: Any) -> Any:
    apart = safe_sqrt(jnp.sum((units - a) ** 2, axis=1))
    together = safe_sqrt(jnp.sum((units + a) ** 2, axis=1))
    both_zero = (apart == 0) & (together == 0)
    return jnp.where(both_zero, jnp.pi / 2, 2 * jnp.arctan2(apart, jnp.where(both_zero, 1.0, together)))
