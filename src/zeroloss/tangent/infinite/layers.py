"""Layers of infinite width, each a map of the state of a pair of inputs: a description of a network without weights.

`Serial(Dense(1.4, 0.1), Activation("relu"), Dense(1.4, 0.1))` is a network with one hidden layer. A layer is a frozen
dataclass with two methods: `apply(state, rule)` maps a `State`, and `gaussian(before)` states whether its units are
Gaussian (given whether those before it are), or refuses. Whatever has these two methods is a layer, so convolution and
pooling can be added beside those here.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, NamedTuple, Protocol

import jax.numpy as jnp

from zeroloss.plumbing import InputError
from zeroloss.tangent.infinite.duals import DUALS, KINKED, Pair, dual, kinked_dual, safe_sqrt
from zeroloss.tangent.infinite.quadrature import Rule

EPS = 2.0**-52


class State(NamedTuple):
    """What a layer knows of the pairs `(x1_i, x2_j)`.

    Attributes:
        first, second: standard deviations `(n1,)`, `(n2,)` of a unit at each input of either side.
        nngp: covariance `(n1, n2)` of a unit at the two inputs.
        angle: `arccos(nngp/(first second))` in [0, pi], kept apart as the cosine does not hold small angles.
        ntk: tangent kernel `(n1, n2)`.
        ntk_first, ntk_second: tangent kernels `(n1,)`, `(n2,)` of each input with itself.
        blur: estimated error of the squared sine of `angle`.
        rounding: estimated rounding error of `nngp` and `ntk`, relative to their values at the inputs themselves.
    """

    first: Any
    second: Any
    nngp: Any
    angle: Any
    ntk: Any
    ntk_first: Any
    ntk_second: Any
    blur: Any
    rounding: Any

    @property
    def size(self) -> Any:
        """`first_i second_j`, `(n1, n2)`."""
        return self.first[:, None] * self.second[None, :]


class Layer(Protocol):
    """What a description is made of."""

    def apply(self, state: State, rule: Rule) -> State: ...

    def gaussian(self, before: bool) -> bool: ...


@dataclasses.dataclass(frozen=True)
class Dense:
    """`z = (s/sqrt m) W h + t b` with `m` units before it, `W` and `b` standard normal and trained.

    `nngp_z = s^2 nngp_h + t^2`, `ntk_z = nngp_z + s^2 ntk_h`. Standing: recalled (Jacot, Gabriel & Hongler 2018).
    """

    weight_std: float
    bias_std: float = 0.0

    def __post_init__(self) -> None:
        for name in ("weight_std", "bias_std"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise InputError(f"Dense: {name}={value!r}; give a finite number.")

    def apply(self, state: State, rule: Rule) -> State:
        s, t = abs(float(self.weight_std)), abs(float(self.bias_std))
        scaled = state._replace(
            first=s * state.first,
            second=s * state.second,
            nngp=s**2 * state.nngp,
            ntk=s**2 * state.ntk,
            ntk_first=s**2 * state.ntk_first,
            ntk_second=s**2 * state.ntk_second,
            rounding=state.rounding + 4 * EPS,
        )
        z = _with_bias(scaled, t) if t else scaled
        return z._replace(ntk=z.ntk + z.nngp, ntk_first=z.ntk_first + z.first**2, ntk_second=z.ntk_second + z.second**2)

    def gaussian(self, before: bool) -> bool:
        return True


@dataclasses.dataclass(frozen=True)
class Activation:
    """`h = phi(z)`: `nngp_h = E phi(u) phi(v)`, `ntk_h = ntk_z E phi'(u) phi'(v)`; `(u, v)` has the covariance of `z`.

    `name`: one of `zeroloss.networks.ACTIVATIONS`, or sin, or cos. Standing: recalled (Jacot, Gabriel & Hongler 2018).
    """

    name: str

    def __post_init__(self) -> None:
        if self.name not in DUALS:
            raise InputError(f"there is no infinite layer {self.name!r}; choose one of {', '.join(DUALS)}.")

    def apply(self, state: State, rule: Rule) -> State:
        if self.name == "identity":
            return state
        return _kinked(self.name, state) if self.name in KINKED else _smooth(self.name, state, rule)

    def gaussian(self, before: bool) -> bool:
        if not before:
            raise InputError(
                f"Activation({self.name!r}) stands where the units are not Gaussian; put a Dense layer before it."
            )
        return self.name == "identity"


@dataclasses.dataclass(frozen=True, init=False)
class Serial:
    """One layer after another."""

    layers: tuple[Layer, ...]

    def __init__(self, *layers: Layer):
        for layer in layers:
            if not (callable(getattr(layer, "apply", None)) and callable(getattr(layer, "gaussian", None))):
                raise InputError(f"Serial: {layer!r} is not a layer; give Dense, Activation, Serial or Residual.")
        object.__setattr__(self, "layers", layers)

    def apply(self, state: State, rule: Rule) -> State:
        for layer in self.layers:
            state = layer.apply(state, rule)
        return state

    def gaussian(self, before: bool) -> bool:
        for layer in self.layers:
            before = layer.gaussian(before)
        return before


@dataclasses.dataclass(frozen=True, init=False)
class Residual:
    """`h + branch(h)`, where the branch ends in a Dense layer: both kernels are sums.

    The last weights of the branch are independent of `h` and centred, so that the cross terms vanish as the width
    grows. Standing: recalled for the covariance; for the tangent kernel ours, and compared with finite networks.
    """

    branch: Serial

    def __init__(self, *layers: Layer):
        object.__setattr__(self, "branch", Serial(*layers))

    def apply(self, state: State, rule: Rule) -> State:
        return _direct_sum(state, self.branch.apply(state, rule))

    def gaussian(self, before: bool) -> bool:
        if not self.branch.layers or not isinstance(self.branch.layers[-1], Dense):
            raise InputError("Residual: the branch must end in a Dense layer, or its sum with the input is not known.")
        self.branch.gaussian(before)
        return before


def _kinked(name: str, state: State) -> State:
    value, slope, angle = kinked_dual(name, state.angle)
    _, one, _ = kinked_dual(name, jnp.zeros(()))
    alpha, beta = KINKED[name]
    gain = math.sqrt(alpha**2 + beta**2)
    # An error of sin^2 is one of the angle 2 sin(theta) times smaller, or its root at most.
    turn = state.blur / (2 * jnp.maximum(jnp.sin(state.angle), jnp.sqrt(state.blur)))
    return State(
        first=gain * state.first,
        second=gain * state.second,
        nngp=state.size * value,
        angle=angle,
        ntk=state.ntk * slope,
        ntk_first=state.ntk_first * one,
        ntk_second=state.ntk_second * one,
        blur=2 * jnp.sin(angle) * turn + blur_of(angle),
        rounding=state.rounding + 8 * EPS + turn,
    )


def _smooth(name: str, state: State, rule: Rule) -> State:
    q1, q2 = state.first**2, state.second**2
    sine = jnp.sin(state.angle)
    pair = Pair(q1[:, None], q2[None, :], state.nngp, (state.size * sine) ** 2)
    value, slope = dual(name, pair, rule)
    alone = jnp.concatenate([q1, q2])
    values, slope_alone = dual(name, Pair(alone, alone, alone, jnp.zeros_like(alone)), rule)
    deviations = safe_sqrt(values)
    first, second = deviations[: len(q1)], deviations[len(q1) :]
    size = first[:, None] * second[None, :]
    # Error of the slope where the variances are large: d(gram)/(2 D), D about gram + size
    stretch = state.size * state.blur / (2 + state.size * sine**2)
    if name in ("softplus", "gelu", "silu"):  # there the slope is an angle, which D moves little
        stretch = stretch * jnp.minimum(1.0, sine + 1 / jnp.sqrt(1 + state.size))
    if name in ("sin", "cos"):  # the exponent is as wrong as the variances are
        stretch = stretch + 2 * EPS * (q1[:, None] + q2[None, :])
    return State(
        first=first,
        second=second,
        nngp=value,
        angle=_angle_between(value, size),
        ntk=state.ntk * slope,
        ntk_first=state.ntk_first * slope_alone[: len(q1)],
        ntk_second=state.ntk_second * slope_alone[len(q1) :],
        blur=jnp.full_like(value, 8 * EPS),
        rounding=state.rounding + 8 * EPS + stretch,
    )


def blur_of(angle: Any) -> Any:
    """Estimated error of the squared sine of an angle that errs by 4 units of rounding."""
    return 8 * EPS * jnp.abs(jnp.sin(angle)) + 16 * EPS**2


def _angle_between(nngp: Any, size: Any) -> Any:
    """`arccos(nngp/size)`, clipped; pi/2 where a size is 0. It holds angles above 1e-8."""
    there = size > 0
    cosine = jnp.clip(jnp.where(there, nngp, 0.0) / jnp.where(there, size, 1.0), -1.0, 1.0)
    return jnp.arctan2(safe_sqrt((1 - cosine) * (1 + cosine)), cosine)


def _with_bias(state: State, t: float) -> State:
    """A constant `t` beside the units: a direct sum with one that is the same at every input."""
    zero = jnp.zeros_like(state.nngp)
    bias = State(
        first=jnp.full_like(state.first, t),
        second=jnp.full_like(state.second, t),
        nngp=jnp.full_like(state.nngp, t * t),
        angle=zero,
        ntk=zero,
        ntk_first=jnp.zeros_like(state.first),
        ntk_second=jnp.zeros_like(state.second),
        blur=zero,
        rounding=state.rounding,
    )
    return _direct_sum(state, bias)


def _direct_sum(a: State, b: State) -> State:
    """Independent parts beside each other: covariances and tangent kernels add.

    With `A1, A2, B1, B2` the shares of the parts in the two standard deviations (`A1^2 + B1^2 = 1`), all terms are
    positive in

        sin^2 = (A1 A2 sin a)^2 + (B1 B2 sin b)^2 + (A1 B2 - B1 A2)^2
                + 2 A1 A2 B1 B2 (sin^2((a + b)/2) + sin^2((a - b)/2))

    so that small angles keep their digits (ours).
    """
    first, second = _hypot(a.first, b.first), _hypot(a.second, b.second)
    a1, b1 = _share(a.first, first)[:, None], _share(b.first, first)[:, None]
    a2, b2 = _share(a.second, second)[None, :], _share(b.second, second)[None, :]
    both, cross = a1 * a2 * b1 * b2, a1 * b2 - b1 * a2
    halves = jnp.sin((a.angle + b.angle) / 2) ** 2 + jnp.sin((a.angle - b.angle) / 2) ** 2
    squared = (a1 * a2 * jnp.sin(a.angle)) ** 2 + (b1 * b2 * jnp.sin(b.angle)) ** 2 + cross**2 + 2 * both * halves
    cosine = a1 * a2 * jnp.cos(a.angle) + b1 * b2 * jnp.cos(b.angle)
    cosine = jnp.where((first[:, None] > 0) & (second[None, :] > 0), cosine, 1.0)
    angle = jnp.arctan2(safe_sqrt(squared), cosine)
    return State(
        first=first,
        second=second,
        nngp=a.nngp + b.nngp,
        angle=angle,
        ntk=a.ntk + b.ntk,
        ntk_first=a.ntk_first + b.ntk_first,
        ntk_second=a.ntk_second + b.ntk_second,
        blur=a1 * a2 * a.blur + b1 * b2 * b.blur + blur_of(angle),
        rounding=jnp.maximum(a.rounding, b.rounding) + 4 * EPS,
    )


def _hypot(a: Any, b: Any) -> Any:
    """`sqrt(a^2 + b^2)` of numbers that are not negative, without overflow, with finite derivatives."""
    large, small = jnp.maximum(a, b), jnp.minimum(a, b)
    ratio = _share(small, large)
    return large * jnp.sqrt(1 + ratio**2)


def _share(part: Any, whole: Any) -> Any:
    """`part/whole`, 0 where both are 0."""
    there = whole > 0
    return jnp.where(there, part, 0.0) / jnp.where(there, whole, 1.0)
