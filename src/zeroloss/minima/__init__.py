"""What a global minimum can be: the networks that fail, and the proof that a given network has one beside it."""

from typing import Any

from zeroloss.minima.certificate import ProofCertificate, check_certificate, load_certificate
from zeroloss.minima.constructions.twin import Twin
from zeroloss.minima.constructions.twin import twin as construct_twin
from zeroloss.minima.convolutional import extend_convolutional
from zeroloss.minima.depth import Extension, extend
from zeroloss.minima.proof import Proof, prove
from zeroloss.networks import FeedForward

__all__ = [
    "Extension",
    "Proof",
    "ProofCertificate",
    "Twin",
    "check_certificate",
    "construct_twin",
    "extend",
    "extend_convolutional",
    "load_certificate",
    "prove",
    "twin",
]


def twin(data: Any, of: Any = None, base: Any = None, kind: str = "auto", **options: Any) -> FeedForward:
    """A network whose loss on `data` is zero but for rounding and whose other answers are those of `of` made wrong, or of `base`.

    The network of `construct_twin`, which takes the same arguments and also says what was measured of it.
    """
    return construct_twin(data, of, base, kind, **options).network
