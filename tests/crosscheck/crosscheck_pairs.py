"""The same network twice: a PyTorch module, and an Equinox network with its weights, both in float64."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import torch

from zeroloss.networks import FeedForward, wrap
from zeroloss.plumbing import double

KEY = jax.random.PRNGKey(0)
POINTS = (4, 3)
OUTPUTS = 3


@dataclasses.dataclass
class Pair:
    """`module` on a batch is `network` on each example of it.

    Attributes:
        x1, x2: two sets of points, of different sizes.
        frozen: names of the module's parameters that the network does not have.
    """

    module: torch.nn.Module
    network: Any
    x1: np.ndarray
    x2: np.ndarray
    frozen: tuple[str, ...] = ()


def points(*shape: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return tuple(rng.standard_normal((n, *shape)) for n in POINTS)


def array(tensor: torch.Tensor) -> jax.Array:
    with double():
        return jnp.asarray(tensor.detach().numpy().copy())


def put(network: Any, **weights: Any) -> Any:
    """`network` with the named attributes replaced by the module's tensors, in the attribute's own shape."""
    for name, tensor in weights.items():
        shape = getattr(network, name).shape
        value = array(tensor).reshape(shape)
        network = eqx.tree_at(lambda n, name=name: getattr(n, name), network, value)
    return network


def linear(module: torch.nn.Linear) -> eqx.nn.Linear:
    made = eqx.nn.Linear(module.in_features, module.out_features, module.bias is not None, key=KEY)
    weights = {"weight": module.weight} | ({"bias": module.bias} if module.bias is not None else {})
    return put(made, **weights)


def conv(module: torch.nn.Conv2d) -> eqx.nn.Conv2d:
    made = eqx.nn.Conv2d(
        module.in_channels,
        module.out_channels,
        module.kernel_size,
        module.stride,
        module.padding,
        module.dilation,
        module.groups,
        key=KEY,
    )
    return put(made, weight=module.weight, bias=module.bias)


def norm(module: torch.nn.GroupNorm | torch.nn.LayerNorm) -> Any:
    if isinstance(module, torch.nn.GroupNorm):
        made: Any = eqx.nn.GroupNorm(module.num_groups, module.num_channels, eps=module.eps)
    else:
        made = eqx.nn.LayerNorm(module.normalized_shape, eps=module.eps)
    return put(made, weight=module.weight, bias=module.bias)


def shaken(module: torch.nn.Module) -> torch.nn.Module:
    """The module with random scales and shifts in its norms, which start as ones and zeros."""
    for part in module.modules():
        if isinstance(part, torch.nn.GroupNorm | torch.nn.LayerNorm):
            torch.nn.init.normal_(part.weight)
            torch.nn.init.normal_(part.bias)
    return module


def mlp() -> Pair:
    module = torch.nn.Sequential(
        torch.nn.Linear(5, 8), torch.nn.Tanh(), torch.nn.Linear(8, 6), torch.nn.Tanh(), torch.nn.Linear(6, OUTPUTS)
    )
    layers = [layer for layer in module if isinstance(layer, torch.nn.Linear)]
    network = FeedForward([array(m.weight) for m in layers], [array(m.bias) for m in layers], ["tanh", "tanh"])
    return Pair(module, network, *points(5))


class Chain(eqx.Module):
    """Layers one after the other; what is no layer is a function."""

    layers: list

    def __call__(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


def cnn(groups: int = 2) -> Pair:
    """Strides, padding, dilation and groups, each different in the two directions where they may be."""
    module = torch.nn.Sequential(
        torch.nn.Conv2d(2, 4, 3, stride=(2, 1), padding=1),
        torch.nn.ReLU(),
        torch.nn.Conv2d(4, 6, (3, 2), padding=(2, 0), dilation=2, groups=groups),
        torch.nn.ReLU(),
        torch.nn.AvgPool2d(2),
        torch.nn.Flatten(),
        torch.nn.Linear(6 * 2 * 2, OUTPUTS),
    )
    network = Chain(
        [
            conv(module[0]),
            jax.nn.relu,
            conv(module[2]),
            jax.nn.relu,
            eqx.nn.AvgPool2d(2, 2),
            jnp.ravel,
            linear(module[6]),
        ]
    )
    return Pair(module, network, *points(2, 8, 7))


def ungrouped_cnn() -> Pair:
    return cnn(groups=1)


class TorchResidual(torch.nn.Module):
    """Convolutions around a sum, a group norm inside and a layer norm behind."""

    def __init__(self):
        super().__init__()
        self.first = torch.nn.Conv2d(2, 4, 3, padding=1)
        self.inner = torch.nn.Conv2d(4, 4, 3, padding=1)
        self.group = torch.nn.GroupNorm(2, 4)
        self.layer = torch.nn.LayerNorm(4)
        self.head = torch.nn.Linear(4, OUTPUTS)

    def forward(self, x):
        h = self.first(x)
        h = h + torch.relu(self.group(self.inner(h)))
        return self.head(self.layer(h.mean((2, 3))))


class Residual(eqx.Module):
    first: Any
    inner: Any
    group: Any
    layer: Any
    head: Any

    def __call__(self, x):
        h = self.first(x)
        h = h + jax.nn.relu(self.group(self.inner(h)))
        return self.head(self.layer(h.mean((1, 2))))


def residual() -> Pair:
    module = shaken(TorchResidual())
    network = Residual(
        conv(module.first), conv(module.inner), norm(module.group), norm(module.layer), linear(module.head)
    )
    return Pair(module, network, *points(2, 5, 5))


class TorchEncoder(torch.nn.Module):
    """One pre-norm encoder layer of PyTorch, the mean over the tokens, a head."""

    def __init__(self, tokens: int, size: int, heads: int):
        super().__init__()
        self.position = torch.nn.Parameter(torch.randn(tokens, size))
        self.block = torch.nn.TransformerEncoderLayer(
            size, heads, 2 * size, dropout=0.0, batch_first=True, norm_first=True
        )
        self.head = torch.nn.Linear(size, OUTPUTS)

    def forward(self, x):
        return self.head(self.block(x + self.position).mean(1))


class Encoder(eqx.Module):
    position: Any
    attention: Any
    norms: list
    up: Any
    down: Any
    head: Any

    def __call__(self, x):
        x = x + self.position
        h = jax.vmap(self.norms[0])(x)
        x = x + self.attention(h, h, h)
        h = jax.vmap(self.norms[1])(x)
        x = x + jax.vmap(self.down)(jax.nn.relu(jax.vmap(self.up)(h)))
        return self.head(x.mean(0))


def attention() -> Pair:
    tokens, size, heads = 5, 8, 2
    module = shaken(TorchEncoder(tokens, size, heads))
    block = module.block
    made = eqx.nn.MultiheadAttention(
        heads,
        size,
        use_query_bias=True,
        use_key_bias=True,
        use_value_bias=True,
        use_output_bias=True,
        key=KEY,
    )
    projections = zip(block.self_attn.in_proj_weight.chunk(3), block.self_attn.in_proj_bias.chunk(3), strict=True)
    parts = [put(made.query_proj, weight=weight, bias=bias) for weight, bias in projections]
    made = eqx.tree_at(
        lambda m: (m.query_proj, m.key_proj, m.value_proj, m.output_proj),
        made,
        (*parts, linear(block.self_attn.out_proj)),
    )
    network = Encoder(
        array(module.position),
        made,
        [norm(block.norm1), norm(block.norm2)],
        linear(block.linear1),
        linear(block.linear2),
        linear(module.head),
    )
    return Pair(module, network, *points(tokens, size))


class TorchEmbedding(torch.nn.Module):
    """Tokens that repeat, positions, the mean, a head."""

    def __init__(self):
        super().__init__()
        self.table = torch.nn.Embedding(7, 6)
        self.position = torch.nn.Parameter(torch.randn(5, 6))
        self.head = torch.nn.Linear(6, OUTPUTS)

    def forward(self, x):
        return self.head(torch.tanh(self.table(x) + self.position).mean(1))


class Embedding(eqx.Module):
    table: Any
    position: Any
    head: Any

    def __call__(self, x):
        return self.head(jnp.tanh(jax.vmap(self.table)(x) + self.position).mean(0))


def embedding() -> Pair:
    module = TorchEmbedding()
    table = put(eqx.nn.Embedding(7, 6, key=KEY), weight=module.table.weight)
    rng = np.random.default_rng(0)
    tokens = [rng.integers(0, 7, (n, 5)) for n in POINTS]
    return Pair(module, Embedding(table, array(module.position), linear(module.head)), *tokens)


class TorchTied(torch.nn.Module):
    """`W^T tanh(W x + b) + c`: the weight is used twice, the second time transposed."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.randn(3, 5))
        self.inner = torch.nn.Parameter(torch.randn(3))
        self.outer = torch.nn.Parameter(torch.randn(5))

    def forward(self, x):
        return torch.tanh(x @ self.weight.T + self.inner) @ self.weight + self.outer


def tied() -> Pair:
    module = TorchTied()
    weights = {name: array(parameter) for name, parameter in module.named_parameters()}

    def function(p, batch):
        return jnp.tanh(batch @ p["weight"].T + p["inner"]) @ p["weight"] + p["outer"]

    return Pair(module, wrap(function, weights), *points(5))


class TorchLSTM(torch.nn.Module):
    """PyTorch's cell, step by step (`vmap` of its `nn.LSTM` ends in an error about shapes)."""

    def __init__(self):
        super().__init__()
        self.cell = torch.nn.LSTMCell(3, 4)
        self.head = torch.nn.Linear(4, OUTPUTS)

    def forward(self, x):
        h = c = x.new_zeros(len(x), 4)
        for step in range(x.shape[1]):
            h, c = self.cell(x[:, step], (h, c))
        return self.head(h)


class LSTM(eqx.Module):
    cell: Any
    head: Any

    def __call__(self, x):
        start = jnp.zeros(4, x.dtype)
        (h, _), _ = jax.lax.scan(lambda state, step: (self.cell(step, state), None), (start, start), x)
        return self.head(h)


def lstm() -> Pair:
    module = TorchLSTM()
    cell = module.cell
    made = put(
        eqx.nn.LSTMCell(3, 4, key=KEY),
        weight_ih=cell.weight_ih,
        weight_hh=cell.weight_hh,
        bias=cell.bias_ih + cell.bias_hh,
    )
    # Equinox has the sum of PyTorch's two biases as its one bias: only one of the two may count.
    return Pair(module, LSTM(made, linear(module.head)), *points(6, 3), frozen=("cell.bias_hh",))


ARCHITECTURES = (mlp, cnn, ungrouped_cnn, residual, attention, embedding, tied, lstm)
MAKERS = {maker.__name__: maker for maker in ARCHITECTURES}


@contextlib.contextmanager
def torch_double() -> Iterator[None]:
    """New tensors of PyTorch are float64 inside the scope."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def pair(name: str) -> Pair:
    """The pair of that name in float64, with the same weights each time."""
    with torch_double(), torch.random.fork_rng():
        torch.manual_seed(0)
        return MAKERS[name]()


def torch_kernel(pair: Pair, frozen: tuple[str, ...] = ()) -> np.ndarray:
    """`(n1, n2, c, c)` by `torch.func`: the Jacobians of both sets of points, contracted over every parameter."""
    held = {*pair.frozen, *frozen}
    parameters = {name: p.detach() for name, p in pair.module.named_parameters()}
    moved = {name: p for name, p in parameters.items() if name not in held}
    fixed = {name: p for name, p in parameters.items() if name in held}

    def function(weights, x):
        return torch.func.functional_call(pair.module, weights | fixed, (x[None],))[0]

    def jacobian(x):
        return torch.func.vmap(torch.func.jacrev(function), (None, 0))(moved, torch.from_numpy(x))

    # PyTorch's fused attention has no rule for vmap.
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        first, second = jacobian(pair.x1), jacobian(pair.x2)
    return sum(torch.einsum("iap,jbp->ijab", first[k].flatten(2), second[k].flatten(2)).numpy() for k in moved)
