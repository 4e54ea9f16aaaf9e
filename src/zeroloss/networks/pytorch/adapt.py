"""Modules of several inputs, or whose answer is a dict, a tuple or an output object, as modules of one tensor.

The examples of all inputs lie side by side in one row (`zeroloss.plumbing.layout`); the module gets them back in their
shapes and types, and of its answer the one tensor is taken. So all that follows (export, comparison, rounding, files) knows
one tensor in and one out.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from zeroloss.plumbing import InputError
from zeroloss.plumbing.layout import Layout, by_name, is_whole, joined, layout_of, pieces
from zeroloss.plumbing.outputs import is_array, one_array

PREFIX = "module."
"""Prefix of the names of an adapted module's parameters."""


def inputs_of(example: Any) -> Layout | None:
    """The layout of an example that is several inputs (a tuple or mapping of arrays, or a data set of such); None of others."""
    layout = getattr(example, "layout", None)
    if layout and hasattr(example, "x_train"):
        return tuple(layout)
    if isinstance(example, Mapping) or (isinstance(example, tuple) and len(example) > 1):
        return layout_of(example)
    return None


def joined_batch(torch: Any, example: Any, layout: Layout, kind: Any) -> Any:
    """The example as one tensor `(n, d)`: whole numbers if all inputs are, else of the module's precision."""
    rows = example.x_train[:3] if hasattr(example, "x_train") else joined(example, layout)
    whole = all(is_whole(dtype) for _, _, dtype in layout)
    if whole:
        return torch.from_numpy(np.array(rows, np.int64))
    return torch.from_numpy(np.array(rows, np.float64)).to(kind)


def adapted(torch: Any, module: Any, batch: Any, layout: Layout | None, output: str | int | None) -> Any:
    """`module` itself where it takes `batch` and answers with one tensor `(n, c)`, else one that does.

    Raises:
        InputError: several tensors in the answer and no `output`, or none of that name.
    """
    wrapped = _adapted_class(torch)(module, layout, output)
    wrapped.training = module.training
    if layout is None and output is None:
        try:
            with _looked_at(torch, module):
                answer = module(batch[:1].clone())
        except Exception:  # the export reports why
            return module
        if is_array(answer) and answer.ndim <= 2:
            return module
    else:
        answer = _answer(torch, wrapped, batch)
    one_array(answer, output)
    return wrapped


@contextlib.contextmanager
def _looked_at(torch: Any, module: Any) -> Iterator[None]:
    """Without gradients, and with the buffers as they were afterwards: a look at the answer changes nothing."""
    kept = {name: buffer.clone() for name, buffer in module.named_buffers()}
    try:
        with torch.no_grad():
            yield
    finally:
        with torch.no_grad():
            for name, buffer in module.named_buffers():
                if name in kept and kept[name].shape == buffer.shape:
                    buffer.copy_(kept[name])


def _answer(torch: Any, wrapped: Any, batch: Any) -> Any:
    try:
        with _looked_at(torch, wrapped):
            return wrapped.whole_answer(batch[:1].clone())
    except Exception as error:
        first = str(error).strip().split("\n")[0][:200]
        raise InputError(f"the module does not take these inputs: {first}") from error


def stripped(name: str, module: Any) -> str:
    """A parameter's name in the user's module."""
    return name.removeprefix(PREFIX) if getattr(module, "adapts_zeroloss", False) else name


@functools.cache
def _adapted_class(torch: Any) -> Any:
    class Adapted(torch.nn.Module):
        """One tensor `(n, d)` in, one `(n, c)` out."""

        adapts_zeroloss = True

        def __init__(self, module: Any, layout: Layout | None, output: str | int | None):
            super().__init__()
            self.module, self.layout, self.output = module, layout, output

        def whole_answer(self, rows: Any) -> Any:
            if self.layout is None:
                return self.module(rows)
            parts = [
                part.to(getattr(torch, np.dtype(dtype).name)) if is_whole(dtype) else part
                for part, (_, _, dtype) in zip(pieces(self.layout, rows), self.layout, strict=True)
            ]
            if by_name(self.layout):
                return self.module(**{name: part for (name, _, _), part in zip(self.layout, parts, strict=True)})
            return self.module(*parts)

        def forward(self, rows: Any) -> Any:
            answer = one_array(self.whole_answer(rows), self.output)
            return answer.flatten(1) if answer.ndim > 2 else answer

    return Adapted
