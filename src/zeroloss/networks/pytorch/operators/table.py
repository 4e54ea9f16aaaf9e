"""The table of operators: torch's name to a JAX function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zeroloss.plumbing import InputError

OPERATORS: dict[str, Callable[..., Any]] = {}
"""Translations by the name that `str(node.target)` has in an exported graph, such as "aten.addmm.default"."""


def register_operator(name: str, function: Callable[..., Any]) -> None:
    """Add or replace the translation of a torch operator for `from_torch`.

    Args:
        name: as the message about a missing operator gives it, such as "aten.cosh.default".
        function: of JAX arrays, with the arguments of `torch.ops.aten`; it must be traceable, and differentiable in JAX
            where the parameters' gradients go through it. It is called on a batch of one, under `jax.vmap`.

    Raises:
        InputError: something that cannot be called.

    Example: `register_operator("aten.cosh.default", jax.numpy.cosh)`.
    """
    if not callable(function):
        raise InputError(f"the translation of {name} is a {type(function).__name__}; give a function of JAX arrays.")
    OPERATORS[name] = function


def operator(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter a function under these names (without the leading "aten.")."""

    def enter(function: Callable[..., Any]) -> Callable[..., Any]:
        for name in names:
            OPERATORS[f"aten.{name}"] = function
        return function

    return enter


def table(functions: dict[str, Callable[..., Any]]) -> None:
    """Enter several functions of arrays alone."""
    for name, function in functions.items():
        OPERATORS[f"aten.{name}"] = function
