"""A chain of linear layers and known activations, found in a program however the torch forward was written."""

from __future__ import annotations

from typing import Any

from zeroloss.networks.feedforward import FeedForward
from zeroloss.networks.pytorch.network import TorchNetwork
from zeroloss.networks.pytorch.program import Program, Ref, Step, transposes

_ACTIVATIONS = {
    "aten.relu.default": "relu",
    "aten.abs.default": "abs",
    "aten.tanh.default": "tanh",
    "aten.sigmoid.default": "sigmoid",
    "aten.erf.default": "erf",
    "aten.silu.default": "silu",
    "aten.gelu.default": "gelu",
    "aten.leaky_relu.default": "leaky",
}
_SAME = {"aten.clone.default", "aten.alias.default", "aten.view.default", "aten.squeeze.dims", "aten.unsqueeze.default"}
_SAME |= {"aten._unsafe_view.default", "aten.reshape.default", "aten.expand.default", "aten.squeeze.dim"}


def as_feedforward(network: TorchNetwork) -> FeedForward | None:
    """The same function as a `FeedForward`, with the same weights; None where the program is no such chain."""
    found = chain(network.program)
    if found is None or network.program.replaced():
        return None
    linear, activations = found
    if any(kind == "constant" for pair in linear for kind, _ in pair if kind):
        return None  # a frozen layer would become trainable
    weights = [network.parameters[w] for (_, w), _ in linear]
    used = [name for pair in linear for kind, name in pair if kind]
    if len(set(used)) < len(used) or set(used) != set(network.parameters):
        return None  # what is used twice is one parameter, and what is not used is no layer
    if any(w.ndim != 2 for w in weights):
        return None
    sizes = [network.in_size, *(w.shape[0] for w in weights)]
    if [w.shape[1] for w in weights] != sizes[:-1]:
        return None  # a layer applied at several positions
    biases = [network.parameters[b] if kind else None for _, (kind, b) in linear]
    if any(b is not None and b.ndim != 1 for b in biases):
        return None
    return FeedForward(weights, biases, activations)


Linear = tuple[tuple[str, str], tuple[str, str]]
"""Kind ("parameter" or "constant") and name of the weight and of the bias (both empty without)."""


def chain(program: Program) -> tuple[list[Linear], list[str]] | None:
    """The linear layers and the activations between them, or None."""
    by_out = {step.out: step for step in program.steps}
    names = {i: key for i, key in enumerate(program.inputs) if key[0] != "input"}
    linear: list[Linear] = []
    activations: list[str] = []
    at, waiting = program.output, None
    while program.inputs[at : at + 1] != (("input", ""),):
        step = by_out.get(at)
        if step is None:
            return None
        if step.operator in _SAME:
            at = _ref(step.args[0])
            continue
        found = _linear(step, by_out, names)
        if found is not None:
            if not linear and waiting is not None:
                return None  # an activation behind the last layer
            if linear:
                activations.append(waiting or "identity")
            waiting = None
            pair, at = found
            linear.append(pair)
            continue
        name, source = _activation(step, by_out)
        if name is None or waiting is not None or source is None:
            return None
        waiting, at = name, source
    if waiting is not None or not linear:
        return None
    return linear[::-1], activations[::-1]


def _ref(value: Any) -> int:
    return value.index if isinstance(value, Ref) else -1


def _linear(step: Step, by_out: dict[int, Step], names: dict[int, tuple[str, str]]) -> tuple[Linear, int] | None:
    none = ("", "")
    if step.kwargs:
        return None
    if step.operator == "aten.linear.default":
        weight, bias = step.args[1], step.args[2] if len(step.args) > 2 else None
        if _ref(weight) not in names or (bias is not None and _ref(bias) not in names):
            return None
        return (names[_ref(weight)], none if bias is None else names[_ref(bias)]), _ref(step.args[0])
    if step.operator == "aten.addmm.default" and len(step.args) == 3:
        bias, h, turned = step.args
    elif step.operator == "aten.mm.default":
        bias, (h, turned) = None, step.args
    else:
        return None
    transpose = by_out.get(_ref(turned))
    if transpose is None or not transposes(transpose):
        return None
    weight = names.get(_ref(transpose.args[0]))
    if weight is None or (bias is not None and _ref(bias) not in names):
        return None
    return (weight, none if bias is None else names[_ref(bias)]), _ref(h)


def _activation(step: Step, by_out: dict[int, Step]) -> tuple[str | None, int | None]:
    source, named = _ref(step.args[0]) if step.args else -1, dict(step.kwargs)
    name = _ACTIVATIONS.get(step.operator)
    if name == "gelu":
        exact = named.get("approximate", "none") == "none" and len(step.args) == 1
        return ("gelu" if exact else None), source
    if name == "leaky":
        slope = float(step.args[1] if len(step.args) > 1 else named.get("negative_slope", 0.01))
        return ("leaky_relu" if slope == 0.01 else f"prelu({slope!r})"), source
    if name is not None:
        return name, source
    if step.operator == "aten.mul.Tensor" and len(step.args) == 2:  # silu(z) = z sigmoid(z)
        for h, gate in (step.args, step.args[::-1]):
            inner = by_out.get(_ref(gate))
            if inner is not None and inner.operator == "aten.sigmoid.default" and inner.args[0] == h:
                return "silu", _ref(h)
    return None, None
