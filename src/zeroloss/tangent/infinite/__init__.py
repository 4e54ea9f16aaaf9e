"""What does the tangent kernel tend to as the width grows? Kernels of infinite width, and how fast they are reached."""

from zeroloss.tangent.infinite.convergence import Rate, convergence, convergence_rate
from zeroloss.tangent.infinite.kernel import InfiniteKernel, describe, infinite_kernel, propagate
from zeroloss.tangent.infinite.layers import Activation, Dense, Layer, Residual, Serial, State

__all__ = [
    "Activation",
    "Dense",
    "InfiniteKernel",
    "Layer",
    "Rate",
    "Residual",
    "Serial",
    "State",
    "convergence",
    "convergence_rate",
    "describe",
    "infinite_kernel",
    "propagate",
]
