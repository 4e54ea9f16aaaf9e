"""A network whose answers are 0 at the start, with a read-out of fixed signs: where convergence can be proved.

The units of the last hidden layer come in pairs with the same incoming weights and opposite read-out weights +1 and -1, so
that `f = 0` for every input, in exact arithmetic, while the tangent kernel is that of a network without the pairing. The
residual at the start then is the targets themselves, and with `trainable="hidden"` the curvature of the map does not
depend on how far the weights move, which is why `zeroloss.theorems.certify` can answer PROVED at widths that fit in memory.
Antisymmetrical starts: Y. Zhang, Z.-Q. J. Xu, T. Luo, Z. Ma, arXiv 1905.07777; L. Chizat, E. Oyallon, F. Bach, arXiv
1812.07956 (doubling). Fixed signs: Du et al., arXiv 1810.02054.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from zeroloss.networks.feedforward import FeedForward
from zeroloss.networks.mlp import check_room, check_widths
from zeroloss.plumbing import InputError, double
from zeroloss.plumbing.numbers import real_number, whole_number


class AntisymmetricConfig(NamedTuple):
    """What describes an `AntisymmetricMLP` but for its weights, precision and seed."""

    in_size: int
    out_size: int
    widths: tuple[int, ...]
    activation: str
    weight_std: float


class AntisymmetricMLP(FeedForward):
    """`f(x) = width^{-1/2} sum_k s_k phi(w_k . h(x))`, NTK parametrization, with `f = 0` at the start.

    Hidden layers are `z = (weight_std/sqrt m) W h`, `W` standard normal, without biases; in the last of them unit `2j + 1`
    has the weights of unit `2j`. Read-out: `z = (1/sqrt m) S h`, `S` of signs +1 and -1, opposite within a pair. Train it
    with `trainable="hidden"` to keep the signs.

    Args:
        in_size, out_size: numbers in and out. Inputs of length about `sqrt(in_size)` (standardised features) give
            pre-activations of unit variance.
        width: units of each hidden layer, or one number per hidden layer; the last must be even.
        depth: hidden layers, 1 or more.
        activation: one of `zeroloss.networks.ACTIVATIONS`; a smooth one for a certificate.
        weight_std: of the hidden layers, 1 by default.
        dtype: float32 or float64.
        key: an integer seed or a JAX key.

    Raises:
        InputError: an odd last width, or no hidden layer.
    """

    config: AntisymmetricConfig = eqx.field(static=True)

    def __init__(
        self,
        in_size: int,
        out_size: int,
        width: int | Sequence[int] = 4096,
        depth: int | None = None,
        activation: str = "tanh",
        weight_std: float = 1.0,
        dtype="float64",
        key=0,
    ):
        in_size, out_size = whole_number("in_size", in_size), whole_number("out_size", out_size)
        weight_std = real_number("weight_std", weight_std)
        widths = check_widths(width, depth)
        check_room((in_size, *widths, out_size), dtype)
        if not widths or widths[-1] % 2:
            raise InputError(
                f"widths {widths}, {in_size} numbers in, {out_size} out: an antisymmetric network needs at least one "
                "hidden layer, and an even number of units in the last."
            )
        self.config = AntisymmetricConfig(in_size, out_size, widths, activation, weight_std)
        key = jax.random.PRNGKey(key) if isinstance(key, int) else key
        weights, sizes = [], (int(in_size), *widths)
        with double():  # float64 weights stay float64; the draws are float32, so that both precisions start alike
            for layer, (m, big) in enumerate(itertools.pairwise(sizes)):
                key, draw = jax.random.split(key)
                last = layer == len(widths) - 1
                w = jax.random.normal(draw, (big // 2 if last else big, m), jnp.float32)
                weights.append((jnp.repeat(w, 2, axis=0) if last else w).astype(dtype))
            signs = jax.random.rademacher(key, (int(out_size), widths[-1] // 2), jnp.float32)
            weights.append(jnp.stack([signs, -signs], axis=-1).reshape(int(out_size), -1).astype(dtype))
        scales = [float(weight_std) / math.sqrt(m) for m in sizes[:-1]] + [1 / math.sqrt(widths[-1])]
        super().__init__(weights, [None] * len(weights), (activation,) * len(widths), scales)

    def restarted(self, key) -> AntisymmetricMLP:
        """A network of the same kind with new random weights."""
        c = self.config
        return AntisymmetricMLP(c.in_size, c.out_size, c.widths, None, c.activation, c.weight_std, self.dtype, key)
