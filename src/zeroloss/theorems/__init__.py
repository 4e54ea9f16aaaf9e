"""What is known beforehand: hypotheses checked with numbers, conclusions with constants; and what theory asks for."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zeroloss.tangent.smoothness import Constants, constants, lipschitz_of_derivative
    from zeroloss.theorems.card import Card, CardResult, Checked, Promise
    from zeroloss.theorems.catalogue import cards, check, find_card
    from zeroloss.theorems.certify import Certificate, certify, judge_curve
    from zeroloss.theorems.composite import Composite, composite_theorem
    from zeroloss.theorems.survey import Atlas, Requirement, Size, atlas
    from zeroloss.theorems.theories import THEORIES
    from zeroloss.theorems.theory import Theory
    from zeroloss.theorems.threshold import Threshold, measure_threshold

# The atlas of a size needs neither JAX nor SciPy, and comes at once: each name is loaded when it is first used.
_NAMES = {
    "zeroloss.tangent.smoothness": ("Constants", "constants", "lipschitz_of_derivative"),
    "zeroloss.theorems.card": ("Card", "CardResult", "Checked", "Promise"),
    "zeroloss.theorems.catalogue": ("cards", "check", "find_card"),
    "zeroloss.theorems.certify": ("Certificate", "certify", "judge_curve"),
    "zeroloss.theorems.composite": ("Composite", "composite_theorem"),
    "zeroloss.theorems.survey": ("Atlas", "Requirement", "Size", "atlas"),
    "zeroloss.theorems.theories": ("THEORIES",),
    "zeroloss.theorems.theory": ("Theory",),
    "zeroloss.theorems.threshold": ("Threshold", "measure_threshold"),
}
_HOME = {name: module for module, names in _NAMES.items() for name in names}

__all__ = [
    "THEORIES",
    "Atlas",
    "Card",
    "CardResult",
    "Certificate",
    "Checked",
    "Composite",
    "Constants",
    "Promise",
    "Requirement",
    "Size",
    "Theory",
    "Threshold",
    "atlas",
    "cards",
    "certify",
    "check",
    "composite_theorem",
    "constants",
    "find_card",
    "judge_curve",
    "lipschitz_of_derivative",
    "measure_threshold",
]


class _Room(ModuleType):
    """A module whose `certify` is the verb, also after its file of the same name has been imported."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "certify" and isinstance(value, ModuleType):
            value = value.certify
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Room


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
