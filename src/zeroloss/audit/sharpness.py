"""Curvature of the training loss at this fit: largest eigenvalue and trace of Hessian and Gauss-Newton matrix."""

from __future__ import annotations

import math
from collections.abc import Callable

from zeroloss.audit.curvature import GaussNewton, Hessian
from zeroloss.audit.krylov import Krylov, krylov, steps_for
from zeroloss.audit.measure import Measure, known_measure, unknown_measure
from zeroloss.audit.subject import Subject
from zeroloss.audit.trace import deflated_trace, is_exact

HESSIAN = ("sharpness", "lowest_curvature", "hessian_trace", "largest_stable_step", "step_ratio")
GAUSS_NEWTON = ("gauss_newton_top", "gauss_newton_trace")
ENDS = "95 %, over the random start of Lanczos; rounding not counted"
PROBES = "95 %, over the random probes (Student's t)"
DIAGONAL = "exact but for rounding: no probe is random"
EXACT = "exact but for rounding: the Krylov space is the whole space"


def sharpness(subject: Subject, names: set[str], report: Callable[[float], None]) -> list[Measure]:
    """The requested measures of this group."""
    x, y = subject.part(subject.curvature_examples)
    found: list[Measure] = []
    both = bool(names & set(HESSIAN)) and bool(names & set(GAUSS_NEWTON))

    if names & set(GAUSS_NEWTON):
        operator = GaussNewton(subject.network, x, y, subject.loss)
        found += _gauss_newton(operator, names, subject, lambda s: report(s / (2 if both else 1)))
    if names & set(HESSIAN) and getattr(subject.network, "stops", False):
        reason = "the module stops gradients (.detach() or no_grad), so what it descends by is no gradient and has no Hessian"
        found += [unknown_measure(name, reason) for name in HESSIAN if name in names]
    elif names & set(HESSIAN):
        second = Hessian(subject.network, x, y, subject.loss)
        found += _hessian(second, names, subject, lambda s: report((both + s) / (1 + both)))
    return found


def _gauss_newton(operator: GaussNewton, names: set[str], subject: Subject, report) -> list[Measure]:
    report_first, report_then = _halves(report, "gauss_newton_trace" in names)
    space = krylov(
        operator.multiply, operator.size, steps_for(operator.size, operator.dtype.itemsize), key=subject.key,
        dtype=operator.dtype, report=report_first,
    )  # fmt: skip
    details = _details(subject, space, operator.examples)
    found = []
    if "gauss_newton_top" in names:
        value = max(0.0, float(space.values[-1]))
        lower, upper = space.highest(positive=True)
        found.append(_eigenvalue("gauss_newton_top", value, (max(0.0, lower), max(0.0, upper)), space, -1, details))
    if "gauss_newton_trace" in names:
        found.append(
            _trace("gauss_newton_trace", operator.multiply, space, subject, details, report_then, positive=True)
        )
    return found


def _hessian(operator: Hessian, names: set[str], subject: Subject, report) -> list[Measure]:
    report_first, report_then = _halves(report, "hessian_trace" in names)
    space = krylov(
        operator.multiply, operator.size, steps_for(operator.size, operator.dtype.itemsize), key=subject.key,
        dtype=operator.dtype, report=report_first,
    )  # fmt: skip
    details = _details(subject, space, operator.examples)
    top, (lower, upper) = float(space.values[-1]), space.highest()
    bottom = float(space.values[0])
    found = []
    if "sharpness" in names:
        found.append(_eigenvalue("sharpness", top, (lower, upper), space, -1, details))
    if "lowest_curvature" in names:
        found.append(_eigenvalue("lowest_curvature", bottom, space.lowest(), space, 0, details))
    if "hessian_trace" in names:
        found.append(_trace("hessian_trace", operator.multiply, space, subject, details, report_then))
    if "largest_stable_step" in names:
        found.append(_stable(top, lower, upper, space, details))
    if "step_ratio" in names:
        found.append(_ratio(top, lower, upper, space, details, subject.step_size))
    return found


def _halves(report, split: bool):
    """The callbacks for the progress of the eigenvalues and of the trace."""
    return (lambda s: report(s * (0.7 if split else 1.0))), (lambda s: report(0.7 + 0.3 * s))


def _details(subject: Subject, space: Krylov, examples: int) -> dict:
    return {
        "examples": examples, "of": len(subject.data.x_train), "loss": subject.loss, "steps": space.steps,
        "residual_lowest": space.residuals[0], "residual_highest": space.residuals[1], "size": space.size,
        "seed": subject.key,
    }  # fmt: skip


def _eigenvalue(name: str, value: float, ends, space: Krylov, end: int, details: dict) -> Measure:
    arrived = space.exhausted or space.converged[end]
    side = "at least" if end else "at most"
    reason = (
        ""
        if arrived
        else f"Lanczos stopped after {space.steps} steps with a residual of {space.residuals[end]:.2g}: {side} this value"
    )
    return known_measure(
        name, value, ends, EXACT if space.exhausted else ENDS, converged=arrived, reason=reason, **details
    )


def _trace(name, multiply, space, subject, details, report, *, positive=False) -> Measure:
    value, lower, upper = deflated_trace(multiply, space, key=subject.key, positive=positive, report=report)
    return known_measure(name, value, (lower, upper), DIAGONAL if is_exact(space) else PROBES, **details)


def _stable(top: float, lower: float, upper: float, space: Krylov, details: dict) -> Measure:
    name = "largest_stable_step"
    if top <= 0:
        return unknown_measure(
            name, "the largest eigenvalue found is not positive, so to second order every step is stable"
        )
    ends = (2 / upper, 2 / lower)
    arrived = space.exhausted or space.converged[-1]
    reason = "" if arrived else "Lanczos did not converge: at most this value"
    return known_measure(name, 2 / top, ends, ENDS, converged=arrived, reason=reason, **details)


def _ratio(top, lower, upper, space: Krylov, details: dict, step: float | None) -> Measure:
    if step is None:
        return unknown_measure("step_ratio", "the step of training was not given (step_size=)")
    arrived = space.exhausted or space.converged[-1]
    ends = sorted((step * lower / 2, step * upper / 2))
    reason = "" if arrived or not math.isfinite(top) else "Lanczos did not converge: at least this value"
    return known_measure(
        "step_ratio", step * top / 2, ends, ENDS, converged=arrived, reason=reason, step_size=step, **details
    )
