"""The proof by the read-out for networks that are programs: converted PyTorch modules, and any network of JAX.

The mechanism is that of `zeroloss.verified.readout`; of the features it needs only a bound on their rounding, which
`zeroloss.verified.balls` finds by running the program in ball arithmetic. Newton-Kantorovich would need the Lipschitz constant of
the derivative of a general program, for which there is no bound here. A network of JAX is followed through its jaxpr
(`zeroloss.tangent.followed`) and then judged as a converted module is; what is not followed is UNKNOWN, and named.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from zeroloss.networks import TorchNetwork
from zeroloss.networks.traced import NotWritableError
from zeroloss.networks.traced.batch import batch_of
from zeroloss.plumbing import InputError, Progress, double
from zeroloss.problem import Problem
from zeroloss.prove.judged import Judged
from zeroloss.prove.layers import compared
from zeroloss.prove.polish import polish_readout
from zeroloss.tangent.followed import Followed, followed
from zeroloss.verified.balls import NoBoundError, Readout, answers, find_readout, readout_features
from zeroloss.verified.forward import Layer
from zeroloss.verified.jacobian import Trained
from zeroloss.verified.layers import Layers
from zeroloss.verified.readout import ReadoutProof, last_layer, not_proved, readout_proof

NO_READOUT = "the network does not end in a linear layer whose weights are used nowhere else"
ONE = Trained((True,), (True,))
"""What moves: one entry, as the layers of a program have no numbers."""


def follow(problem: Problem) -> Followed | str:
    """The program of a network of JAX in float64, or why there is none."""
    try:
        return followed(problem.network, problem.inputs)
    except NotWritableError as error:
        return f"this {type(problem.network).__name__} is not followed through its program: {error}"


def judge_program(
    given: TorchNetwork, mask: dict[str, Any], problem: Problem, polish: bool, progress: Progress
) -> Judged:
    """The proof by the read-out at `given` (float64), after moving the read-out to rounding if `polish`.

    `readout.obstacle` is the reason where it does not go through. Where the data have classes, the outputs are bounded even if there is
    no read-out.

    Args:
        given: the program of the problem's network; mask: which of its parameters may move.
    """
    distinct = problem.distinct
    readout = find_readout(given.program)
    if readout is None:
        return _without_readout(given, problem, progress)
    m = readout.width(given) + (readout.bias is not None)
    obstacle = _fixed(mask, readout)
    if not obstacle and m < len(distinct.x):
        short = len(distinct.x) - m
        obstacle = (
            f"the read-out has {m} weights per output and there are {len(distinct.x)} distinct inputs: {short} too few"
        )
    progress.stage("rounding of the last features", f"{len(distinct.x)} distinct inputs")
    try:
        h, h_error = readout_features(given, readout, distinct.x, progress, batch_of)
        head = readout.head(given)
    except (NoBoundError, InputError) as error:
        obstacle = obstacle or f"the rounding of its last features has no bound: {error}"
        return _not_tried(given, not_proved(m, len(distinct.x), obstacle), None)
    last = last_layer(head, h, h_error)
    if obstacle:  # no minimum is proved near; the outputs are bounded all the same
        return compared(_not_tried(given, not_proved(m, len(distinct.x), obstacle), last), problem)
    progress.stage("proof by the read-out", f"{len(distinct.x)} distinct inputs")
    network, given_last = given, None
    if polish:
        moved = polish_readout(head, distinct.x, distinct.y, last=last)
        if moved is not head:
            given_last = last
            head, last = moved, last_layer(moved, h, h_error)
            network = _with_head(given, readout, head)
    proof = _explained(readout_proof(head, distinct.x, distinct.y, distinct.rounding, last), h_error)
    return compared(Judged(given, network, "readout", proof, None, last, given_last, ONE), problem)


def _without_readout(given: TorchNetwork, problem: Problem, progress: Progress) -> Judged:
    """The result without a read-out: no minimum is proved; the outputs may still have bounds."""
    none, data = not_proved(0, len(problem.distinct.x), NO_READOUT), problem.data
    if getattr(data, "labels_train", None) is None and getattr(data, "task", None) != "multi-label":
        return _not_tried(given, none, None)
    progress.stage("rounding of the answers", f"{len(problem.distinct.x)} distinct inputs")
    try:
        z, z_error = answers(given, problem.distinct.x, progress, batch_of)
    except NoBoundError as error:
        obstacle = f"{NO_READOUT}; nor are its answers bounded: {error}"
        return _not_tried(given, dataclasses.replace(none, obstacle=obstacle), None)
    return compared(_not_tried(given, none, Layer(z, z_error, z, z_error)), problem)


def _not_tried(given: TorchNetwork, none: ReadoutProof, last: Layer | None) -> Judged:
    return Judged(given, given, "readout", none, None, last, None, ONE, applies=False)


def _fixed(mask: dict[str, Any], readout: Readout) -> str:
    """Why the read-out may not move; "" if it may."""
    wanted = [readout.weight] + ([readout.bias] if readout.bias is not None else [])
    fixed = [name for name in wanted if not mask[name]]
    return f"this proof moves the read-out, and `trainable` leaves {' and '.join(fixed)} fixed" if fixed else ""


def _with_head(network: TorchNetwork, readout: Readout, head: Layers) -> TorchNetwork:
    parameters = dict(network.parameters)
    with double():
        parameters[readout.weight] = jnp.asarray(readout.stored(head.weights[0]))
        if readout.bias is not None:
            parameters[readout.bias] = jnp.asarray(head.biases[0])
    return eqx.tree_at(lambda n: n.parameters, network, parameters)


def _explained(proof: ReadoutProof, h_error: np.ndarray) -> ReadoutProof:
    """The obstacle with the accumulated error bound, which grows with depth: why deep networks are not proved."""
    if proof.radius is not None or not proof.obstacle:
        return proof
    more = f" (the bound on their rounding is up to {float(h_error.max()):.2g})"
    return dataclasses.replace(proof, obstacle=proof.obstacle + more)
