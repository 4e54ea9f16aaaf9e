"""Core ATen operators in JAX, by kind: what a converted torch network is made of.

Each takes what `torch.ops.aten` takes under the same name and returns the same, for any batch size; shapes are static.
Floating types are those of the network. `register_operator` adds one.
"""

from zeroloss.networks.pytorch.operators import (  # noqa: F401  (each fills the table)
    complex_numbers,
    convolutions,
    creation,
    elementwise,
    kinked,
    lax,
    linear_algebra,
    normalisations,
    ordering,
    pooling,
    products,
    recurrent,
    reductions,
    resizing,
    sampling,
    selecting,
    shapes,
    special,
)
from zeroloss.networks.pytorch.operators.table import OPERATORS, register_operator

__all__ = ["OPERATORS", "TRANSLATIONS", "register_operator"]

TRANSLATIONS = dict(OPERATORS)
"""The translations of this library, which `register_operator` may replace for its user's programs: what is known of an
operator by its name (its error bound, that it is an activation) is known of these."""
