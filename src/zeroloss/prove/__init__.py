"""`prove`: is a global minimum provably near these weights, and is every training example provably classified?

The arithmetic is that of `zeroloss.verified`; this package prepares the weights, chooses the proof and writes the sentences.
"""

from typing import TYPE_CHECKING

from zeroloss.plumbing.lazy import load_lazily

if TYPE_CHECKING:
    from zeroloss.prove.certificate import ProofCertificate, check_certificate, load_certificate
    from zeroloss.prove.proof import Proof, prove

load_lazily(
    __name__,
    {
        "zeroloss.prove.certificate": ("ProofCertificate", "check_certificate", "load_certificate"),
        "zeroloss.prove.proof": ("Proof", "prove"),
    },
    call="prove",
)

__all__ = ["Proof", "ProofCertificate", "check_certificate", "load_certificate", "prove"]
