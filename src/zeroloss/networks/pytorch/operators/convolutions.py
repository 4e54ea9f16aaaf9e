"""Convolutions in one to three dimensions: strided, padded, dilated, grouped, transposed.

A convolution is computed as patches times a matrix, channels last: on a CPU the derivatives of XLA's own convolution take
four times as long as those of the product on ResNet-18, inside a loop (over blocks of examples, or over steps of training)
ten to twenty-five times, and grouped ones up to fifty times. One channel per group is a sum over the window instead. Windows of
more than `WIDEST` entries stay convolutions, as their patches would be that much larger than the input.
"""

from __future__ import annotations

import itertools
import math

import jax
import jax.numpy as jnp

from zeroloss.networks.pytorch.operators.table import operator

WIDEST = 128
_LAYOUT = {1: "NCH", 2: "NCHW", 3: "NCDHW"}
_KERNEL = {1: "OIH", 2: "OIHW", 3: "OIDHW"}


def _full(values, dims):
    values = list(values)
    return values * dims if len(values) == 1 else values


@operator("convolution.default")
def _convolution(x, weight, bias, stride, padding, dilation, transposed, output_padding, groups):
    dims = weight.ndim - 2
    stride, padding, dilation, more = (_full(v, dims) for v in (stride, padding, dilation, output_padding))
    numbers = (_LAYOUT[dims], _KERNEL[dims], _LAYOUT[dims])
    if transposed:
        z = _transposed(x, weight, stride, padding, dilation, more, groups, numbers)
    elif math.prod(weight.shape[2:]) <= WIDEST:
        z = _product(x, weight, stride, padding, dilation, groups)
    else:
        z = jax.lax.conv_general_dilated(
            x, weight, stride, [(p, p) for p in padding], rhs_dilation=dilation, dimension_numbers=numbers,
            feature_group_count=groups,
        )  # fmt: skip
    return z if bias is None else z + bias.reshape(1, -1, *(1,) * dims)


def _product(x, weight, stride, padding, dilation, groups):
    """`x` `(n, c, ...)` and `weight` `(o, c/groups, ...)`: `(n, o, ...)`."""
    out, each, *window = weight.shape
    met = _met(jnp.moveaxis(x, 1, -1), window, stride, padding, dilation)
    places = met[0].shape[:-1]
    if groups == 1:
        rows = jnp.concatenate(met, axis=-1).reshape(-1, len(met) * each)
        z = rows @ jnp.moveaxis(weight.reshape(out, each, -1), 1, 2).reshape(out, -1).T
    elif each == 1:
        times = weight.reshape(out, -1)
        z = sum(jnp.repeat(part, out // groups, axis=-1) * times[:, k] for k, part in enumerate(met))
    else:
        rows = jnp.stack(met, axis=-1).reshape(-1, groups, each, len(met))
        z = jnp.einsum("pgik,goik->pgo", rows, weight.reshape(groups, out // groups, each, -1))
    return jnp.moveaxis(z.reshape(*places, out), -1, 1)


def _met(x, window, stride, padding, dilation):
    """What each entry of the window meets of `x` `(n, ..., c)`: arrays `(n, places ..., c)`."""
    x = jnp.pad(x, ((0, 0), *((p, p) for p in padding), (0, 0)))
    axes = list(zip(x.shape[1:-1], window, stride, dilation, strict=True))
    last = [((size - d * (k - 1) - 1) // s) * s for size, k, s, d in axes]
    found = []
    for entry in itertools.product(*map(range, window)):
        first = [d * e for d, e in zip(dilation, entry, strict=True)]
        ends = [f + end + 1 for f, end in zip(first, last, strict=True)]
        found.append(jax.lax.slice(x, (0, *first, 0), (len(x), *ends, x.shape[-1]), (1, *stride, 1)))
    return found


def _transposed(x, weight, stride, padding, dilation, more, groups, numbers):
    """The transpose of the convolution with `weight` `(c_in, c_out/groups, ...)`: inputs spread by `stride`, the kernel
    turned round."""
    c_in, per_group, *window = weight.shape
    turned = jnp.flip(weight, tuple(range(2, weight.ndim)))
    turned = turned.reshape(groups, c_in // groups, per_group, *window).swapaxes(1, 2)
    turned = turned.reshape(groups * per_group, c_in // groups, *window)
    reach = [d * (k - 1) - p for d, k, p in zip(dilation, window, padding, strict=True)]
    pads = [(r, r + m) for r, m in zip(reach, more, strict=True)]
    return jax.lax.conv_general_dilated(
        x, turned, [1] * len(window), pads, lhs_dilation=stride, rhs_dilation=dilation, dimension_numbers=numbers,
        feature_group_count=groups,
    )  # fmt: skip
