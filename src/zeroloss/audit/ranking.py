"""`rank`: several models of the user's, ordered by each measure. Does any measure show which model does better on the test set?

A measure is good here as far as it orders the models as their test errors do. The unit is the model: the
interval of a rank correlation comes from drawing models with replacement and, for each draw, test examples too (a test error
is itself measured). With few models it is wide, which is the point; and below ten it is rough: the bootstrap of so few is.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from zeroloss.audit.answers import right, unit_of
from zeroloss.audit.catalogue import CATALOGUE, chosen
from zeroloss.audit.fit import part_numbers, squares
from zeroloss.audit.measuring import measure
from zeroloss.audit.price import AuditPrice, plan
from zeroloss.audit.subject import Subject
from zeroloss.data.load import as_data
from zeroloss.networks import as_network
from zeroloss.plumbing import InputError, Progress, Silent
from zeroloss.verdict import Record

RESAMPLES = 2000
FEWEST = 5
"""Number of models below which the only interval is [-1, 1]."""


@dataclasses.dataclass(frozen=True)
class Correlation(Record):
    """How one measure's order of the models agrees with that of their test errors.

    Attributes:
        measure: its name; title: its name in a table.
        models: how many have both a value and a test error.
        kendall, spearman: rank correlations (tau-b, rho with mid-ranks); None where fewer than two models differ.
        kendall_interval, spearman_interval: 95 %, over models and test examples.
        expects: the sign that folklore expects; 0: none.
        reason: why there is no number.
    """

    measure: str
    title: str
    models: int
    kendall: float | None
    kendall_interval: list[float] | None
    spearman: float | None
    spearman_interval: list[float] | None
    expects: int
    reason: str


@dataclasses.dataclass(frozen=True, repr=False)
class Ranking(Record):
    """The result of `rank`.

    Attributes:
        models: the names, in the order given.
        errors: for each its test error (a share, or 1 - R^2), `lower` and `upper` (95 %) and `train`, the training error.
        values: measure name -> one value per model (None: not known).
        reasons: measure name -> model -> why it is not known.
        correlations: one per measure, the strongest first.
        name, task, key: of the data; the seed.
        price: its expected cost.
    """

    models: list[str]
    errors: dict[str, list[float | None]]
    values: dict[str, list[float | None]]
    reasons: dict[str, dict[str, str]]
    correlations: list[Correlation]
    name: str
    task: str
    key: int
    price: AuditPrice | None = None

    @property
    def caution(self) -> str:
        """The reservation about several intervals, or about too few models."""
        known = sum(c.kendall is not None for c in self.correlations)
        words = f"{known} intervals of 95 %, one at a time: one in twenty misses by chance."
        if len(self.models) < FEWEST:
            words = f"{len(self.models)} models are too few for any interval; give at least {FEWEST}. {words}"
        return words

    def table(self) -> dict[str, list]:
        """The correlations as a tidy table, for `zeroloss.figures.rank_correlations`."""
        rows = [c for c in self.correlations if c.kendall is not None and c.kendall_interval is not None]
        return {
            "measure": [c.title for c in rows], "kendall": [c.kendall for c in rows],
            "lower": [c.kendall_interval[0] for c in rows if c.kendall_interval],
            "upper": [c.kendall_interval[1] for c in rows if c.kendall_interval],
            "models": [c.models for c in rows], "expects": [c.expects for c in rows],
        }  # fmt: skip

    def __repr__(self) -> str:
        order = np.argsort([np.inf if e is None else e for e in self.errors["test"]], kind="stable")
        lines = [f"<Ranking of {len(self.models)} models on {self.name}"]
        for i in order:
            error = self.errors["test"][i]
            lines.append(f"  {self.models[i]}: test error {'not known' if error is None else f'{error:.4g}'}")
        for c in self.correlations:
            if c.kendall is not None and c.kendall_interval is not None:
                lines.append(
                    f"  {c.measure}: tau {c.kendall:+.2f} [{c.kendall_interval[0]:+.2f}, {c.kendall_interval[1]:+.2f}]"
                )
            else:
                lines.append(f"  {c.measure}: {c.reason}")
        return "\n".join([*lines, f"  {self.caution}>"])


def rank(
    models: Mapping[str, Any],
    data: Any,
    *,
    initial: Mapping[str, Any] | None = None,
    measures: Any = "all",
    examples: int | None = None,
    loss: str = "squared",
    key: int = 0,
    progress: Progress | None = None,
) -> Ranking:
    """Each measure of each model, and its rank correlation with the test errors.

        tau_b = (concordant - discordant pairs)/sqrt((pairs not tied in one)(pairs not tied in the other)),
        rho = the correlation of the (mid-)ranks.

    Positive: larger values go with larger test errors.

    Args:
        models: name -> network, two or more, trained on these data.
        data: a `Dataset` with test examples.
        initial: name -> the network at its start, for those that have one.
        measures, examples, loss, key: as in `audit`.

    Raises:
        InputError: fewer than two models, no test examples, a name in `initial` that is no model.

    Standing: ours; after Jiang et al., Fantastic generalization measures and where to find them, ICLR 2020.
    """
    progress = progress or Silent()
    starts, data = dict(initial or {}), as_data(data)
    if len(models) < 2:
        have = "1 model has" if len(models) == 1 else "0 models have"
        raise InputError(f"{have} no rank; give at least two.")
    if not len(data.x_test):
        raise InputError("there are no test examples, so nothing to compare a ranking with; add a test set.")
    unknown = [name for name in starts if name not in models]
    if unknown:
        raise InputError(f"initial names {unknown[0]!r}, which is none of the models.")
    names = chosen(measures)
    subjects = {
        str(n): Subject(as_network(net, data), as_network(starts[n], data) if n in starts else None, data, loss, key)
        for n, net in models.items()
    }
    price = AuditPrice(tuple(cost for s in subjects.values() for cost in plan(s, names, examples).costs))
    misses, errors = _errors(subjects, key)
    values: dict[str, list[float | None]] = {name: [] for name in names}
    reasons: dict[str, dict[str, str]] = {name: {} for name in names}
    for index, (title, subject) in enumerate(subjects.items()):
        progress.stage(f"measures of {title}", f"{index + 1} of {len(subjects)}")
        for found in measure(subject, names):
            values[found.name].append(found.value)
            if found.value is None:
                reasons[found.name][title] = found.reason
        progress.update((index + 1) / len(subjects))
    ordered = [_correlation(name, values[name], misses, data, key, reasons[name]) for name in names]
    ordered.sort(key=lambda c: (c.kendall is None, -abs(c.kendall or 0.0)))
    kept = {name: why for name, why in reasons.items() if why}
    return Ranking(list(subjects), errors, values, kept, ordered, data.name, data.task, key, price)


def _errors(subjects: dict[str, Subject], key: int) -> tuple[list[np.ndarray | None], dict[str, list]]:
    """The misses of each model at each test example, and the table of errors."""
    misses: list[np.ndarray | None] = []
    table: dict[str, list] = {"test": [], "lower": [], "upper": [], "train": []}
    for subject in subjects.values():
        data = subject.data
        test = subject.answers_at(data.x_test)
        numbers = part_numbers(test, data.y_test, data.task, "test", key=key)
        numbers |= part_numbers(subject.train, data.y_train, data.task, "train", key=key)
        if data.task != "regression":
            misses.append((~right(test, data.y_test, data.task)).astype(float))
            ends = numbers["test_error_interval"]
            row = (numbers["test_error"], *ends, numbers["train_error"])
        elif numbers["test_r2"] is None:
            misses.append(None)
            row = (None, None, None, None)
        else:
            misses.append(squares(test.scores, data.y_test, unit_of(data.y_test)))
            low, high = numbers["test_r2_interval"]
            train = numbers["train_r2"]
            row = (1 - numbers["test_r2"], 1 - high, 1 - low, None if train is None else 1 - train)
        for name, value in zip(table, row, strict=True):
            table[name].append(value)
    return misses, table


def _correlation(
    name: str, values: list[float | None], misses: list[np.ndarray | None], data: Any, key: int, why: dict[str, str]
) -> Correlation:
    what = CATALOGUE[name]
    both = [(v, m) for v, m in zip(values, misses, strict=True) if v is not None and np.isfinite(v) and m is not None]
    nothing = Correlation(name, what.title, len(both), None, None, None, None, what.expects, "")
    if len(both) < 2:
        return dataclasses.replace(nothing, reason=next(iter(why.values()), "fewer than two models have a value"))
    x, each = np.array([v for v, _ in both]), np.stack([m for _, m in both])
    tau, rho = (float(v) for v in correlations(x, each.mean(axis=1)))
    if not np.isfinite(tau):
        return dataclasses.replace(nothing, reason="all models have the same value, or the same test error")
    intervals = [[-1.0, 1.0], [-1.0, 1.0]]
    if len(both) >= FEWEST:
        intervals = _bootstrap(x, each, key)
    return dataclasses.replace(
        nothing, kendall=tau, spearman=rho, kendall_interval=intervals[0], spearman_interval=intervals[1]
    )


def _bootstrap(x: np.ndarray, each: np.ndarray, key: int) -> list[list[float]]:
    """Percentile intervals of tau and rho, `x` `(m,)` values and `each` `(m, tests)` misses."""
    rng = np.random.default_rng([key, 7])
    models, tests = each.shape
    weights = rng.multinomial(tests, np.full(tests, 1 / tests), size=RESAMPLES)
    errors = (each @ weights.T).T  # (resamples, models)
    rows = rng.integers(0, models, (RESAMPLES, models))
    found: list[list[np.ndarray]] = [[], []]
    chunk = max(1, 2_000_000 // models**2)
    for start in range(0, RESAMPLES, chunk):
        part = slice(start, start + chunk)
        for kept, value in zip(
            found, correlations(x[rows[part]], np.take_along_axis(errors[part], rows[part], 1)), strict=True
        ):
            kept.append(value)
    intervals = []
    for parts in found:
        values = np.concatenate(parts)
        values = values[np.isfinite(values)]
        intervals.append([float(q) for q in np.quantile(values, [0.025, 0.975])] if len(values) else [-1.0, 1.0])
    return intervals


def correlations(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Kendall's tau-b and Spearman's rho (mid-ranks) along the last axis; NaN where all of one are tied.

    With `a_ij = sign(x_i - x_j)`, `b` the same of `y`: `tau = sum ab/sqrt(sum a^2 sum b^2)`, and twice the centred rank of
    `x_i` is `sum_j a_ij`.
    """
    a, b = (np.sign(v[..., :, None] - v[..., None, :]) for v in (x, y))
    ranks = a.sum(axis=-1), b.sum(axis=-1)
    return _cosine(a, b, (-2, -1)), _cosine(*ranks, (-1,))


def _cosine(a: np.ndarray, b: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    size = np.sqrt(np.sum(a**2, axis=axes) * np.sum(b**2, axis=axes))
    return np.where(size > 0, np.sum(a * b, axis=axes) / np.where(size > 0, size, 1.0), np.nan)
