"""Where a module stops the gradient, kept through the export and in the program.

`.detach()` is an operator that torch's decompositions drop, and a `torch.no_grad()` block a graph of its own that they inline.
Both are marked before: an operator of ours, which the decompositions leave alone, becomes `aten.detach.default` in the
program, and that is `jax.lax.stop_gradient`. `.data` and `torch.inference_mode()`, which an export does not see, are
read as the `.detach()` and `no_grad()` that they are for the gradient.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Iterator
from typing import Any

from zeroloss.networks.pytorch.one_hot import bound_classes
from zeroloss.networks.pytorch.program import Program, Step, live_steps, references, renamed
from zeroloss.plumbing import InputError

STOP = "aten.detach.default"
_MARK = "zeroloss.stop_gradient.default"
_STOPS = {"aten.detach.default", "aten.detach_.default"}


def is_stop(target: Any) -> bool:
    """Whether a node of an exported graph calls the mark."""
    return str(target) == _MARK


@functools.cache
def _mark(torch: Any) -> Any:
    """The operator: a copy of its argument, without a derivative."""

    from torch import library

    @library.custom_op("zeroloss::stop_gradient", mutates_args=(), schema="(Tensor x) -> Tensor")
    def stop(x):
        return x.detach().clone()

    @stop.register_fake
    def _(x):
        return torch.empty_like(x)

    return torch.ops.zeroloss.stop_gradient.default


def export(torch: Any, module: Any, example: Any) -> Any:
    """`torch.export.export(module, (example,))`, its stops marked so that `run_decompositions` keeps them."""
    with _inference_mode_as_no_grad(torch):
        try:
            exported = torch.export.export(module, (example,))
        except RuntimeError as error:
            if "fake tensor in the exported program constant's list" not in str(error):
                raise
            with _data_as_detach(torch):  # an export loses sight of what was read by `.data`
                exported = torch.export.export(module, (example,))
    _refuse_randomness(exported.graph_module)
    for graph in (m for m in exported.graph_module.modules() if isinstance(m, torch.fx.GraphModule)):
        _mark_stops(torch, graph)
        bound_classes(torch, graph)
    return exported


_DRAWS = (
    "rand",
    "bernoulli",
    "normal_",
    "normal.",
    "multinomial",
    "exponential",
    "uniform",
    "poisson",
    "cauchy",
    "geometric",
)


def _refuse_randomness(module: Any) -> None:
    """InputError that names what draws random numbers each time it is called, evaluation mode or not."""
    for node in (n for part in module.modules() for n in getattr(getattr(part, "graph", None), "nodes", ())):
        name = str(node.target).removeprefix("aten.") if node.op == "call_function" else ""
        if "dropout" in name and len(node.args) > 2 and node.args[1] and node.args[2]:
            what = (
                f"F.{name.split('.')[0].rstrip('_')}(x) without training=self.training stays random in evaluation mode"
            )
            raise InputError(
                f"{what}{_line(node)}; write F.dropout(x, p, training=self.training), and call module.eval()."
            )
        if name.startswith(_DRAWS) and not name.startswith("randperm.default(1"):
            what = f"the module draws random numbers (torch.{name.split('.')[0]})"
            raise InputError(
                f"{what}{_line(node)}; zeroloss needs a function of the example: leave that out, "
                "or draw it once and keep it as a buffer."
            )


def _line(node: Any) -> str:
    """Where in the user's code this was called."""
    lines = [line.strip() for line in str(node.meta.get("stack_trace") or "").strip().split("\n") if line.strip()]
    return f", in the line `{lines[-1]}`" if lines else ""


def _mark_stops(torch: Any, module: Any) -> None:
    graph, mark = module.graph, _mark(torch)
    for node in list(graph.nodes):
        if node.op != "call_function":
            continue
        if str(node.target) in _STOPS:
            node.target = mark
        elif str(node.target) == "wrap_with_set_grad_enabled" and node.args[0] is False:
            for result in list(node.users):
                with graph.inserting_after(result):
                    stopped = graph.call_function(mark, (result,))
                stopped.meta = dict(result.meta)
                result.replace_all_uses_with(stopped, delete_user_cb=lambda user, stopped=stopped: user is not stopped)
    module.recompile()


@contextlib.contextmanager
def _inference_mode_as_no_grad(torch: Any) -> Iterator[None]:
    """To the gradient they are the same; an export records only the latter."""
    kind = torch.inference_mode
    kept = kind.__enter__, kind.__exit__

    def enter(self: Any) -> None:
        self._zeroloss_before = torch.is_grad_enabled()
        if self.mode:
            torch._C._set_grad_enabled(False)

    def leave(self: Any, *_: Any) -> None:
        torch._C._set_grad_enabled(self._zeroloss_before)

    kind.__enter__, kind.__exit__ = enter, leave
    try:
        yield
    finally:
        kind.__enter__, kind.__exit__ = kept


@contextlib.contextmanager
def _data_as_detach(torch: Any) -> Iterator[None]:
    own = torch._C.TensorBase.data
    torch.Tensor.data = property(lambda self: self.detach(), lambda self, value: own.__set__(self, value))
    try:
        yield
    finally:
        del torch.Tensor.data


def reached(program: Program, names: set[str]) -> set[str]:
    """Which of these inputs the output's derivative can reach: by a way without a stop."""
    at, found = {program.output}, set()
    for step in reversed(program.steps):
        if step.out in at and step.operator != STOP:
            at.update(_used(step))
    for number, (_, name) in enumerate(program.inputs):
        if number in at and name in names:
            found.add(name)
    return found


def without_idle_stops(program: Program, names: set[str]) -> Program:
    """The program without the stops of what depends on none of these inputs, or only through a stop."""
    active = {number for number, (_, name) in enumerate(program.inputs) if name in names}
    same: dict[int, int] = {}
    steps: list[Step] = []
    for step in program.steps:
        step = renamed(step, same)
        moves = any(number in active for number in _used(step))
        if step.operator == STOP and not moves:
            same[step.out] = step.args[0].index
            continue
        if moves and step.operator != STOP:
            active.add(step.out)
        steps.append(step)
    output = same.get(program.output, program.output)
    return dataclasses.replace(program, steps=live_steps(steps, output), output=output)


def _used(step: Step) -> set[int]:
    return {i for a in (*step.args, *(v for _, v in step.kwargs)) for i in references(a)}
