"""`examine_given`: the examination of a trained model, which is that of `examine` without what only training would show.

1. Prove, at the weights given and after polishing (not of a black box).
2. The twin: of the model where it is fully connected, else of the data.
3. Audit both.
4. The kernel's spectrum at these weights where it takes seconds, a slice, examples.

What is not known is named with the reason: how the model was trained cannot be seen from its weights.
"""

from __future__ import annotations

import time
from typing import Any

from zeroloss.data import Dataset
from zeroloss.data.load import as_data
from zeroloss.examine import tables
from zeroloss.examine.conclude import conclude
from zeroloss.examine.stages import (
    Examined,
    announce_proof,
    audit_of,
    measures_of,
    method_of,
    pictures_of,
    run_stages,
    twin_of,
)
from zeroloss.examine.state import Announce, State
from zeroloss.networks import BlackBox, FeedForward, TorchNetwork, as_network
from zeroloss.plumbing import InputError, Progress, Silent
from zeroloss.plumbing.format import format_bytes, format_seconds
from zeroloss.plumbing.memory import available_bytes
from zeroloss.problem import matched
from zeroloss.prove import prove
from zeroloss.tangent import estimate

SPECTRUM_SECONDS = 60.0
"""Expected time above which the kernel's spectrum is left out."""
TRAINED = "The model was given trained"
NOT_KNOWN = {
    "reaches": f"Whether descent had to reach a minimum: {TRAINED.lower()}, and theory is about the weights at the start.",
    "curve": "How the loss fell, and whether as the tangent kernel predicts: the training was not observed.",
    "lazy": "Whether training was lazy: it needs the weights before training (zeroloss audit DATA --model M --initial START).",
    "widths": "How the error changes with width: no other model of this kind was trained.",
}


def examine_given(
    data: Dataset,
    model: Any,
    *,
    seed: int = 0,
    settings: dict[str, Any] | None = None,
    announce: Announce | None = None,
    progress: Progress | None = None,
) -> Examined:
    """Everything about one data set and one trained model, without training it further (but for polishing before the proof).

    Args:
        data: a `Dataset`; what the model was trained on, scaled as there.
        model: a network of any kind, a torch module, or a black box (`zeroloss.black_box`).
        seed, settings, announce: as in `examine`.

    Raises:
        InputError: a model that does not fit the data.
    """
    data = as_data(data)
    network = as_network(model, data)
    data = matched(network, data)
    _check_fits(network, data)
    started = time.monotonic()
    state = State(data, network, seed, announce or (lambda name, verdict: None), progress or Silent())
    state.numbers["not_known"] = dict(NOT_KNOWN)
    for name, why in (("loss", "curve"), ("widths", "widths"), ("theory", "reaches")):
        state.numbers["absent"][name] = NOT_KNOWN[why]
    stages = [
        ("prove", _prove),
        ("twin", _twin),
        ("audit", _audit),
        ("measures", _measures),
        ("spectrum", _spectrum),
        ("pictures", pictures_of),
    ]
    interrupted = run_stages(stages, state)
    return Examined(conclude(state, settings or {}, time.monotonic() - started), state.fitted, state.twin, interrupted)


def _check_fits(network: Any, data: Dataset) -> None:
    sizes = [getattr(network, name, None) for name in ("in_size", "out_size")]
    for size, wanted, what in zip(sizes, (data.in_size, data.out_size), ("inputs", "outputs"), strict=True):
        if size is not None and size != wanted:
            raise InputError(
                f"the model has {size} {what} and {data.name} has {wanted}; give the data it was made for."
            )


def _prove(state: State) -> None:
    state.fitted = state.network
    state.numbers["equations"] = state.data.n * state.data.out_size
    if isinstance(state.network, BlackBox):
        state.numbers["not_known"] |= {k: f"{why[0].upper()}{why[1:]}." for k, why in state.network.open.items()}
        return
    proof = prove(state.network, state.data, polish=True, method=method_of(state), progress=state.progress)
    if proof.radius is not None:  # otherwise the other stages are about the weights as given
        state.fitted = proof.network
    state.numbers["polished_by"] = {"distance": proof.moved, "relative": proof.evidence.get("moved_relative")}
    state.numbers["infimum"] = proof.evidence.get("infimum")
    announce_proof(state, "fit", proof, "given")
    if proof.radius is not None and proof.which == "polished":
        wrong = tables.error(state.network, state.data.x_test, state.data.y_test, state.data)
        state.numbers["fitted"]["given_test_score"] = None if wrong is None else 1 - wrong
    if proof.radius is None:
        state.numbers["not_known"]["minimum"] = f"Whether a global minimum is near these weights: {proof.reason}"


def _twin(state: State) -> None:
    of = state.fitted if isinstance(state.fitted, FeedForward) else None
    twin_of(state, of, "readout")
    if state.twin is None:
        return
    if of is None:
        why = (
            "Whether this model has a twin of its own kind: one is made only of fully connected networks; the twin shown is of "
            "the data."
        )
        state.numbers["not_known"]["twin"] = why


def _audit(state: State) -> None:
    audit_of(state, initial=None)


def _measures(state: State) -> None:
    """The measures that need no start."""
    measures_of(state, None)


def _spectrum(state: State) -> None:
    """The spectrum of the kernel's trace form at these weights, if its expected cost allows."""
    absent = state.numbers["absent"]
    if not isinstance(state.network, FeedForward | TorchNetwork):
        absent["spectrum"] = "It was not made: a black box has no derivatives by its weights."
        return
    points = tables.spectrum_points(state.data, state.seed)
    price = estimate(state.network, points, outputs="trace")
    have = available_bytes()
    if price.seconds > SPECTRUM_SECONDS or (have is not None and price.bytes > 0.5 * have):
        absent["spectrum"] = (
            f"It was not made: the kernel on {len(points):,} inputs is expected to take {format_seconds(price.seconds)} and "
            f"{format_bytes(price.bytes)}; `zeroloss kernel` forms it."
        )
        return
    state.progress.stage("spectrum of the kernel", f"about {format_seconds(price.seconds)}")
    state.tables["spectrum"], _, _ = tables.spectrum_table(state.network, state.data, state.seed, "at these weights")
