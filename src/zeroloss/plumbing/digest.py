"""Hashes that name data and networks: of numbers as float64, and of the header and arrays of a saved network."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

import numpy as np

ROWS = 4096
"""Rows that are cast to float64 at once."""


def data_hash(x: np.ndarray, y: np.ndarray) -> str:
    """SHA-256 of the training inputs and targets as float64, row by row."""
    state = hashlib.sha256()
    for array in (x, y):
        for first in range(0, len(array), ROWS):
            state.update(np.ascontiguousarray(array[first : first + ROWS], np.float64).tobytes())
    return state.hexdigest()


def digest_of_arrays(arrays: Iterable[Any]) -> str:
    """SHA-256 of the numbers of some arrays as float64, one after the other."""
    return hashlib.sha256(b"".join(np.asarray(a, np.float64).tobytes() for a in arrays)).hexdigest()


def network_digest(header: dict[str, Any], arrays: dict[str, np.ndarray]) -> str:
    """SHA-256 of a whole network in float64: what it computes and with which numbers.

    Over the header that a file of it has (kind, activations, scales, configuration, or the program and the names of its
    parameters), as JSON with sorted keys, and over the name, dtype, shape and bytes of every array, constants too. Arrays of
    floating numbers are taken as float64, as they are judged.
    """
    found = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name, array in sorted(arrays.items()):
        array = np.ascontiguousarray(array, np.float64 if array.dtype.kind == "f" else array.dtype.newbyteorder("<"))
        found.update(f"\n{name} {array.dtype.str} {array.shape}\n".encode() + array.tobytes())
    return found.hexdigest()


def by_name(header: dict[str, Any], arrays: dict[str, np.ndarray]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The parts of a converted module with its arrays under their own names; those of another network as they are."""
    if header.get("kind") not in ("TorchNetwork", "TracedNetwork"):
        return header, arrays
    lists = {kind: header[f"{kind}s"] for kind in ("parameter", "constant")}
    named = {f"{kind} {name}": arrays[f"{kind}_{i}"] for kind, names in lists.items() for i, name in enumerate(names)}
    return header | {f"{kind}s": sorted(names) for kind, names in lists.items()}, named
