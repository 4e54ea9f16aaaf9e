"""The multilayer perceptron at its random start, in three parametrizations."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from zeroloss.networks.activations import activation, gain
from zeroloss.networks.feedforward import FeedForward
from zeroloss.plumbing import InputError, double
from zeroloss.plumbing.format import format_bytes
from zeroloss.plumbing.memory import available_bytes
from zeroloss.plumbing.numbers import real_number, whole_number

PARAMETRIZATIONS = ("standard", "ntk", "mup")
DEEPEST = 10_000
"""Hidden layers: each is one step of every program made of the network."""


class MLPConfig(NamedTuple):
    """What describes an `MLP` but for its weights, precision and seed; the fields are those of its constructor.

    A tuple, so that files and hashes hold it as a list.
    """

    in_size: int
    out_size: int
    widths: tuple[int, ...]
    activation: str
    parametrization: str
    weight_std: float
    bias_std: float


class MLP(FeedForward):
    """A multilayer perceptron with random weights.

    With `m` the fan-in of a layer, `s = weight_std`, `t = bias_std`, and `W`, `b` standard normal unless stated
    otherwise:

    - `standard`: `z = W h + b`, `W ~ N(0, s^2/m)`, `b ~ N(0, t^2)`.
    - `ntk`: `z = (s/sqrt m) W h + t b`.
    - `mup` (maximal update, the form with one step size for all layers; Yang & Hu 2021, recalled): `M` the fan-out of
      a hidden layer; first layer `z = sqrt(M) (W x + b)`, `W ~ N(0, s^2/(m M))`, `b ~ N(0, t^2/M)`;
      further hidden layers `z = W h + sqrt(M) b`, `W ~ N(0, s^2/m)`, `b ~ N(0, t^2/M)`;
      read-out `z = (1/sqrt m) W h + t b`, `W ~ N(0, s^2/m)`.

    Args:
        in_size, out_size: numbers in and out.
        width: units of each hidden layer, or one number per hidden layer.
        depth: hidden layers, 1 or more (0 is a linear model).
        activation: one of `zeroloss.networks.ACTIVATIONS`.
        weight_std: `s`; by default `1/sqrt(E phi(Z)^2)`, which keeps the mean square of the signal from layer to layer
            (sqrt 2 for relu).
        bias_std: `t`, 0.1 by default. `ntk` with 0 has no biases that count.
        dtype: float32 or float64.
        key: an integer seed or a JAX key.
    """

    config: MLPConfig = eqx.field(static=True)

    def __init__(
        self,
        in_size: int,
        out_size: int,
        width: int | Sequence[int] = 512,
        depth: int | None = None,
        activation: str = "tanh",
        parametrization: str = "ntk",
        weight_std: float | None = None,
        bias_std: float = 0.1,
        dtype="float32",
        key=0,
    ):
        widths = check_widths(width, depth)
        if parametrization not in PARAMETRIZATIONS:
            raise InputError(
                f"there is no parametrization {parametrization!r}; choose one of {', '.join(PARAMETRIZATIONS)}."
            )
        in_size, out_size = whole_number("in_size", in_size), whole_number("out_size", out_size)
        std = _weight_std(activation, weight_std)
        bias_std = real_number("bias_std", bias_std, closed=True)
        sizes = (in_size, *widths, out_size)
        check_room(sizes, dtype)
        self.config = MLPConfig(in_size, out_size, widths, activation, parametrization, std, bias_std)
        weights, biases, scales, offsets = [], [], [], []
        key = jax.random.PRNGKey(key) if isinstance(key, int) else key
        with double():  # float64 weights stay float64; the draws are float32, so that both precisions start alike
            for layer, (m, big) in enumerate(itertools.pairwise(sizes)):
                role = "readout" if layer == len(widths) else ("first" if layer == 0 else "hidden")
                w_std, b_std, a, c = _scales(parametrization, role, m, big, std, bias_std)
                key, key_w, key_b = jax.random.split(key, 3)
                weights.append((w_std * jax.random.normal(key_w, (big, m), jnp.float32)).astype(dtype))
                biases.append((b_std * jax.random.normal(key_b, (big,), jnp.float32)).astype(dtype))
                scales.append(a)
                offsets.append(c)
        super().__init__(weights, biases, (activation,) * len(widths), scales, offsets)

    def restarted(self, key) -> MLP:
        """A network of the same kind with new random weights."""
        return MLP.of(self.config, self.dtype, key)

    @classmethod
    def of(cls, config: MLPConfig, dtype: Any = "float32", key: Any = 0) -> MLP:
        """The network of this configuration at the start that `key` draws."""
        return cls(
            config.in_size,
            config.out_size,
            config.widths,
            None,
            config.activation,
            config.parametrization,
            config.weight_std,
            config.bias_std,
            dtype,
            key,
        )

    @property
    def parametrization(self) -> str:
        return self.config.parametrization


def check_widths(width: int | Sequence[int], depth: int | None) -> tuple[int, ...]:
    """One width for each hidden layer, from `width` (a number, or one per layer) and `depth` (1 if left out).

    Raises:
        InputError: widths that are no whole numbers of 1 or more, a depth that is none of 0 or more, or another number of widths.
    """
    depth = None if depth is None else whole_number("depth", depth, 0, DEEPEST)
    if isinstance(width, Sequence | np.ndarray) and not isinstance(width, str):
        widths = tuple(whole_number("width", w) for w in width)
        if depth is not None and depth != len(widths):
            raise InputError(f"{len(widths)} widths {widths} for depth {depth}; give one width per hidden layer.")
        return widths
    return (whole_number("width", width),) * (1 if depth is None else depth)


def check_room(sizes: Sequence[int], dtype: Any) -> None:
    """InputError where layers of these sizes do not fit into the memory that is left, before any is made."""
    count = sum(m * big + big for m, big in itertools.pairwise(sizes))
    need, have = count * (8 if np.dtype(dtype) == np.float64 else 4), available_bytes()
    if have is not None and need > have:
        raise InputError(
            f"a network of sizes {'-'.join(map(str, sizes))[:80]} has {count:,} parameters, {format_bytes(need)}, and "
            f"{format_bytes(have)} are left; take a narrower one."
        )


def _weight_std(name: str, weight_std: float | None) -> float:
    activation(name)
    return gain(name) if weight_std is None else real_number("weight_std", weight_std, closed=True)


def _scales(parametrization, role, m, big, s, t):
    """Standard deviations of `W` and `b`, and the multipliers `a`, `c`."""
    if parametrization == "standard":
        return s / math.sqrt(m), t, 1.0, 1.0
    if parametrization == "ntk":
        return 1.0, 1.0, s / math.sqrt(m), t
    if role == "first":
        return s / math.sqrt(m * big), t / math.sqrt(big), math.sqrt(big), math.sqrt(big)
    if role == "hidden":
        return s / math.sqrt(m), t / math.sqrt(big), 1.0, math.sqrt(big)
    return s / math.sqrt(m), 1.0, 1 / math.sqrt(m), t
