"""From flat rows of the data to the inputs of an ONNX file."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np

from zeroloss.networks.black_box.frames import names_of
from zeroloss.plumbing import InputError

KINDS = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(int16)": np.int16,
    "tensor(int8)": np.int8,
    "tensor(uint8)": np.uint8,
    "tensor(bool)": np.bool_,
}


@dataclasses.dataclass(frozen=True)
class Entry:
    """An input: its name, type, the shape of one example (None: any size), and the batch where it is fixed."""

    name: str
    kind: Any
    shape: tuple[int | None, ...]
    batch: int | None


def entries_of(session: Any, path: Path) -> list[Entry]:
    """The inputs of the file.

    Raises:
        InputError: an input of texts, or without a batch.
    """
    found = []
    for entry in session.get_inputs():
        kind = KINDS.get(entry.type)
        if kind is None or not entry.shape:
            raise InputError(
                f"{path} takes {entry.name}, a {entry.type} of shape {entry.shape}; numbers with the batch first are needed."
            )
        shape = tuple(s if isinstance(s, int) and s > 0 else None for s in entry.shape[1:])
        first = entry.shape[0]
        found.append(Entry(entry.name, kind, shape, first if isinstance(first, int) and first > 0 else None))
    return found


def rows_of(entries: list[Entry], x: np.ndarray, data: Any, path: Path) -> dict[str, np.ndarray]:
    """Rows `(m, d)` as the inputs take them."""
    if len(entries) == 1:
        return {entries[0].name: _cast(_shaped(x, entries[0], data, path), entries[0], path)}
    columns = _columns(entries, x.shape[1], data, path)
    return {
        e.name: _cast(x[:, [k]].reshape(len(x), *(1 for _ in e.shape)), e, path)
        for e, k in zip(entries, columns, strict=True)
    }


def _columns(entries: list[Entry], size: int, data: Any, path: Path) -> list[int]:
    """The column of each of several inputs, each of one number: by name, or in order where the data name none."""
    if not all(math.prod(s or 1 for s in e.shape) == 1 for e in entries):
        raise InputError(
            f"{path} takes {len(entries)} inputs of more than one number each ({', '.join(e.name for e in entries[:5])}); "
            "only one input, or one for each column, is filled from rows."
        )
    names = [e.name for e in entries]
    own = [f"x{k}" for k in range(size)] if data is None else names_of(data)
    plain = [_plain(c) for c in own]
    if {_plain(c) for c in names} <= set(plain) and len(set(plain)) == len(plain):
        return [plain.index(_plain(c)) for c in names]
    if own == [f"x{k}" for k in range(size)] and len(names) == size:
        return list(range(size))
    absent = [c for c in names if _plain(c) not in plain] or names
    raise InputError(
        f"{path} takes {len(entries)} inputs, one per column, and the data have no column {', '.join(absent[:5])}; they have "
        f"{', '.join(own[:10])}."
    )


def _plain(name: str) -> str:
    """A name as exporters write it: letters, digits and underscores."""
    return "".join(c if c.isalnum() else "_" for c in name)


def _cast(rows: np.ndarray, entry: Entry, path: Path) -> np.ndarray:
    """In the type of the input; what a whole-number type would cut off is refused."""
    if entry.kind in (np.float32, np.float64, np.float16):
        with np.errstate(over="ignore"):
            return np.ascontiguousarray(rows, entry.kind)
    with np.errstate(invalid="ignore"):
        found = rows.astype(entry.kind)
    if not np.array_equal(found.astype(np.float64), rows):
        raise InputError(
            f"{path} takes whole numbers ({np.dtype(entry.kind).name}) as {entry.name}, and these inputs have others; "
            "give the data as it takes them (scaling='none'; categorical= where they are codes)."
        )
    return np.ascontiguousarray(found)


def _shaped(x: np.ndarray, entry: Entry, data: Any, path: Path) -> np.ndarray:
    size, shape = x.shape[1], entry.shape
    image = None if data is None else getattr(data, "image_shape", None)
    for own, axes in [] if image is None else _images(tuple(image)):
        if _fits(own, shape) and math.prod(own) == size:
            source = x.reshape((len(x), *tuple(image or ())))
            return source.reshape(len(x), *own) if axes is None else source.transpose(axes)
    known = [s for s in shape if s is not None]
    if len(known) == len(shape):
        if math.prod(known) != size:
            raise InputError(f"{path} takes {math.prod(known)} numbers per example and the data have {size}.")
        return x.reshape(len(x), *known)
    rest = math.prod(known)
    if len(shape) - len(known) == 1 and size % max(1, rest) == 0:
        return x.reshape(len(x), *(size // max(1, rest) if s is None else s for s in shape))
    raise InputError(
        f"{path} takes examples of shape {tuple('?' if s is None else s for s in shape)}, which the data's {size} numbers do "
        "not determine."
    )


def _images(image: tuple[int, ...]) -> list[tuple[tuple[int, ...], tuple[int, ...] | None]]:
    """Shapes that an image of the data may take, and how its axes go there (None: as they are)."""
    if len(image) == 2:
        return [((*image,), None), ((1, *image), None), ((*image, 1), None)]
    if len(image) != 3:
        return [((*image,), None)]
    a, b, c = image
    return [((a, b, c), None), ((c, a, b), (0, 3, 1, 2)), ((b, c, a), (0, 2, 3, 1))]


def _fits(own: tuple[int, ...], shape: tuple[int | None, ...]) -> bool:
    return len(own) == len(shape) and all(s is None or s == o for s, o in zip(shape, own, strict=True))
