"""An ONNX file as a black box, run by onnxruntime."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zeroloss.networks.black_box.box import BlackBox
from zeroloss.networks.black_box.estimators import agreement, arranged, one_hot
from zeroloss.networks.black_box.labels import Reading, read_labels, text
from zeroloss.networks.black_box.onnx_inputs import Entry, entries_of, rows_of
from zeroloss.networks.black_box.remembered import Remembered
from zeroloss.plumbing import InputError

FLOATS = ("tensor(float)", "tensor(double)", "tensor(float16)")
LABELS = ("tensor(int64)", "tensor(int32)", "tensor(string)", "tensor(bool)", "tensor(uint8)", "tensor(int8)")
BLOCK = 4096


def onnx_model(
    path: str | os.PathLike, data: Any = None, *, classes: Sequence[Any] | None = None, output: str | None = None
) -> BlackBox:
    """The model in the file: numbers with the batch first in, a float tensor `(m, c)` or a classifier's label out.

    Rows come flat and are given the shape of the input (images in the order that the file takes them, channels first or
    last; several inputs of one column each, by the names of the data's columns); a model of a fixed batch is run on so many
    rows at a time.

    A classifier's label counts. The order of its probabilities' columns is that of a map's keys or of the classes that the
    file lists; where neither is there, that of the sorted classes; it is used only where the largest one is the label's.
    One number per row is, on data of two classes, a probability where the file ends in a sigmoid, else a logit.

    Args:
        data: the data it is audited on.
        classes: as in `black_box`.
        output: the name of the output to take.

    Raises:
        InputError: no such file; no package onnxruntime; a file that it cannot read; inputs that the data do not fill; no
            such output, or several; classes that are not those of the data.
    """
    path = Path(path)
    session = _session(path)
    entries = entries_of(session, path)
    file = _File(path, session, entries, data)
    label, number = _outputs(session, path, output, None if data is None else data.out_size)
    kind = getattr(data, "task", None)
    if kind == "regression" and label is not None and label.type != "tensor(string)":
        number = label  # a classifier on numbers: what it decides, not how probable it is
    if label is None or kind in ("regression", "multi-label"):
        if number is None:
            raise InputError(f"{path} gives {_listed(session)}; export it with a float tensor (m, c) as an output.")
        box = _numbers_alone(file, number, data)
    else:
        box = _classifier(file, label, number, data, classes)
    tokens = all(np.dtype(entry.kind).kind in "iu" for entry in entries)
    return dataclasses.replace(box, takes_tokens=tokens)


class _File:
    """A session and how rows of the data enter it; the answers of each output, remembered."""

    def __init__(self, path: Path, session: Any, entries: list[Entry], data: Any):
        self.path, self.session, self.entries, self.data = path, session, entries, data
        self._kept: dict[str, Remembered] = {}

    @property
    def name(self) -> str:
        return self.path.name

    def output(self, name: str) -> Callable[[np.ndarray], np.ndarray]:
        """A function from rows `(m, d)` to that output, `(m, ...)`."""
        if name not in self._kept:
            self._kept[name] = Remembered(lambda x: self._run(name, x), str(self.path))
        return self._kept[name]

    def _run(self, name: str, x: np.ndarray) -> np.ndarray:
        fixed = next((e.batch for e in self.entries if e.batch), None)
        inputs = rows_of(self.entries, x, self.data, self.path)
        block = fixed or BLOCK
        parts = []
        for start in range(0, len(x), block):
            part = {k: rows[start : start + block] for k, rows in inputs.items()}
            have = min(block, len(x) - start)
            short = (fixed or have) - have
            if short:
                part = {k: np.concatenate([v, np.repeat(v[-1:], short, axis=0)]) for k, v in part.items()}
            parts.append(_table(self.session.run([name], part)[0], have + short)[:have])
        return np.concatenate(parts)

    def keys(self, name: str, x: np.ndarray) -> list[Any] | None:
        """The classes of an output that is a sequence of maps, from one row."""
        found = self.session.run([name], rows_of(self.entries, _padded(x, self.entries), self.data, self.path))[0]
        return list(found[0]) if isinstance(found, list) and found and isinstance(found[0], dict) else None


def _padded(x: np.ndarray, entries: list[Entry]) -> np.ndarray:
    fixed = next((e.batch for e in entries if e.batch), None) or 1
    return np.repeat(x[:1], fixed, axis=0)


def _table(found: Any, rows: int) -> np.ndarray:
    """A tensor, or a sequence of maps from classes to numbers, as an array with one row per example."""
    if isinstance(found, list) and found and isinstance(found[0], dict):
        keys = list(found[0])
        return np.array([[row[k] for k in keys] for row in found], np.float64)
    array = np.asarray(found)
    if array.ndim == 0 or array.size % rows:
        raise InputError(f"an output of shape {array.shape} for {rows} rows is no answer for each row.")
    return array.reshape(rows, -1)


def _session(path: Path) -> Any:
    if not path.is_file():
        raise InputError(f"there is no file {path}; name an .onnx model.")
    try:
        import onnxruntime
    except ImportError:
        raise InputError("reading .onnx needs onnxruntime; install it by: pip install 'zeroloss[onnx]'.") from None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        first = str(error).strip().split("\n")[0][:200]
        raise InputError(f"{path} cannot be run as an ONNX model: {first}") from error


def _listed(session: Any) -> str:
    return ", ".join(f"{o.name}: {o.type} {o.shape}" for o in session.get_outputs())


def _outputs(session: Any, path: Path, wanted: str | None, columns: int | None) -> tuple[Any, Any]:
    """The output with the label and the one with the numbers; None for what there is not."""
    outputs = list(session.get_outputs())
    if wanted is not None:
        outputs = [o for o in outputs if o.name == wanted]
        if not outputs:
            raise InputError(f"{path} has no output {wanted!r}; it gives {_listed(session)}.")
    labels = [o for o in outputs if o.type in LABELS and _flat(o)]
    numbers = [o for o in outputs if o.type in FLOATS or o.type.startswith("seq(map")]
    if len(numbers) > 1 and columns is not None:
        fitting = [o for o in numbers if isinstance(o.shape, list) and o.shape[1:] == [columns]]
        numbers = fitting or numbers
    if len(labels) > 1 or (len(numbers) > 1 and not labels):
        raise InputError(f"{path} gives several outputs ({_listed(session)}); say which: black_box(path, output=name).")
    return (labels[0] if labels else None), (numbers[-1] if numbers else None)


def _flat(output: Any) -> bool:
    """One label per row."""
    return len(output.shape) == 1 or list(output.shape[1:]) == [1]


def _numbers_alone(file: _File, number: Any, data: Any) -> BlackBox:
    answers_of = file.output(number.name)
    plain = BlackBox(lambda x: answers_of(x), file.name)
    task = getattr(data, "task", None)
    if task == "multi-label":
        return (
            BlackBox(lambda x: _odds(answers_of(x)), file.name, "log-odds")
            if _probabilities(file, number, data)
            else plain
        )
    two = task == "classification" and max(data.out_size, len(data.classes)) == 2
    if not two or answers_of(data.x_train).shape[1] != 1:
        return plain
    answer = "probabilities" if _probabilities(file, number, data) else "decision function"

    def scores(x: np.ndarray) -> np.ndarray:
        return arranged(answers_of(x), np.arange(2), data.out_size, answer)

    return BlackBox(scores, file.name, answer)


def _probabilities(file: _File, number: Any, data: Any) -> bool:
    """Whether the numbers are probabilities of one label each: by the file's last operator, else by the answers on the training inputs."""
    known = _ends_in_sigmoid(file.path, number.name)
    if known is not None:
        return known
    seen = file.output(number.name)(data.x_train)
    return bool(seen.min() >= 0 and seen.max() <= 1)


def _odds(p: np.ndarray) -> np.ndarray:
    p = np.clip(np.asarray(p, np.float64), 0.0, 1.0)
    with np.errstate(divide="ignore"):
        return np.log(p) - np.log1p(-p)


def _classifier(file: _File, label: Any, number: Any, data: Any, classes: Sequence[Any] | None) -> BlackBox:
    labels_of = file.output(label.name)
    if data is None:
        return BlackBox(lambda x: labels_of(x), file.name, "predictions")
    listed = _listed_classes(file, number, data)
    answered = labels_of(data.x_train).reshape(data.n)
    known = None if listed is None else np.array(listed, object)
    if known is not None and not {text(v) for v in answered} <= {text(v) for v in known}:
        known = None  # another list of classes than that of the label
    reading = read_labels(file.name, known, answered, data, classes)

    def decide(x: np.ndarray) -> np.ndarray:
        return reading.columns(labels_of(x).reshape(len(x)))

    if number is not None:
        for order in _orders(reading, known, file.output(number.name)(data.x_train).shape[1], data):
            scores = _scores(file.output(number.name), order, data)
            if scores is not None and agreement(scores(data.x_train), decide(data.x_train)).all():
                return BlackBox(scores, file.name, "probabilities", decide=decide)
    return BlackBox(lambda x: one_hot(decide(x), data.out_size), file.name, "predictions", decide=decide)


def _scores(
    answers_of: Callable[[np.ndarray], np.ndarray], order: np.ndarray, data: Any
) -> Callable[[np.ndarray], np.ndarray] | None:
    def scores(x: np.ndarray) -> np.ndarray:
        return arranged(answers_of(x), order, data.out_size, "probabilities")

    try:
        scores(data.x_train)
    except ValueError:
        return None
    return scores


def _orders(reading: Reading, known: np.ndarray | None, columns: int, data: Any) -> list[np.ndarray]:
    """Orders that the columns may have: as the file lists its classes, else sorted as scikit-learn sorts them."""
    if known is not None and len(known) == max(columns, 2):
        return [reading.order(known)]
    own = sorted(set(reading.column.values()))
    return [np.array(own)] if len(own) == max(columns, 2) else []


def _listed_classes(file: _File, number: Any, data: Any) -> list[Any] | None:
    """The classes in the order of the probabilities: a map's keys, or what the file's operators list."""
    if number is not None and number.type.startswith("seq(map"):
        return file.keys(number.name, np.asarray(data.x_train))
    graph = _graph(file.path)
    if graph is None:
        return None
    for node in reversed(graph.node):
        for attribute in node.attribute:
            if attribute.name in ("classlabels_strings", "classlabels_int64s", "classlabels_ints"):
                found = list(attribute.strings) or list(attribute.ints)
                if len(found) > 1:
                    return found
    return None


def _graph(path: Path) -> Any:
    try:
        import onnx
    except ImportError:
        return None
    try:
        return onnx.load(str(path), load_external_data=False).graph
    except Exception:  # onnxruntime read it; the package onnx need not
        return None


def _ends_in_sigmoid(path: Path, output: str) -> bool | None:
    """Whether the output is made by a sigmoid (or a change of shape of one); None: not known."""
    graph = _graph(path)
    if graph is None:
        return None
    makers = {name: node for node in graph.node for name in node.output}
    node = makers.get(output)
    while node is not None and node.op_type in ("Reshape", "Squeeze", "Unsqueeze", "Flatten", "Identity", "Cast"):
        node = makers.get(node.input[0])
    return node is not None and node.op_type in ("Sigmoid", "HardSigmoid", "Clip")
