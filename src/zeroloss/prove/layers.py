"""The proofs of a fully connected network: by the read-out, and by Newton-Kantorovich."""

from __future__ import annotations

import dataclasses
from typing import Any

from zeroloss.networks import FeedForward, SquasherNetwork
from zeroloss.plumbing import InputError, Progress
from zeroloss.plumbing.format import format_bytes
from zeroloss.problem import Problem
from zeroloss.prove.judged import Judged
from zeroloss.prove.polish import polish as polish_all
from zeroloss.prove.polish import polish_readout, with_layers
from zeroloss.tangent.agreement import disagreement
from zeroloss.verified.forward import Layer, forward
from zeroloss.verified.jacobian import Trained
from zeroloss.verified.layers import Layers
from zeroloss.verified.newton_kantorovich import NewtonKantorovich, newton_kantorovich, too_large
from zeroloss.verified.readout import ReadoutProof, last_layer, readout_proof

MOST_UNITS = 10_000
"""Units of a layer of a squasher network up to which its block-diagonal matrix is written out."""


def judge_layers(problem: Problem, polish: bool, method: str, descent: Any, progress: Progress) -> Judged:
    """Both proofs at the weights of `problem`, the first that goes through wins; `descent` as in `prove`."""
    layers, trained = problem.layers, problem.trained
    assert layers is not None and trained is not None
    moved, last, chosen, readout, newton = _proofs(problem, layers, trained, polish, method, descent, progress)
    given = problem.double
    network = given if moved is layers else with_layers(given, moved)
    given_last = None if moved is layers else problem.forward[-1]
    judged = Judged(given, network, chosen, readout, newton, last, given_last, trained)
    return compared(judged, problem)


def _proofs(
    problem: Problem, layers: Layers, trained: Trained, polish: bool, method: str, descent: Any, progress: Progress
) -> tuple[Layers, Layer, str, ReadoutProof | None, NewtonKantorovich | None]:
    """The weights judged, their last layer, the method, and the two proofs (None: not tried)."""
    distinct, last = problem.distinct, problem.forward[-1]
    network, readout = layers, None
    if method != "newton-kantorovich" and trained.weights[-1] and (trained.biases[-1] or layers.biases[-1] is None):
        progress.stage("proof by the read-out", f"{len(distinct.x)} distinct inputs")
        if polish:  # the features stay as they are: only the last layer is computed again
            network = polish_readout(layers, distinct.x, distinct.y, last=last)
            last = last if network is layers else last_layer(network, last.h, last.h_error)
        progress.update(0.4)
        readout = readout_proof(network, distinct.x, distinct.y, distinct.rounding, last)
        progress.update(0.8)
    if method == "readout" or (readout is not None and readout.radius is not None):
        return network, last, "readout", readout, None
    progress.stage("proof by Newton-Kantorovich", f"{problem.equations:,} equations")
    stored, factor = (None, None) if descent is None else (descent.kernel, descent.factor)
    start = layers
    if polish and not too_large(layers, distinct, trained):
        start = polish_all(layers, distinct, trained, factor=factor)
    progress.update(0.3)
    newton = newton_kantorovich(start, distinct, trained, stored=stored, factor=factor)
    if newton.radius is not None or readout is None:
        moved = problem.forward[-1] if start is layers else forward(start, distinct.x)[-1]
        return start, moved, "newton-kantorovich", readout, newton
    return network, last, "readout", readout, newton


def compared(judged: Judged, problem: Problem) -> Judged:
    """`judged` once the bounded outputs are compared with the network's own, at the weights judged and at those given.

    Nothing is proved of a network that answers otherwise than the one that was bounded.
    """
    pairs: list[tuple[Any, Layer | None]] = [(judged.network, judged.last), (judged.given, judged.given_last)]
    for network, last in pairs:
        trouble = "" if last is None else disagreement(network, problem.distinct.x, last.z, last.z_error)
        if trouble:
            return dataclasses.replace(judged, trouble=trouble)
    return judged


def side_by_side(problem: Problem, method: str) -> Problem:
    """A squasher network as one of layers whose read-out alone may move: the zeros between its blocks are no weights.

    Raises:
        InputError: a wish to move, or a proof by moving, other weights; a network too large as one of full layers.
    """
    network = problem.network
    assert isinstance(network, SquasherNetwork)
    if method == "newton-kantorovich" or problem.trainable not in (None, "readout"):
        raise InputError(
            "of a SquasherNetwork only the proof by the read-out is made: leave trainable and method out, or say 'readout'."
        )
    units = max([1, *(w.shape[0] * w.shape[1] for w in network.weights[:-1])])
    if units > MOST_UNITS:
        raise InputError(
            f"the squasher network has {units:,} units in a layer, which as one full matrix takes {format_bytes(8 * units**2)}; "
            f"prove one of at most {MOST_UNITS:,}, or of depth 1."
        )
    layers: FeedForward = network.as_feedforward()
    return Problem(layers, problem.given, "readout")
