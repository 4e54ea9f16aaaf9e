"""A small convolutional network: convolution, max pooling, dense; by patches and one matrix product."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp

from zeroloss.plumbing import InputError
from zeroloss.plumbing.numbers import real_number, whole_number


class SmallCNN(eqx.Module):
    """Convolution, max pooling, relu and a dense read-out, on one grey image.

    With `X` the `(positions, s^2)` patches of the image (stride 1, no padding), `w_k` the filters, `P` the pools
    (`pool x pool` squares that do not overlap; rows and columns that fill no pool are left out):

        h_kp = relu(max_{q in P_p} w_k . X_q + b_k),     f(x) = V h + c.

    The bias and the relu come after the maximum, which is the same function as before it, at a fourth of the work.
    The convolution is one matrix product over patches: on a CPU the gradients of XLA's own convolution and pooling take
    five times as long (120 filters, 50 images, `batch`; a test compares the functions).

    Start: `w ~ N(0, scale^2 2/s^2)`, `V ~ N(0, 1/fan_in)`, `b = c = 0`.

    Args:
        image_shape: `(height, width)`.
        out_size: numbers out.
        filters: how many.
        size: `s`, the side of a filter.
        pool: side of a pool.
        scale: of the filters' start; 1 keeps the mean square of the signal.
        key: an integer seed or a JAX key.

    Attributes:
        filters: `(k, s^2)`; filter_biases: `(k,)`; readout: `(c, k * pools)`; readout_biases: `(c,)`. float32.

    Raises:
        InputError: sizes that leave no pool, or are below 1.

    Standing: that such a network was used, paper (Brutzkus & Globerson 1810.03037); sizes and start, ours.
    """

    filters: jax.Array
    filter_biases: jax.Array
    readout: jax.Array
    readout_biases: jax.Array
    image_shape: tuple[int, int] = eqx.field(static=True)
    size: int = eqx.field(static=True)
    pool: int = eqx.field(static=True)

    def __init__(
        self,
        image_shape: tuple[int, int],
        out_size: int,
        filters: int,
        size: int = 5,
        pool: int = 2,
        scale: float = 1.0,
        key=0,
    ):
        out_size, filters, size, pool = (
            whole_number(name, value)
            for name, value in (("out_size", out_size), ("filters", filters), ("size", size), ("pool", pool))
        )
        if not isinstance(image_shape, Sequence) or len(image_shape) != 2:
            raise InputError(f"image_shape={str(image_shape)[:40]}: give (height, width).")
        image_shape = (whole_number("image_shape", image_shape[0]), whole_number("image_shape", image_shape[1]))
        scale = real_number("scale", scale, closed=True)
        self.image_shape, self.size, self.pool = (int(image_shape[0]), int(image_shape[1])), int(size), int(pool)
        pools = math.prod(self._pools())
        if min(self._pools()) < 1:
            raise InputError(
                f"filters of side {size} and pools of {pool} leave nothing of a {image_shape[0]} x {image_shape[1]} image."
            )
        key = jax.random.key(key) if isinstance(key, int) else key
        key_w, key_v = jax.random.split(key)
        self.filters = scale * math.sqrt(2 / size**2) * jax.random.normal(key_w, (filters, size**2), jnp.float32)
        self.filter_biases = jnp.zeros(filters, jnp.float32)
        wide = filters * pools
        self.readout = jax.random.normal(key_v, (out_size, wide), jnp.float32) / math.sqrt(wide)
        self.readout_biases = jnp.zeros(out_size, jnp.float32)

    def _pools(self) -> tuple[int, int]:
        """Pools along each side."""
        height, width = self.image_shape
        return (height - self.size + 1) // self.pool, (width - self.size + 1) // self.pool

    def patches(self, x: jax.Array) -> jax.Array:
        """The patches of an image `(height, width)` or `(height * width,)`: `(pool^2, pools, s^2)`.

        The first axis runs over the places within a pool, so that pooling is a maximum over it.
        """
        x = jnp.reshape(x, self.image_shape)
        (rows, columns), step = self._pools(), self.pool

        def every(i: int, j: int) -> jax.Array:
            return x[i : i + step * (rows - 1) + 1 : step, j : j + step * (columns - 1) + 1 : step].reshape(-1)

        side = range(self.size)
        return jnp.stack(
            [
                jnp.stack([every(a + i, b + j) for i in side for j in side], axis=-1)
                for a in range(step)
                for b in range(step)
            ]
        )

    def batch(self, x: jax.Array) -> jax.Array:
        """`jax.vmap(self)` on `(n, height, width)` or `(n, height * width)`: `(n, c)`, and faster to train (three times for 120 filters).

        All patches of all images are the rows of one matrix, whose products XLA runs at full speed, forwards and backwards;
        those that `vmap` makes of one image's it does not.
        """
        patches = jax.vmap(self.patches)(x)
        n, places, pools, _ = patches.shape
        z = (patches.reshape(n * places * pools, -1) @ self.filters.T).reshape(n, places, pools, -1)
        h = jax.nn.relu(_largest([z[:, place] for place in range(places)]) + self.filter_biases)
        return h.reshape(n, -1) @ self.readout.T + self.readout_biases

    def __call__(self, x: jax.Array) -> jax.Array:
        """`(height, width)` or `(height * width,)` to `(c,)`."""
        h = jax.nn.relu(_largest(list(self.patches(x) @ self.filters.T)) + self.filter_biases)
        return self.readout @ h.reshape(-1) + self.readout_biases


def _largest(parts: list[jax.Array]) -> jax.Array:
    """The entrywise maximum, pair by pair: its gradient is a choice, that of `jnp.max` a comparison and a division."""
    return functools.reduce(jnp.maximum, parts)
