"""What a caller may assume beside network and data, and the values allowed for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zeroloss.plumbing import InputError
from zeroloss.plumbing.numbers import choice, real_number, whole_number

DESIGNS = ("random", "fixed")
"""Inputs drawn independently from a distribution, or chosen beforehand."""


def _truth(name: str, value: Any) -> bool:
    if type(value).__name__ not in ("bool", "bool_"):
        raise InputError(f"{name}={str(value)[:60]}: give true or false.")
    return bool(value)


_KINDS: dict[str, Callable[[str, Any], Any]] = {
    "atoms": whole_number,
    "width": whole_number,
    "layers": lambda name, value: whole_number(name, value, 0),
    "noise_variance": lambda name, value: real_number(name, value, closed=True),
    "b": lambda name, value: real_number(name, value, closed=True),
    "smoothness": real_number,
    "tail": real_number,
    "radius": real_number,
    "gamma": real_number,
    "c_eta": real_number,
    "step_size": real_number,
    "design": lambda name, value: choice(name, value, DESIGNS),
    "minimises": _truth,
    "trainable": lambda name, value: value,  # `networks.trainable_mask` checks it, for it needs the network
}


def check_assumptions(given: dict[str, Any]) -> dict[str, Any]:
    """The assumptions of a caller, each in its own type: counts as `int`, quantities as `float`. None: no assumption.

    `atoms`, `width`: whole numbers from 1; `layers`: from 0; `noise_variance`, `b`: 0 or more; `smoothness`, `tail`, `radius`,
    `gamma`, `c_eta`, `step_size`: positive; `design`: one of `DESIGNS`; `minimises`: a truth value.

    Raises:
        InputError: an unknown name, or a value of another type or out of its range.
    """
    for name in given:
        if name not in _KINDS:
            raise InputError(f"there is no {name!r} among what may be assumed: {', '.join(sorted(_KINDS))}.")
    return {name: _KINDS[name](name, value) for name, value in given.items() if value is not None}
