"""`torch.cond` in an exported graph: both branches, and a choice between their results.

Under `vmap` a branch is no saving, as examples choose differently; and written so, every operator has its translation and
its error bound.
"""

from __future__ import annotations

from typing import Any


def without_branches(graph_module: Any) -> Any:
    """The graph of an exported module with the branches of every `torch.cond` in its place (the module is changed)."""
    graph = graph_module.graph
    for node in list(graph.nodes):
        if node.op == "call_function" and str(node.target) == "cond":
            _inline(graph_module, node)
    for node in reversed(list(graph.nodes)):
        if node.op == "get_attr" and not node.users:
            graph.erase_node(node)
    return graph


def _inline(graph_module: Any, node: Any) -> None:
    import torch

    predicate, yes, no, operands = node.args
    graph = graph_module.graph
    with graph.inserting_before(node):
        found = [_copied(graph, getattr(graph_module, branch.target), operands) for branch in (yes, no)]
        for user in list(node.users):  # a cond returns a tuple: each user takes an entry of it
            place = user.args[1]
            if isinstance(predicate, bool):
                chosen = found[not predicate][place]
            else:
                chosen = graph.call_function(torch.ops.aten.where.self, (predicate, found[0][place], found[1][place]))
                chosen.meta = dict(user.meta)
            user.replace_all_uses_with(chosen)
            graph.erase_node(user)
    graph.erase_node(node)


def _copied(graph: Any, branch: Any, operands: Any) -> Any:
    """The results of a branch, its operations written into the graph."""
    inner = without_branches(branch)
    places = [n for n in inner.nodes if n.op == "placeholder"]
    return graph.graph_copy(inner, dict(zip(places, operands, strict=True)))
