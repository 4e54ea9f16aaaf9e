"""Which parameters of a torch module are one: decided by where their numbers lie in memory, not by their names.

`b.weight = a.weight` gives one parameter two names. `b.weight.data = a.weight.data` leaves two parameter objects over the
same numbers: what moves one moves the other, and so they are one parameter here too. Memory that is shared in any other
way (a part, a transpose, an expanded entry) cannot be moved as arrays of their own, and is refused.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from zeroloss.plumbing import InputError


def module_ties(module: Any, constants: Mapping[str, Any] | None = None) -> dict[str, str]:
    """For each parameter of a torch module, under all its names, the first name of the same numbers in memory.

    `constants`: other tensors that its forward uses, such as plain attributes.

    Raises:
        InputError: parameters, or a parameter that is trained and a buffer, that share memory otherwise.
    """
    parameters = dict(module.named_parameters(remove_duplicate=False))
    frozen = not any(p.requires_grad for p in parameters.values())  # all frozen: a model for inference
    moved = {name for name, p in parameters.items() if p.requires_grad or frozen}
    buffers = dict(module.named_buffers(remove_duplicate=False))
    others = {name: t for name, t in (constants or {}).items() if hasattr(t, "untyped_storage")}
    found = tied_names({**parameters, **buffers, **others}, moved)
    return {name: found[name] for name in parameters}


def tied_names(tensors: Mapping[str, Any], moved: Iterable[str]) -> dict[str, str]:
    """For each name, the first one of the same numbers in memory; `moved`: the names of what is trained.

    Raises:
        InputError: what is trained shares memory with something else that is not the same numbers in the same order, or
            is not trained, or with itself.
    """
    moved = set(moved)
    first: dict[Any, str] = {}
    names: dict[str, str] = {}
    places: dict[Any, list[str]] = {}
    for name, tensor in tensors.items():
        key = _key(tensor)
        names[name] = name if key is None else first.setdefault(key, name)
        if key is None:
            continue
        if (name in moved) != (names[name] in moved):
            one, other = (name, names[name]) if name in moved else (names[name], name)
            raise InputError(
                f"{other} is not trained and lies in the same memory as {one}, which is: training moves both. "
                f"Give {other} memory of its own (.clone()), or use {one} in both places."
            )
        if names[name] == name:
            places.setdefault(key[:2], []).append(name)
    for group in places.values():
        for name in group:
            if name in moved and _repeats(tensors[name]):
                raise InputError(
                    f"entries of {name} are one number in memory (an expanded tensor?), so they cannot be trained as its "
                    f"shape says; make it a parameter of its own (.clone()), and expand it in forward."
                )
        for one, other in itertools.combinations(group, 2):
            if moved & {one, other} and _overlap(tensors[one], tensors[other]):
                raise InputError(
                    f"{one} and {other} share memory without being the same numbers in the same order (a part or a transpose?): "
                    f"training one moves the other. Give {other} memory of its own (.clone()), or derive it from {one} in forward."
                )
    return names


def _key(tensor: Any) -> Any:
    """Device, storage, and the view of it; None for what holds no memory of its own (empty, sparse)."""
    try:
        storage = tensor.untyped_storage().data_ptr()
    except (NotImplementedError, RuntimeError):
        return None
    if not storage or not tensor.numel():
        return None
    steps = tuple(step for step, size in zip(tensor.stride(), tensor.shape, strict=True) if size > 1)
    return str(tensor.device), storage, tensor.storage_offset(), tuple(tensor.shape), steps, str(tensor.dtype)


def _ends(tensor: Any) -> tuple[int, int]:
    """The bytes of the storage between which it lies."""
    reach = sum((size - 1) * step for size, step in zip(tensor.shape, tensor.stride(), strict=True))
    start = tensor.storage_offset()
    return start * tensor.element_size(), (start + reach + 1) * tensor.element_size()


def _entries(tensor: Any) -> np.ndarray:
    """The places in the storage, in entries."""
    places = np.asarray(tensor.storage_offset())
    for size, step in zip(tensor.shape, tensor.stride(), strict=True):
        places = places[..., None] + np.arange(size) * step
    return places.ravel()


def _repeats(tensor: Any) -> bool:
    if tensor.is_contiguous():
        return False
    return len(np.unique(_entries(tensor))) < tensor.numel()


def _overlap(one: Any, other: Any) -> bool:
    (a, b), (c, d) = _ends(one), _ends(other)
    if b <= c or d <= a:
        return False
    if one.element_size() != other.element_size():
        return True
    return bool(np.intersect1d(_entries(one), _entries(other)).size)
