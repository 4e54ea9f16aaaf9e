"""Recurrent layers on their way through torch.export: one operator each, whose shapes are known without a step taken.

torch's own operators are unrolled, step by step, each time a shape is needed, which takes most of an export's
time; and packed sequences have shapes that depend on the data. While a module is exported its layers call the operators
defined here instead. Of one example a packed sequence is its steps, all of them, beside which of them count: lengths are
data like any others then.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import Any

from zeroloss.plumbing import InputError

_OPTIONS = "bool has_biases, int num_layers, float dropout, bool train, bool bidirectional"
_KINDS = {"lstm": "Tensor[] hx", "gru": "Tensor hx", "rnn_tanh": "Tensor hx", "rnn_relu": "Tensor hx"}


@functools.cache
def _operators() -> Any:
    """The operators in torch's registry, with the rules for their shapes."""
    from torch import library

    operators = library.Library("zeroloss", "FRAGMENT")
    for name, state in _KINDS.items():
        results = "(Tensor, Tensor, Tensor)" if name == "lstm" else "(Tensor, Tensor)"
        operators.define(f"{name}(Tensor x, {state}, Tensor[] params, {_OPTIONS}, bool batch_first) -> {results}")
        operators.define(f"{name}_packed(Tensor x, Tensor going, {state}, Tensor[] params, {_OPTIONS}) -> {results}")
        operators.impl(name, _shapes, "Meta")
        operators.impl(f"{name}_packed", _packed_shapes, "Meta")
    operators.define("pack(Tensor x, Tensor lengths, bool batch_first) -> (Tensor, Tensor)")
    operators.impl("pack", _pack_shapes, "Meta")
    operators.define("unpack(Tensor x, Tensor going, bool batch_first, float value, int length) -> (Tensor, Tensor)")
    operators.impl("unpack", _unpack_shapes, "Meta")
    return operators  # what holds it keeps the operators


def _shapes(
    x: Any, hx: Any, params: Any, has_biases: Any, layers: Any, dropout: Any, train: Any, both: bool, *_: Any
) -> Any:
    states = hx if isinstance(hx, list | tuple) else [hx]
    out = x.new_empty(*x.shape[:-1], states[0].shape[-1] * (1 + both))
    return (out, *(s.new_empty(s.shape) for s in states))


def _packed_shapes(x: Any, going: Any, *rest: Any) -> Any:
    return _shapes(x, *rest)


def _pack_shapes(x: Any, lengths: Any, batch_first: bool) -> Any:
    steps = x.shape[1 if batch_first else 0]
    return x.new_empty(steps, *x.shape[2:]), lengths.new_empty(steps)


def _unpack_shapes(x: Any, going: Any, batch_first: bool, value: float, length: int) -> Any:
    lead = (1, length) if batch_first else (length, 1)
    return x.new_empty(*lead, *x.shape[1:]), going.new_empty(1)


class _Longest(int):
    """As many steps as the longest sequence has: what `pad_packed_sequence` pads to where it is given no length."""


class _Going:
    """In place of the batch sizes of a packed sequence: which steps of the one example count, a tensor of ones and zeros."""

    def __init__(self, steps: Any):
        self.steps, self.device = steps, steps.device

    def __getitem__(self, step: int) -> int:
        return 1

    def size(self, axis: int = 0) -> int:
        return _Longest(self.steps.shape[0])


class _Functions:
    """torch's functions of recurrent layers, those among them replaced that are translated whole."""

    def __init__(self, torch: Any):
        self._own, self._new = torch._VF, torch.ops.zeroloss

    def __getattr__(self, name: str) -> Any:
        return functools.partial(self._layer, name) if name in _KINDS else getattr(self._own, name)

    def _layer(self, name: str, x: Any, second: Any, *rest: Any) -> Any:
        if isinstance(second, _Going):
            hx, params, *options = rest
            return getattr(self._new, f"{name}_packed")(x, second.steps, _states(hx), list(params), *options)
        params, *options = rest
        return getattr(self._new, name)(x, _states(second), list(params), *options)

    def _pack_padded_sequence(self, x: Any, lengths: Any, batch_first: bool) -> Any:
        if x.shape[0 if batch_first else 1] != 1:
            raise InputError("a packed sequence of other than one example; pack the batch that the module is given.")
        data, going = self._new.pack(x, lengths, batch_first)
        return data, _Going(going)

    def _pad_packed_sequence(self, data: Any, going: Any, batch_first: bool, value: float, length: int) -> Any:
        if not isinstance(going, _Going):
            return self._own._pad_packed_sequence(data, going, batch_first, value, length)
        if isinstance(length, _Longest):
            raise InputError(
                "pad_packed_sequence pads to the longest sequence of the batch, so one example's answer depends on the others; "
                "give it total_length= (the length of the padded input)."
            )
        return self._new.unpack(data, going.steps, batch_first, float(value), int(length))


def _states(hx: Any) -> Any:
    return list(hx) if isinstance(hx, list | tuple) else hx


@contextlib.contextmanager
def layers_as_operators(torch: Any) -> Iterator[None]:
    """Recurrent layers call the operators of this module; for an export only, as nothing here computes."""
    _operators()
    from torch.nn.modules import rnn as layers
    from torch.nn.utils import rnn as packing

    users: list[Any] = [layers, packing]
    kept = [user._VF for user in users]
    for user in users:
        user._VF = _Functions(torch)
    try:
        yield
    finally:
        for user, own in zip(users, kept, strict=True):
            user._VF = own
