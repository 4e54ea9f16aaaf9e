"""How bad a global minimum can be: networks with zero training loss whose other answers are anything one likes."""

from zeroloss.minima.constructions.bumps import bumps
from zeroloss.minima.constructions.caps import caps
from zeroloss.minima.constructions.choose import spoil
from zeroloss.minima.constructions.combine import Stack, deepen, from_network, join, to_network
from zeroloss.minima.constructions.slab import slab
from zeroloss.minima.constructions.spoilers import Spoilers
from zeroloss.minima.constructions.twin import Twin, twin

__all__ = [
    "Spoilers",
    "Stack",
    "Twin",
    "bumps",
    "caps",
    "deepen",
    "from_network",
    "join",
    "slab",
    "spoil",
    "to_network",
    "twin",
]
