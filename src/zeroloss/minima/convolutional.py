"""A convolutional network made deeper, its function kept: convolutions whose kernel is the identity, each with a relu.

    h -> R(conv(h)) = R(h) = h,     kernel[i, j, centre] = 1 if i = j else 0,     h >= 0

Standing: paper for the idea (Guan 2407.16872, Theorem 2.1), ours for convolutions.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from zeroloss.plumbing import InputError, double


def identity_convolution(channels: int, kernel_size: int = 1, dtype: Any = "float32") -> Any:
    """An `eqx.nn.Conv2d` that gives back its input `(channels, height, width)`, exactly, with biases 0.

    Args:
        channels: in and out.
        kernel_size: odd; the input is padded with zeros, which the identity never sees.
        dtype: of the kernel.
    """
    import equinox as eqx
    import jax
    import jax.numpy as jnp

    if channels < 1 or kernel_size < 1 or kernel_size % 2 == 0:
        raise InputError(f"{channels} channels, kernel {kernel_size}: give 1 channel or more and an odd kernel.")
    with double():
        layer = eqx.nn.Conv2d(
            channels, channels, kernel_size, padding=kernel_size // 2, key=jax.random.PRNGKey(0), dtype=jnp.dtype(dtype)
        )
        kernel = np.zeros((channels, channels, kernel_size, kernel_size))
        kernel[range(channels), range(channels), kernel_size // 2, kernel_size // 2] = 1
        values = (jnp.asarray(kernel, dtype), jnp.zeros((channels, 1, 1), dtype))
        return eqx.tree_at(lambda c: (c.weight, c.bias), layer, values)


def extend_convolutional(model: Any, layers: int, after: int | None = None, kernel_size: int = 1) -> Any:
    """`model` with `layers` more convolutions, each followed by a relu, and the same function, exactly.

    Args:
        model: an `eqx.nn.Sequential` with a `Conv2d` and, after it, `eqx.nn.Lambda(jax.nn.relu)`; it is not changed.
        layers: how many, 1 or more.
        after: index of the relu behind which they stand; by default the last one right behind a `Conv2d`.
        kernel_size: of the new convolutions, odd.

    Raises:
        InputError: there is no such place in the model, or no such count or kernel.
    """
    import equinox as eqx
    import jax

    if not isinstance(model, eqx.nn.Sequential):
        raise InputError(f"a {type(model).__name__} cannot be extended by convolutions; give an eqx.nn.Sequential.")
    if int(layers) != layers or layers < 1:
        raise InputError(f"layers={layers}: add a whole number of layers, 1 or more.")
    parts = list(model.layers)
    places = [
        i
        for i in range(1, len(parts))
        if isinstance(parts[i], eqx.nn.Lambda)
        and parts[i].fn is jax.nn.relu
        and isinstance(parts[i - 1], eqx.nn.Conv2d)
    ]
    if not places or (after is not None and after not in places):
        found = f"only behind layers {places}" if places else "nowhere in this model"
        raise InputError(f"convolutions that keep the function fit right behind a Conv2d and its relu: {found}.")
    place = places[-1] if after is None else after
    before = parts[place - 1]
    new = identity_convolution(before.out_channels, kernel_size, before.weight.dtype)
    added = [part for _ in range(layers) for part in (new, parts[place])]
    return eqx.nn.Sequential([*parts[: place + 1], *added, *parts[place + 1 :]])
