"""What governs descent: the tangent kernel, its spectrum with proved bounds, and the linearised model."""

from zeroloss.tangent.enclosure import Enclosure, largest_eigenvalue, smallest_eigenvalue
from zeroloss.tangent.price import Estimate
from zeroloss.tangent.kernel import as_matrix, estimate, kernel, kernel_matrix
from zeroloss.tangent.lanczos import lanczos
from zeroloss.tangent.operator import KernelOperator, top_eigenvalue
from zeroloss.tangent.prediction import LinearisedCurve, linearised_curve

__all__ = [
    "Enclosure",
    "Estimate",
    "KernelOperator",
    "LinearisedCurve",
    "as_matrix",
    "estimate",
    "kernel",
    "kernel_matrix",
    "lanczos",
    "largest_eigenvalue",
    "linearised_curve",
    "smallest_eigenvalue",
    "top_eigenvalue",
]
