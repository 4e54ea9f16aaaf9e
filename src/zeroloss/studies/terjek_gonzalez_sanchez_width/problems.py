"""The problems: inputs of four kinds, targets of unit variance, and two learning problems that are no regression.

Each is a residual `F(w)` whose squared length is the loss; data go in as arguments, so that one program serves all seeds.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from zeroloss.networks import MLP, AntisymmetricMLP, trainable_mask

D, N = 64, 16
"""Numbers in (as digits have) and examples, where an experiment does not say."""
KINDS = ("gaussian", "sphere", "heavy-tailed", "digits")
TAIL = 3
"""Degrees of freedom of the heavy tails: a variance, and no fourth moment."""
PINN_D, PINN_POINTS = 5, 8
DRAWS = 32


@functools.cache
def _digits() -> np.ndarray:
    """The 1,797 images, each feature standardised (constant ones 0)."""
    from sklearn.datasets import load_digits

    x = load_digits().data
    return (x - x.mean(0)) / np.maximum(x.std(0), 1e-9)


def inputs(kind: str, n: int, key: int, d: int = D) -> np.ndarray:
    """`(n, d)`: features of mean 0 and variance 1 (sphere: rows of length `sqrt d`)."""
    rng = np.random.default_rng([key, 11])
    if kind == "digits":
        return _digits()[rng.choice(1797, n, replace=False)]
    if kind == "heavy-tailed":
        return rng.standard_t(TAIL, (n, d)) / math.sqrt(TAIL / (TAIL - 2))
    x = rng.standard_normal((n, d))
    return x * math.sqrt(d) / np.linalg.norm(x, axis=1, keepdims=True) if kind == "sphere" else x


def labels(n: int, key: int) -> np.ndarray:
    """Balanced random signs `(n, 1)`: mean 0, variance 1."""
    return np.random.default_rng([key, 12]).permutation(np.where(np.arange(n) % 2, 1.0, -1.0))[:, None]


def mlp(width: int, depth: int, key: int, parametrization: str = "ntk", d: int = D, dtype: str = "float32") -> MLP:
    """A tanh network with one answer."""
    return MLP(d, 1, width, depth, parametrization=parametrization, dtype=dtype, key=int(key))


def signs(width: int, key: int, d: int, dtype: str = "float64") -> AntisymmetricMLP:
    """One hidden layer, read-out of fixed signs, answers 0 at the start."""
    return AntisymmetricMLP(d, 1, width, 1, dtype=dtype, key=int(key))


def split(network: Any, trainable: Any = None) -> tuple[Any, Any]:
    """What moves and what does not."""
    return eqx.partition(network, trainable_mask(network, trainable))


def regression(network: Any, data: tuple[Any, ...]) -> Any:
    """`f(x_i) - y_i`."""
    x, y = data
    return (jax.vmap(network)(x) - y).ravel()


def regression_gram(network: Any, data: tuple[Any, ...], mask: tuple[bool, ...]) -> Any:
    """The tangent kernel of a network with one answer, layer by layer: `(a^2 h h^T + c^2)(g g^T)`; `mask`: layers trained."""
    x, _ = data

    def passed(x: Any, shifts: Any) -> Any:
        h, taken = x, []
        for layer in range(network.depth + 1):
            taken.append(h)
            z = network.layer(layer, h) + shifts[layer]
            h = z if layer == network.depth else jnp.tanh(z)
        return h[0], taken

    zeros = [jnp.zeros(w.shape[0], x.dtype) for w in network.weights]
    gs, hs = jax.vmap(lambda x: jax.grad(passed, argnums=1, has_aux=True)(x, zeros))(x)
    total = jnp.zeros((len(x), len(x)), x.dtype)
    for layer, (g, h) in enumerate(zip(gs, hs, strict=True)):
        if mask[layer]:
            bias = network.bias_scales[layer] if network.biases[layer] is not None else 0.0
            total = total + (network.weight_scales[layer] ** 2 * h @ h.T + bias**2) * (g @ g.T)
    return total


def physics(network: Any, data: tuple[Any, ...]) -> Any:
    """A physics-informed residual: `Laplace u(x_i) - g_i` at points inside, `u(b_i) - v_i` at points of the boundary."""
    x, g, b, v = data

    def u(x: Any) -> Any:
        return network(x)[0]

    def laplace(x: Any) -> Any:
        return jnp.trace(jax.hessian(u)(x))

    return jnp.concatenate([jax.vmap(laplace)(x) - g, jax.vmap(u)(b) - v])


def physics_data(key: int) -> tuple[np.ndarray, ...]:
    """Points in the ball of radius `sqrt d` and on its sphere, for `u = sin(x_1) x_2`: `Laplace u = -u`."""
    rng = np.random.default_rng([key, 13])
    x, b = rng.standard_normal((2, PINN_POINTS, PINN_D))
    radius = math.sqrt(PINN_D)
    b *= radius / np.linalg.norm(b, axis=1, keepdims=True)
    x *= radius * rng.uniform(0.2, 1, (PINN_POINTS, 1)) / np.linalg.norm(x, axis=1, keepdims=True)
    return x, -np.sin(x[:, 0]) * x[:, 1], b, np.sin(b[:, 0]) * b[:, 1]


def moments(network: Any, data: tuple[Any, ...]) -> Any:
    """Moment matching: the mean of `f(z) psi_k(z)` over fixed draws `z`, less its target, for each test function."""
    z, psi, wanted = data
    return psi.T @ jax.vmap(network)(z)[:, 0] / len(z) - wanted


def moments_data(key: int) -> tuple[np.ndarray, ...]:
    """Draws, the test functions `1, z_1 .. z_5`, and standard normal targets."""
    rng = np.random.default_rng([key, 14])
    z = rng.standard_normal((DRAWS, PINN_D))
    return z, np.column_stack([np.ones(DRAWS), z]), rng.standard_normal(PINN_D + 1)


def dense_gram(residual: Callable[..., Any], moved: Any, fixed: Any, data: tuple[Any, ...]) -> Any:
    """`DF DF^T` from the Jacobian itself, for residuals that are no network's answers."""
    rows = jax.jacrev(lambda w: residual(eqx.combine(w, fixed), data))(moved)
    flat = [leaf.reshape(leaf.shape[0], -1) for leaf in jax.tree.leaves(rows)]
    return jnp.asarray(sum(leaf @ leaf.T for leaf in flat))
