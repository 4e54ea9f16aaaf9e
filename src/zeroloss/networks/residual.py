"""A residual network of fully connected blocks, in NTK parametrization."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from zeroloss.networks.activations import activation, gain
from zeroloss.networks.feedforward import _check_scope
from zeroloss.networks.mlp import DEEPEST, check_room
from zeroloss.plumbing import double
from zeroloss.plumbing.numbers import real_number, whole_number


class ResidualConfig(NamedTuple):
    """What describes a `ResidualMLP` but for its weights, precision and seed; the fields are those of its constructor."""

    in_size: int
    out_size: int
    width: int
    blocks: int
    activation: str
    weight_std: float
    bias_std: float


class ResidualMLP(eqx.Module):
    """Dense blocks with residual sums, called on one example: `(in_size,) -> (out_size,)`.

    With `W`, `b` standard normal, `s = weight_std`, `t = bias_std` and `dense(h) = (s/sqrt m) W h + t b` (its own `W`
    and `b` each time, `m` the size of `h`):

        z_0 = dense(x),   z_l = z_{l-1} + dense(phi(z_{l-1}))  (l = 1..blocks),   f(x) = dense(phi(z_blocks))

    Args:
        in_size, out_size: numbers in and out.
        width: units of every hidden layer.
        blocks: residual sums, 0 or more.
        activation: one of `zeroloss.networks.ACTIVATIONS`.
        weight_std: `s`; by default `1/sqrt(E phi(Z)^2)`. The mean square of the signal grows from sum to sum.
        bias_std: `t`.
        dtype: float32 or float64.
        key: an integer seed or a JAX key.

    Raises:
        InputError: sizes below 1, `blocks` below 0, or an unknown activation.
    """

    weights: tuple
    biases: tuple
    config: ResidualConfig = eqx.field(static=True)

    def __init__(
        self,
        in_size: int,
        out_size: int,
        width: int = 512,
        blocks: int = 2,
        activation: str = "tanh",
        weight_std: float | None = None,
        bias_std: float = 0.1,
        dtype="float32",
        key=0,
    ):
        in_size, out_size, width = (
            whole_number(name, size) for name, size in (("in_size", in_size), ("out_size", out_size), ("width", width))
        )
        blocks = whole_number("blocks", blocks, 0, DEEPEST)
        bias_std = real_number("bias_std", bias_std, closed=True)
        check_room((in_size, *(width,) * (blocks + 1), out_size), dtype)
        s = _std(activation, weight_std)
        self.config = ResidualConfig(in_size, out_size, width, blocks, activation, s, bias_std)
        shapes = [(width, in_size), *[(width, width)] * blocks, (out_size, width)]
        weights, biases = [], []
        key = jax.random.PRNGKey(key) if isinstance(key, int) else key
        with double():  # float64 weights stay float64; the draws are float32, so that both precisions start alike
            for shape in shapes:
                key, key_w, key_b = jax.random.split(key, 3)
                weights.append(jax.random.normal(key_w, shape, jnp.float32).astype(dtype))
                biases.append(jax.random.normal(key_b, shape[:1], jnp.float32).astype(dtype))
        self.weights, self.biases = tuple(weights), tuple(biases)

    @classmethod
    def of(cls, config: ResidualConfig, dtype: Any = "float32", key: Any = 0) -> ResidualMLP:
        """The network of this configuration at the start that `key` draws."""
        return cls(*config, dtype, key)

    @property
    def in_size(self) -> int:
        return self.config.in_size

    @property
    def out_size(self) -> int:
        return self.config.out_size

    @property
    def dtype(self):
        return self.weights[0].dtype

    def __call__(self, x):
        _check_scope(self.dtype)
        phi = activation(self.config.activation)
        z = self._dense(0, x)
        for index in range(1, len(self.weights) - 1):
            z = z + self._dense(index, phi(z))
        return self._dense(len(self.weights) - 1, phi(z))

    def _dense(self, index, h):
        s, t = self.config.weight_std, self.config.bias_std
        weight = self.weights[index]
        return (s / math.sqrt(weight.shape[1])) * (h @ weight.T) + t * self.biases[index]


def _std(name: str, weight_std: float | None) -> float:
    activation(name)
    return gain(name) if weight_std is None else real_number("weight_std", weight_std, closed=True)
