"""Complex numbers and Fourier transforms."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from zeroloss.networks.pytorch.operators.table import operator, table

table(
    {
        "real.default": jnp.real,
        "imag.default": jnp.imag,
        "_conj.default": jnp.conj,
        "conj_physical.default": jnp.conj,
        "_conj_physical.default": jnp.conj,
        "resolve_conj.default": lambda x: x,
        "resolve_neg.default": lambda x: x,
        "angle.default": jnp.angle,
        "complex.default": jax.lax.complex,
        "polar.default": lambda r, angle: jax.lax.complex(r * jnp.cos(angle), r * jnp.sin(angle)),
        "view_as_real.default": lambda x: jnp.stack([x.real, x.imag], -1),
        "view_as_real_copy.default": lambda x: jnp.stack([x.real, x.imag], -1),
        "view_as_complex.default": lambda x: jax.lax.complex(x[..., 0], x[..., 1]),
        "view_as_complex_copy.default": lambda x: jax.lax.complex(x[..., 0], x[..., 1]),
    }
)


def _scaled(x, count, normalization):
    """torch's numbers for the normalisation: 0 none, 1 by the root of the count, 2 by the count."""
    return x if normalization == 0 else x / (math.sqrt(count) if normalization == 1 else count)


def _transformed(x, axes, forward):
    for axis in axes:
        x = jnp.fft.fft(x, axis=axis) if forward else jnp.fft.ifft(x, axis=axis) * x.shape[axis]
    return x


@operator("_fft_c2c.default")
def _complex_transform(x, dim, normalization, forward):
    return _scaled(_transformed(x, dim, forward), math.prod(x.shape[d] for d in dim), normalization)


@operator("_fft_r2c.default")
def _real_to_complex(x, dim, normalization, onesided):
    *others, last = dim
    first = jnp.fft.rfft(x, axis=last) if onesided else jnp.fft.fft(x, axis=last)
    return _scaled(_transformed(first, others, True), math.prod(x.shape[d] for d in dim), normalization)


@operator("_fft_c2r.default")
def _complex_to_real(x, dim, normalization, last_dim_size):
    *others, last = dim
    x = _transformed(x, others, False)
    out = jnp.fft.irfft(x, n=last_dim_size, axis=last) * last_dim_size
    return _scaled(out, math.prod(out.shape[d] for d in dim), normalization)
