"""An ONNX file as a black box, run by onnxruntime."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np

from zeroloss.networks.black_box.asking import BlackBox
from zeroloss.plumbing import InputError

_KINDS = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
}


def onnx_model(path: str | os.PathLike) -> BlackBox:
    """The model in the file: one input, whose first axis is the batch, and the output that is a float tensor `(m, c)`.

    Rows come flat and are given the input's shape; a model of a fixed batch is asked so many rows at a time.

    Raises:
        InputError: no such file; no package onnxruntime; a file that it cannot read; several inputs; no such output.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"there is no file {path}; name an .onnx model.")
    try:
        import onnxruntime
    except ImportError:
        raise InputError("reading .onnx needs onnxruntime; install it by: pip install 'zeroloss[onnx]'.") from None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        first = str(error).strip().split("\n")[0][:200]
        raise InputError(f"{path} cannot be run as an ONNX model: {first}") from error
    if len(session.get_inputs()) != 1:
        raise InputError(f"{path} takes {len(session.get_inputs())} inputs; only models of one input are audited.")
    entry = session.get_inputs()[0]
    kind = _KINDS.get(entry.type)
    if kind is None or not entry.shape:
        raise InputError(
            f"{path} takes a {entry.type} of shape {entry.shape}; numbers with the batch first are needed."
        )
    output = _output(session, path)
    fixed = entry.shape[0] if isinstance(entry.shape[0], int) and entry.shape[0] > 0 else None
    shape = tuple(entry.shape[1:])

    def ask(x: np.ndarray) -> np.ndarray:
        rows = np.ascontiguousarray(_shaped(x, shape, path), kind)
        block = fixed or 4096
        parts = []
        for start in range(0, len(rows), block):
            part = rows[start : start + block]
            short = (fixed or len(part)) - len(part)
            part = np.concatenate([part, np.repeat(part[-1:], short, axis=0)]) if short else part
            found = np.asarray(session.run([output], {entry.name: part})[0])
            parts.append(found.reshape(len(part), -1)[: len(part) - short])
        return np.concatenate(parts).astype(np.float64)

    return BlackBox(ask, path.name)


def _output(session: Any, path: Path) -> str:
    """The last float tensor among the outputs: classifiers give a label first and probabilities after."""
    floats = [o.name for o in session.get_outputs() if o.type in ("tensor(float)", "tensor(double)")]
    if not floats:
        kinds = ", ".join(o.type for o in session.get_outputs())
        raise InputError(f"{path} gives {kinds}; export it with a float tensor (m, c) as an output (zipmap off).")
    return floats[-1]


def _shaped(x: np.ndarray, shape: tuple[Any, ...], path: Path) -> np.ndarray:
    known = [s for s in shape if isinstance(s, int)]
    size = math.prod(x.shape[1:])
    if len(known) == len(shape) and math.prod(known) != size:
        raise InputError(f"{path} takes {math.prod(known)} numbers an example and the data have {size}.")
    if len(known) == len(shape):
        return x.reshape(len(x), *shape)
    if len(shape) - len(known) == 1 and size % max(1, math.prod(known)) == 0:
        return x.reshape(len(x), *(s if isinstance(s, int) else size // max(1, math.prod(known)) for s in shape))
    raise InputError(f"{path} takes examples of shape {shape}, which the data's {size} numbers do not determine.")
