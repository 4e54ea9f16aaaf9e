"""The one array in a model's answer: a dict, a tuple or list, a dataclass or an output object."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from zeroloss.plumbing.errors import InputError

MOST = 12


def is_array(value: Any) -> bool:
    """Whether this is an array of NumPy, JAX or PyTorch."""
    return all(hasattr(value, name) for name in ("shape", "dtype", "reshape"))


def named_arrays(answer: Any, prefix: str = "") -> list[tuple[str, Any]]:
    """The arrays in an answer, with their names: `logits`, `0`, `hidden_states.1`; other values are passed over."""
    if is_array(answer):
        return [(prefix, answer)]
    if isinstance(answer, Mapping):
        parts = [(str(key), value) for key, value in answer.items()]
    elif isinstance(answer, tuple | list):
        names = getattr(answer, "_fields", None) or range(len(answer))
        parts = [(str(name), value) for name, value in zip(names, answer, strict=True)]
    elif dataclasses.is_dataclass(answer) and not isinstance(answer, type):
        parts = [(field.name, getattr(answer, field.name, None)) for field in dataclasses.fields(answer)]
    else:
        return []
    return [pair for name, value in parts for pair in named_arrays(value, f"{prefix}.{name}" if prefix else name)]


def one_array(answer: Any, output: str | int | None = None) -> Any:
    """The array of `answer` that `output` names, or the only one.

    Raises:
        InputError: none, several and no name, or no array of that name.
    """
    if output is None and is_array(answer):
        return answer
    found = named_arrays(answer)
    names = ", ".join(f"{name or 'the answer itself'} {tuple(value.shape)}" for name, value in found[:MOST])
    names += f" and {len(found) - MOST} more" if len(found) > MOST else ""
    if output is not None:
        for name, value in found:
            if name == str(output):
                return value
        raise InputError(f"the model answers with no output {output!r}; it has {names or 'no arrays'}.")
    if len(found) != 1:
        if not found:
            raise InputError(
                f"the model answers with a {type(answer).__name__} that holds no array; give one that does."
            )
        raise InputError(
            f"the model answers with several arrays ({names}); name the one to examine, for example output={found[0][0]!r}."
        )
    return found[0][1]
