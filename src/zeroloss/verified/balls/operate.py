"""One operator on balls and exact arrays, whichever it takes."""

from __future__ import annotations

from typing import Any

from zeroloss.verified.balls import lax_moves, moves, windows  # noqa: F401  (enter their rules)
from zeroloss.verified.balls.ball import NoBoundError
from zeroloss.verified.balls.lax import LAX
from zeroloss.verified.balls.rules import RULES
from zeroloss.verified.balls.whole import WHOLE, cast, is_whole, numbers_of, settled

_CAST_FIRST = {
    f"aten.{name}"
    for name in (
        "sum.dim_IntList", "sum.default", "mean.dim", "mean.default", "prod.default", "prod.dim_int", "cumsum.default",
        "cumprod.default", "linalg_vector_norm.default", "norm.ScalarOpt_dim",
    )
}  # fmt: skip
"""Operators whose `dtype` is what their argument is cast to first."""


def known(name: str) -> bool:
    """Whether there is a rule of the operator for some arguments."""
    return name in RULES or name in WHOLE or name in LAX


def operate(name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Exactly on whole numbers and truth values, otherwise by the rule of `name`.

    Raises:
        NoBoundError: no rule, or none for these arguments.
    """
    if name in LAX:
        return guarded(LAX[name], name, args, kwargs)
    args, kwargs = [settled(a) for a in args], {k: settled(v) for k, v in kwargs.items()}
    dtype = kwargs.get("dtype")
    if name in _CAST_FIRST and dtype is not None:
        args = [cast(args[0], dtype), *args[1:]]
        if numbers_of(dtype) is None:
            kwargs.pop("dtype")
    numbers = [v for k, v in kwargs.items() if k != "dtype"]
    exactly = name in WHOLE and is_whole(args) and is_whole(numbers)
    return guarded(WHOLE[name] if exactly else RULES.get(name), name, args, kwargs)


def guarded(rule: Any, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """`rule(*args, **kwargs)`; arguments that it does not take leave no bound."""
    if rule is None:
        raise NoBoundError(f"the rounding of {name} is not bounded")
    try:
        return rule(*args, **kwargs)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise NoBoundError(f"{name} is used in a way that has no rule") from error
