"""JSON from an untrusted file: read strictly, or refused in one line."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from zeroloss.plumbing.errors import InputError

DEEPEST = 100
"""Lists and objects inside one another; what is written here has under 20."""


def read_text(path: str | os.PathLike) -> str:
    """The text of a file.

    Raises:
        FileNotFoundError: there is none; the caller's message says what to name.
        InputError: it is no file, or holds no text.
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        raise InputError(f"{path} is not a file; name one.")
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise
    except UnicodeDecodeError as error:
        raise InputError(f"{path} holds no text (UTF-8).") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error


def parse_json(text: str, name: str, *, constants: bool = False) -> Any:
    """What a JSON text holds; `name` is what errors call it. `constants` allows NaN and infinity.

    Stricter than `json.loads`: an object that has a key twice (of which a reader would see one value and a program the
    other), NaN and infinity (which JSON does not have) and texts nested deeper than `DEEPEST` are refused.

    Raises:
        InputError: it is no such JSON.
    """
    try:
        found = json.loads(text, object_pairs_hook=_once, parse_constant=float if constants else _no_constant)
    except InputError as error:
        raise InputError(f"{name} is not plain JSON: {error}") from error
    except (RecursionError, MemoryError) as error:
        raise InputError(f"{name} is not plain JSON: it is nested deeper than {DEEPEST} levels.") from error
    except (ValueError, TypeError) as error:
        raise InputError(f"{name} is not plain JSON: {' '.join(str(error).split())[:120]}.") from error
    if depth(found) > DEEPEST:
        raise InputError(f"{name} is not plain JSON: it is nested deeper than {DEEPEST} levels.")
    return found


def depth(value: Any) -> int:
    """How many lists and dicts are inside one another (0: neither); no recursion."""
    deepest, level = 0, [value]
    while True:
        level = [v for v in level if isinstance(v, dict | list)]
        if not level:
            return deepest
        deepest += 1
        level = [item for v in level for item in (v.values() if isinstance(v, dict) else v)]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise InputError(f"it has the key {twice[:40]!r} twice.")
    return found


def _no_constant(text: str) -> Any:
    raise InputError(f"it holds {text}, which is no number of JSON.")
