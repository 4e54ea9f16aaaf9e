"""Theorems before training: hypotheses checked with numbers, conclusions with constants, and the sizes that theories require."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zeroloss.plumbing.lazy import load_lazily

if TYPE_CHECKING:
    from zeroloss.theorems.card import Card, CardResult, Checked, Promise
    from zeroloss.theorems.catalogue import cards, check, find_card
    from zeroloss.theorems.certify import Certificate, certify, judge_curve
    from zeroloss.theorems.survey import Atlas, Requirement, Size, atlas
    from zeroloss.theorems.theories import THEORIES
    from zeroloss.theorems.theory import Theory
    from zeroloss.theorems.threshold import Threshold, measure_threshold
    from zeroloss.verified.composite import Composite, composite_theorem
    from zeroloss.verified.lipschitz import Constants, constants, lipschitz_of_derivative

# The atlas of a size needs neither JAX nor SciPy, and comes at once: each name is loaded when it is first used.
_NAMES = {
    "zeroloss.verified.lipschitz": ("Constants", "constants", "lipschitz_of_derivative"),
    "zeroloss.theorems.card": ("Card", "CardResult", "Checked", "Promise"),
    "zeroloss.theorems.catalogue": ("cards", "check", "find_card"),
    "zeroloss.theorems.certify": ("Certificate", "certify", "judge_curve"),
    "zeroloss.verified.composite": ("Composite", "composite_theorem"),
    "zeroloss.theorems.survey": ("Atlas", "Requirement", "Size", "atlas"),
    "zeroloss.theorems.theories": ("THEORIES",),
    "zeroloss.theorems.theory": ("Theory",),
    "zeroloss.theorems.threshold": ("Threshold", "measure_threshold"),
}
load_lazily(__name__, _NAMES)

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
