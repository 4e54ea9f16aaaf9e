"""`examine`: the examination, stage by stage.

1. Certify: what is known before training.
2. Gradient descent in float32 from the start, against the curve the kernel predicts.
3. On to the minimum from where 2 ended: Adam in batches, then a few Gauss-Newton steps in float64.
4. Polish the read-out, which reaches the minimum itself, and prove.
5. The twin of the fitted network, proved too.
6. Audit both, from the training data alone and on the test set.
7. Error against width, a slice, examples: the pictures.

Nothing finished is lost: Ctrl-C returns the results so far, with the rest named as absent.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from zeroloss.data import Dataset, groups
from zeroloss.descent import Descent, descend
from zeroloss.descent.gauss_newton import gauss_newton
from zeroloss.examine import tables
from zeroloss.examine.conclude import conclude
from zeroloss.examine.plan import Plan, make_plan
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
from zeroloss.networks import MLP
from zeroloss.networks.activations import activation
from zeroloss.plumbing import InputError, Progress, Silent, double
from zeroloss.plumbing.precision import as_double
from zeroloss.problem import Problem, matched
from zeroloss.prove import prove
from zeroloss.theorems import certify, judge_curve
from zeroloss.verdict import Verdict
from zeroloss.verified.rayleigh import smallest_eigenvalue_upper

NEAR_ENOUGH = 1e-10
"""Loss above the infimum at which Gauss-Newton hands over to the polishing of the read-out, which moves little from
there."""


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
    """Certify, descend, prove, build the twin and audit, on one data set and one network.

    Args:
        data: a `Dataset`.
        network: an `MLP` at its start, float32.
        seed: of everything random.
        settings: written into the result (command, version, date).
        announce: called with name and verdict, for each verdict as soon as it is known.

    Raises:
        InputError: a network that does not fit the data, or memory that does not suffice.
    """
    if not isinstance(network, MLP):
        raise InputError(
            "an examination begins before training, so it needs an MLP at its start; `examine_given` takes a trained model as it is."
        )
    data = matched(network, data)
    started = time.monotonic()
    state = State(data, network, seed, announce or (lambda name, verdict: None), progress or Silent())
    state.smooth = math.isfinite(activation(network.config.activation).curvature)
    plan = plan or make_plan(data, network)
    stages: list[tuple[str, Callable[[State], None]]] = [
        (name, functools.partial(_planned, stage, plan))
        for name, stage in (
            ("certify", _certify),
            ("descend", _descend),
            ("prove", _prove),
            ("twin", _twin),
            ("audit", _audit),
            ("measures", _measures),
            ("pictures", _pictures),
            ("widths", _widths),
        )
    ]
    interrupted = run_stages(stages, state)
    return Examined(conclude(state, settings or {}, time.monotonic() - started), state.fitted, state.twin, interrupted)


def _planned(stage: Callable[[State, Plan], None], plan: Plan, state: State) -> None:
    stage(state, plan)


def _certify(state: State, plan: Plan) -> None:
    def announce(name: str, verdict: Verdict) -> None:
        if name != "curve":  # `_descend` judges this one
            state.announce(name, verdict)

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


def _descend(state: State, plan: Plan) -> None:
    data, certificate = state.data, state.certificate
    assert certificate is not None
    state.progress.stage("gradient descent", f"{plan.curve_steps} steps")
    curve = descend(
        state.network, data, step_size=certificate.step_size, steps=plan.curve_steps, progress=state.progress
    )
    predicted = certificate.prediction.loss(np.array(curve.history["step"]), certificate.step_size)
    state.tables["loss"] = tables.loss_table(curve.history, predicted)
    state.announce("curve", judge_curve(certificate, curve))
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


def _to_minimum(curve: Descent, data: Dataset, plan: Plan, state: State) -> Descent:
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
        Problem(fit.network, data),
        steps=plan.newton_steps,
        tolerance=NEAR_ENOUGH,
        seconds=None,
        progress=state.progress,
        form_kernel=False,
    )
    return dataclasses.replace(further, method="adam, then gauss-newton")


def _prove(state: State, plan: Plan) -> None:
    proof = prove(state.fitted, state.data, polish=True, method=method_of(state), progress=state.progress)
    state.fitted = proof.network
    state.numbers["polished_by"] = {"distance": proof.moved, "relative": proof.evidence.get("moved_relative")}
    announce_proof(state, "fit", proof)


def _twin(state: State, plan: Plan) -> None:
    twin_of(state, state.fitted, method_of(state))


def _audit(state: State, plan: Plan) -> None:
    audit_of(state, initial=state.network)


def _measures(state: State, plan: Plan) -> None:
    measures_of(state, state.network)


def _pictures(state: State, plan: Plan) -> None:
    pictures_of(state)


def _widths(state: State, plan: Plan) -> None:
    state.progress.stage("error against width", f"{len(plan.sweep_widths)} widths, {len(plan.sweep_seeds)} seeds")
    if len(state.data.x_test) == 0:
        state.numbers["absent"]["widths"] = "It was not made: there is no test set."
        return
    state.tables["widths"] = tables.width_table(
        state.data, state.network, plan.sweep_widths, plan.sweep_seeds, plan.sweep_steps, state.seed, state.progress
    )
