"""What a global minimum can be: the networks that fail, and the proof that a given network has one beside it."""

from zeroloss.minima.constructions import Twin, twin
from zeroloss.minima.proof import Proof, prove
from zeroloss.tangent.readout import ReadoutProof, readout_proof

__all__ = ["Proof", "ReadoutProof", "Twin", "prove", "readout_proof", "twin"]
