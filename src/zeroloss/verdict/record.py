"""Frozen results that go to JSON and come back equal, without pickles.

JSON has no NaN, no infinity and no arrays, so these are written as small objects: `{"float": "inf"}`,
`{"array": [...], "dtype": "float64"}` (with `"shape"` where there are no entries); complex numbers are not needed and
are refused. A record is written as `{"type": "Verdict", ...fields}`; fields whose metadata is `json=False`
(networks, kernels) are left out, come back as None and do not count in `==`. A dict that looks like one of these
objects is written as `{"dict": [[key, value], ...]}`.
"""

from __future__ import annotations

import dataclasses
import enum
import importlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from zeroloss.plumbing import InputError, parse_json

_REGISTRY: dict[str, type[Record]] = {}
MOST_BYTES = 2**30
"""Of an array in a text: its dtype may demand far more memory than its items need."""
ROOMS = (
    "minima",
    "audit",
    "theorems.card",
    "theorems.certify",
    "theorems.survey",
    "theorems.threshold",
    "examine",
    "studies",
    "tangent",
)
"""Where results are defined that a text may hold before anything has imported them."""
LIVE = {"json": False}
"""Metadata of a field that stays in memory: `field(default=None, metadata=LIVE)`."""


@dataclasses.dataclass(frozen=True, eq=False)
class Record:
    """Base of every result: a frozen dataclass with `to_json`, equality by content (see `same`) and a readable
    `repr`."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _REGISTRY[cls.__name__] = cls
        # `dataclass` leaves methods alone that the class itself has, so its own comparison, which fails on arrays,
        # stays out.
        for name in ("__eq__", "__hash__"):
            if name not in cls.__dict__:
                setattr(cls, name, getattr(cls, name))

    def __eq__(self, other: object) -> bool:
        return same(self, other) if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        words = (getattr(self, f.name) for f in _written(type(self)))
        return hash((type(self).__name__, *(str(word) for word in words if isinstance(word, str | Path))))

    def to_json(self, *, indent: int | None = None) -> str:
        """This result as JSON text; `zeroloss.verdict.from_json` reads it back, equal."""
        return json.dumps(encode(self), indent=indent, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Any:
        """The result that `to_json` wrote; raises `ValueError` if the text is of another type."""
        result = from_json(text)
        if not isinstance(result, cls):
            raise ValueError(f"the text holds a {type(result).__name__}, not a {cls.__name__}")
        return result


def from_json(text: str) -> Any:
    """Any record that `to_json` wrote; its class need not have been imported before.

    Raises:
        InputError: (a ValueError) the text is something else.
    """
    found = parse_json(text, "the text")
    name = found.get("type") if isinstance(found, dict) else None
    if not isinstance(name, str):
        raise InputError("the text holds no result that zeroloss wrote: it does not name its type.")
    if not _find(name):
        raise InputError(f"the text holds a {name[:40]!r}, which is no result of this version of zeroloss.")
    try:
        return decode(found)
    except InputError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, MemoryError) as error:
        raise InputError(
            "the text holds no result that zeroloss wrote; it is damaged or of another version."
        ) from error


def _find(name: str) -> bool:
    """Whether `name` is a record, once the packages that define one have been imported as far as needed."""
    for room in ROOMS:
        if name in _REGISTRY:
            break
        importlib.import_module(f"zeroloss.{room}")
    return name in _REGISTRY


def _written(cls: type[Record]) -> list[dataclasses.Field]:
    return [f for f in dataclasses.fields(cls) if f.metadata.get("json", True)]


def same(a: Any, b: Any) -> bool:
    """Whether `a` and `b` hold the same, as far as JSON keeps it.

    Arrays by dtype, shape and values, records by their written fields, containers item by item; NaN equals NaN, and a
    tuple a list.
    """
    if isinstance(a, Record):
        return type(a) is type(b) and all(same(getattr(a, f.name), getattr(b, f.name)) for f in _written(type(a)))
    if _is_array(a) or _is_array(b):
        if not (_is_array(a) and _is_array(b)):
            return False
        a, b = np.asarray(a), np.asarray(b)
        return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    if isinstance(a, dict) and isinstance(b, dict):
        a, b = ({str(key): item for key, item in d.items()} for d in (a, b))
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(same(p, q) for p, q in zip(a, b, strict=True))
    a, b = _simple(a), _simple(b)
    return bool(a == b) or bool(a != a and b != b)


def _is_array(value: Any) -> bool:
    return hasattr(value, "__array__") and not isinstance(value, np.generic)


def _simple(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return value.value
    return str(value) if isinstance(value, Path) else value


def encode(value: Any) -> Any:
    """`value` as what `json.dumps` takes."""
    if isinstance(value, Record):
        return {"type": type(value).__name__} | {f.name: encode(getattr(value, f.name)) for f in _written(type(value))}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else {"float": repr(float(value))}
    if isinstance(value, int | np.integer):
        return int(value)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Path):
        return str(value)
    if _is_array(value):
        array = np.asarray(value)
        shape = {} if array.size else {"shape": list(array.shape)}
        return {"array": encode(array.tolist()), "dtype": str(array.dtype)} | shape
    if isinstance(value, dict):
        plain = {str(key): encode(item) for key, item in value.items()}
        return {"dict": [[key, item] for key, item in plain.items()]} if _reserved(plain) else plain
    if isinstance(value, list | tuple):
        return [encode(item) for item in value]
    raise TypeError(f"a {type(value).__name__} has no place in a result")


def _reserved(value: dict) -> bool:
    """Whether `decode` would take this dict for something else."""
    special = value.keys() in ({"float"}, {"dict"}) or value.keys() - {"shape"} == {"array", "dtype"}
    return special or (isinstance(value.get("type"), str) and value["type"] in _REGISTRY)


def decode(value: Any) -> Any:
    """What `encode` made, back."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    if not _reserved(value):
        return {key: decode(item) for key, item in value.items()}
    if value.keys() == {"float"}:
        if value["float"] not in ("nan", "inf", "-inf"):
            raise ValueError("a number written as an object is one of nan, inf, -inf")
        return float(value["float"])
    if value.keys() == {"dict"}:
        return {key: decode(item) for key, item in value["dict"]}
    if "array" in value:
        return _array(value)
    cls = _REGISTRY[value["type"]]
    known = {f.name for f in _written(cls)}
    return cls(**{key: decode(item) for key, item in value.items() if key in known})


def _array(value: dict[str, Any]) -> np.ndarray:
    """The array of an encoded one; its dtype may not demand more memory than the numbers and texts need."""
    dtype, items = np.dtype(value["dtype"]), decode(value["array"])
    if dtype.kind not in "biufU":
        raise ValueError(f"an array of {dtype} has no place in a result")
    if dtype.itemsize * max(1, np.array(items).size) > MOST_BYTES:
        raise ValueError(f"an array of {dtype} is larger than any result")
    array = np.array(items, dtype=dtype)
    return array.reshape(value["shape"]) if "shape" in value else array
