"""`Judged`: the findings of a proof, in one form for every kind of network, for the verdicts, the reason and the evidence."""

from __future__ import annotations

import dataclasses
from typing import Any

from zeroloss.verified.bound import Upper
from zeroloss.verified.forward import Layer
from zeroloss.verified.jacobian import Trained
from zeroloss.verified.newton_kantorovich import NewtonKantorovich
from zeroloss.verified.readout import ReadoutProof


@dataclasses.dataclass(frozen=True)
class Judged:
    """The weights given and those judged, the proofs that were tried, and the outputs with their error bounds.

    Attributes:
        given, network: in float64; the same object where polishing has not moved the weights.
        method: "readout" or "newton-kantorovich".
        readout, newton: the proofs (None: not tried).
        last: the last layer of `network` at the distinct inputs (None: its rounding is not bounded).
        given_last: likewise of `given`, where polishing has moved the weights.
        trained: which layers may move (of a program, whose layers have no numbers, one entry).
        applies: whether the proof by the read-out was tried (else `readout.obstacle` is the reason).
        trouble: why the bounded outputs are not those of the network itself, at either weights; "" where they are.
    """

    given: Any
    network: Any
    method: str
    readout: ReadoutProof | None
    newton: NewtonKantorovich | None
    last: Layer | None
    given_last: Layer | None
    trained: Trained
    applies: bool = True
    trouble: str = ""

    @property
    def radius(self) -> Upper | None:
        """That of the proof which went through."""
        tried = [p.radius for p in (self.readout, self.newton) if p is not None and p.radius is not None]
        return None if self.trouble or not tried else tried[0]

    @property
    def which(self) -> str:
        """The weights that the verdicts are about."""
        return "given" if self.network is self.given else "polished"
