"""The precision a network computes in, and JAX's scope for it."""

from __future__ import annotations

import contextlib
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from zeroloss.plumbing import double


def is_double(network: Any) -> bool:
    """Whether any parameter of the network is float64."""
    leaves = [leaf for leaf in jax.tree.leaves(network) if eqx.is_inexact_array(leaf)]
    return any(jnp.finfo(leaf.dtype).bits == 64 for leaf in leaves)  # of complex numbers, the parts


def precision(network: Any) -> contextlib.AbstractContextManager:
    """The scope in which a network computes: `double()` for a float64 one."""
    return double() if is_double(network) else contextlib.nullcontext()
