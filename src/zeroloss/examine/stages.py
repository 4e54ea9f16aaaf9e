"""The stages that the examinations of a new network and of a trained model have in common."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from zeroloss.audit import audit
from zeroloss.audit.positions import positions_of
from zeroloss.data import Dataset
from zeroloss.data.task import ones
from zeroloss.examine import tables
from zeroloss.examine.examination import Examination
from zeroloss.examine.measures import measures_table
from zeroloss.examine.state import State
from zeroloss.minima import Twin, construct_twin
from zeroloss.plumbing import InputError
from zeroloss.prove import Proof, prove
from zeroloss.verdict import Verdict

DISTANCES = "nearest-neighbour distances"
KERNEL_EQUATIONS = 3000
"""Number of equations up to which the full kernel is formed for a proof, where the read-out is too narrow for one."""


@dataclasses.dataclass
class Examined:
    """The examination and the networks that it is about."""

    examination: Examination
    fitted: Any = None
    twin: Any = None
    interrupted: bool = False


def run_stages(stages: Sequence[tuple[str, Callable[[State], None]]], state: State) -> bool:
    """Run the stages one after the other and time them; True if Ctrl-C ended them (the rest is then named as absent)."""
    for name, stage in stages:
        before = time.monotonic()
        try:
            stage(state)
        except KeyboardInterrupt:
            _name_absent(state)
            return True
        finally:
            state.numbers["seconds"][name] = time.monotonic() - before
    return False


def _name_absent(state: State) -> None:
    for name in ("loss", "spectrum", "widths", "slice", "digits", "trust", "measures", "theory"):
        if name not in state.tables:
            state.numbers["absent"][name] = "It was not made: the examination was interrupted."
    for name in ("fitted", "twin"):
        if name not in state.numbers:
            state.numbers["absent"][name] = "The examination was interrupted before it."


def method_of(state: State) -> str:
    """Which proofs are tried: Newton-Kantorovich only where it takes seconds, as the plan does not count its cost."""
    return "auto" if state.data.y_train.size <= KERNEL_EQUATIONS else "readout"


def announce_proof(state: State, name: str, proof: Proof, shown: str = "polished") -> None:
    """Put the verdicts of `proof` under `fit_...` or `twin_...`, and the first scores of that network, into the state.

    `shown`: the weights that `..._classified` is about, "given" (a model of the user's) or "polished" (a network fitted here,
    which the page shows after polishing); with "given" the polished weights get a verdict of their own.
    """
    plain = Verdict(proof.claim, proof.status, proof.reason, proof.evidence)
    state.announce(f"{name}_minimum", plain)
    state.numbers["contradictory_groups"] = proof.evidence.get("contradictory_groups")
    given, polished = proof.classified, proof.classified_polished
    if shown == "polished" and polished is not None:
        given, polished = polished, None
    if given is not None:
        state.announce(f"{name}_classified", given)
    if polished is not None:
        state.announce(f"{name}_classified_polished", polished)
    network, key = (state.fitted, "fitted") if name == "fit" else (state.twin, "twin")
    found: dict[str, Any] = {"train_loss": proof.evidence.get("training_loss")}
    train = tables.error(network, state.data.x_train, state.data.y_train, state.data)
    found["train_score"] = None if train is None else 1 - train
    state.numbers[key] = found


def twin_of(state: State, of: Any, method: str) -> None:
    """Build the twin of the network `of` or (None) of the data alone, and prove it."""
    state.progress.stage("twin")
    try:
        made: Twin = construct_twin(state.data, of=of, key=state.seed, progress=state.progress)
    except InputError as error:
        state.numbers["absent"]["twin"] = f"No twin was made: {error}"
        return
    state.twin = made.network
    state.numbers["twin_made"] = {
        "kind": made.kind,
        "why": made.why,
        "elsewhere": made.base,
        "parameters": made.parameters,
        "train_max_error_float32": made.train_max_error_float32,
        "train_accuracy_float32": made.train_accuracy_float32,
        "smallest_separation": made.smallest_separation,
    }
    announce_proof(state, "twin", prove(state.twin, state.data, polish=False, method=method, progress=state.progress))


def audit_of(state: State, initial: Any) -> None:
    """Audit the fitted network (`initial`: its start, if it is known) and its twin."""
    curves = {}
    for name, network in (("fitted", state.fitted), ("twin", state.twin)):
        if network is None:
            continue
        state.progress.stage(f"audit of the {'fitted network' if name == 'fitted' else 'twin'}")
        found = audit(
            network,
            state.data,
            initial=initial if name == "fitted" else None,
            key=state.seed,
            progress=state.progress,
        )
        curves[name] = found.trust
        state.announce("local_fit" if name == "fitted" else "local_twin", found.verdicts["local"])
        if "lazy" in found.verdicts:
            state.announce("lazy", found.verdicts["lazy"])
        scores = state.numbers.setdefault(name, {})
        _train_scores(scores, found.numbers, state.data)
        _test_scores(scores, found.numbers, state.data)
        state.numbers[name]["trust_radius"] = found.trust_radius
        if found.numbers["trust_unit"] != DISTANCES:
            state.numbers["trust_unit"] = found.numbers["trust_unit"]
    state.tables["trust"] = tables.trust_table(curves)


def measures_of(state: State, initial: Any) -> None:
    """Put the measures of the fitted network and of the twin into the state."""
    found = measures_table(state.fitted, state.twin, initial, state.data, state.seed, state.progress)
    state.tables["measures"] = found
    if not found["measure"]:
        state.numbers["absent"]["measures"] = "They were not measured: they would not fit into memory."


def _train_scores(numbers: dict[str, Any], found: dict[str, Any], data: Dataset) -> None:
    """The training scores from an audit, for a model without a proof (a proof has set them already)."""
    if numbers.get("train_loss") is None:
        numbers["train_loss"] = found["train_loss"]
    if numbers.get("train_score") is None:
        error = found.get("train_error")
        numbers["train_score"] = (
            found.get("train_r2") if data.task == "regression" else None if error is None else 1 - error
        )


def _test_scores(numbers: dict[str, Any], found: dict[str, Any], data: Dataset) -> None:
    if data.task != "regression" and found.get("test_error") is not None:
        low, high = found["test_error_interval"]
        total, wrong = int(found["test_count"]), int(found["test_errors"])
        numbers |= {"test_score": 1 - found["test_error"], "test_lower": 1 - high, "test_upper": 1 - low}
        numbers |= {"test_correct": total - wrong, "test_total": total}
    elif found.get("test_r2") is not None:
        low, high = found["test_r2_interval"]
        numbers |= {"test_score": found["test_r2"], "test_lower": low, "test_upper": high}


def pictures_of(state: State) -> None:
    """A slice between two training points, and test examples with both networks' answers."""
    if positions_of(state.fitted, state.data):
        state.numbers["absent"]["slice"] = (
            "It was not made: some inputs are categories, and nothing lies between two of them."
        )
    else:
        try:
            line, facts = tables.slice_table(state.fitted, state.twin, state.data, state.seed)
            state.tables["slice"], state.numbers["slice"] = line, facts
        except InputError as error:  # a model that takes nothing but inputs like those of the data
            state.numbers["absent"]["slice"] = f"It was not made: {error}"
    found = tables.answer_tables(state.fitted, state.twin, state.data, state.seed)
    state.tables |= found
    if not found:
        state.numbers["absent"]["examples"] = "It was not made: there is no test set."
    if state.data.task == "multi-label":
        known = ones(state.data.y_train)
        _, often = np.unique(known, axis=0, return_counts=True)
        state.numbers["chance"] = float(often.max() / len(known))
    elif state.data.labels_train is not None:
        labels = state.data.labels_test if len(state.data.y_test) else state.data.labels_train
        counts = np.bincount(np.asarray(labels))
        state.numbers["chance"] = float(counts.max() / counts.sum())
    else:
        state.numbers["chance"] = 0.0
