"""The whole audit of one fit."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from zeroloss.audit.catalogue import chosen
from zeroloss.audit.fit import part_numbers, training_loss
from zeroloss.audit.laziness import laziness, lazy_verdict
from zeroloss.audit.measure import Measure
from zeroloss.audit.measuring import measure
from zeroloss.audit.price import AuditPrice, plan
from zeroloss.audit.rule import sentence
from zeroloss.audit.subject import Subject
from zeroloss.audit.trust import answers, local_verdict, trust_curve
from zeroloss.data.infimum import infimum
from zeroloss.data.loaders import as_data
from zeroloss.data.repeats import collapse
from zeroloss.descent.problem import refuse_sigmoid
from zeroloss.networks import BlackBox, as_network, check_weights
from zeroloss.networks.pytorch.inputs import check_images
from zeroloss.plumbing import InputError, Progress, Silent
from zeroloss.verdict import Record, Verdict


@dataclasses.dataclass(frozen=True, repr=False)
class Audit(Record):
    """Whether a fit can be trusted.

    Attributes:
        verdicts: `local` ("this fit is local: it holds at the training points and not near them") and, where the start
            was given, `lazy` ("training was lazy").
        trust: the trust curve as a tidy table: columns `t` (distance over the distance to the nearest other training
            point), `score`, `lower`, `upper`; empty if it could not be measured.
        trust_radius: the largest `t` up to which the score's lower end stays at the level; None if there is none.
        numbers: `loss` (its name), `train_loss`, `infimum` and `infimum_reason`, `gap`;
            `train_count`, `train_errors`, `train_error` and
            `test_...` with `test_error_interval` (classification), or `train_r2`, `test_r2`, `test_r2_interval`
            (regression); `rule`, how one output or labels are decided (else empty); `trust_level`; `movement`,
            `linearisation_train`, `linearisation_test` with the start.
            `open`: question -> why it stays open (a black box).
            None: could not be computed, and `train_non_finite` or `test_non_finite` say why.
        name, task: of the data set.
        key: the seed.
        measures: the measures asked for, in the catalogue's order; see `measure` for one by its name.
        price: what they were expected to cost; None if none was asked for.
    """

    verdicts: dict[str, Verdict]
    trust: dict[str, list[float]]
    trust_radius: float | None
    numbers: dict[str, Any]
    name: str
    task: str
    key: int
    measures: list[Measure] = dataclasses.field(default_factory=list)
    price: AuditPrice | None = None

    def measure(self, name: str) -> Measure:
        """The measure of that name.

        Raises:
            InputError: it was not asked for.
        """
        for found in self.measures:
            if found.name == name:
                return found
        raise InputError(f"the measure {name!r} was not asked for; audit with measures={name!r} or measures='all'.")

    @property
    def summary(self) -> str:
        """Loss, errors and trust radius, in two lines."""
        radius = "none" if self.trust_radius is None else f"{self.trust_radius:g} nearest-neighbour distances"
        return f"{_fit_line(self.numbers, self.task)}\n  trust radius: {radius}"

    def __repr__(self) -> str:
        lines = [f"<Audit of {self.name}: {self.summary}"]
        lines += [f"  {verdict.status}: {verdict.claim} | {verdict.reason}" for verdict in self.verdicts.values()]
        lines += [f"  {found!r}" for found in self.measures]
        lines += [f"  open: {why}" for why in self.numbers.get("open", {}).values()]
        return "\n".join(lines) + ">"


def audit(
    network: Any,
    data: Any,
    initial: Any = None,
    *,
    loss: str = "squared",
    key: int = 0,
    points: int = 400,
    probes: int = 2,
    measures: Any = None,
    examples: int | None = None,
    step_size: float | None = None,
    ridge: float | None = None,
    progress: Progress | None = None,
) -> Audit:
    """Loss against its infimum, errors, trust radius, laziness and measures of a fit.

    The verdict `local` uses the training data alone. See `trust_curve`, `local_verdict`, `laziness`, `lazy_verdict`
    for the formulas. A second or two on digits.

    Args:
        network: any network; a torch module; or a black box (`zeroloss.black_box`): a scikit-learn estimator, the path of an
            `.onnx` file, a function of a batch `(m, d) -> (m, c)`.
        data: a `Dataset`; of two classes for a network of one output (a logit, decided by its sign), too.
        initial: the network at its start; without it nothing is said on laziness.
        loss: "squared", "cross-entropy", "binary-cross-entropy" (each output a logit) or "hinge".
        key: the seed of every draw.
        points: how many training points are probed, at most.
        probes: antithetic pairs of probes a point and distance.
        measures: "all", the name of a measure or of a group (margins, norms, laziness, kernel, sharpness, filters), or
            several of these; None: none, which is quick. `zeroloss.audit.priced` says what they cost.
        examples: how many training examples curvature and kernel take; by default `price.plan` decides by size.
        step_size: of the gradient descent that trained the network, for its ratio to the largest stable one.
        ridge: `lambda` of the effective dimension.

    Raises:
        InputError: the network's answers do not fit the data; `initial` does not fit the network; an unknown loss or
            measure; measures that do not fit into memory.

    Standing: ours.
    """
    progress = progress or Silent()
    data = as_data(data)
    network = as_network(network, data)
    check_images(network, data)
    if initial is not None:
        initial = as_network(initial, data)
    check_weights(network)
    check_weights(initial, "the network before training")
    names = chosen(measures)
    subject = Subject(network, initial, data, loss, key, step_size=step_size, ridge=ridge)
    data, outputs = subject.data, subject.data.y_train.shape[1]
    refuse_sigmoid(network, data.x_train, loss, outputs)
    price = plan(subject, names, examples, points=points, probes=probes) if names else None
    progress.stage("audit: errors")
    at_training = subject.train_answers
    side = subject.threshold
    numbers = _loss_numbers(at_training, data, loss) | {"rule": sentence(data.y_train, data.task, side)}
    numbers |= part_numbers(at_training, data.y_train, data.task, "train", key=key, threshold=side)
    if len(data.x_test):
        at_test = answers(network, data.x_test, outputs)
        numbers |= part_numbers(at_test, data.y_test, data.task, "test", key=key, threshold=side)
    progress.stage("audit: trust radius")
    distinct = collapse(data.x_train, data.y_train)
    trust = trust_curve(
        network, distinct.x, distinct.y, data.task, points=points, pairs=probes, key=key, threshold=side,
        progress=progress,
    )  # fmt: skip
    verdicts = {"local": local_verdict(trust)}
    numbers["trust_level"] = trust.level
    numbers["open"] = open_questions(network)
    lazy = None
    if initial is not None:
        progress.stage("audit: laziness")
        lazy = laziness(network, initial, subject.linear(data.x_train), subject.linear(data.x_test), key=key)
        numbers |= {
            "movement": lazy.movement,
            "linearisation_train": lazy.train_error,
            "linearisation_test": lazy.test_error,
        }
    found = measure(subject, names, lazy=lazy, progress=progress)
    if lazy is not None:
        verdicts["lazy"] = lazy_verdict(lazy, next((m for m in found if m.name == "kernel_drift"), None))
    return Audit(verdicts, trust.columns, trust.radius, numbers, data.name, data.task, key, found, price)


def open_questions(network: Any) -> dict[str, str]:
    """The questions that the audit of a black box leaves open, and why; none of a network with weights."""
    return dict(network.open) if isinstance(network, BlackBox) else {}


def _loss_numbers(at_training: np.ndarray, data: Any, loss: str) -> dict[str, Any]:
    low = infimum(data, loss)
    value = training_loss(at_training, data.y_train, loss) if np.isfinite(at_training).all() else None
    return {
        "loss": loss,
        "train_loss": value,
        "infimum": low.value,
        "infimum_reason": low.sentence,
        "gap": None if value is None else value - low.value,
    }


def _fit_line(numbers: dict[str, Any], task: str) -> str:
    if numbers["train_loss"] is None:
        count = f"{numbers['train_non_finite']} of {numbers['train_count']}"
        return f"the answer is NaN or infinite at {count} training points"
    line = f"{numbers['loss']} loss {numbers['train_loss']:.3g}, infimum {numbers['infimum']:.3g}; "
    if task != "regression":
        line += f"{numbers['train_errors']} of {numbers['train_count']} training points wrong"
        if "test_errors" in numbers:
            lower, upper = (100 * end for end in numbers["test_error_interval"])
            line += f", {numbers['test_errors']} of {numbers['test_count']} test points wrong"
            line += f" (95 % interval {lower:.1f} to {upper:.1f} %)"
        if "train_label_errors" in numbers:
            line += f" ({numbers['train_label_errors']} of {numbers['train_labels']} training labels)"
        return line + (f"; {numbers['rule']}" if numbers.get("rule") else "")
    if "train_sides_wrong" in numbers:
        line += (
            f"{numbers['train_sides_wrong']} of {numbers['train_count']} training answers on the wrong side of "
            f"{numbers['train_middle']:.3g}, the middle of the two values of the target (a classifier is judged as one with "
            "task='classification'); taken as numbers: "
        )
    line += f"training R^2 {_or_none(numbers['train_r2'])}"
    if "test_r2" in numbers:
        line += f", test R^2 {_or_none(numbers['test_r2'])}"
        if numbers["test_r2_interval"]:
            line += " (95 % interval {:.3g} to {:.3g})".format(*numbers["test_r2_interval"])
    return line


def _or_none(value: float | None) -> str:
    return "not defined" if value is None else f"{value:.4g}"
