"""Networks with zero training loss and any answers away from the training points: how bad can a global minimum be?"""

from zeroloss.minima.constructions.activated import with_activation
from zeroloss.minima.constructions.bounds import (
    approximation_error,
    box_bound,
    bump_norm,
    coverage,
    grid_coverage,
    losses_at_scale,
)
from zeroloss.minima.constructions.bumps import bumps
from zeroloss.minima.constructions.caps import caps
from zeroloss.minima.constructions.choose import spoil
from zeroloss.minima.constructions.combine import Stack, deepen, from_network, join, to_network
from zeroloss.minima.constructions.nodes import bump_network, grid, node_bumps
from zeroloss.minima.constructions.slab import slab
from zeroloss.minima.constructions.spoilers import Spoilers
from zeroloss.minima.constructions.tables import bound_table, line_table, network_table, plane_table
from zeroloss.minima.constructions.twin import Twin, twin

__all__ = [
    "Spoilers",
    "Stack",
    "Twin",
    "approximation_error",
    "bound_table",
    "box_bound",
    "bump_network",
    "bump_norm",
    "bumps",
    "caps",
    "coverage",
    "deepen",
    "from_network",
    "grid",
    "grid_coverage",
    "join",
    "line_table",
    "losses_at_scale",
    "network_table",
    "node_bumps",
    "plane_table",
    "slab",
    "spoil",
    "to_network",
    "twin",
    "with_activation",
]
