"""Does zero loss exist: for these targets, and for almost every target?

By the read-out: where the last features of the distinct inputs are independent, some read-out fits any targets. The features
of a `FeedForward` are bounded layer by layer, those of a converted torch module and of any other network of JAX in ball
arithmetic, along its program.
"""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import numpy as np

from zeroloss.networks import FeedForward, TorchNetwork
from zeroloss.networks.traced import NotWritableError
from zeroloss.networks.traced.batch import batch_of
from zeroloss.plumbing import Progress, arithmetic, double
from zeroloss.plumbing.precision import as_double
from zeroloss.problem import Problem
from zeroloss.tangent.agreement import disagreement
from zeroloss.tangent.followed import followed, shared_arrays
from zeroloss.verdict import Status, Verdict, at_least
from zeroloss.verified import libm
from zeroloss.verified.balls import NoBoundError, find_readout, readout_features
from zeroloss.verified.forward import forward
from zeroloss.verified.jacobian import trained_layers
from zeroloss.verified.layers import Layers
from zeroloss.verified.readout import last_layer, readout_matrix, singular_value_lower

EXISTS = "zero loss exists for these targets"
GENERIC = "zero loss exists for almost every target"
NEEDS = "The proof needs a trained linear read-out, and"
ASSUMPTIONS = {
    libm.ASSUMPTION: "assumed; checked on samples by the test-suite",
    arithmetic.ASSUMPTION: arithmetic.STANDING,
}


def exists(problem: Problem, progress: Progress) -> Verdict:
    """The verdict on `EXISTS`."""
    n, clashes = len(problem.distinct.x), problem.clashes
    if clashes:
        groups = "1 group of equal inputs has" if clashes == 1 else f"{clashes} groups of equal inputs have"
        reason = f"{groups} different targets (equal and different as the float64 numbers given); no function of the input fits both."
        found = {
            "contradictory_groups": clashes,
            "distinct_inputs": n,
            "equality": "of float64 numbers, bit for bit",
        }
        return Verdict(EXISTS, Status.REFUTED, reason, found)
    network, mask, why = _as_program(problem)
    if why:
        return Verdict(EXISTS, Status.UNKNOWN, why, {"distinct_inputs": n})
    matrix, error, columns, why = _features(network, mask, problem.distinct.x, progress)
    evidence: dict[str, Any] = {"distinct_inputs": n}
    if columns:
        evidence["readout_weights_per_output"] = columns
    if why:
        return Verdict(EXISTS, Status.UNKNOWN, why, evidence)
    lower = singular_value_lower(matrix, error)
    evidence |= {"singular_value_lower": lower, "assumptions": ASSUMPTIONS}
    if lower > 0:
        reason = (
            f"The last features of the {n} distinct inputs are independent at the start (smallest singular value at least "
            f"{at_least(lower)}), so some read-out fits any targets exactly."
        )
        return Verdict(EXISTS, Status.PROVED, reason, evidence)
    short = "the smallest singular value of the last features is lost in rounding"
    return Verdict(EXISTS, Status.UNKNOWN, f"Not by the read-out alone: {short}.", evidence)


def _as_program(problem: Problem) -> tuple[Any, Any, str]:
    """A JAX network and its mask as a program in float64, and the reason if it can't be one (else ""); others unchanged."""
    network, mask = problem.network, problem.mask
    x = problem.distinct.x.reshape(-1, *problem.inputs.shape[1:])
    if isinstance(network, FeedForward | TorchNetwork):
        return network, mask, ""
    try:
        found = followed(network, x)
    except NotWritableError as error:
        why = f"{NEEDS} this {type(network).__name__} is not followed through its program: {error}."
        return network, mask, why
    more = shared_arrays(found)
    if more and find_readout(found.trace.network.program) is None:
        return network, mask, f"{NEEDS} none is found whose weights are used nowhere else{more}."
    return found.trace.network, found.trace.mask(mask), ""


def _features(network: Any, mask: Any, x: np.ndarray, progress: Progress) -> tuple[np.ndarray, float, int, str]:
    """The features that enter the trained read-out at `x` `(n, d)`, a bound on the error of that matrix, its number of
    columns, and the reason if there are none (else "")."""
    none, needs = np.zeros((0, 0)), NEEDS
    readout = find_readout(network.program) if isinstance(network, TorchNetwork) else None
    if isinstance(network, FeedForward):
        trained = trained_layers(network, mask)
        weights, bias = (
            trained.weights[-1],
            trained.biases[-1] and network.biases[-1] is not None and network.bias_scales[-1] != 0,
        )
        size = network.weights[-1].shape[1]
    elif readout is not None:
        moved = mask.parameters
        weights, bias = moved[readout.weight], readout.bias is not None and moved[readout.bias]
        size = readout.width(network)
    else:
        return none, 0.0, 0, f"{needs} it is not known to end in a linear read-out."
    if not weights:
        return none, 0.0, 0, f"{needs} its read-out is not trained."
    columns = size + bool(bias)
    if columns < len(x):
        short = f"the read-out has {columns} weights per output, {len(x) - columns} fewer than distinct inputs"
        return none, 0.0, columns, f"Not by the read-out alone: {short}."
    # The proof is about these weights' exact values, which float64 holds.
    with double():
        start = as_double(network)
    if readout is None:
        head, last = Layers.of(start), forward(start, x)[-1]
    else:
        try:
            h, h_error = readout_features(start, readout, x, progress, batch_of)
        except NoBoundError as unbounded:
            return (
                none,
                0.0,
                columns,
                f"Not by the read-out: the rounding of its last features has no bound: {unbounded}.",
            )
        head = readout.head(start)
        last = last_layer(head, h, h_error)
    trouble = disagreement(start, x, last.z, last.z_error)
    if trouble:
        return none, 0.0, columns, f"The proof is refused: {trouble}."
    matrix, error = readout_matrix(head, last)
    return (matrix if bias else matrix[:, :size]), error, columns, ""


def generic(problem: Problem, found: Verdict) -> Verdict:
    """The verdict on `GENERIC`, by counting; `found`: the verdict on `EXISTS`."""
    distinct, clashes = problem.distinct, problem.clashes
    leaves = jax.tree.leaves(eqx.filter(problem.network, problem.mask))
    parameters, equations = sum(leaf.size for leaf in leaves), distinct.y.size
    evidence = {"parameters": parameters, "equations": equations, "contradictory_groups": clashes}
    repeated = len(problem.x) - len(distinct.x)
    # Equal inputs get equal answers, so the claim is about one target for each distinct input.
    claim = GENERIC if repeated == 0 else f"{GENERIC} (one target for each of the {len(distinct.x)} distinct inputs)"
    if parameters < equations and isinstance(problem.network, FeedForward):
        reason = (
            f"{parameters:,} trained parameters for {equations:,} equations: the reachable targets have measure zero. "
            "Nothing follows for the targets given."
        )
        return Verdict(claim, Status.REFUTED, reason, evidence)
    if parameters < equations:
        reason = (
            f"{parameters:,} trained parameters for {equations:,} equations: the reachable targets have measure zero if the "
            "answers are locally Lipschitz in the parameters, which is not known of this function."
        )
        return Verdict(claim, Status.UNKNOWN, reason, evidence)
    if not clashes and found.status is Status.PROVED:
        reason = "The last features are independent at the start, so every target is reachable by the read-out alone."
        return Verdict(claim, Status.PROVED, reason, evidence)
    reason = f"{parameters:,} trained parameters for {equations:,} equations: enough by counting, which proves nothing."
    return Verdict(claim, Status.UNKNOWN, reason, evidence)
