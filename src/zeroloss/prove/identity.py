"""The weights a proof is about: their hash, their norm, and distances between them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from zeroloss.plumbing.digest import digest_of_arrays
from zeroloss.verified.directed import norm_upper


def weights_hash(network: Any) -> str:
    """SHA-256 of all weights as float64, in the order of the leaves."""
    return digest_of_arrays(leaves(network))


def leaves(network: Any) -> list[Any]:
    """The floating arrays of a network."""
    import equinox as eqx
    import jax

    return [leaf for leaf in jax.tree.leaves(network) if eqx.is_inexact_array(leaf)]


def norm(network: Any) -> float:
    """Euclidean norm of all weights, rounded up."""
    return math.hypot(*(norm_upper(leaf) for leaf in leaves(network)))


def distance(first: Any, second: Any) -> float:
    """Euclidean distance of two networks' weights, rounded up."""
    gaps = (
        np.asarray(a, np.float64) - np.asarray(b, np.float64)
        for a, b in zip(leaves(first), leaves(second), strict=True)
    )
    return math.hypot(*map(norm_upper, gaps))
