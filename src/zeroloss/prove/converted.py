"""The proof by the read-out for converted torch networks: convolutions, normalisation, attention, recurrence, any of it.

The mechanism is that of `zeroloss.verified.readout` and requires of the features only that their rounding is bounded:
`zeroloss.verified.balls` runs the network's program in ball arithmetic. Newton-Kantorovich would need the Lipschitz constant of
the derivative of a general program, for which there is no bound here.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from zeroloss.data.checks import lacking
from zeroloss.networks import TorchNetwork, trainable_mask
from zeroloss.networks.pytorch.inputs import check_inputs
from zeroloss.networks.traced.batch import batch_of
from zeroloss.plumbing import InputError, Progress, double
from zeroloss.plumbing.precision import as_double
from zeroloss.prove.polish import polish_readout
from zeroloss.tangent.agreement import disagreement
from zeroloss.verified.balls import NoBoundError, Readout, answers, find_readout, readout_features
from zeroloss.verified.forward import Layer
from zeroloss.verified.layers import Layers
from zeroloss.verified.readout import ReadoutProof, last_layer, not_proved, readout_proof

NO_READOUT = "the network does not end in a linear layer whose weights are used nowhere else"


@dataclasses.dataclass(frozen=True)
class Converted:
    """What was judged: the float64 network, the proof (`applies`: it was tried), the last layer at the distinct inputs (None: no bound).

    The last layer bounds the answers, and so decides on classification, where the read-out is too narrow for the proof too,
    or where there is none. `trouble`: why the bounded answers are not the network's own ("": they are).
    """

    network: TorchNetwork
    proof: ReadoutProof
    last: Layer | None
    applies: bool = True
    given_last: Layer | None = None
    """The last layer at the weights given, where polishing has moved them."""
    trouble: str = ""
    """Why the bounded answers cannot be trusted (`zeroloss.tangent.agreement`), at either weights."""


def judge_converted(
    given: TorchNetwork, distinct: Any, trainable: Any, polish: bool, progress: Progress, margins: bool = False
) -> Converted:
    """The proof by the read-out at `given` (float64), after moving the read-out to rounding if `polish`.

    `proof.obstacle` is the reason where it does not go through. `margins`: bound the answers even where there is no read-out.
    """
    readout = find_readout(given.program)
    if readout is None:
        return _without_readout(given, distinct, progress, margins)
    m = readout.width(given) + (readout.bias is not None)
    obstacle = _fixed(given, readout, trainable)
    if not obstacle and m < len(distinct.x):
        short = len(distinct.x) - m
        obstacle = (
            f"the read-out has {m} weights per output and there are {len(distinct.x)} distinct inputs: {short} too few"
        )
    progress.stage("rounding of the last features", f"{len(distinct.x)} distinct inputs, one at a time")
    try:
        h, h_error = readout_features(given, readout, distinct.x, progress, batch_of)
        head = readout.head(given)
    except (NoBoundError, InputError) as error:
        obstacle = obstacle or f"the rounding of its last features has no bound: {error}"
        return Converted(given, _none(obstacle, m, distinct), None, applies=False)
    last = last_layer(head, h, h_error)
    if obstacle:  # no minimum is proved near; the answers are bounded all the same
        return _compared(Converted(given, _none(obstacle, m, distinct), last, applies=False), distinct)
    progress.stage("proof by the read-out", f"{len(distinct.x)} distinct inputs")
    network, given_last = given, None
    if polish:
        moved = polish_readout(head, distinct.x, distinct.y, last=last)
        if moved is not head:
            given_last = last
            head, last = moved, last_layer(moved, h, h_error)
            network = _with_head(given, readout, head)
    proof = readout_proof(head, distinct.x, distinct.y, distinct.rounding, last)
    return _compared(Converted(network, _explained(proof, h_error), last, given_last=given_last), distinct, given)


def _without_readout(given: TorchNetwork, distinct: Any, progress: Progress, margins: bool) -> Converted:
    """The result without a read-out: no minimum is proved; the answers may still have bounds."""
    none = _none(NO_READOUT, 0, distinct)
    if not margins:
        return Converted(given, none, None, applies=False)
    progress.stage("rounding of the answers", f"{len(distinct.x)} distinct inputs, one at a time")
    try:
        z, z_error = answers(given, distinct.x, progress, batch_of)
    except NoBoundError as error:
        obstacle = f"{NO_READOUT}; nor are its answers bounded: {error}"
        return Converted(given, dataclasses.replace(none, obstacle=obstacle), None, applies=False)
    return _compared(Converted(given, none, Layer(z, z_error, z, z_error), applies=False), distinct)


def _compared(found: Converted, distinct: Any, given: TorchNetwork | None = None) -> Converted:
    """`found` once the bounded answers are compared with the network's own; where they disagree nothing is proved.

    `given`: the network before polishing, to which `found.given_last` belongs.
    """
    assert found.last is not None
    trouble = disagreement(found.network, distinct.x, found.last.z, found.last.z_error)
    if not trouble and given is not None and found.given_last is not None:
        trouble = disagreement(given, distinct.x, found.given_last.z, found.given_last.z_error)
    if not trouble:
        return found
    proof = dataclasses.replace(found.proof, radius=None, obstacle=trouble)
    return dataclasses.replace(found, proof=proof, trouble=trouble)


def _fixed(network: TorchNetwork, readout: Readout, trainable: Any) -> str:
    mask = trainable_mask(network, trainable).parameters
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


def _none(obstacle: str, features: int, distinct: Any) -> ReadoutProof:
    return not_proved(features, len(distinct.x), obstacle)


def _explained(proof: ReadoutProof, h_error: np.ndarray) -> ReadoutProof:
    """Why the proof failed, with the accumulated error bound (it grows with depth)."""
    if proof.radius is not None or not proof.obstacle:
        return proof
    more = f" (the bound on their rounding is up to {float(h_error.max()):.2g})"
    return dataclasses.replace(proof, obstacle=proof.obstacle + more)


def prepared_converted(network: TorchNetwork, x: np.ndarray, y: np.ndarray) -> TorchNetwork:
    """The network in float64, checked against the data.

    Raises:
        InputError: a network that does not fit the data, or weights with NaN.
    """
    with double():
        given = as_double(network)
        sizes = given.in_size, given.out_size
    if sizes != (x.shape[1], y.shape[1]):
        raise InputError(
            f"the network maps {sizes[0]} numbers to {sizes[1]} and the data have {x.shape[1]} and {y.shape[1]}; "
            "prove it on the data it was made for." + lacking(sizes[1], y.shape[1])
        )
    check_inputs(given, x)
    if not all(np.isfinite(np.asarray(p)).all() for p in given.parameters.values()):
        raise InputError("the network's weights hold NaN or infinity; nothing can be proved of them.")
    return given
