"""The networks whose tangent kernels are timed: one set of weights, one function in JAX and one in PyTorch.

Nothing here needs zeroloss, so that every contender's own process (neural-tangents has its own environment) can read it.
A function takes a dictionary of weights and a batch `(n, ...)`, and answers `(n, c)`.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

HEADS = 4
IMAGE = 28
TOKENS = 32
LAYERS = 2


@dataclasses.dataclass(frozen=True)
class Problem:
    """One kernel `(n, n, outputs, outputs)`.

    Attributes:
        kind: "mlp": 784, `width`, `width`, `width`, outputs, relu. "cnn": three 3x3 convolutions with 32, 64 and 64
            channels on 28x28 images, relu, 2x2 average pooling after the first two, a dense head. "encoder": two
            pre-norm attention layers with 4 heads on 32 tokens of size `width`, a mean over the tokens, a dense head.
        n: examples.
    """

    kind: str
    n: int
    outputs: int = 1
    width: int = 512
    precision: str = "float32"

    @property
    def name(self) -> str:
        size = {"mlp": f"MLP width {self.width}", "cnn": "CNN 32-64-64", "encoder": f"encoder of size {self.width}"}
        return f"{size[self.kind]}, n = {self.n}, outputs {self.outputs}, {self.precision}"


def make(problem: Problem) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Weights by name (normal, variance 2/fan-in before a relu) and inputs, from a fixed seed.

    The examples are those of half as many again whose pre-activations stay furthest from the kink of the relu: a unit that
    rounding switches on in one program and not in the other changes the kernel by a thousandth, without any error.
    """
    rng = np.random.default_rng(0)
    weights: dict[str, np.ndarray] = {}

    def dense(name: str, *shape: int, gain: float = 1.0) -> None:
        fan_in = math.prod(shape[1:])
        weights[f"{name}.w"] = rng.standard_normal(shape) * math.sqrt(gain / fan_in)
        weights[f"{name}.b"] = 0.1 * rng.standard_normal(shape[0])

    c, d = problem.outputs, problem.width
    if problem.kind == "mlp":
        sizes = [IMAGE * IMAGE, d, d, d, c]
        for i in range(4):
            dense(f"layer{i}", sizes[i + 1], sizes[i], gain=2.0)
        shape: tuple[int, ...] = (IMAGE * IMAGE,)
    elif problem.kind == "cnn":
        for i, (out, into) in enumerate(((32, 1), (64, 32), (64, 64))):
            dense(f"conv{i}", out, into, 3, 3, gain=2.0)
        dense("head", c, 64 * (IMAGE // 4) ** 2)
        shape = (1, IMAGE, IMAGE)
    else:
        for i in range(LAYERS):
            for part in ("q", "k", "v", "o"):
                dense(f"{i}.{part}", d, d)
            dense(f"{i}.up", 4 * d, d, gain=2.0)
            dense(f"{i}.down", d, 4 * d)
            for norm in ("norm1", "norm2"):
                weights[f"{i}.{norm}.w"] = 1 + 0.1 * rng.standard_normal(d)
                weights[f"{i}.{norm}.b"] = 0.1 * rng.standard_normal(d)
        dense("head", c, d)
        shape = (TOKENS, d)
    x = rng.standard_normal((problem.n + problem.n // 2, *shape))
    kept = np.sort(np.argsort(-_margins(problem.kind, weights, x))[: problem.n])
    return {k: v.astype(problem.precision) for k, v in weights.items()}, x[kept].astype(problem.precision)


def _margins(kind: str, weights: dict, x: np.ndarray) -> np.ndarray:
    """The smallest size of a pre-activation of each example, in float32."""
    import jax
    import jax.numpy as jnp

    def relu(z):
        smallest.append(jnp.abs(z).reshape(len(z), -1).min(1))
        return jnp.maximum(z, 0)

    @jax.jit
    def margins(w, batch):
        smallest.clear()
        jax_function(kind, relu)(w, batch)
        return jnp.stack(smallest).min(0)

    smallest: list = []
    single = {k: np.asarray(v, np.float32) for k, v in weights.items()}
    blocks = np.array_split(np.asarray(x, np.float32), 1 + len(x) // 100)
    return np.concatenate([np.asarray(margins(single, block)) for block in blocks])


def activation_bytes(problem: Problem) -> int:
    """Bytes of every layer's result, once for all examples (the inputs not counted)."""
    d = problem.width
    if problem.kind == "mlp":
        count = 3 * d
    elif problem.kind == "cnn":
        count = 32 * IMAGE**2 + 64 * (IMAGE // 2) ** 2 + 64 * (IMAGE // 4) ** 2
    else:
        count = LAYERS * (TOKENS * (2 * d + 4 * d + 4 * d + d) + HEADS * TOKENS**2)  # norms; q k v o; up; down; scores
    return problem.n * (count + problem.outputs) * np.dtype(problem.precision).itemsize


def kernel_bytes(problem: Problem) -> int:
    return (problem.n * problem.outputs) ** 2 * np.dtype(problem.precision).itemsize


def mlp_flops(problem: Problem) -> float:
    """Operations of the layerwise identity on the MLP: forwards, backwards to every layer, two Gram matrices a layer.

    The symmetry of a Gram matrix is not used in the count.
    """
    n, c, d = problem.n, problem.outputs, problem.width
    sizes = [IMAGE * IMAGE, d, d, d, c]
    weights = [sizes[i] * sizes[i + 1] for i in range(4)]
    forwards, backwards = 2.0 * n * sum(weights), 2.0 * n * c * sum(weights[1:])
    inputs, cotangents = sum(sizes[:-1]), sum(sizes[1:-1]) * c**2
    return forwards + backwards + 2.0 * n * n * (inputs + cotangents)


def jax_function(kind: str, relu=None):
    """`f(weights, batch)` in JAX."""
    import jax
    import jax.numpy as jnp

    relu = relu or jax.nn.relu

    def dense(w, name, h):
        return h @ w[f"{name}.w"].T + w[f"{name}.b"]

    def mlp(w, x):
        h = x
        for i in range(3):
            h = relu(dense(w, f"layer{i}", h))
        return dense(w, "layer3", h)

    def cnn(w, x):
        h = x
        for i in range(3):
            h = jax.lax.conv_general_dilated(
                h, w[f"conv{i}.w"], (1, 1), "SAME", dimension_numbers=("NCHW", "OIHW", "NCHW")
            )
            h = relu(h + w[f"conv{i}.b"][:, None, None])
            if i < 2:
                n, c, rows, columns = h.shape
                h = h.reshape(n, c, rows // 2, 2, columns // 2, 2).mean((3, 5))
        return dense(w, "head", h.reshape(len(h), -1))

    def norm(w, name, h):
        h = h - h.mean(-1, keepdims=True)
        return h * jax.lax.rsqrt((h**2).mean(-1, keepdims=True) + 1e-5) * w[f"{name}.w"] + w[f"{name}.b"]

    def encoder(w, x):
        n, t, d = x.shape
        h = x
        for i in range(LAYERS):
            z = norm(w, f"{i}.norm1", h)
            q, k, v = (dense(w, f"{i}.{part}", z).reshape(n, t, HEADS, d // HEADS) for part in "qkv")
            scores = jnp.einsum("nihd,njhd->nhij", q, k) / math.sqrt(d // HEADS)
            mixed = jnp.einsum("nhij,njhd->nihd", jax.nn.softmax(scores, -1), v).reshape(n, t, d)
            h = h + dense(w, f"{i}.o", mixed)
            z = relu(dense(w, f"{i}.up", norm(w, f"{i}.norm2", h)))
            h = h + dense(w, f"{i}.down", z)
        return dense(w, "head", h.mean(1))

    return {"mlp": mlp, "cnn": cnn, "encoder": encoder}[kind]


def torch_function(kind: str):
    """`f(weights, batch)` in PyTorch."""
    import torch
    import torch.nn.functional as F  # noqa: N812

    def dense(w, name, h):
        return F.linear(h, w[f"{name}.w"], w[f"{name}.b"])

    def mlp(w, x):
        h = x
        for i in range(3):
            h = F.relu(dense(w, f"layer{i}", h))
        return dense(w, "layer3", h)

    def cnn(w, x):
        h = x
        for i in range(3):
            h = F.relu(F.conv2d(h, w[f"conv{i}.w"], w[f"conv{i}.b"], padding=1))
            h = F.avg_pool2d(h, 2) if i < 2 else h
        return dense(w, "head", h.flatten(1))

    def norm(w, name, h):
        return F.layer_norm(h, h.shape[-1:], w[f"{name}.w"], w[f"{name}.b"], 1e-5)

    def encoder(w, x):
        n, t, d = x.shape
        h = x
        for i in range(LAYERS):
            z = norm(w, f"{i}.norm1", h)
            q, k, v = (dense(w, f"{i}.{part}", z).reshape(n, t, HEADS, d // HEADS).transpose(1, 2) for part in "qkv")
            # Written out: the fused attention has no rule for vmap.
            shares = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(d // HEADS), -1)
            h = h + dense(w, f"{i}.o", (shares @ v).transpose(1, 2).reshape(n, t, d))
            z = F.relu(dense(w, f"{i}.up", norm(w, f"{i}.norm2", h)))
            h = h + dense(w, f"{i}.down", z)
        return dense(w, "head", h.mean(1))

    return {"mlp": mlp, "cnn": cnn, "encoder": encoder}[kind]
