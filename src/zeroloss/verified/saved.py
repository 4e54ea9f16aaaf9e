"""A saved network as the core reads it: the arrays and the header of the `.npz`, as layers or as a program, without JAX.

`zeroloss.networks.storage` writes and reads the same files as networks that can be trained. Here nothing is run: the content of a
file is taken as a definition, and a file that holds anything else is refused.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from zeroloss.networks.pytorch.program import Program, program_from_plain
from zeroloss.plumbing.digest import digest_of_arrays
from zeroloss.plumbing.errors import InputError
from zeroloss.plumbing.npz import read_npz
from zeroloss.plumbing.plain import parse_json
from zeroloss.verified.layers import Layers

LAYERS = {"format", "kind", "activations", "weight_scales", "bias_scales", "biases"}
"""The header of a network of layers; that of an `MLP` has its `config` beside."""
PROGRAM = {"format", "kind", "program", "parameters", "constants"}
"""The header of a converted module; one of several inputs has their `layout` beside."""


@dataclasses.dataclass(frozen=True, eq=False)
class Saved:
    """What a file holds: header, arrays by name (as they are in the file)."""

    header: dict[str, Any]
    arrays: dict[str, np.ndarray]

    @property
    def is_program(self) -> bool:
        """Whether it is a program (a converted module, a network of JAX), and not a network of layers."""
        return self.header["kind"] in ("TorchNetwork", "TracedNetwork")


@dataclasses.dataclass(frozen=True, eq=False)
class SavedProgram:
    """A converted module in float64: a `zeroloss.networks.pytorch.program.ProgramNetwork`."""

    program: Program
    parameters: dict[str, np.ndarray]
    constants: dict[str, np.ndarray]


def read_saved(content: bytes, name: str, *, trust: bool = False) -> Saved:
    """Header and arrays of the bytes of a saved network; `name` is what errors call it.

    Raises:
        InputError: it is damaged, of another format or kind, or holds more than such a file does.
    """
    arrays = read_npz(content, name, trust=trust)
    text = arrays.pop("zeroloss", None)
    if text is None or text.dtype.kind != "U" or text.ndim:
        raise InputError(f"{name} is damaged, or no network saved by zeroloss.")
    header = parse_json(str(text), f"the header of {name}", constants=True)
    if not isinstance(header, dict) or header.get("format") != 1 or isinstance(header.get("format"), bool):
        raise InputError(f"{name} is of a format that this version of zeroloss does not read.")
    kind = header.get("kind")
    allowed = {
        "FeedForward": (LAYERS,),
        "MLP": (LAYERS | {"config"},),
        "TorchNetwork": (PROGRAM, PROGRAM | {"layout"}),
        "TracedNetwork": (PROGRAM, PROGRAM | {"layout"}),
    }.get(str(kind))
    if allowed is None:
        raise InputError(f"{name} holds a {str(kind)[:40]}, of which no proof is made.")
    if set(header) not in allowed:
        raise InputError(f"{name} does not have the header of a {kind}; write it again.")
    return Saved(header, arrays)


def layers_of(saved: Saved, name: str) -> Layers:
    """The network of layers in a file, in float64.

    Raises:
        InputError: arrays missing, left over or of other shapes; numbers that are not finite.
    """
    header, arrays = saved.header, saved.arrays
    try:
        has_bias = [bool(b) if isinstance(b, bool) else 1 / 0 for b in header["biases"]]
        wanted = [f"weight_{i}" for i in range(len(has_bias))] + [f"bias_{i}" for i, b in enumerate(has_bias) if b]
        if set(wanted) != set(arrays):
            raise InputError(f"{name} does not hold the arrays of its layers and no others; write it again.")
        _check_finite(arrays, name)
        return Layers(
            tuple(np.asarray(arrays[f"weight_{i}"], np.float64) for i in range(len(has_bias))),
            tuple(np.asarray(arrays[f"bias_{i}"], np.float64) if b else None for i, b in enumerate(has_bias)),
            tuple(float(a) for a in header["weight_scales"]),
            tuple(float(c) for c in header["bias_scales"]),
            tuple(tuple((str(a), int(units)) for a, units in layer) for layer in header["activations"]),
        )
    except (TypeError, ValueError, ArithmeticError, KeyError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{name} is damaged: its header does not describe layers.") from error


def program_of(saved: Saved, name: str) -> SavedProgram:
    """The converted module in a file, in float64.

    Raises:
        InputError: arrays missing or left over; numbers that are not finite; a program that is none.
    """
    header, arrays = saved.header, saved.arrays
    try:
        names = {kind: list(header[f"{kind}s"]) for kind in ("parameter", "constant")}
        wanted = {f"{kind}_{i}" for kind, keys in names.items() for i in range(len(keys))}
        if wanted != set(arrays):
            raise InputError(f"{name} does not hold the arrays of its program and no others; write it again.")
        _check_finite({k: a for k, a in arrays.items() if k.startswith("parameter_")}, name)
        parameters, constants = (
            {str(key): _wide(arrays[f"{kind}_{i}"]) for i, key in enumerate(keys)} for kind, keys in names.items()
        )
        return SavedProgram(program_from_plain(header["program"]), parameters, constants)
    except (TypeError, ValueError, KeyError, AttributeError, IndexError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{name} is damaged: its header does not describe a program.") from error


def _wide(array: np.ndarray) -> np.ndarray:
    return np.asarray(array, np.float64) if array.dtype.kind == "f" else array


def _check_finite(arrays: dict[str, np.ndarray], name: str) -> None:
    for key, array in arrays.items():
        if array.dtype not in (np.float32, np.float64) or not np.isfinite(array).all():
            raise InputError(f"{name} holds {key}, which is not of finite float32 or float64 numbers; write it again.")


def weights_hash(saved: Saved) -> str:
    """SHA-256 of all weights as float64: of layers the weights and then the biases, of a program by sorted names."""
    header, arrays = saved.header, saved.arrays
    if not saved.is_program:
        count = len(header["biases"])
        names = [f"{kind}_{i}" for kind in ("weight", "bias") for i in range(count)]
        return digest_of_arrays(arrays[n] for n in names if n in arrays)
    ordered = []
    for kind in ("parameter", "constant"):
        keys = list(header[f"{kind}s"])
        ordered += [arrays[f"{kind}_{i}"] for _, i in sorted((key, i) for i, key in enumerate(keys))]
    return digest_of_arrays(a for a in ordered if a.dtype.kind == "f")
