"""The tangent kernel, which governs descent; its spectrum with proved bounds, and the linearised model."""

from typing import TYPE_CHECKING, Any

from zeroloss.tangent.density import SpectralDensity, spectral_density
from zeroloss.tangent.eigenvalues import EigenvalueEstimate, entry_error_bound, largest_eigenvalue, smallest_eigenvalue
from zeroloss.tangent.gradient_flow import FlowPrediction, GradientFlow, gradient_flow
from zeroloss.tangent.infinite import InfiniteKernel, convergence, convergence_rate, infinite_kernel
from zeroloss.tangent.kernel import Explained, estimate, explained_kernel, kernel, kernel_matrix
from zeroloss.tangent.lanczos import lanczos
from zeroloss.tangent.linearised import Linearised, linearized
from zeroloss.tangent.operator import KernelOperator, top_eigenvalue
from zeroloss.tangent.prediction import LinearisedCurve, linearised_curve
from zeroloss.tangent.price import Estimate
from zeroloss.tangent.spectrum import ConditionNumber, Spectrum, alignment, condition_number, spectrum
from zeroloss.verified.eigenvalues import Enclosure
from zeroloss.verified.symmetric import as_matrix

if TYPE_CHECKING:
    from zeroloss.tangent.regression import TangentKernelClassifier, TangentKernelRegressor

__all__ = [
    "ConditionNumber",
    "EigenvalueEstimate",
    "Enclosure",
    "Estimate",
    "Explained",
    "FlowPrediction",
    "GradientFlow",
    "InfiniteKernel",
    "KernelOperator",
    "Linearised",
    "LinearisedCurve",
    "SpectralDensity",
    "Spectrum",
    "TangentKernelClassifier",
    "TangentKernelRegressor",
    "alignment",
    "as_matrix",
    "condition_number",
    "convergence",
    "convergence_rate",
    "entry_error_bound",
    "estimate",
    "explained_kernel",
    "gradient_flow",
    "infinite_kernel",
    "kernel",
    "kernel_matrix",
    "lanczos",
    "largest_eigenvalue",
    "linearised_curve",
    "linearized",
    "smallest_eigenvalue",
    "spectral_density",
    "spectrum",
    "top_eigenvalue",
]


def __getattr__(name: str) -> Any:
    # The estimators are scikit-learn's, which is loaded only with them.
    if name in ("TangentKernelClassifier", "TangentKernelRegressor"):
        from zeroloss.tangent import regression

        return getattr(regression, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
