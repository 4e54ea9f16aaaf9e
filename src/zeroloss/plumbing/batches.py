"""Sources of examples other than arrays: loaders, data sets of items, tables of columns, iterables of batches.

Nothing is imported for the question: PyTorch and Hugging Face `datasets` are known by what their objects have.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from zeroloss.plumbing.containers import of_one_type, read_array
from zeroloss.plumbing.errors import InputError

TARGETS = ("labels", "label", "y", "targets", "target")
"""The names under which a batch with names holds its targets; the first that is there counts."""
ITEMS = 256
"""Items of a data set that are put together to a batch."""


def is_source(thing: Any) -> bool:
    """Whether `thing` gives examples in batches or one by one: a loader, a data set of items, an iterable of batches.

    Arrays, tables, lists, mappings, texts and the data sets of this library do not count.
    """
    if isinstance(thing, np.ndarray | list | tuple | Mapping | str | bytes) or hasattr(thing, "__array__"):
        return False
    if hasattr(thing, "x_train") or hasattr(thing, "shape") or isinstance(thing, type):
        return False
    return hasattr(thing, "__iter__") or hasattr(thing, "__next__") or has_items(thing)


def has_items(thing: Any) -> bool:
    """Whether single examples can be read by their numbers (a map-style data set)."""
    return hasattr(thing, "__getitem__") and hasattr(thing, "__len__") and not isinstance(thing, Mapping)


def is_table(thing: Any) -> bool:
    """Whether this is a Hugging Face data set: columns by name."""
    return hasattr(thing, "features") and hasattr(thing, "column_names") and has_items(thing)


def is_stream(thing: Any) -> bool:
    """Whether this gives single examples one after the other: an iterable data set of PyTorch or Hugging Face."""
    torch = sys.modules.get("torch")
    named = hasattr(thing, "features") and hasattr(thing, "column_names")
    return named or (torch is not None and isinstance(thing, torch.utils.data.IterableDataset))


def is_loader(thing: Any) -> bool:
    """Whether this is PyTorch's `DataLoader`, or looks like it."""
    return hasattr(thing, "dataset") and hasattr(thing, "collate_fn") and hasattr(thing, "__iter__")


def is_shuffled(loader: Any) -> bool:
    """Whether a loader draws its order anew in each pass, over all rows of a data set of items."""
    torch = sys.modules.get("torch")
    sampler = getattr(loader, "sampler", None)
    known = torch is not None and isinstance(sampler, torch.utils.data.RandomSampler)
    return known and not getattr(sampler, "replacement", False) and has_items(loader.dataset)


def batches(source: Any) -> Iterator[tuple[Any, Any]]:
    """`(inputs, targets)` of each batch; a shuffled loader is read in the order of its data set.

    Raises:
        InputError: a batch that does not hold inputs and targets.
    """
    if is_table(source):
        yield from _table(source)
    elif is_loader(source):
        yield from map(parted, _in_order(source) if is_shuffled(source) else source)
    elif has_items(source) and not hasattr(source, "__next__"):
        for start in range(0, len(source), ITEMS):
            yield stacked([parted(source[i]) for i in range(start, min(start + ITEMS, len(source)))])
    elif is_stream(source):
        examples = iter(source)
        while some := list(itertools.islice(examples, ITEMS)):
            yield stacked([parted(example) for example in some])
    else:
        yield from map(parted, source)


def _in_order(loader: Any) -> Iterator[Any]:
    size = loader.batch_size or ITEMS
    for start in range(0, len(loader.dataset), size):
        yield loader.collate_fn([loader.dataset[i] for i in range(start, min(start + size, len(loader.dataset)))])


def _table(source: Any) -> Iterator[tuple[Any, Any]]:
    for start in range(0, len(source), ITEMS):
        part = source[start : start + ITEMS]
        yield parted({name: _column(name, part[name]) for name in source.column_names})


def _column(name: str, values: Any) -> np.ndarray:
    try:
        return array_of(values)
    except (InputError, ValueError, TypeError) as error:
        raise InputError(
            f"the column {name!r} holds texts or rows of different lengths; turn it into numbers of one shape (tokenise and "
            "pad), or remove it."
        ) from error


def parted(batch: Any) -> tuple[Any, Any]:
    """A batch (or one example) as inputs and targets.

    `(x, y)`; `(a, b, ..., y)`: several inputs, the last are the targets; a mapping with targets under one of `TARGETS`, and
    else inputs.

    Raises:
        InputError: there are no targets.
    """
    if isinstance(batch, Mapping):
        target = next((name for name in TARGETS if name in batch), None)
        if target is None:
            raise InputError(
                f"the batches hold {', '.join(map(str, batch))}, and none of {', '.join(TARGETS)}; name the targets so."
            )
        rest = {name: value for name, value in batch.items() if name != target}
        if not rest:
            raise InputError(f"the batches hold {target!r} and no inputs.")
        return (next(iter(rest.values())) if len(rest) == 1 else rest), batch[target]
    if isinstance(batch, tuple | list) and len(batch) >= 2:
        *inputs, y = batch
        return (inputs[0] if len(inputs) == 1 else tuple(inputs)), y
    raise InputError(f"a batch is a {type(batch).__name__}; give pairs (inputs, targets), or a dict with targets.")


def stacked(examples: list[tuple[Any, Any]]) -> tuple[Any, Any]:
    """Single examples as a batch."""
    first = examples[0][0]
    y = _stacked([target for _, target in examples])
    if isinstance(first, Mapping):
        return {name: _stacked([x[name] for x, _ in examples]) for name in first}, y
    if isinstance(first, tuple):
        return tuple(_stacked([x[k] for x, _ in examples]) for k in range(len(first))), y
    return _stacked([x for x, _ in examples]), y


def _stacked(examples: list[Any]) -> np.ndarray:
    arrays = [array_of(example) for example in examples]
    if len({array.shape for array in arrays}) > 1:
        raise InputError("the examples are not arrays of one shape; collate or pad them.")
    return np.stack(of_one_type(arrays, "examples"))


def array_of(values: Any) -> np.ndarray:
    """Numbers of any package as an array.

    Raises:
        InputError: what is no array of one shape.
    """
    array = read_array(values, "examples").array
    if array.dtype.kind == "O":
        raise InputError("the examples are not arrays of one shape; collate or pad them.")
    return array
