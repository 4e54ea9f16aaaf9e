"""Frozen results that go to JSON and come back equal, without pickles.

JSON has no NaN, no infinity and no arrays, so these are written as one-key objects: `{"float": "inf"}`,
`{"array": [...], "dtype": "float64"}`, `{"complex": ...}` is not needed and is refused. A record is written as
`{"type": "Verdict", ...fields}`; fields whose metadata says `json=False` (networks, kernels) are left out and come
back as None.
"""

from __future__ import annotations

import dataclasses
import enum
import json
import math
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

_REGISTRY: dict[str, type[Record]] = {}
LIVE = {"json": False}
"""Metadata of a field that stays in memory: `field(default=None, metadata=LIVE)`."""


@dataclasses.dataclass(frozen=True)
class Record:
    """Base of every result: a frozen dataclass with `to_json`, equality by content and a readable `repr`."""

    _hidden: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _REGISTRY[cls.__name__] = cls

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
    """Any record that `to_json` wrote."""
    return decode(json.loads(text))


def encode(value: Any) -> Any:
    """`value` as what `json.dumps` takes."""
    if isinstance(value, Record):
        fields = [f for f in dataclasses.fields(value) if f.metadata.get("json", True)]
        return {"type": type(value).__name__} | {f.name: encode(getattr(value, f.name)) for f in fields}
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
    if isinstance(value, np.ndarray) or hasattr(value, "__array__"):
        array = np.asarray(value)
        return {"array": encode(array.tolist()), "dtype": str(array.dtype)}
    if isinstance(value, dict):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [encode(item) for item in value]
    raise TypeError(f"a {type(value).__name__} has no place in a result")


def decode(value: Any) -> Any:
    """What `encode` made, back."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"float"}:
        return float(value["float"])
    if value.keys() == {"array", "dtype"}:
        return np.array(decode(value["array"]), dtype=value["dtype"])
    if "type" in value and value["type"] in _REGISTRY:
        cls = _REGISTRY[value["type"]]
        known = {f.name for f in dataclasses.fields(cls) if f.metadata.get("json", True)}
        return cls(**{key: decode(item) for key, item in value.items() if key in known})
    return {key: decode(item) for key, item in value.items()}
