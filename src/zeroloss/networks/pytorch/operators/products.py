"""Products of matrices."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from zeroloss.networks.pytorch.operators.table import operator


@operator("mm.default", "bmm.default", "mv.default", "matmul.default", "dot.default")
def _matmul(x, y):
    return x @ y


@operator("linear.default")
def _linear(x, weight, bias=None):
    z = x @ weight.T
    return z if bias is None else z + bias


@operator("addmm.default", "addmv.default", "baddbmm.default")
def _addmm(bias, x, y, beta=1, alpha=1):
    z = x @ y
    z = z if alpha == 1 else alpha * z
    return z if beta == 0 else z + (bias if beta == 1 else beta * bias)


@operator("addbmm.default")
def _addbmm(bias, x, y, beta=1, alpha=1):
    return beta * bias + alpha * jnp.sum(x @ y, axis=0)


@operator("_trilinear.default")
def _trilinear(a, b, c, expand_a, expand_b, expand_c, summed, unroll_dim=1):
    """Three tensors, each with axes of one put in, multiplied entry by entry and summed: what `nn.Bilinear` is made of."""
    factors = zip((a, b, c), (expand_a, expand_b, expand_c), strict=True)
    return jnp.sum(math.prod(jnp.expand_dims(x, tuple(axes)) for x, axes in factors), axis=tuple(summed))


@operator("outer.default")
def _outer(x, y):
    return jnp.outer(x, y)


@operator("einsum.default")
def _einsum(equation, operands, path=None):
    return jnp.einsum(equation, *operands)


@operator("scaled_dot_product_attention.default")
def _attention(q, k, v, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None, enable_gqa=False):
    if enable_gqa:
        k, v = (jnp.repeat(a, q.shape[-3] // a.shape[-3], axis=-3) for a in (k, v))
    scores = q @ jnp.swapaxes(k, -1, -2) * (1 / math.sqrt(q.shape[-1]) if scale is None else scale)
    if is_causal:
        attn_mask = jnp.tril(jnp.ones(scores.shape[-2:], bool))
    if attn_mask is not None:
        is_bool = attn_mask.dtype == jnp.bool_
        scores = jnp.where(attn_mask, scores, -math.inf) if is_bool else scores + attn_mask
    return jax.nn.softmax(scores, axis=-1) @ v


@operator("_scaled_dot_product_flash_attention_for_cpu.default")
def _attention_cpu(q, k, v, dropout_p=0.0, is_causal=False, attn_mask=None, scale=None):
    return _attention(q, k, v, attn_mask, dropout_p, is_causal, scale), None
