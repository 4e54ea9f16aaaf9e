"""Layer, group, instance and (evaluation mode) batch normalisation.

Statistics are of one example, or stored: normalising over the batch is no function of one example.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from zeroloss.networks.pytorch.operators.table import operator


def _normalised(x, axes, eps):
    mean = jnp.mean(x, axis=axes, keepdims=True)
    centred = x - mean
    rstd = jax.lax.rsqrt(jnp.mean(centred * centred, axis=axes, keepdims=True) + eps)
    return centred * rstd, mean, rstd


def _affine(x, weight, bias, shape):
    x = x if weight is None else x * weight.reshape(shape)
    return x if bias is None else x + bias.reshape(shape)


@operator("native_layer_norm.default")
def _native_layer_norm(x, normalized_shape, weight, bias, eps):
    axes = tuple(range(x.ndim - len(normalized_shape), x.ndim))
    out, mean, rstd = _normalised(x, axes, eps)
    return _affine(out, weight, bias, tuple(normalized_shape)), mean, rstd


@operator("layer_norm.default")
def _layer_norm(x, normalized_shape, weight=None, bias=None, eps=1e-5, cudnn_enable=True):
    return _native_layer_norm(x, normalized_shape, weight, bias, eps)[0]


@operator("_fused_rms_norm.default", "rms_norm.default")
def _rms_norm(x, normalized_shape, weight=None, eps=None):
    axes = tuple(range(x.ndim - len(normalized_shape), x.ndim))
    eps = jnp.finfo(x.dtype).eps if eps is None else eps
    out = x * jax.lax.rsqrt(jnp.mean(x * x, axis=axes, keepdims=True) + eps)
    return _affine(out, weight, None, tuple(normalized_shape))


@operator("native_group_norm.default")
def _native_group_norm(x, weight, bias, n, channels, positions, groups, eps):
    out, mean, rstd = _normalised(x.reshape(n, groups, -1), (2,), eps)
    shape = (1, channels, *(1,) * (x.ndim - 2))
    return _affine(out.reshape(x.shape), weight, bias, shape), mean.reshape(n, groups), rstd.reshape(n, groups)


@operator("group_norm.default")
def _group_norm(x, groups, weight=None, bias=None, eps=1e-5, cudnn_enabled=True):
    n, channels, *rest = x.shape
    return _native_group_norm(x, weight, bias, n, channels, math.prod(rest), groups, eps)[0]


@operator("_native_batch_norm_legit_no_training.default")
def _batch_norm(x, weight, bias, mean, variance, momentum, eps):
    shape = (1, -1, *(1,) * (x.ndim - 2))
    out = (x - mean.reshape(shape)) * jax.lax.rsqrt(variance.reshape(shape) + eps)
    return _affine(out, weight, bias, shape), mean, variance


@operator("batch_norm.default")
def _batch_norm_plain(x, weight, bias, mean, variance, training, momentum, eps, cudnn_enabled=True):
    if training or mean is None:
        return _batch_norm_own(x, weight, bias, training, momentum, eps)[0]
    return _batch_norm(x, weight, bias, mean, variance, momentum, eps)[0]


@operator("_native_batch_norm_legit.no_stats")
def _batch_norm_own(x, weight, bias, training, momentum, eps):
    """Over the batch of one: instance normalisation is exported so. Batch statistics are found out by a comparison."""
    out, mean, rstd = _normalised(x, (0, *range(2, x.ndim)), eps)
    shape = (1, -1, *(1,) * (x.ndim - 2))
    return _affine(out, weight, bias, shape), mean.ravel(), rstd.ravel()
