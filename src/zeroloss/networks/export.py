"""Networks as files that other programs run: `.onnx`, and `.safetensors` for a torch `nn.Sequential`.

The fixed multipliers `a_l`, `c_l` are folded into the weights, in float64 and before rounding to the type written.
"""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np

from zeroloss.networks.activations import negative_slope
from zeroloss.networks.differentiable import bare
from zeroloss.networks.feedforward import FeedForward
from zeroloss.networks.storage import save_network
from zeroloss.plumbing import InputError, write_whole

FORMATS = (".npz", ".onnx", ".safetensors")
OPSET, IR = 17, 8
"""Versions of ONNX's operators and of its file, old enough for any runtime since 2022."""
_OPERATORS = {"relu": "Relu", "abs": "Abs", "tanh": "Tanh", "sigmoid": "Sigmoid", "softplus": "Softplus", "erf": "Erf"}
_MODULES = {
    "relu": "ReLU()",
    "tanh": "Tanh()",
    "sigmoid": "Sigmoid()",
    "softplus": "Softplus()",
    "gelu": "GELU()",
    "silu": "SiLU()",
    "identity": "Identity()",
}


def check_export(path: str | os.PathLike) -> Path:
    """`path`, if its name ends in one of `FORMATS` and what that format needs is there.

    Raises:
        InputError: another ending, or `.onnx` without the package onnx.
    """
    path = Path(path)
    if path.suffix not in FORMATS:
        raise InputError(f"{path}: networks are written as {', '.join(FORMATS)}; end the name in one of them.")
    if path.suffix == ".onnx":
        _onnx()
    return path


def export_network(path: str | os.PathLike, network: FeedForward, *, force: bool = False) -> Path:
    """Write a network in the format of the ending of `path`: `.npz` (`save_network`), `.onnx` or `.safetensors`.

    - `.onnx`: one input `x` `(batch, in_size)`, one output `y` `(batch, out_size)`, in the network's precision. Float64
      is exact but not every runtime has it for every activation; float32 runs everywhere.
    - `.safetensors`: the state of `nn.Sequential(Linear, activation, Linear, ...)`, keys `0.weight`, `0.bias`,
      `2.weight`, ...; the metadata `torch` spells that module. One activation per layer only.

    Raises:
        InputError: another ending, the file exists (and not `force`), no package onnx, or a network the format cannot
            hold.
    """
    path, network = check_export(path), bare(network)
    if path.suffix == ".npz":
        return save_network(path, network, force=force)
    if not isinstance(network, FeedForward):
        raise InputError(f"a {type(network).__name__} cannot be exported; only a FeedForward or an MLP can.")
    content = onnx_bytes(network) if path.suffix == ".onnx" else safetensors_bytes(network)
    return write_whole(path, content, force=force)


def _layers(network: FeedForward) -> list[tuple[np.ndarray, np.ndarray]]:
    """`W` and `b` of each layer with the multipliers folded in, in the network's precision."""
    folded = []
    for w, b, a, c in zip(network.weights, network.biases, network.weight_scales, network.bias_scales, strict=True):
        dtype, w = np.asarray(w).dtype, np.asarray(w, np.float64)
        offset = np.zeros(len(w)) if b is None else c * np.asarray(b, np.float64)
        folded.append((np.ascontiguousarray(a * w, dtype), np.ascontiguousarray(offset, dtype)))
    return folded


def _onnx() -> Any:
    try:
        import onnx
    except ImportError:
        raise InputError("writing .onnx needs the package onnx; install it by: pip install 'zeroloss[onnx]'.") from None
    return onnx


def onnx_bytes(network: FeedForward) -> bytes:
    """The network as an ONNX model: one Gemm node per layer and one or a few nodes per activation."""
    onnx = _onnx()
    helper, dtype = onnx.helper, np.asarray(network.weights[0]).dtype
    kind = helper.np_dtype_to_tensor_dtype(dtype)
    nodes: list[Any] = []
    constants: list[Any] = []
    value = "x"
    for index, (w, b) in enumerate(_layers(network)):
        constants += [onnx.numpy_helper.from_array(a, f"{n}{index + 1}") for n, a in (("weight", w), ("bias", b))]
        out = "y" if index == network.depth else f"z{index + 1}"
        names = [value, f"weight{index + 1}", f"bias{index + 1}"]
        nodes.append(helper.make_node("Gemm", names, [out], transB=1))
        if index < network.depth:
            value = f"h{index + 1}"
            _activate(onnx, nodes, constants, network.activations[index], out, value, dtype)
    sizes = (("x", network.in_size), ("y", network.out_size))
    x, y = (helper.make_tensor_value_info(name, kind, ["batch", size]) for name, size in sizes)
    graph = helper.make_graph(nodes, "zeroloss", [x], [y], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="zeroloss")
    model.ir_version = IR
    onnx.checker.check_model(model)
    return model.SerializeToString()


def _activate(onnx: Any, nodes: list, constants: list, segments: Any, z: str, h: str, dtype: Any) -> None:
    """Nodes for the activations of one layer, from the value named `z` to the one named `h`."""
    helper = onnx.helper
    if len(segments) == 1:
        nodes += _operator(onnx, constants, segments[0][0], z, h, dtype)
        return
    parts = [f"{h}_{i}" for i in range(len(segments))]
    sizes = np.array([units for _, units in segments], np.int64)
    constants.append(onnx.numpy_helper.from_array(sizes, f"{h}_sizes"))
    nodes.append(helper.make_node("Split", [z, f"{h}_sizes"], [f"{p}_z" for p in parts], axis=1))
    for part, (name, _) in zip(parts, segments, strict=True):
        nodes += _operator(onnx, constants, name, f"{part}_z", part, dtype)
    nodes.append(helper.make_node("Concat", parts, [h], axis=1))


def _operator(onnx: Any, constants: list, name: str, z: str, h: str, dtype: Any) -> list:
    make = onnx.helper.make_node
    slope = negative_slope(name)
    if slope is not None:
        if dtype == np.float32:
            return [make("LeakyRelu", [z], [h], alpha=slope)]
        constants.append(onnx.numpy_helper.from_array(np.array(slope, dtype), f"{h}_slope"))  # alpha is float32
        return [
            make("Mul", [z, f"{h}_slope"], [f"{h}_scaled"]),
            make("Max" if slope <= 1 else "Min", [z, f"{h}_scaled"], [h]),
        ]
    if name == "silu":
        return [make("Sigmoid", [z], [f"{h}_s"]), make("Mul", [z, f"{h}_s"], [h])]
    if name == "gelu":  # z (1 + erf(z/sqrt 2))/2
        for word, number in (("root", np.sqrt(0.5)), ("one", 1.0), ("half", 0.5)):
            constants.append(onnx.numpy_helper.from_array(np.array(number, dtype), f"{h}_{word}"))
        return [
            make("Mul", [z, f"{h}_root"], [f"{h}_a"]),
            make("Erf", [f"{h}_a"], [f"{h}_b"]),
            make("Add", [f"{h}_b", f"{h}_one"], [f"{h}_c"]),
            make("Mul", [z, f"{h}_half"], [f"{h}_d"]),
            make("Mul", [f"{h}_d", f"{h}_c"], [h]),
        ]
    return [make("Identity" if name == "identity" else _OPERATORS[name], [z], [h])]


def safetensors_bytes(network: FeedForward) -> bytes:
    """The network's arrays in the safetensors format: 8 bytes of length, a JSON header, the numbers."""
    dtype = {"float32": "F32", "float64": "F64"}[np.asarray(network.weights[0]).dtype.name]
    modules, header, data = [], {}, b""
    for index, (w, b) in enumerate(_layers(network)):
        modules.append(f"Linear({w.shape[1]}, {w.shape[0]})")
        if index < network.depth:
            modules.append(_module(network.activations[index], index + 1))
        for name, array in (("weight", w), ("bias", b)):
            raw = array.astype(array.dtype.newbyteorder("<")).tobytes()
            place = [len(data), len(data) + len(raw)]
            header[f"{2 * index}.{name}"] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": place}
            data += raw
    described = {"__metadata__": {"format": "pt", "torch": f"Sequential({', '.join(modules)})"}, **header}
    text = json.dumps(described).encode()
    text += b" " * (-len(text) % 8)  # so that the numbers are aligned
    return struct.pack("<Q", len(text)) + text + data


def _module(segments: Any, layer: int) -> str:
    names = [name for name, _ in segments]
    slope = negative_slope(names[0])
    if len(names) > 1 or (slope is None and names[0] not in _MODULES):
        raise InputError(
            f"layer {layer} has the activations {', '.join(names)}, which no layer of a torch nn.Sequential has; "
            "write .onnx or .npz."
        )
    return _MODULES[names[0]] if slope is None else f"LeakyReLU({slope!r})"
