"""`one_hot` in an exported graph: torch raises for a class out of range, its decomposition into comparisons answers zeros."""

from __future__ import annotations

from typing import Any


def bound_classes(torch: Any, module: Any) -> None:
    """Let each `one_hot(x, n)` of a graph look its classes up among `0, ..., n - 1`, so that `check_inputs` refuses others."""
    graph, aten = module.graph, torch.ops.aten
    for node in list(graph.nodes):
        if node.op != "call_function" or str(node.target) != "aten.one_hot.default":
            continue
        number = node.args[1] if len(node.args) > 1 else node.kwargs.get("num_classes", -1)
        given = node.args[0]
        value = given.meta.get("val")
        if not isinstance(number, int) or number < 1 or value is None:
            continue
        with graph.inserting_before(node):
            classes = graph.call_function(aten.arange.default, (number,), {"device": value.device})
            flat = graph.call_function(aten.reshape.default, (given, [-1]))
            found = graph.call_function(aten.gather.default, (classes, 0, flat))
            back = graph.call_function(aten.reshape.default, (found, list(value.shape)))
        node.args = (back, number)
        node.kwargs = {}
    module.recompile()
