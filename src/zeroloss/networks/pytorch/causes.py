"""Why the gradients of a torch module may differ from those of the function it computes."""

from __future__ import annotations

from typing import Any


def causes(torch: Any, module: Any, copied: Any, example: Any) -> str:
    """What the module has that changes its gradients, in half a sentence.

    Args:
        module: as it was given; copied: the copy that was compared, on `example` `(1, ...)`.
    """
    found = [
        f"{name} has a backward of its own (torch.autograd.Function)" for name in _functions(torch, copied, example)
    ]
    for name, part in module.named_modules():
        if part._backward_hooks or part._backward_pre_hooks:
            found.append(f"{name or type(module).__name__} has a backward hook (register_full_backward_hook)")
    for name, p in module.named_parameters():
        if p._backward_hooks:
            found.append(f"{name} has a hook on its gradient (register_hook)")
    if not found:
        return (
            "something changes them that is not seen from outside (a hook on a tensor, a tensor changed in place under no_grad, "
            "an operator whose derivative here is another)"
        )
    return "; ".join(found[:4]) + (f"; and {len(found) - 4} more" if len(found) > 4 else "")


def _functions(torch: Any, module: Any, example: Any) -> list[str]:
    """The names of the functions with a backward of their own that the answer is computed by."""
    with torch.enable_grad():
        start = module(example).grad_fn
    seen, waiting, names = set(), [start], []
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        waiting += [before for before, _ in node.next_functions]
        if isinstance(node, torch.autograd.function.BackwardCFunction):
            name = type(node).__name__.removesuffix("Backward")
            if name != "BackwardHookFunction" and name not in names:
                names.append(name)
    return names
