"""Convolutions in one to three dimensions: strided, padded, dilated, grouped, transposed."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from zeroloss.networks.pytorch.operators.table import operator

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
    else:
        z = jax.lax.conv_general_dilated(
            x, weight, stride, [(p, p) for p in padding], rhs_dilation=dilation, dimension_numbers=numbers,
            feature_group_count=groups,
        )  # fmt: skip
    return z if bias is None else z + bias.reshape(1, -1, *(1,) * dims)


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
