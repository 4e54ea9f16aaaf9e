"""From a torch module to a program: torch.export at a batch of one, decomposed into Core ATen operators.

Batch one and `jax.vmap` afterwards rather than a symbolic batch: every shape is a number, a model that flattens or
reshapes needs no care, and no example can see another. What depends on the batch all the same (batch statistics, a bare
`squeeze()`) is found by comparing answers with the module's own on several examples.
(Tried: a table of `torch.fx` modules, which fails on any forward of one's own; `torch.export` in strict mode, which
refuses more Python for nothing gained here.)
"""

from __future__ import annotations

import contextlib
import logging
import operator
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from zeroloss.networks.pytorch.adapt import stripped
from zeroloss.networks.pytorch.branches import without_branches
from zeroloss.networks.pytorch.program import Dtype, Program, Ref, Step, live_steps
from zeroloss.networks.pytorch.recurrent import layers_as_operators
from zeroloss.networks.pytorch.stops import STOP, export, is_stop, reached, without_idle_stops
from zeroloss.networks.pytorch.strides import strided
from zeroloss.networks.pytorch.ties import module_ties
from zeroloss.plumbing import InputError

NEEDS = "torch"
_DROPPED = {"layout", "device", "pin_memory", "memory_format", "non_blocking"}
_MOST_TOKENS = 2
_WHOLE = {"aten.lstm.input", "aten.gru.input", "aten.rnn_tanh.input", "aten.rnn_relu.input"}
_WHOLE |= {"aten.sinc.default", "aten.hardsigmoid.default", "aten.hardswish.default", "aten.std.correction"}
_WHOLE |= {"aten.std.dim", "aten.std_mean.correction"}
"""Operators that are not decomposed: recurrent layers, and what the parts have other derivatives of at a kink."""


def torch_package() -> Any:
    """The package torch, or one line on how to get it."""
    try:
        import torch
    except ImportError:
        raise InputError("this needs the package torch; install it by: pip install 'zeroloss[torch]'.") from None
    return torch


def is_torch_module(thing: Any) -> bool:
    """Whether this is a torch `nn.Module`; torch is not imported for the question."""
    import sys

    torch = sys.modules.get("torch")
    return torch is not None and isinstance(thing, torch.nn.Module)


def refuse_training_mode(module: Any) -> None:
    """InputError for a module whose answers are random or depend on the batch because it is in training mode."""
    torch = torch_package()
    kinds = (torch.nn.modules.dropout._DropoutNd, torch.nn.modules.batchnorm._BatchNorm, torch.nn.RReLU)
    for name, part in module.named_modules():
        random = isinstance(part, kinds) or float(getattr(part, "dropout", 0.0) or 0.0 if _numeric(part) else 0.0) > 0
        if part.training and random:
            where = f"{name} ({type(part).__name__})" if name else type(part).__name__
            raise InputError(
                f"the module is in training mode, where {where} is no function of one example; call module.eval() first."
            )


def _numeric(part: Any) -> bool:
    return isinstance(getattr(part, "dropout", None), int | float)


@contextlib.contextmanager
def _plainly(torch: Any) -> Iterator[None]:
    """A context without torch's warnings, with gradients on, and without fused attention, whose operators have no decomposition."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    log = logging.getLogger(
        "torch._subclasses.fake_tensor"
    )  # writes a traceback before it raises what is reported here
    silent, log.disabled = log.disabled, True
    try:
        with warnings.catch_warnings(), torch.enable_grad(), layers_as_operators(torch):
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        log.disabled = silent


def _decompositions(torch: Any) -> Any:
    """torch's own, but for what is translated whole."""
    table = torch.export.default_decompositions()
    for op in [op for op in table if str(op) in _WHOLE]:
        table.pop(op)
    return table


def export_program(module: Any, example: Any) -> tuple[Program, dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The program of `module` on `example` `(1, ...)` (a torch tensor), its trainable parameters and its constants.

    Raises:
        InputError: a module that cannot be exported, keeps state, takes or gives other than one tensor, or uses an
            operator without a translation.
    """
    torch = torch_package()
    refuse_training_mode(module)
    try:
        with _plainly(torch):
            exported = export(torch, module, example).run_decompositions(_decompositions(torch))
    except InputError:
        raise
    except Exception as error:
        raise InputError(_why_not(error, example)) from error
    signature = exported.graph_signature
    changed = [*signature.buffers_to_mutate.values(), *signature.user_inputs_to_mutate.values()]
    if changed:
        raise InputError(
            f"the module changes {stripped(changed[0], module)} each time it is called; call module.eval(), or leave that out."
        )
    program, arrays = _translated(exported, example, module, module_ties(module, exported.constants))
    program.check()
    own = {stripped(name, module): p for name, p in module.named_parameters(remove_duplicate=False)}
    frozen = not any(p.requires_grad for p in own.values())  # all frozen: a model for inference, not a choice of layers
    wanted = {name for name, p in own.items() if p.requires_grad or frozen}
    wanted = reached(program, wanted)  # what is behind a stop everywhere is not trained
    program = without_idle_stops(program, wanted)
    floating = {k for k, a in arrays.items() if a.dtype.kind == "f"}
    parameters = {k: arrays[k] for k in arrays if k in wanted and k in floating}
    if not parameters:
        raise InputError(
            "the module has no parameters that its answers depend on with a gradient; nothing is to be trained or proved."
        )
    constants = {k: a for k, a in arrays.items() if k not in parameters}
    keys = tuple(
        ("parameter" if name in parameters else kind, name) if kind == "constant" else (kind, name)
        for kind, name in program.inputs
    )
    return Program(keys, program.steps, program.output, program.input_shape, program.whole), parameters, constants


def _why_not(error: Exception, example: Any) -> str:
    text = str(error).strip()
    first = text.split("\n")[0][:200]
    if "data-dependent" in text.lower() or "GuardOnDataDependent" in type(error).__name__ or "unbacked" in text.lower():
        return (
            "the module's control flow depends on the data (an `if` or a loop over values), so no fixed computation can be exported; "
            f"write it with torch.where, or give a part without it. torch says: {first}"
        )
    return (
        f"torch.export cannot export the module on an example of shape {tuple(example.shape)} ({example.dtype}): {first} "
        "(the example must be a batch as the module takes it)."
    )


def _translated(
    exported: Any, example: Any, module: Any, ties: Mapping[str, str]
) -> tuple[Program, dict[str, np.ndarray]]:
    """The program with every array as a constant, and the arrays by name; `ties`: the first name of each parameter."""
    signature = exported.graph_signature
    named = {**exported.constants, **exported.state_dict}
    places = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
    places |= signature.inputs_to_lifted_tensor_constants
    numbers: dict[Any, Ref] = {}
    inputs: list[tuple[str, str]] = []
    arrays: dict[str, np.ndarray] = {}
    steps: list[Step] = []
    output: int | None = None
    effects = _effects(exported)
    nodes = [node for node in without_branches(exported.graph_module).nodes if node not in effects]
    for node in (n for n in nodes if n.op == "placeholder"):
        numbers[node] = Ref(len(inputs))
        if node.name not in places:
            inputs.append(("input", ""))
            continue
        name = places[node.name]
        tensor = named[name]
        name = stripped(ties.get(name, name), module)
        inputs.append(("constant", name))
        arrays[name] = _array(tensor, name)
    if inputs.count(("input", "")) != 1:
        raise InputError("the module takes more than one tensor, or none; wrap it in a module of one tensor.")
    for node in nodes:
        if node.op == "call_function":
            numbers[node] = Ref(len(numbers))
            name = STOP if is_stop(node.target) else _name(node.target)
            given, named_too = node.args, {k: v for k, v in node.kwargs.items() if k not in _DROPPED}
            if name == "aten.as_strided.default":
                name, rest, named_too = strided(*_three(node), node.args[0].meta["val"])
                given = (node.args[0], *rest)
            kwargs = tuple((k, _argument(v, numbers)) for k, v in named_too.items())
            steps.append(Step(name, tuple(_argument(a, numbers) for a in given), kwargs, numbers[node].index))
        elif node.op == "output":
            output = _output(node, numbers, effects)
        elif node.op != "placeholder":
            raise InputError(f"the exported module holds a {node.op} ({node.target}), which is not translated.")
    assert output is not None
    whole = not example.dtype.is_floating_point
    kept = live_steps(steps, output)
    # In a float64 module a cast to float32 rounds: it must not come to mean the network's own precision.
    if any(named[name].dtype is torch_package().float64 for name in signature.parameters):
        kept = tuple(map(_rounding, kept))
    return Program(tuple(inputs), kept, output, tuple(example.shape[1:]), whole), arrays


def _name(target: Any) -> str:
    if hasattr(target, "_schema"):
        return str(target)
    if target is operator.getitem:
        return "getitem"
    raise InputError(
        f"the exported module holds {getattr(target, '__name__', target)}, which is not translated; "
        "write it with operations on tensors."
    )


def _effects(exported: Any) -> set[Any]:
    """Nodes that are no values but checks that may raise, and the tokens that keep these in order: whether a matrix is
    singular shows in the answers."""
    tokens = {s.arg.name for s in exported.graph_signature.input_specs if s.kind.name == "TOKEN"}
    found = {node for node in exported.graph.nodes if node.op == "placeholder" and node.name in tokens}
    for node in exported.graph.nodes:
        of_check = getattr(node.target, "__name__", "") == "getitem" and node.args[0] in found
        if node.op == "call_function" and (of_check or str(node.target) == "with_effects"):
            found.add(node)
    return found


def _three(node: Any) -> tuple[Any, Any, Any]:
    """Size, strides and offset of a call of `as_strided`."""
    found = {"storage_offset": None, **dict(zip(("size", "stride", "storage_offset"), node.args[1:], strict=False))}
    found |= dict(node.kwargs)
    return found["size"], found["stride"], found["storage_offset"]


def _output(node: Any, numbers: dict[Any, Ref], effects: set[Any]) -> int:
    given = node.args[0] if isinstance(node.args[0], tuple | list) else [node.args[0]]
    found = [v for v in given if v is not None and v not in effects]
    if len(found) != 1 or found[0] not in numbers:
        raise InputError(f"the module returns {len(found)} values; wrap it in a module that returns one tensor (n, c).")
    shape = tuple(found[0].meta["val"].shape)
    if len(shape) > 2 or (len(shape) == 2 and shape[0] != 1):
        raise InputError(
            f"the module answers one example with shape {shape}; it must be (1, c): flatten or pool the rest."
        )
    return numbers[found[0]].index


def _argument(value: Any, numbers: dict[Any, Ref]) -> Any:
    torch = torch_package()
    if isinstance(value, torch.fx.Node):
        if value not in numbers:
            raise InputError(f"the module computes with the result of a check ({value}), which is not translated.")
        return numbers[value]
    if isinstance(value, torch.dtype):
        return Dtype(str(value).removeprefix("torch."))
    if isinstance(value, tuple | list):
        return tuple(_argument(v, numbers) for v in value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, torch.device | torch.layout | torch.memory_format):
        return None
    raise InputError(f"the exported module holds a {type(value).__name__} as an argument, which is not translated.")


def _rounding(step: Step) -> Step:
    """A step of a module of float64, where float32 is a precision of its own."""

    def renamed(value: Any) -> Any:
        if isinstance(value, Dtype):
            return Dtype("single") if value.name in ("float32", "float") else value
        return tuple(map(renamed, value)) if isinstance(value, tuple) else value

    return Step(step.operator, renamed(step.args), tuple((k, renamed(v)) for k, v in step.kwargs), step.out)


def _array(tensor: Any, name: str) -> np.ndarray:
    tensor = tensor.detach().cpu()
    if str(tensor.dtype) in ("torch.float16", "torch.bfloat16"):
        return tensor.float().numpy().copy()  # a constant of the code, at its exact value
    if tensor.dtype.is_complex:
        raise InputError(f"{name} holds complex numbers, which are not translated.")
    return tensor.numpy().copy()
