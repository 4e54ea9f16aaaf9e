"""Networks as self-describing `.npz` files: arrays and one line of JSON, no pickles.

A file is taken only if it is what `save_network` writes of the network that was read: the network is built, described again,
and header and arrays compared. So whatever else the header holds (an unknown field, a configuration of other widths than the
arrays, other scales than the parametrization's) is refused rather than left out.
"""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

from zeroloss.networks.differentiable import bare
from zeroloss.networks.feedforward import FeedForward
from zeroloss.networks.kinds import KINDS, described, rebuilt
from zeroloss.networks.mlp import MLP, MLPConfig
from zeroloss.networks.pytorch.export import is_torch_module
from zeroloss.networks.pytorch.network import TorchNetwork
from zeroloss.networks.pytorch.program import program_from_plain
from zeroloss.networks.pytorch.validity import validate
from zeroloss.networks.residual import ResidualMLP
from zeroloss.networks.small_cnn import SmallCNN
from zeroloss.networks.squasher import SquasherNetwork
from zeroloss.networks.traced import NotWritableError, TracedNetwork, trace
from zeroloss.networks.traced.network import is_traced
from zeroloss.networks.xor import XorNetwork
from zeroloss.plumbing import InputError, double, parse_json, write_whole
from zeroloss.plumbing.layout import plain_layout
from zeroloss.plumbing.npz import read_npz

FORMAT = 1
DAMAGED = "cannot be read as a saved network (.npz): it is damaged or of another kind."
Network = FeedForward | TorchNetwork | ResidualMLP | SquasherNetwork | SmallCNN | XorNetwork
"""Classes that a file is read as; any other network of JAX is written as its program (a `TracedNetwork`)."""
PROGRAMS: dict[str, type[TorchNetwork]] = {"TorchNetwork": TorchNetwork, "TracedNetwork": TracedNetwork}
Parts = tuple[dict[str, Any], dict[str, np.ndarray]]
"""The header and the arrays of a network."""


def save_network(path: str | os.PathLike, network: Any, *, example: Any = None, force: bool = False) -> Path:
    """Write a network to an `.npz` with its architecture inside.

    The floats come back bit for bit; what was converted from torch is read again without torch. A network of JAX that is no class
    of this library (Equinox, Flax, Haiku, Keras, a wrapped function) is written as its program, the primitives of its jaxpr, and
    read as a `TracedNetwork`, which answers and has derivatives as it does, without the code that made it.

    Args:
        example: a batch `(n, ...)` or a `Dataset` that such a network takes; may be left out where it has an `in_size`.

    Raises:
        InputError: the file exists (and not `force`), the network is of a kind that cannot be written (a primitive that has no
            place in a file is named), or holds NaN or infinity (it could not be read again).
    """
    if not isinstance(path, str | os.PathLike):
        raise InputError(f"the path comes first: save_network(path, network); the first is a {type(path).__name__}.")
    return write_whole(path, network_bytes(as_saved(network, example)), force=force)


def check_savable(network: Any, example: Any = None) -> None:
    """InputError where `save_network` could not write networks like this one: checked before hours of training, not after."""
    parts_of(as_saved(network, example))


def as_saved(network: Any, example: Any = None) -> Any:
    """What is written of `network`: itself where its class has a file, else its program on examples like `example`.

    Raises:
        InputError: no example where one is needed; a network that does not take it, or whose program cannot be written.
    """
    from zeroloss.networks.differentiable import differentiable
    from zeroloss.networks.shaped import on_rows

    if isinstance(network, TorchNetwork) or is_layers(network) or described(network) is not None:
        return network
    if is_torch_module(network):
        parts_of(network)  # raises an InputError that names the mend
    network = on_rows(differentiable(network), example)
    name = type(network).__name__
    shape, whole = _examples_of(network, example)
    try:
        found = trace(network, shape, whole)
    except NotWritableError as error:
        raise InputError(f"this {name} cannot be saved as .npz: {error}.") from error
    except InputError:
        raise
    except Exception as error:  # a network of the user's own may fail in any way on what it does not take
        first = (str(error).strip() or type(error).__name__).split("\n")[0][:160]
        raise InputError(f"this {name} does not take one example of shape {shape}: {first}") from error
    if found.shared:
        one, other = found.shared[0]
        raise InputError(
            f"this {name} cannot be saved as .npz: {one} and {other} are one and the same array, which JAX trains as two; copy one of "
            "them, or share it by eqx.nn.Shared."
        )
    return found.network


def _examples_of(network: Any, example: Any) -> tuple[tuple[int, ...], bool]:
    """Shape of an example, and whether it is of whole numbers."""
    from zeroloss.networks.predict import as_input

    if example is not None:
        given = example.x_train if hasattr(example, "x_train") else example
        rows = as_input(network, given[:1] if isinstance(given, np.ndarray) else given)
        return rows.shape[1:], rows.dtype.kind == "i"
    size = getattr(network, "in_size", None)
    if not isinstance(size, int) or isinstance(size, bool):
        raise InputError(
            f"what a {type(network).__name__} takes is not known; give some of its inputs: save_network(path, network, example=data)."
        )
    return (size,), False


def network_bytes(network: Network) -> bytes:
    """What `save_network` writes; `network_from_bytes` reads it back.

    Raises:
        InputError: the network is of a kind that cannot be written, or holds NaN or infinity.
    """
    header, arrays = parts_of(bare(network))
    _check_arrays(arrays, "the network")
    buffer = io.BytesIO()
    np.savez(buffer, zeroloss=np.array(json.dumps(header)), **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def parts_of(network: Network) -> Parts:
    """The header and the arrays that describe a network completely: what it computes, and with which numbers.

    Raises:
        InputError: the network is of a kind that cannot be written.
    """
    if isinstance(network, TorchNetwork):
        return _program_parts(network)
    if is_torch_module(network):
        raise InputError(
            "a torch module is saved once it is converted: save_network(path, zeroloss.from_torch(module, example))."
        )
    found = described(network)
    if found is not None:
        return {"format": FORMAT, "kind": type(network).__name__, "config": found[0]}, found[1]
    if not is_layers(network):
        raise InputError(
            f"a {type(network).__name__} has no file of its own; save_network(path, network, example=data) writes its program."
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
    return header, arrays


def is_layers(network: Any) -> TypeGuard[FeedForward]:
    """Whether the network is layers and no more: a file of them would not hold what a class of the user's computes."""
    return isinstance(network, FeedForward) and all(
        getattr(type(network), name, None) is getattr(FeedForward, name) for name in ("__call__", "features", "layer")
    )


def _program_parts(network: TorchNetwork) -> Parts:
    header: dict[str, Any] = {
        "format": FORMAT,
        "kind": "TracedNetwork" if isinstance(network, TracedNetwork) else "TorchNetwork",
        "program": network.program.to_plain(),
        "parameters": list(network.parameters),
        "constants": list(network.constants),
    }
    if network.layout is not None:
        header["layout"] = network.layout
    arrays = {f"parameter_{i}": np.asarray(a) for i, a in enumerate(network.parameters.values())}
    arrays |= {f"constant_{i}": np.asarray(a) for i, a in enumerate(network.constants.values())}
    return header, arrays


def load_network(path: str | os.PathLike, *, trust: bool = False) -> Network:
    """The network that `save_network` wrote.

    Args:
        trust: read a file whose program is larger than what an untrusted file may demand
            (`zeroloss.networks.pytorch.validity`), or that unpacks to far more than its size.

    Raises:
        InputError: there is no such file, or it does not hold a network of ours.
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        raise InputError(f"{path} {DAMAGED}")
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"there is no file {path}; name a network saved by zeroloss (.npz).") from error
    except OSError as error:
        raise InputError(f"{path} {DAMAGED}") from error
    return network_from_bytes(content, str(path), trust=trust)


def network_from_bytes(content: bytes, name: str, *, trust: bool = False) -> Network:
    """The network in the bytes of an `.npz` of ours; `name` is what errors call it, `trust` as in `load_network`.

    Raises:
        InputError: they do not hold a network of ours, or NaN or infinity in its place; the program in them cannot run.
    """
    arrays = read_npz(content, name, trust=trust)
    if "zeroloss" not in arrays:
        raise InputError(
            f"{name} is not a network saved by zeroloss; save one with `zeroloss descend DATA --out {name}`."
        )
    header = _header(arrays.pop("zeroloss"), name)
    form = header.get("format") if isinstance(header, dict) else None
    if form != FORMAT or isinstance(form, bool):
        raise InputError(
            f"{name} was written in format {str(form)[:40]}; this version of zeroloss reads format {FORMAT}."
        )
    try:
        network = _build(header, arrays, name, trust)
        again = parts_of(network)
    except InputError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, RecursionError) as error:
        raise InputError(f"{name} {DAMAGED}") from error
    _same(again, (header, arrays), name)
    return network


def _header(text: np.ndarray, name: str) -> Any:
    if text.dtype.kind != "U" or text.ndim:
        raise InputError(f"{name} {DAMAGED}")
    return parse_json(str(text), f"the header of {name}", constants=True)  # a program may hold an infinity


def _check_arrays(arrays: dict[str, np.ndarray], name: str) -> None:
    """InputError for what is no real number where one is needed; a constant may be infinite (a mask), but never NaN."""
    for key, array in arrays.items():
        constant = key.startswith("constant_")
        if array.dtype.kind == "c":
            raise InputError(f"{name} holds complex numbers ({key}); networks are real.")
        if array.dtype.kind == "f":
            bad = np.isnan(array) if constant else ~np.isfinite(array)
            if bad.any():
                raise InputError(
                    f"{name} holds NaN or infinity ({key}, {int(bad.sum()):,} of {array.size:,} numbers), as a training that diverged "
                    "leaves them; give a network of finite numbers."
                )
        if array.dtype.kind not in ("fiub" if constant else "f") or (
            array.dtype.kind == "f" and array.itemsize not in (4, 8)
        ):
            raise InputError(f"{name} holds {array.dtype} ({key}); the numbers of a network are float32 or float64.")


def _build(header: dict, arrays: dict[str, np.ndarray], name: str, trust: bool) -> Network:
    import jax.numpy as jnp

    _check_arrays(arrays, name)
    with double():
        if header["kind"] in PROGRAMS:
            return _build_program(header, arrays, name, trust)
        if header["kind"] in KINDS:
            return rebuilt(header["kind"], header["config"], arrays, name)
        count = len(header["biases"])
        if count != sum(key.startswith("weight_") for key in arrays):
            raise InputError(f"{name} {DAMAGED}")
        weights = [jnp.asarray(arrays[f"weight_{i}"]) for i in range(count)]
        biases = [jnp.asarray(arrays[f"bias_{i}"]) if has else None for i, has in enumerate(header["biases"])]
        activations = [tuple((str(a), units) for a, units in layer) for layer in header["activations"]]
        plain = FeedForward(weights, biases, activations, header["weight_scales"], header["bias_scales"])
        if header["kind"] != "MLP":
            return plain
        return _as_mlp(plain, header["config"], name)


def _build_program(header: dict, arrays: dict[str, np.ndarray], name: str, trust: bool) -> TorchNetwork:
    import jax.numpy as jnp

    program = program_from_plain(header["program"])
    parameters, constants = (
        {key: arrays[f"{kind}_{i}"] for i, key in enumerate(header[f"{kind}s"])} for kind in ("parameter", "constant")
    )
    kinds = {a.dtype for a in parameters.values()} | {a.dtype for a in constants.values() if a.dtype.kind == "f"}
    if len(kinds) != 1 or not parameters:
        raise InputError(f"{name} has numbers of {len(kinds)} precisions among its parameters; they must have one.")
    if is_traced(program) != (header["kind"] == "TracedNetwork"):
        raise InputError(
            f"{name} is described as a {header['kind']}, and its steps are not those of one; write it again."
        )
    validate(program, parameters, constants, name, trust=trust)
    return PROGRAMS[header["kind"]](
        {key: jnp.asarray(a) for key, a in parameters.items()},
        program,
        {k: jnp.asarray(a) for k, a in constants.items()},
        plain_layout(header["layout"]) if "layout" in header else None,
    )


def _as_mlp(plain: FeedForward, config: Any, name: str) -> MLP:
    """The `MLP` of this configuration with these weights, if they fit; no weights are drawn."""
    import equinox as eqx

    config = MLPConfig(*config)
    config = config._replace(widths=tuple(config.widths))
    sizes = (plain.in_size, plain.out_size, list(plain.widths))
    if (config.in_size, config.out_size, list(config.widths)) != sizes:
        raise InputError(
            f"{name} is described as a network of {config.in_size} inputs, widths {str(list(config.widths))[:80]} and "
            f"{config.out_size} outputs, and its arrays are of one of {sizes[0]}, {str(sizes[2])[:80]} and {sizes[1]}."
        )
    shell = eqx.filter_eval_shape(MLP.of, config, plain.dtype)
    return eqx.tree_at(lambda n: (n.weights, n.biases), shell, (plain.weights, plain.biases))


def _same(again: Parts, given: Parts, name: str) -> None:
    """InputError where a file is not what is written of the network read from it."""
    expected, found = ({k: json.dumps(v, sort_keys=True) for k, v in header.items()} for header, _ in (again, given))
    odd = sorted(key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key))
    if odd:
        raise InputError(
            f"{name} describes its network in a way that does not agree with it ({', '.join(odd)[:80]}); write it again."
        )
    mine, theirs = again[1], given[1]
    if mine.keys() != theirs.keys():
        odd = sorted(mine.keys() ^ theirs.keys())
        raise InputError(
            f"{name} does not hold the arrays of its network and no others ({', '.join(odd)[:80]}); write it again."
        )
    for key, array in mine.items():
        if (array.dtype, array.shape, array.tobytes()) != (theirs[key].dtype, theirs[key].shape, theirs[key].tobytes()):
            raise InputError(
                f"{name} holds {key} as {theirs[key].dtype}, which is read as {array.dtype}; write it again."
            )
