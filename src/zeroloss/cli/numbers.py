"""Numbers on the command line: callbacks that refuse a number out of an option's range, naming the option."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import Any

import typer

from zeroloss.plumbing import InputError
from zeroloss.plumbing.numbers import LARGEST_SEED, MOST, real_number, whole_number

__all__ = ["LARGEST_SEED", "real", "strict", "whole"]


def whole(least: int = 1, most: int = MOST) -> Callable[[typer.CallbackParam, Any], Any]:
    """A callback for an option of a whole number from `least` to `most`."""

    def check(param: typer.CallbackParam, value: Any) -> Any:
        return value if value is None else whole_number(param.opts[0], value, least, most)

    return check


def real(
    least: float = 0.0, below: float = math.inf, *, closed: bool = False
) -> Callable[[typer.CallbackParam, Any], Any]:
    """A callback for an option of a finite number above `least` (`closed`: or equal to it), below `below`."""

    def check(param: typer.CallbackParam, value: Any) -> Any:
        return value if value is None else real_number(param.opts[0], value, least, below, closed=closed)

    return check


def strict(command: Any) -> None:
    """Add to every option and argument of a click command, and of those below it, the checks that all of them need.

    Refused are an empty text (a variable of the shell that is not set), NaN and infinity. An option's own checks come after.
    """
    for below in getattr(command, "commands", {}).values():
        strict(below)
    for param in command.params:
        param.callback = _first(param.callback)


def _first(then: Callable[..., Any] | None) -> Callable[..., Any]:
    def check(ctx: Any, param: Any, value: Any) -> Any:
        name = param.opts[0] if param.param_type_name == "option" else str(param.metavar or param.name).upper()
        for part in value if isinstance(value, list | tuple) else [value]:
            if isinstance(part, str | os.PathLike) and not str(part).strip():
                raise InputError(f"{name} is empty; give a value, or leave it out.")
            if isinstance(part, float) and not math.isfinite(part):
                raise InputError(f"{name}={part:g}: give a finite number.")
        return value if then is None else then(ctx, param, value)

    return check
