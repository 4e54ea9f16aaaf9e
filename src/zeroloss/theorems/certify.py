"""`certify`: before training, will gradient descent reach a global minimum, how fast, at which step, and does one exist?

Four claims, each a `Verdict`:

- `exists`: zero loss exists for these targets. REFUTED only by equal inputs with different targets; PROVED where the
  last features at the start are independent (then some read-out interpolates any targets).
- `generic`: zero loss exists for almost every target. REFUTED by fewer parameters than equations (a locally Lipschitz
  image of fewer dimensions has measure zero): nothing follows for these targets.
- `reaches`: descent with this step reaches a global minimum of the empirical squared risk, at this rate (the composite
  theorem).
- `curve`: the training loss follows the tangent kernel's prediction; judged by `judge_curve` once descent has run.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import numpy as np

from zeroloss.descent import Descent
from zeroloss.descent.history import grid
from zeroloss.descent.objective import Objective, make_objective
from zeroloss.identity import identity
from zeroloss.networks import MLP, predict, trainable_mask
from zeroloss.plumbing import Progress, Silent, double
from zeroloss.plumbing.arithmetic import require_ieee
from zeroloss.plumbing.numbers import real_number, whole_number
from zeroloss.problem import Problem, as_problem
from zeroloss.tangent import KernelOperator, LinearisedCurve, linearised_curve
from zeroloss.tangent.sampled import sampled_lipschitz
from zeroloss.theorems.existence import ASSUMPTIONS, exists, generic
from zeroloss.theorems.reach import ReachFacts, reach_claim, reaches
from zeroloss.verdict import Record, Status, Verdict
from zeroloss.verdict.identity import Identity
from zeroloss.verdict.record import LIVE
from zeroloss.verified.composite import Composite, composite_theorem
from zeroloss.verified.jacobian import trained_layers
from zeroloss.verified.lipschitz import Constants, constants

CURVE = "the training loss of gradient descent follows the tangent kernel's prediction within 10 %"
WITHIN = 1.1
PREDICTION_OPERATIONS = 2.7e11
"""Number of operations that the predicted curve may cost; Lanczos takes 16 to 64 products with the kernel."""


@dataclasses.dataclass(frozen=True, eq=False)
class Certificate(Record):
    """What is known before training: four verdicts and the predicted loss curve.

    Attributes:
        verdicts: `exists`, `generic`, `reaches`, `curve`.
        theorem: the composite theorem's numbers (None where it does not apply).
        largest_stable_step: `2 n/lambda_max` of the full kernel at the start (an estimate from above; steps must stay
            below).
        step_size: the step the curve is predicted for (by default half the largest stable one).
        curve: columns `step`, `loss`: the linearised model's training loss.
        identity: the data, and the network at its "start".
    """

    verdicts: dict[str, Verdict]
    theorem: Composite | None
    largest_stable_step: float
    step_size: float
    curve: dict[str, list]
    prediction: Any = dataclasses.field(default=None, metadata=LIVE)
    identity: Identity | None = None

    def __repr__(self) -> str:
        return "\n".join(str(v) for v in self.verdicts.values())


def certify(
    network: Any,
    data: Any = None,
    *,
    step_size: float | None = None,
    trainable: Any = None,
    steps: int = 10_000,
    sample_beta: bool = False,
    announce: Callable[[str, Verdict], None] | None = None,
    progress: Progress | None = None,
) -> Certificate:
    """Judge, before training, whether descent on the squared loss will reach a global minimum.

    Args:
        network: at its start. The theorem needs a `FeedForward` or `MLP`, the existence proof any network that ends in a linear
            layer (a converted torch module, or one of JAX that is followed through its jaxpr); others get UNKNOWN there.
        data: a `Dataset`, or a pair `(x, y)`.
        step_size: of gradient descent; None: the theorem picks its own, and the predicted curve takes `n/lambda_max`.
        trainable: which parameters descent moves.
        steps: how far the curve is predicted.
        sample_beta: where `reaches` is UNKNOWN also estimate `beta` from below by power iteration, so that the reason can
            state how much of what is missing a sharper bound on `beta` could give (seconds; no part of a proof).
        announce: called with name and verdict, for each verdict as soon as it is known.

    Raises:
        InputError: a network that does not fit the data, data with NaN, a step that is not a positive number.
    """
    step_size = None if step_size is None else real_number("step_size", step_size)
    steps = whole_number("steps", steps)
    require_ieee()
    progress = progress or Silent()
    problem = as_problem(network, data, trainable)
    objective = make_objective(problem, "squared")
    network, distinct = problem.network, problem.distinct
    verdicts = _Announced(announce)
    theorem, known = None, None
    progress.stage("does zero loss exist")
    trained = problem.trained
    verdicts["exists"] = exists(problem, progress)
    verdicts["generic"] = generic(problem, verdicts["exists"])
    progress.stage("convergence theorem", f"{distinct.y.size:,} equations")
    if trained is not None:
        known = problem.constants
        theorem = composite_theorem(known.lam0, known.Lam0, known.residual, problem.n, known.beta, step_size)
        sampled = None
        if sample_beta and not theorem.holds and math.isfinite(theorem.ratio):
            progress.stage("beta by sampling")
            sampled = sampled_lipschitz(
                network, distinct.x, radius=theorem.trial_radius, sizes=distinct.sizes, trainable=problem.mask
            )
        narrower = None
        if not theorem.holds and math.isfinite(theorem.ratio):
            narrower = _narrower(problem, step_size)
        facts = ReachFacts(network, problem.n, known.method, step_size, trained, sampled, narrower, ASSUMPTIONS)
        verdicts["reaches"] = reaches(theorem, facts)
    else:
        reason = f"the constants of a {type(network).__name__} are not known; only a FeedForward or an MLP is judged."
        verdicts["reaches"] = Verdict(reach_claim(step_size, None), Status.UNKNOWN, reason)
    progress.stage("predicted loss curve")
    prediction = _predict(objective, known)
    stable = prediction.largest_stable_step
    if math.isinf(stable) and known is not None and 0 < known.Lam0 < math.inf:
        stable = 2 * problem.n / known.Lam0  # no residual to find it from
    eta = float(step_size) if step_size is not None else stable / 2 if math.isfinite(stable) else 1.0
    points = np.array(list(grid(steps)))
    # The linearised model's limit is the infimum plus what the kernel cannot reach.
    curve = {"step": points.tolist(), "loss": prediction.loss(points, eta).tolist()}
    reason = "Descent has not run; the prediction is made."
    verdicts["curve"] = Verdict(CURVE, Status.UNKNOWN, reason, {"step_size": eta, "largest_stable_step": stable})
    about = identity(problem.given, start=problem.network)
    return Certificate(dict(verdicts), theorem, stable, eta, curve, prediction, about)


def _narrower(problem: Problem, step_size: float | None) -> Composite | None:
    """The theorem for the same kind of network at a quarter of the width, where that is no NTK parametrization."""
    network, distinct, trainable = problem.network, problem.distinct, problem.trainable
    if not isinstance(network, MLP) or network.parametrization == "ntk" or min(network.widths, default=0) < 8:
        return None
    if trainable is not None and not isinstance(trainable, str | list | tuple):
        return None  # a mask fits one width only
    quarter = network.config._replace(widths=tuple(w // 4 for w in network.config.widths))
    with double():
        start = MLP.of(quarter, "float64")
    trained = trained_layers(start, trainable_mask(start, trainable))
    known = constants(start, distinct.x, distinct.y, distinct.rounding, distinct.sizes, trained)
    return composite_theorem(known.lam0, known.Lam0, known.residual, problem.n, known.beta, step_size)


class _Announced(dict[str, Verdict]):
    """Verdicts by name; each is announced when it is set."""

    def __init__(self, announce: Callable[[str, Verdict], None] | None):
        super().__init__()
        self._announce = announce

    def __setitem__(self, name: str, verdict: Verdict) -> None:
        super().__setitem__(name, verdict)
        if self._announce is not None:
            self._announce(name, verdict)


def _predict(objective: Objective, known: Constants | None) -> LinearisedCurve:
    residual = predict(objective.network, objective.x).astype(np.float64) - objective.y
    if known is not None and known.kernel is not None and len(known.kernel) == residual.size:
        return linearised_curve(known.kernel, residual)  # no input is repeated, so it is the kernel itself
    operator = KernelOperator(objective.network, objective.x, objective.mask)
    parameters = sum(leaf.size for leaf in jax.tree.leaves(objective.network) if eqx.is_array(leaf))
    cost = 12.0 * len(objective.x) * parameters  # operations of one kernel product
    steps = int(np.clip(PREDICTION_OPERATIONS / cost, 16, 64))
    return linearised_curve(operator, residual, steps=steps)


def judge_curve(certificate: Certificate, fit: Descent) -> Verdict:
    """The verdict on `curve`: `fit.history` (gradient descent from the certified start, one seed) against the prediction.

    The two are compared while the excess over the infimum is above 1e-8 of the first (float32 rounding is below that).
    """
    steps = np.array(fit.history["step"])
    measured = np.array(fit.history["loss"], np.float64)
    if (
        fit.method != "gradient"
        or fit.seeds is not None
        or not isinstance(fit.step_size, int | float)
        or len(steps) < 3
    ):
        return Verdict(
            CURVE, Status.UNKNOWN, "The prediction is for full-batch gradient descent with one step size and one seed."
        )
    predicted = certificate.prediction.loss(steps, fit.step_size)
    excess, expected = measured - fit.infimum, predicted - fit.infimum
    usable = (excess > 1e-8 * excess[0]) & (expected > 1e-8 * excess[0])
    ratio = excess[usable] / expected[usable]
    inside = (ratio <= WITHIN) & (ratio >= 1 / WITHIN)
    left = int(steps[usable][np.argmin(inside)]) if not inside.all() else None
    evidence = {
        "ratio_lowest": float(ratio.min()),
        "ratio_highest": float(ratio.max()),
        "steps_compared": int(steps[usable][-1]),
        "leaves_at_step": left,
        "step_size": float(fit.step_size),
        "seed": "that of the network given",
        "interval": "the lowest and highest ratio of measured to predicted excess loss over the recorded steps",
    }
    span = f"measured over predicted loss lies in [{ratio.min():.3g}, {ratio.max():.3g}] over {steps[usable][-1]} steps"
    if left is None:
        return Verdict(CURVE, Status.SUPPORTED, f"{span[0].upper()}{span[1:]}.", evidence)
    return Verdict(CURVE, Status.CONTRADICTED, f"It leaves the 10 % at step {left}: {span}.", evidence)
