"""What a proof is about, to the last bit: hashes of data and weights, and distances between weights."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

import numpy as np

from zeroloss.networks.storage import parts_of
from zeroloss.verified.norms import norm_upper


def data_hash(x: np.ndarray, y: np.ndarray) -> str:
    """SHA-256 of the training inputs and targets as float64, row by row."""
    arrays = (np.ascontiguousarray(x, np.float64), np.ascontiguousarray(y, np.float64))
    return hashlib.sha256(b"".join(a.tobytes() for a in arrays)).hexdigest()


def weights_hash(network: Any) -> str:
    """SHA-256 of all weights as float64, in the order of the leaves."""
    return hashlib.sha256(b"".join(np.asarray(leaf, np.float64).tobytes() for leaf in leaves(network))).hexdigest()


def network_hash(network: Any) -> str:
    """SHA-256 of the whole network in float64: what it computes and with which numbers.

    Over the header that a file of it has (kind, activations, scales, configuration, or the program and the names of its
    parameters), as JSON with sorted keys, and over the name, dtype, shape and bytes of every array, constants too. Arrays of
    floating numbers are taken as float64, as they are judged.
    """
    header, arrays = parts_of(network)
    found = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name, array in sorted(arrays.items()):
        array = np.ascontiguousarray(array, np.float64 if array.dtype.kind == "f" else array.dtype.newbyteorder("<"))
        found.update(f"\n{name} {array.dtype.str} {array.shape}\n".encode() + array.tobytes())
    return found.hexdigest()


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
