"""Constructed global minima: networks with zero training loss that fail everywhere else, and deeper networks with the same function."""

from typing import TYPE_CHECKING

from zeroloss.plumbing.lazy import load_lazily

if TYPE_CHECKING:
    from zeroloss.minima.constructions.twin import Twin, construct_twin, twin
    from zeroloss.minima.convolutional import extend_convolutional
    from zeroloss.minima.depth import Extension, extend

load_lazily(
    __name__,
    {
        "zeroloss.minima.constructions.twin": ("Twin", "construct_twin", "twin"),
        "zeroloss.minima.convolutional": ("extend_convolutional",),
        "zeroloss.minima.depth": ("Extension", "extend"),
        # Names that older code imports from here; `prove` is a package of its own.
        "zeroloss.prove.certificate": ("ProofCertificate", "check_certificate", "load_certificate"),
        "zeroloss.prove.proof": ("Proof", "prove"),
    },
)

__all__ = ["Extension", "Twin", "construct_twin", "extend", "extend_convolutional", "twin"]
