"""Loaders, data sets of items and iterables of batches as a `Dataset`: one pass, held as arrays, and what was noticed.

Proofs and audits are about fixed rows. A loader that shuffles is read in the order of its data set; of one that augments, one
pass is taken, and `transformations` records both.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from zeroloss.plumbing import InputError
from zeroloss.plumbing.batches import array_of, batches, has_items, is_loader, is_shuffled, is_source, is_table, parted
from zeroloss.plumbing.containers import of_one_type
from zeroloss.plumbing.format import format_bytes
from zeroloss.plumbing.memory import available_bytes

SHARE = 0.25
"""Share of the free memory that the rows of a loader may take (as they come; float64 takes up to twice as much again)."""
WITHOUT_LIMIT = 4_000_000_000
"""Bytes that the rows may take where the free memory is not known."""
LOOKED_AT = 3
"""Items that are read twice, to see whether they change."""


class Gathered(NamedTuple):
    """Inputs, targets, and one sentence each on what was done or noticed."""

    x: Any
    y: np.ndarray
    notes: tuple[str, ...]


def gathered(source: Any) -> Gathered:
    """All rows of one pass over `source`; see `zeroloss.plumbing.batches` for what it may be.

    Raises:
        InputError: no batches, batches of different forms, or more than fits into memory.
    """
    if not is_source(source):
        raise InputError(f"a {type(source).__name__} gives no batches; give arrays x and y, or a loader.")
    kind = type(source).__name__
    changes = _changes(source)
    room = _room()
    parts: list[tuple[Any, np.ndarray]] = []
    used = rows = 0
    expected = _batches_expected(source)
    for x, y in batches(source):
        inputs, targets = _rows(_arrays(x), array_of(y))
        parts.append((inputs, targets))
        used += targets.nbytes + sum(part.nbytes for part in _each(inputs))
        rows += len(targets)
        whole = used if expected is None else max(used, used / len(parts) * expected)
        if whole > room:
            much = "more than" if expected is None else "about"
            raise InputError(
                f"the rows of the {kind} take {much} {format_bytes(whole)}, and {format_bytes(room)} may be taken; give a part of "
                "them (torch.utils.data.Subset, or fewer batches)."
            )
    if not parts:
        raise InputError(f"the {kind} gives no batches; if it is an iterator, it may have been used up.")
    x, y = _together([inputs for inputs, _ in parts]), _joined([targets for _, targets in parts], "targets")
    note = f"read from a {kind}: {rows:,} rows in {len(parts):,} batches, {used / 1e6:.3g} MB"
    notes = [note, *_noticed(source, rows), *changes]
    return Gathered(x, y, tuple(notes))


def _room() -> float:
    have = available_bytes()
    return float(WITHOUT_LIMIT) if have is None else SHARE * have


def _batches_expected(source: Any) -> int | None:
    if is_table(source) or (has_items(source) and not is_loader(source)):
        return None
    try:
        return len(source)
    except TypeError:
        return None


def _arrays(x: Any) -> Any:
    if hasattr(x, "items") and not hasattr(x, "shape"):
        return {name: array_of(part) for name, part in x.items()}
    if isinstance(x, tuple | list) and any(hasattr(part, "shape") and len(part.shape) > 0 for part in x):
        return tuple(array_of(part) for part in x)
    return array_of(x)


def _rows(inputs: Any, targets: np.ndarray) -> tuple[Any, np.ndarray]:
    """A batch as rows: an example by itself (its target is one number) becomes a batch of one.

    Raises:
        InputError: other numbers of inputs than of targets.
    """
    if targets.ndim == 0:
        targets = targets[None]
        if isinstance(inputs, dict):
            inputs = {name: part[None] for name, part in inputs.items()}
        else:
            inputs = tuple(part[None] for part in inputs) if isinstance(inputs, tuple) else inputs[None]
    counts = {len(part) if part.ndim else 0 for part in _each(inputs)}
    if counts != {len(targets)}:
        raise InputError(
            f"a batch holds {', '.join(map(str, sorted(counts)))} inputs and {len(targets)} targets; give batches of one target "
            "an input (or a data set with __getitem__ and __len__, of single examples)."
        )
    return inputs, targets


def _each(x: Any) -> list[np.ndarray]:
    return list(x.values()) if isinstance(x, dict) else list(x) if isinstance(x, tuple) else [x]


def _together(parts: list[Any]) -> Any:
    first = parts[0]
    if any(type(part) is not type(first) for part in parts):
        raise InputError("the batches hold inputs of different forms; give all the same.")
    if isinstance(first, dict):
        if any(part.keys() != first.keys() for part in parts):
            raise InputError("the batches hold inputs of different names; give all the same.")
        return {name: _joined([part[name] for part in parts], f"input {name!r}") for name in first}
    if isinstance(first, tuple):
        if len({len(part) for part in parts}) > 1:
            raise InputError("the batches hold different numbers of inputs; give all the same.")
        return tuple(_joined([part[k] for part in parts], f"input {k}") for k in range(len(first)))
    return _joined(parts, "inputs")


def _joined(parts: list[np.ndarray], what: str) -> np.ndarray:
    shapes = {part.shape[1:] for part in parts}
    if len(shapes) > 1:
        raise InputError(
            f"the batches hold {what} of shapes {', '.join(map(str, sorted(shapes)))}; pad them to one shape."
        )
    return np.concatenate(of_one_type(parts, what))


def _noticed(source: Any, rows: int) -> list[str]:
    """Notes on what a loader does to the rows of its data set."""
    if not is_loader(source):
        return []
    notes = ["the loader shuffles; the rows are in the order of its data set"] if is_shuffled(source) else []
    total = len(source.dataset) if has_items(source.dataset) else rows
    if total != rows:
        notes.append(f"the loader gives {rows:,} of the {total:,} rows of its data set (sampler or drop_last)")
    return notes


def _changes(source: Any) -> list[str]:
    """Whether a second look gives other rows: of items, read twice; of a loader without items, of its first batch."""
    items = source.dataset if is_loader(source) else source
    if is_table(items):
        return []
    if has_items(items):
        count = min(LOOKED_AT, len(items))
        once, twice = ([parted(items[i]) for i in range(count)] for _ in range(2))
        if all(_same(a, b) for a, b in zip(once, twice, strict=True)):
            return []
        return ["an item differs when it is read again (augmentation, noise): these rows are of one pass"]
    if hasattr(source, "__next__"):
        return []
    first, again = next(iter(source), None), next(iter(source), None)
    if first is None or again is None or first is again or _same(parted(first), parted(again)):
        return []
    return ["the first batch differs in a second pass (shuffling or augmentation): these rows are of one pass"]


def _same(a: tuple[Any, Any], b: tuple[Any, Any]) -> bool:
    pairs = zip([*_each(_arrays(a[0])), array_of(a[1])], [*_each(_arrays(b[0])), array_of(b[1])], strict=False)
    return all(p.shape == q.shape and np.array_equal(p, q, equal_nan=p.dtype.kind == "f") for p, q in pairs)
