"""The squasher network: many small fully connected networks side by side under one linear read-out.

    f(x) = sum_{k=1}^{K} c_k h_k^{(L)}(x),
    h_k^{(1)} = phi(W_k^{(1)} x + b_k^{(1)}),   h_k^{(l)} = phi(W_k^{(l)} h_k^{(l-1)} + b_k^{(l)})  (l = 2..L),

`r` units in each hidden layer of a network but the last, which has the one unit that the read-out reads; the read-out has no
bias and starts at 0, so that f is 0 before the first step. `phi` is the logistic squasher `1/(1 + e^-z)`, or another.

Standing: paper (the topology, the squasher, all weights trained by gradient descent); recalled (the single last unit, the
read-out at 0 without bias, the constants of the preset "theory").
Source: M. Kohler, A. Krzyzak, Over-parametrized deep neural networks minimizing the empirical risk do not generalize well,
Bernoulli 27(4) (2021) 2564-2597, arXiv 1912.03925.

Inner layers are sums over a short axis rather than batched matrix products of r x r, which XLA runs slowly on a CPU.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from zeroloss.networks.activations import activation
from zeroloss.networks.feedforward import FeedForward, _check_scope
from zeroloss.plumbing import InputError, double
from zeroloss.plumbing.numbers import real_number, whole_number


@dataclasses.dataclass(frozen=True)
class Preset:
    """Where the inner weights start.

    Attributes:
        first: scale of the first layer's weights, for inputs in the unit cube.
        inner: scale of the weights of the layers after it.
        placed: False: weights and biases uniform on `[-scale, scale]`. True: the first weights are a direction (uniform
            on the sphere) times `first`, the bias puts the unit's middle at a uniform point of the unit cube; later weights
            are uniform on `[-inner, inner]`, the bias puts the middle at where all units of the layer before are at
            theirs (1/2 for the logistic squasher).
    """

    first: float
    inner: float
    placed: bool


PRESETS = ("theory", "localised", "smooth")
SLOPE, SMOOTH_SLOPE, INNER, SMOOTH_INNER = 8.0, 6.0, 10.0, 4.0


def preset_of(name: str, n: int, d: int, tau: float | None = None) -> Preset:
    """The scales of a named preset, for `n` examples in `d` dimensions.

    - `"theory"`: first layer uniform on `+-8 d (log n)^2 n^tau`, later layers on `+-20 d (log n)^2`; `tau = 1/(d + 1)` by
      default. Recalled (from a sequel of 2022).
    - `"localised"`: first weights of length `8 n^(1/d)`, so that a unit turns within half the distance of neighbouring
      examples; later weights uniform on `+-10`. Ours: made for interpolation, and far smaller than "theory" for large n.
    - `"smooth"`: first weights of length 6 whatever n; later weights uniform on `+-4`. Ours: made for smoothing.

    Raises:
        InputError: an unknown name, fewer than two examples for a preset that depends on n.
    """
    if name not in PRESETS:
        raise InputError(f"there is no preset {name!r}; choose one of {', '.join(PRESETS)}.")
    if n < 1:
        raise InputError(f"n={n}: presets need the number of examples, 1 or more.")
    if name == "theory":
        logs = math.log(max(n, 2)) ** 2
        return Preset(8 * d * logs * n ** (1 / (d + 1) if tau is None else tau), 20 * d * logs, False)
    if name == "localised":
        return Preset(SLOPE * n ** (1 / d), INNER, True)
    return Preset(SMOOTH_SLOPE, SMOOTH_INNER, True)


class SquasherConfig(NamedTuple):
    """What describes a `SquasherNetwork` but for its weights, precision and seed; the fields are those of its constructor."""

    in_size: int
    out_size: int
    networks: int
    depth: int
    width: int
    activation: str
    preset: str
    examples: int
    tau: float | None


class SquasherNetwork(eqx.Module):
    """`K` networks of depth `L` and width `r` in parallel, called on one example: `(in_size,) -> (out_size,)`.

    Args:
        in_size, out_size: numbers in and out; each output has a read-out of its own over the same networks.
        networks: `K`.
        depth: `L`, hidden layers, 1 or more.
        width: `r`, units of the hidden layers before the last; counts only if `depth` is 2 or more.
        activation: "sigmoid" (the logistic squasher) or another of `zeroloss.networks.ACTIVATIONS`.
        preset: where the inner weights start; see `preset_of`.
        examples: `n`, the size of the sample, on which presets depend.
        tau: of the preset "theory".
        dtype: float32 or float64.
        key: an integer seed or a JAX key.

    Raises:
        InputError: sizes below 1, an unknown activation or preset.
    """

    weights: tuple
    biases: tuple
    readout: Any
    config: SquasherConfig = eqx.field(static=True)

    def __init__(
        self,
        in_size: int,
        out_size: int = 1,
        networks: int = 256,
        depth: int = 2,
        width: int = 5,
        activation: str = "sigmoid",
        preset: str = "localised",
        examples: int = 100,
        tau: float | None = None,
        dtype="float32",
        key=0,
    ):
        sizes = {"in_size": in_size, "out_size": out_size, "networks": networks, "depth": depth, "width": width}
        sizes = {name: whole_number(name, size) for name, size in sizes.items()}
        examples = whole_number("examples", examples)
        tau = None if tau is None else real_number("tau", tau, closed=True)
        middle = _middle(activation)
        scales = preset_of(preset, examples, in_size, tau)
        self.config = SquasherConfig(**sizes, activation=activation, preset=preset, examples=examples, tau=tau)
        units = [int(width)] * (int(depth) - 1) + [1]
        key = jax.random.PRNGKey(key) if isinstance(key, int | np.integer) else key
        weights, biases, before = [], [], int(in_size)
        with double():  # float64 weights stay float64; the draws are float32, so that both precisions start alike
            for layer, r in enumerate(units):
                key, draw = jax.random.split(key)
                w, b = _drawn(draw, (int(networks), r, before), scales, layer == 0, middle)
                weights.append(w.astype(dtype))
                biases.append(b.astype(dtype))
                before = r
            self.readout = jnp.zeros((int(out_size), int(networks)), dtype)
        self.weights, self.biases = tuple(weights), tuple(biases)

    @property
    def in_size(self) -> int:
        return self.config.in_size

    @property
    def out_size(self) -> int:
        return self.config.out_size

    @property
    def networks(self) -> int:
        """`K`."""
        return self.config.networks

    @property
    def depth(self) -> int:
        return self.config.depth

    @property
    def dtype(self):
        return self.readout.dtype

    def restarted(self, key) -> SquasherNetwork:
        """A network of the same kind at another random start."""
        return SquasherNetwork.of(self.config, self.dtype, key)

    @classmethod
    def of(cls, config: SquasherConfig, dtype: Any, key: Any = 0) -> SquasherNetwork:
        """The network of this configuration at the start that `key` draws."""
        return cls(*config, dtype, key)

    def features(self, x):
        """What the read-out reads, `h^{(L)}(x)` `(K,)` of one example."""
        phi = activation(self.config.activation)
        w, b = self.weights[0], self.biases[0]
        h = phi((x @ w.reshape(-1, w.shape[-1]).T).reshape(b.shape) + b)
        for w, b in zip(self.weights[1:], self.biases[1:], strict=True):
            h = phi((w * h[:, None, :]).sum(axis=-1) + b)
        return h[:, 0]

    def __call__(self, x):
        _check_scope(self.dtype)
        return self.features(x) @ self.readout.T

    def with_readout(self, readout: Any) -> SquasherNetwork:
        """The same inner weights under another read-out, `(out_size, K)`."""
        with double():
            value = jnp.asarray(np.asarray(readout), self.dtype).reshape(self.readout.shape)
            return eqx.tree_at(lambda network: network.readout, self, value)

    def as_feedforward(self) -> FeedForward:
        """The same function as one fully connected network, whose inner matrices are block-diagonal.

        The blocks' zeros are exact, so the function is the same at the same weights; a matrix has `(K r)^2` entries. As
        a `FeedForward` it can be saved and proved (its read-out alone: descent on it must not fill the zeros).
        """
        with double():
            weights = [jnp.asarray(_blocks(np.asarray(w), layer == 0)) for layer, w in enumerate(self.weights)]
            biases = [b.reshape(-1) for b in self.biases]
            return FeedForward([*weights, self.readout], [*biases, None], (self.config.activation,) * self.depth)

    def named_mask(self, names: list[str]) -> Any:
        """Which leaves the names "readout" and "hidden" mean, as a pytree of booleans."""
        unknown = [name for name in names if name not in ("readout", "hidden")]
        if unknown:
            raise InputError(f"trainable={unknown[0]!r} is not a part of this network; choose among readout, hidden.")
        hidden = jax.tree.map(lambda _: "hidden" in names, self)
        return eqx.tree_at(lambda network: network.readout, hidden, "readout" in names)


def _drawn(key: Any, shape: tuple[int, int, int], scales: Preset, first: bool, middle: float) -> tuple[Any, Any]:
    """Weights `(K, r, m)` and biases `(K, r)` of a layer, in float32."""
    key_w, key_b = jax.random.split(key)
    scale = scales.first if first else scales.inner
    if not scales.placed:
        w = jax.random.uniform(key_w, shape, jnp.float32, -scale, scale)
        return w, jax.random.uniform(key_b, shape[:2], jnp.float32, -scale, scale)
    if not first:
        w = jax.random.uniform(key_w, shape, jnp.float32, -scale, scale)
        return w, -middle * w.sum(axis=-1)
    w = jax.random.normal(key_w, shape, jnp.float32)
    w = scale * w / jnp.linalg.norm(w, axis=-1, keepdims=True)
    return w, -(w * jax.random.uniform(key_b, shape, jnp.float32)).sum(axis=-1)


def _middle(name: str) -> float:
    """`phi(0)`: the output of a unit at its middle."""
    with double(), jax.ensure_compile_time_eval():  # also where only shapes are evaluated
        return float(activation(name)(jnp.zeros((), jnp.float64)))


def _blocks(w: np.ndarray, first: bool) -> np.ndarray:
    """`(K, r, m)` as one matrix: stacked for the first layer, block-diagonal `(K r, K m)` for the others."""
    k, r, m = w.shape
    if first:
        return w.reshape(k * r, m)
    matrix = np.zeros((k, r, k, m), w.dtype)
    matrix[np.arange(k), :, np.arange(k), :] = w
    return matrix.reshape(k * r, k * m)


def theory_steps(networks: int, examples: int, depth: int) -> float:
    """`t_n = K^1.5 (log n)^(6 L + 2)`, the order of the number of steps of size `1/t_n` that the theory requires.

    Recalled (from a sequel of 2022); its cost is computed, and it is never run: 2e9 `K^1.5` steps at n = 100, L = 2.
    """
    return float(networks) ** 1.5 * math.log(examples) ** (6 * depth + 2)
