"""Networks as `.npz` files that say what they hold: arrays and one line of JSON, no pickles."""

from __future__ import annotations

import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from zeroloss.networks.feedforward import FeedForward
from zeroloss.networks.mlp import MLP
from zeroloss.networks.pytorch.network import TorchNetwork
from zeroloss.networks.pytorch.program import program_from_plain
from zeroloss.plumbing import InputError, double, write_whole
from zeroloss.plumbing.layout import plain_layout

FORMAT = 1
DAMAGED = "cannot be read as a saved network (.npz): it is damaged or of another kind."


def save_network(path: str | os.PathLike, network: FeedForward | TorchNetwork, *, force: bool = False) -> Path:
    """Write a `FeedForward`, an `MLP` or a converted torch module to an `.npz` with its architecture inside.

    The floats come back bit for bit; what was converted from torch is read again without torch.

    Raises:
        InputError: the file exists (and not `force`), or the network is of a kind that cannot be written.
    """
    return write_whole(path, network_bytes(network), force=force)


def network_bytes(network: FeedForward | TorchNetwork) -> bytes:
    """What `save_network` writes; `network_from_bytes` reads it back.

    Raises:
        InputError: the network is of a kind that cannot be written.
    """
    if isinstance(network, TorchNetwork):
        return _torch_bytes(network)
    if not isinstance(network, FeedForward):
        raise InputError(
            f"a {type(network).__name__} cannot be saved as .npz; only a FeedForward, an MLP or a converted torch module can."
        )
    header: dict[str, Any] = {
        "format": FORMAT,
        "kind": type(network).__name__ if isinstance(network, MLP) else "FeedForward",
        "activations": network.activations,
        "weight_scales": network.weight_scales,
        "bias_scales": network.bias_scales,
        "biases": [b is not None for b in network.biases],
    }
    if isinstance(network, MLP):
        header["config"] = network.config
    arrays = {f"weight_{i}": np.asarray(w) for i, w in enumerate(network.weights)}
    arrays |= {f"bias_{i}": np.asarray(b) for i, b in enumerate(network.biases) if b is not None}
    buffer = io.BytesIO()
    np.savez(buffer, zeroloss=np.array(json.dumps(header)), **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def _torch_bytes(network: TorchNetwork) -> bytes:
    header = {
        "format": FORMAT,
        "kind": "TorchNetwork",
        "program": network.program.to_plain(),
        "parameters": list(network.parameters),
        "constants": list(network.constants),
    }
    if network.layout is not None:
        header["layout"] = network.layout
    arrays = {f"parameter_{i}": np.asarray(a) for i, a in enumerate(network.parameters.values())}
    arrays |= {f"constant_{i}": np.asarray(a) for i, a in enumerate(network.constants.values())}
    buffer = io.BytesIO()
    np.savez(buffer, zeroloss=np.array(json.dumps(header)), **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def load_network(path: str | os.PathLike) -> FeedForward | TorchNetwork:
    """The network that `save_network` wrote.

    Raises:
        InputError: there is no such file, or it does not hold a network of ours.
    """
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"there is no file {path}; name a network saved by zeroloss (.npz).") from error
    except OSError as error:
        raise InputError(f"{path} {DAMAGED}") from error
    return network_from_bytes(content, str(path))


def network_from_bytes(content: bytes, name: str) -> FeedForward | TorchNetwork:
    """The network in the bytes of an `.npz` of ours; `name` is what errors call it.

    Raises:
        InputError: they do not hold a network of ours.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            if "zeroloss" not in file:
                raise InputError(
                    f"{name} is not a network saved by zeroloss; save one with `zeroloss descend DATA --out {name}`."
                )
            header = json.loads(str(file["zeroloss"]))
            arrays = {entry: file[entry] for entry in file.files if entry != "zeroloss"}
    except InputError:
        raise
    except (OSError, ValueError, TypeError, zipfile.BadZipFile, EOFError) as error:  # TypeError: a lone array (.npy)
        raise InputError(f"{name} {DAMAGED}") from error
    form = header.get("format") if isinstance(header, dict) else None
    if form != FORMAT:
        raise InputError(f"{name} was written in format {form}; this version of zeroloss reads format {FORMAT}.")
    try:
        return _build(header, arrays)
    except InputError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise InputError(f"{name} {DAMAGED}") from error


def _build(header: dict, arrays: dict[str, np.ndarray]) -> FeedForward | TorchNetwork:
    import equinox as eqx
    import jax.numpy as jnp

    with double():
        if header["kind"] == "TorchNetwork":
            program = program_from_plain(header["program"])
            program.check()
            parts = [
                {name: jnp.asarray(arrays[f"{kind}_{i}"]) for i, name in enumerate(header[f"{kind}s"])}
                for kind in ("parameter", "constant")
            ]
            layout = plain_layout(header["layout"]) if "layout" in header else None
            return TorchNetwork(parts[0], program, parts[1], layout)
        weights = [jnp.asarray(arrays[f"weight_{i}"]) for i in range(len(header["biases"]))]
        biases = [jnp.asarray(arrays[f"bias_{i}"]) if has else None for i, has in enumerate(header["biases"])]
        activations = [tuple((name, units) for name, units in layer) for layer in header["activations"]]
        plain = FeedForward(weights, biases, activations, header["weight_scales"], header["bias_scales"])
        if header["kind"] != "MLP":
            return plain
        in_size, out_size, widths, act, parametrization, weight_std, bias_std = header["config"]
        shell = MLP(in_size, out_size, tuple(widths), None, act, parametrization, weight_std, bias_std, plain.dtype)
        return eqx.tree_at(lambda n: (n.weights, n.biases), shell, (plain.weights, plain.biases))
