"""A batch as a module takes it, from what a user has: a tensor, an array, a data set whose rows are flat.

Rows of images keep the order of the data: channels last `(h, w, c)`, as NumPy has them, or first, as torch. Where the module
takes channels first and the data hold them last, the order is changed where the network begins (`in_order`), so that the
network takes the data's rows wherever it goes: a kernel, a proof, a file.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from zeroloss.networks.pytorch.adapt import joined_batch
from zeroloss.networks.pytorch.export import torch_package
from zeroloss.networks.pytorch.forms import as_batch
from zeroloss.networks.pytorch.kinks import ROWS
from zeroloss.networks.pytorch.network import TorchNetwork
from zeroloss.networks.pytorch.program import Ref, Step, renamed
from zeroloss.plumbing import InputError
from zeroloss.plumbing.outputs import named_arrays

Order = tuple[int, ...]
"""For each axis of an example as the module takes it, the axis of the data's example."""


def example_batch(module: Any, example: Any, layout: Any = None) -> tuple[Any, tuple[tuple[int, ...], Order] | None]:
    """A torch tensor `(n, ...)` in the module's precision; and the data's shape with the order of its axes, where another.

    Raises:
        InputError: one example alone, a shape that the module does not take, images whose channels may be first or last.
    """
    torch = torch_package()
    kind = next((p.dtype for p in module.parameters() if p.dtype.is_floating_point), torch.float32)
    if example is None:
        linear = next(iter(_leaves(module)), None)
        if not isinstance(linear, torch.nn.Linear):
            raise InputError(
                "give example=, a batch as the module takes it (n, ...), or a Dataset: the shape of its input is not known."
            )
        return torch.zeros(3, linear.in_features, dtype=kind), None
    if layout is not None:
        return joined_batch(torch, example, layout, kind), None
    if isinstance(example, tuple) and len(example) == 1:
        example = example[0]
    if hasattr(example, "x_train"):
        return _of_dataset(module, example, kind)
    batch = as_batch(torch, example)
    if batch.ndim < 2:
        raise InputError(
            f"an example of shape {tuple(batch.shape)}: give a batch as the module takes it, (n, ...), not one example alone."
        )
    return batch.to(kind) if batch.dtype.is_floating_point else batch.long(), None


def _leaves(module: Any) -> Any:
    idle = ("Flatten", "Identity", "Dropout")
    return (m for m in module.modules() if not list(m.children()) and type(m).__name__ not in idle)


def _of_dataset(module: Any, data: Any, kind: Any) -> tuple[Any, tuple[tuple[int, ...], Order] | None]:
    """The first rows of the data in the first of these shapes that the module takes: flat, an image, tokens."""
    torch = torch_package()
    rows = torch.from_numpy(np.array(data.x_train[:ROWS])).to(kind)
    size = rows.shape[1]
    image = getattr(data, "image_shape", None)
    first = next(iter(_leaves(module)), None)
    if isinstance(first, torch.nn.Embedding | torch.nn.EmbeddingBag):
        return _tokens(module, data, kind), None
    shapes: list[tuple[int, ...]] = [(size,), (1, size)]
    if image is not None and len(image) == 2:
        shapes[1:1] = [tuple(image), (1, *image)]
    dims = {"Conv2d": 4, "Conv1d": 3, "Conv3d": 5}.get(type(first).__name__)
    shapes.sort(key=lambda shape: dims is not None and dims != len(shape) + 1)  # what its first layer takes, first
    found = [] if image is None or len(image) < 3 else _orders(module, rows, tuple(image), first)
    if len(found) == 2:
        raise InputError(
            f"the images of {data.name} are {'x'.join(map(str, image or ()))}, and the module takes them with the channels first or "
            "last: it cannot be seen which is meant. Give example=, images as the module takes them (their rows are then "
            "taken in that order, so the data must be in it too)."
        )
    if found and (dims == 4 or not _takes(module, rows)):
        return found[0]
    for shape in shapes:
        if math.prod(shape) == size and _takes(module, rows.reshape(len(rows), *shape)):
            return rows.reshape(len(rows), *shape), None
    if found:
        return found[0]
    raise InputError(
        f"the module takes the {size} numbers of an example of {data.name} neither flat nor as an image; "
        "convert it by zeroloss.from_torch(module, example=a batch as it takes it), or give the data as images: "
        "from_arrays(x, y) with x (n, height, width, channels)."
    )


def _tokens(module: Any, data: Any, kind: Any) -> Any:
    """The first rows as tokens; as numbers where they are not whole and the module takes them so."""
    torch = torch_package()
    rows = np.asarray(data.x_train)
    broken = np.flatnonzero((rows != np.round(rows)).any(axis=1))
    if len(broken):
        mixed = torch.from_numpy(np.array(rows[:ROWS])).to(kind)
        if _takes(module, mixed):  # numbers and codes side by side: the module cuts the codes itself
            return mixed
        raise InputError(
            f"the module takes whole numbers (tokens), and row {broken[0]} of {data.name} holds fractions (were the inputs scaled?); "
            "give the data as they are: scaling='none'."
        )
    return torch.from_numpy(rows[:ROWS].astype(np.int64))


def _orders(module: Any, rows: Any, image: tuple[int, ...], first: Any) -> list[Any]:
    """The batch with the channels as the data have them, and with the last axis first, where the module takes them; one of
    them where they are the same numbers in the same order."""
    last = (len(image) - 1, *range(len(image) - 1))
    batch = rows.reshape(len(rows), *image)
    turned = batch.permute(0, *(a + 1 for a in last)).contiguous()
    channels = getattr(first, "in_channels", None)
    found: list[Any] = []
    if channels in (None, image[0]) and _takes(module, batch):
        found.append((batch, None))
    if channels in (None, image[-1]) and _takes(module, turned):
        same = image[-1] == 1 or math.prod(image[:-1]) == 1 or image[:-1].count(1) == len(image) - 1
        if not same:
            found.append((turned, (image, last)))
        elif not found:
            found.append((turned, None))
    return found


def _takes(module: Any, batch: Any) -> bool:
    torch = torch_package()
    try:
        with torch.no_grad():
            answers = named_arrays(module(batch))
    except Exception:
        return False
    return bool(answers) and all(len(found) == len(batch) for _, found in answers if found.ndim)


def in_order(network: TorchNetwork, order: tuple[tuple[int, ...], Order] | None) -> TorchNetwork:
    """The network on examples of another shape, whose axes it puts in the order of the module's first."""
    if order is None:
        return network
    shape, axes = order
    program = network.program
    place = program.inputs.index(("input", ""))
    number = 1 + max([len(program.inputs) - 1, *(step.out for step in program.steps)])
    turn = Step("aten.permute.default", (Ref(place), (0, *(a + 1 for a in axes))), (), number)
    steps = (turn, *(renamed(step, {place: number}) for step in program.steps))
    return dataclasses.replace(network, program=dataclasses.replace(program, steps=steps, input_shape=tuple(shape)))
