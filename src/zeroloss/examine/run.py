"""The examination, stage by stage.

1. Certify: what is known before training.
2. Gradient descent in float32 from the start, against the curve the kernel predicts.
3. On to the minimum from where 2 ended: Adam in batches, then a few Gauss-Newton steps in float64.
4. Polish the read-out, which reaches the minimum itself, and prove.
5. The twin of the fitted network, proved too.
6. Audit both, from the training data alone and on the test set.
7. Error against width, a slice, examples: the pictures.

Nothing finished is lost: Ctrl-C returns what there is, with the rest named as absent.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from zeroloss.audit import audit
from zeroloss.data import Dataset, groups
from zeroloss.descent import Descent, descend
from zeroloss.descent.gauss_newton import gauss_newton
from zeroloss.examine import tables
from zeroloss.examine.conclude import conclude
from zeroloss.examine.examination import Examination
from zeroloss.examine.measures import measures_table
from zeroloss.examine.plan import Plan, make_plan
from zeroloss.minima import Proof, Twin, construct_twin, prove
from zeroloss.networks import MLP
from zeroloss.networks.activations import activation
from zeroloss.plumbing import InputError, Progress, Silent, double
from zeroloss.plumbing.precision import as_double
from zeroloss.tangent.rayleigh import smallest_eigenvalue_upper
from zeroloss.theorems import Certificate, certify, judge_curve
from zeroloss.verdict import Verdict

NEAR_ENOUGH = 1e-10
"""Loss above the infimum at which Gauss-Newton hands over to the polishing of the read-out, which moves little from
there."""
KERNEL_EQUATIONS = 3000
"""Up to this many, the full kernel is formed for a proof where the read-out is too narrow for one."""
Announce = Callable[[str, Verdict], None]


@dataclasses.dataclass
class Examined:
    """The examination and the live objects behind it."""

    examination: Examination
    fitted: Any = None
    twin: Any = None
    interrupted: bool = False


class _State:
    """What is gathered on the way."""

    def __init__(self, data: Dataset, network: MLP, seed: int, announce: Announce, progress: Progress):
        self.data, self.network, self.seed, self.progress = data, network, seed, progress
        self._announce = announce
        self.verdicts: dict[str, Verdict] = {}
        self.tables: dict[str, dict[str, list]] = {}
        self.numbers: dict[str, Any] = {"seconds": {}, "absent": {}}
        self.fitted: Any = None
        self.twin: Any = None
        self.certificate: Certificate | None = None
        self.smooth = math.isfinite(activation(network.config[3]).curvature)

    def tell(self, name: str, verdict: Verdict) -> None:
        self.verdicts[name] = verdict
        self._announce(name, verdict)


def examine(
    data: Dataset,
    network: MLP,
    *,
    seed: int = 0,
    settings: dict[str, Any] | None = None,
    announce: Announce | None = None,
    progress: Progress | None = None,
    plan: Plan | None = None,
) -> Examined:
    """Everything about one data set and one network.

    Args:
        data: a `Dataset`.
        network: an `MLP` at its start, float32.
        seed: of what is random on the way.
        settings: written into the result (command, version, date).
        announce: called with the name and the verdict as each one comes.

    Raises:
        InputError: a network that does not fit the data, or memory that does not suffice.
    """
    if not isinstance(network, MLP):
        raise InputError(
            "an examination begins before training, so it needs an MLP at its start; audit and prove take trained networks."
        )
    started = time.monotonic()
    state = _State(data, network, seed, announce or (lambda name, verdict: None), progress or Silent())
    plan = plan or make_plan(data, network)
    stages: list[tuple[str, Callable[[_State, Plan], None]]] = [
        ("certify", _certify),
        ("descend", _descend),
        ("prove", _prove),
        ("twin", _twin),
        ("audit", _audit),
        ("measures", _measures),
        ("pictures", _pictures),
        ("widths", _widths),
    ]
    interrupted = False
    for name, stage in stages:
        before = time.monotonic()
        try:
            stage(state, plan)
        except KeyboardInterrupt:
            interrupted = True
            _name_absent(state)
            break
        finally:
            state.numbers["seconds"][name] = time.monotonic() - before
    return Examined(conclude(state, settings or {}, time.monotonic() - started), state.fitted, state.twin, interrupted)


def _name_absent(state: _State) -> None:
    for name in ("loss", "spectrum", "widths", "slice", "digits", "trust", "measures", "theory"):
        if name not in state.tables:
            state.numbers["absent"][name] = "It was not made: the examination was interrupted."
    for name in ("fitted", "twin"):
        if name not in state.numbers:
            state.numbers["absent"][name] = "The examination was interrupted before it."


def _certify(state: _State, plan: Plan) -> None:
    def announce(name: str, verdict: Verdict) -> None:
        if name != "curve":  # that one is judged after descent
            state.tell(name, verdict)

    state.certificate = certify(
        state.network, state.data, steps=plan.curve_steps, announce=announce, progress=state.progress
    )
    state.numbers["step_size"] = state.certificate.step_size
    state.numbers["equations"] = state.data.n * state.data.out_size
    state.tables["theory"] = tables.theory_table(state.certificate, state.network)
    state.progress.stage("spectrum of the kernel")
    state.tables["spectrum"], points, vector = tables.spectrum_table(state.network, state.data, state.seed)
    theorem = state.certificate.theorem
    # From below by the theorem's proved lam0, from above by a Rayleigh quotient; on all distinct inputs or not at all.
    if theorem is not None and theorem.lam0 > 0 and state.smooth and len(points) == groups(state.data.x_train).count:
        with double():
            start = as_double(state.network)
        state.numbers["lambda_min_lower"] = theorem.lam0
        state.numbers["lambda_min_upper"] = smallest_eigenvalue_upper(start, points, vector)


def _descend(state: _State, plan: Plan) -> None:
    data, certificate = state.data, state.certificate
    assert certificate is not None
    state.progress.stage("gradient descent", f"{plan.curve_steps} steps")
    curve = descend(
        state.network, data, step_size=certificate.step_size, steps=plan.curve_steps, progress=state.progress
    )
    predicted = certificate.prediction.loss(np.array(curve.history["step"]), certificate.step_size)
    state.tables["loss"] = tables.loss_table(curve.history, predicted)
    state.tell("curve", judge_curve(certificate, curve))
    state.fitted = curve.network
    if curve.interrupted:
        raise KeyboardInterrupt
    further = _to_minimum(curve, data, plan, state)
    state.numbers["infimum"] = further.infimum
    state.numbers["descent"] = {
        "method": further.method,
        "steps": further.steps,
        "loss": further.loss,
        "seconds": further.seconds,
        "reason": further.reason,
    }
    state.fitted = further.network
    if further.interrupted:
        raise KeyboardInterrupt


def _to_minimum(curve: Descent, data: Dataset, plan: Plan, state: _State) -> Descent:
    batch = min(64, data.n)
    fit = curve
    state.progress.stage("on to the minimum (Adam)", f"{plan.epochs} passes over the data")
    for share, step in ((0.5, 2e-2), (0.3, 4e-3), (0.2, 8e-4)):
        steps = max(1, int(share * plan.epochs * data.n / batch))
        fit = descend(
            fit.network,
            data,
            "adam",
            step_size=step,
            steps=steps,
            batch_size=batch,
            key=state.seed,
            progress=state.progress,
        )
        if fit.interrupted:
            return fit
    if plan.newton_steps == 0:
        return fit
    further = gauss_newton(
        fit.network,
        data,
        steps=plan.newton_steps,
        tolerance=NEAR_ENOUGH,
        trainable=None,
        seconds=None,
        progress=state.progress,
        form_kernel=False,
    )
    return dataclasses.replace(further, method="adam, then gauss-newton")


def _prove(state: _State, plan: Plan) -> None:
    proof = prove(state.fitted, state.data, polish=True, method=_method(state), progress=state.progress)
    state.fitted = proof.network
    state.numbers["polished_by"] = {"distance": proof.moved, "relative": proof.evidence.get("moved_relative")}
    _tell_proof(state, "fit", proof)
    state.numbers["fitted"] = _scores(state.fitted, state.data, proof)


def _method(state: _State) -> str:
    """Which proofs are tried: Newton-Kantorovich only where it takes seconds, for the plan does not count it."""
    return "auto" if state.data.y_train.size <= KERNEL_EQUATIONS else "readout"


def _tell_proof(state: _State, name: str, proof: Proof) -> None:
    plain = Verdict(proof.claim, proof.status, proof.reason, proof.evidence)
    state.tell(f"{name}_minimum", plain)
    if proof.classified is not None:
        state.tell(f"{name}_classified", proof.classified)


def _scores(network: Any, data: Dataset, proof: Proof) -> dict[str, Any]:
    found: dict[str, Any] = {"train_loss": proof.evidence.get("training_loss")}
    train = tables.error(network, data.x_train, data.y_train, data.task)
    found["train_score"] = None if train is None else 1 - train
    return found


def _twin(state: _State, plan: Plan) -> None:
    state.progress.stage("twin")
    try:
        made: Twin = construct_twin(state.data, of=state.fitted, key=state.seed, progress=state.progress)
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
    proof = prove(state.twin, state.data, polish=False, method=_method(state), progress=state.progress)
    _tell_proof(state, "twin", proof)
    state.numbers["twin"] = _scores(state.twin, state.data, proof)


def _audit(state: _State, plan: Plan) -> None:
    curves = {}
    for name, network in (("fitted", state.fitted), ("twin", state.twin)):
        if network is None:
            continue
        state.progress.stage(f"audit of the {'fitted network' if name == 'fitted' else 'twin'}")
        found = audit(
            network,
            state.data,
            initial=state.network if name == "fitted" else None,
            key=state.seed,
            progress=state.progress,
        )
        curves[name] = found.trust
        state.tell("local_fit" if name == "fitted" else "local_twin", found.verdicts["local"])
        if "lazy" in found.verdicts:
            state.tell("lazy", found.verdicts["lazy"])
        _test_scores(state.numbers[name], found.numbers, state.data)
        state.numbers[name]["trust_radius"] = found.trust_radius
    state.tables["trust"] = tables.trust_table(curves)


def _measures(state: _State, plan: Plan) -> None:
    state.tables["measures"] = measures_table(
        state.fitted, state.twin, state.network, state.data, state.seed, state.progress
    )
    if not state.tables["measures"]["measure"]:
        state.numbers["absent"]["measures"] = "They were not measured: they would not fit into memory."


def _test_scores(numbers: dict[str, Any], found: dict[str, Any], data: Dataset) -> None:
    if data.task == "classification" and found.get("test_error") is not None:
        low, high = found["test_error_interval"]
        total, wrong = int(found["test_count"]), int(found["test_errors"])
        numbers |= {"test_score": 1 - found["test_error"], "test_lower": 1 - high, "test_upper": 1 - low}
        numbers |= {"test_correct": total - wrong, "test_total": total}
    elif found.get("test_r2") is not None:
        low, high = found["test_r2_interval"]
        numbers |= {"test_score": found["test_r2"], "test_lower": low, "test_upper": high}


def _pictures(state: _State, plan: Plan) -> None:
    state.tables["slice"], state.numbers["slice"] = tables.slice_table(state.fitted, state.twin, state.data, state.seed)
    found = tables.answer_tables(state.fitted, state.twin, state.data, state.seed)
    state.tables |= found
    if not found:
        state.numbers["absent"]["examples"] = "It was not made: there is no test set."
    if state.data.task == "classification":
        targets = state.data.y_test if len(state.data.y_test) else state.data.y_train
        counts = targets.sum(0)
        state.numbers["chance"] = float(counts.max() / counts.sum())
    else:
        state.numbers["chance"] = 0.0


def _widths(state: _State, plan: Plan) -> None:
    state.progress.stage("error against width", f"{len(plan.sweep_widths)} widths, {len(plan.sweep_seeds)} seeds")
    if len(state.data.x_test) == 0:
        state.numbers["absent"]["widths"] = "It was not made: there is no test set."
        return
    state.tables["widths"] = tables.width_table(
        state.data, state.network, plan.sweep_widths, plan.sweep_seeds, plan.sweep_steps, state.seed, state.progress
    )
