"""`audit` and its result `Audit`: everything that is measured on one fit."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from zeroloss.audit.catalogue import chosen
from zeroloss.audit.categorical import categorical_curve
from zeroloss.audit.fit import model_loss, part_numbers
from zeroloss.audit.laziness import laziness, lazy_verdict, unknown_lazy
from zeroloss.audit.local import local_verdict, mixed_verdict
from zeroloss.audit.measure import Measure
from zeroloss.audit.measuring import measure
from zeroloss.audit.positions import Positions, positions_of
from zeroloss.audit.price import AuditPrice, plan
from zeroloss.audit.rule import sentence
from zeroloss.audit.subject import Subject
from zeroloss.audit.trust import Trust, trust_curve
from zeroloss.data.infimum import infimum
from zeroloss.data.load import as_data
from zeroloss.data.repeats import collapse
from zeroloss.descent.objective import refuse_sigmoid
from zeroloss.identity import identity
from zeroloss.networks import BlackBox, as_network
from zeroloss.networks.pytorch.inputs import check_images
from zeroloss.networks.weights import check_weights
from zeroloss.plumbing import InputError, Progress, Silent
from zeroloss.plumbing.numbers import LARGEST_SEED, real_number, whole_number
from zeroloss.problem import network_and_data
from zeroloss.verdict import Record, Verdict
from zeroloss.verdict.identity import Identity


@dataclasses.dataclass(frozen=True, repr=False)
class Audit(Record):
    """Whether a fit can be trusted.

    Attributes:
        verdicts: `local` ("this fit is local: it holds at the training points and not near them") and, where the start
            was given, `lazy` ("training was lazy").
        trust: the trust curve as a tidy table: columns `t` (distance over the distance to the nearest other training
            point; where all inputs are categories, the number of them that were changed), `score`, `lower`, `upper`; empty if
            it could not be measured.
        trust_radius: the largest `t` up to which the score's lower end stays at the level; None if there is none.
        numbers: `loss` (its name), `train_loss` (None: `train_loss_reason` is the reason), `infimum` and `infimum_reason`, `gap`;
            `train_count`, `train_errors`, `train_error` and
            `test_...` with `test_error_interval` (classification), or `train_r2`, `test_r2`, `test_r2_interval`
            (regression); `rule`, how one output or labels are decided (else empty); `trust_level`, `trust_unit` (what `t`
            counts), `trust_categorical` and `trust_categorical_radius` (the curve of the categories, where there are numbers
            too); `misfit` (in what the model does not fit its training data, empty if it does); `movement`,
            `linearisation_train`, `linearisation_test` with the start.
            `open`: question -> why it stays open (a black box).
            None: could not be computed; `train_non_finite` and `test_non_finite` count the answers that prevent it.
        name, task: of the data set.
        key: the seed.
        measures: the requested measures, in the catalogue's order; see `measure` for one by its name.
        price: their expected cost; None if none was requested.
        identity: the data, the network ("model") and, if it was given, its "start".
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
    identity: Identity | None = None

    def measure(self, name: str) -> Measure:
        """The measure of that name.

        Raises:
            InputError: it was not requested.
        """
        for found in self.measures:
            if found.name == name:
                return found
        raise InputError(f"the measure {name!r} was not requested; audit with measures={name!r} or measures='all'.")

    @property
    def summary(self) -> str:
        """Loss, errors and trust radius, in two lines."""
        return f"{_fit_line(self.numbers, self.task)}\n  trust radius: {self._radius()}"

    def _radius(self) -> str:
        numbers = self.numbers
        if self.trust_radius is None:
            why = f"it does not fit its training data: {numbers['misfit']}" if numbers.get("misfit") else ""
            return f"none ({why})" if why else "none"
        text = f"{self.trust_radius:g} {numbers.get('trust_unit', 'nearest-neighbour distances')}"
        if numbers.get("trust_categorical_radius") is not None:
            text += f" of the numbers, {numbers['trust_categorical_radius']:g} categories changed"
        return f"{text}; it does not fit its training data: {numbers['misfit']}" if numbers.get("misfit") else text

    def __repr__(self) -> str:
        lines = [f"<Audit of {self.name}: {self.summary}"]
        lines += [f"  {verdict.status}: {verdict.claim} | {verdict.reason}" for verdict in self.verdicts.values()]
        lines += [f"  {found!r}" for found in self.measures]
        lines += [f"  open: {why}" for why in self.numbers.get("open", {}).values()]
        return "\n".join(lines) + ">"


def audit(
    network: Any,
    data: Any = None,
    initial: Any = None,
    *,
    loss: str = "squared",
    key: int = 0,
    points: int = 400,
    probes: int = 2,
    categorical: Any = None,
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
        data: a `Dataset`; with two classes the network may have one output (a logit, decided by its sign).
        initial: the network at its start; without it laziness is not judged.
        loss: "squared", "cross-entropy", "binary-cross-entropy" (each output a logit) or "hinge".
        key: the seed of every draw.
        points: largest number of training points that are probed.
        probes: antithetic pairs of probes per point and distance.
        categorical: which inputs are categories (codes, tokens), by name or number, a mask, or "all"; an empty list: none. They
            are exchanged for other observed levels where numbers are moved by a distance. None: detected where possible
            (`zeroloss.audit.positions`): tokens, one-hot columns of a table, columns that the model encodes or cuts to whole
            numbers itself.
        measures: "all", the name of a measure or of a group (margins, norms, laziness, kernel, sharpness, filters), or
            several of these; None: none, which is quick. `zeroloss.audit.priced` gives their expected cost.
        examples: number of training examples for curvature and kernel; by default `price.plan` decides by size.
        step_size: of the gradient descent that trained the network, for its ratio to the largest stable one.
        ridge: `lambda` of the effective dimension.

    Raises:
        InputError: the network's answers do not fit the data; `initial` does not fit the network; an unknown loss or
            measure; measures that do not fit into memory.

    Standing: ours.
    """
    progress = progress or Silent()
    points, probes = whole_number("points", points), whole_number("probes", probes)
    examples = None if examples is None else whole_number("examples", examples)
    step_size = None if step_size is None else real_number("step_size", step_size)
    ridge = None if ridge is None else real_number("ridge", ridge)
    key = whole_number("key", key, 0, LARGEST_SEED)
    network, data = network_and_data(network, data)
    data = as_data(data)
    network = as_network(network, data)
    check_images(network, data)
    if initial is not None:
        initial = as_network(initial, data)
    check_weights(network)
    check_weights(initial, "the network before training")
    names = chosen(measures)
    about = identity(data, model=network, start=initial)
    subject = Subject(network, initial, data, loss, key, step_size=step_size, ridge=ridge)
    data, outputs = subject.data, subject.data.y_train.shape[1]
    refuse_sigmoid(network, data.x_train, loss, outputs)
    price = plan(subject, names, examples, points=points, probes=probes) if names else None
    progress.stage("audit: errors")
    numbers = _loss_numbers(subject) | {"rule": sentence(data.y_train, data.task, subject.threshold)}
    numbers |= part_numbers(subject.train, data.y_train, data.task, "train", key=key)
    if len(data.x_test):
        numbers |= part_numbers(subject.answers_at(data.x_test), data.y_test, data.task, "test", key=key)
    progress.stage("audit: trust radius")
    trust, verdict, more = _trusted(subject, positions_of(network, data, categorical), points, probes, progress)
    verdicts = {"local": verdict}
    numbers |= {"trust_level": trust.level, "trust_unit": trust.unit} | more
    numbers["misfit"] = trust.misfit
    numbers["open"] = open_questions(network)
    lazy = None
    if initial is not None and not subject.start.refused:
        progress.stage("audit: laziness")
        rows = subject.linear(data.x_train), subject.linear(data.x_test)
        lazy = laziness(network, subject.initial, *rows, key=key)
        numbers |= {
            "movement": lazy.movement,
            "linearisation_train": lazy.train_error,
            "linearisation_test": lazy.test_error,
        }
    found = measure(subject, names, lazy=lazy, progress=progress)
    if lazy is not None:
        drift = next((m for m in found if m.name == "kernel_drift"), None)
        verdicts["lazy"] = lazy_verdict(lazy, drift, subject.start.note)
    elif initial is not None:
        verdicts["lazy"] = unknown_lazy(subject.start.refused)
    return Audit(verdicts, trust.columns, trust.radius, numbers, data.name, data.task, key, found, price, about)


def _trusted(
    subject: Subject, positions: Positions, points: int, pairs: int, progress: Progress
) -> tuple[Trust, Verdict, dict[str, Any]]:
    """The trust curve of the numbers among the inputs, of the categories, or of both, and the verdict from it."""
    data = subject.data
    distinct = collapse(data.x_train, data.y_train)
    given = (subject.network, distinct.x, distinct.y, data.task)
    options: dict[str, Any] = {"points": points, "pairs": pairs, "key": subject.key, "threshold": subject.threshold}
    fixed = np.zeros(data.in_size, bool)
    fixed[np.concatenate([*positions, np.array([], int)])] = True
    if not positions:
        found = trust_curve(*given, **options, progress=progress)
        return found, local_verdict(found), {}
    levels = categorical_curve(*given, positions, **options, progress=progress)
    if not np.any(distinct.x[:, ~fixed] != distinct.x[:1, ~fixed]):
        return levels, local_verdict(levels), {}
    found = trust_curve(*given, **options, fixed=fixed, progress=progress)
    more = {"trust_categorical": levels.columns, "trust_categorical_radius": levels.radius}
    return found, mixed_verdict(found, levels), more


def open_questions(network: Any) -> dict[str, str]:
    """The questions that the audit of a black box leaves open, and why; empty for a network with weights."""
    return dict(network.open) if isinstance(network, BlackBox) else {}


def _loss_numbers(subject: Subject) -> dict[str, Any]:
    data, loss = subject.data, subject.loss
    low = infimum(data, loss, check=False)
    value, reason = model_loss(subject.train, data.y_train, loss)
    return {
        "loss": loss,
        "train_loss": value,
        "train_loss_reason": reason,
        "infimum": low.value,
        "infimum_reason": low.sentence,
        "gap": None if value is None else value - low.value,
    }


def _fit_line(numbers: dict[str, Any], task: str) -> str:
    if numbers["train_loss"] is None and numbers["train_non_finite"]:
        count = f"{numbers['train_non_finite']} of {numbers['train_count']}"
        return f"the answer is NaN or infinite at {count} training points"
    loss = f"{numbers['loss']} loss"
    line = f"no {loss} ({numbers['train_loss_reason']}); "
    if numbers["train_loss"] is not None:
        line = f"{loss} {numbers['train_loss']:.3g}, infimum {numbers['infimum']:.3g}; "
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
