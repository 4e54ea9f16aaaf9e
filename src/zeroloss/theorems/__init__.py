"""What is known beforehand: hypotheses checked with numbers, conclusions with constants."""

from zeroloss.tangent.smoothness import Constants, constants, lipschitz_of_derivative
from zeroloss.theorems.certify import Certificate, certify, judge_curve
from zeroloss.theorems.composite import Composite, composite_theorem

__all__ = [
    "Certificate",
    "Composite",
    "Constants",
    "certify",
    "composite_theorem",
    "constants",
    "judge_curve",
    "lipschitz_of_derivative",
]
