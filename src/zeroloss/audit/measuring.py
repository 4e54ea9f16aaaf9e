"""`measure`: computes the requested measures, group by group."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from zeroloss.audit.catalogue import CATALOGUE, GROUPS
from zeroloss.audit.filters import filters
from zeroloss.audit.kernels import kernels
from zeroloss.audit.laziness import Laziness, laziness
from zeroloss.audit.margins import margins
from zeroloss.audit.measure import Measure, known_measure, unknown_measure
from zeroloss.audit.norms import BLACK_BOX, norms
from zeroloss.audit.sharpness import sharpness
from zeroloss.audit.subject import Subject
from zeroloss.plumbing import InputError, Progress, Silent

LINEAR = ("movement", "linearisation_train", "linearisation_test")
BOOTSTRAP = "95 %, over the examples (bootstrap)"
NO_START = "the network at its start was not given (initial=)"


def measure(
    subject: Subject, names: list[str], *, lazy: Laziness | None = None, progress: Progress | None = None
) -> list[Measure]:
    """The measures `names`, in the catalogue's order. One that can't be known has a reason in place of a value; no error.

    Args:
        lazy: movement and linearisation error, where they are known already.
    """
    progress = progress or Silent()
    requested = set(names)
    found: dict[str, Measure] = {}
    linear = requested & set(LINEAR)
    of_kernel = {n for n in names if CATALOGUE[n].group in ("laziness", "kernel")} - set(LINEAR)
    jobs: list[tuple[str, set[str], Callable[[set[str], Any], list[Measure]]]] = [
        ("margins", _group(names, "margins"), lambda some, report: margins(subject, some)),
        ("norms", _group(names, "norms"), lambda some, report: norms(subject, some)),
        ("laziness", linear, lambda some, report: _linear(subject, some, lazy)),
        ("tangent kernel", of_kernel, lambda some, report: kernels(subject, some, report)),
        ("sharpness", _group(names, "sharpness"), lambda some, report: sharpness(subject, some, report)),
        ("filters", _group(names, "filters"), lambda some, report: filters(subject, some)),
    ]
    for title, some, compute in jobs:
        if not some:
            continue
        progress.stage(f"audit: {title}")
        known = _known(subject, some)
        rest = some - {m.name for m in known}
        found |= {m.name: m for m in known}
        if not rest:
            continue
        try:
            results = compute(rest, progress.update)
        except (InputError, ArithmeticError, NotImplementedError) as error:
            results = [unknown_measure(name, " ".join(str(error).split())) for name in rest]
        found |= {m.name: m for m in results}
    assert set(found) == requested, f"{requested ^ set(found)}"
    if subject.start.note:
        found |= {n: _noted(m, subject.start.note) for n, m in found.items() if CATALOGUE[n].group == "laziness"}
    return [found[name] for name in CATALOGUE if name in found]


def _noted(measure: Measure, note: str) -> Measure:
    """The measure with what was done to the start among its details."""
    return dataclasses.replace(measure, details=measure.details | {"start": note})


def _group(names: list[str], group: str) -> set[str]:
    assert group in GROUPS
    return {name for name in names if CATALOGUE[name].group == group}


def _known(subject: Subject, names: set[str]) -> list[Measure]:
    """The measures that can't be known, where that is clear without a computation."""
    result = []
    for name in sorted(names):
        group = CATALOGUE[name].group
        if subject.black_box and group != "margins":
            result.append(unknown_measure(name, BLACK_BOX))
        elif group == "laziness" and subject.initial is None:
            result.append(unknown_measure(name, NO_START))
        elif group == "laziness" and name != "movement" and subject.start.refused:
            result.append(unknown_measure(name, subject.start.refused))
    return result


def _linear(subject: Subject, names: set[str], lazy: Laziness | None) -> list[Measure]:
    data = subject.data
    if lazy is None:
        rows_train, rows_test = subject.linear(data.x_train), subject.linear(data.x_test)
        lazy = laziness(subject.network, subject.initial, rows_train, rows_test, key=subject.key)
    found = []
    for name in LINEAR:
        if name not in names:
            continue
        if name == "movement":
            if lazy.movement is None:
                found.append(unknown_measure(name, "the weights at the start are 0, or a weight is NaN or infinite"))
            else:
                ends = (lazy.movement * (1 - 1e-9), lazy.movement * (1 + 1e-9))
                about = "a function of the weights: nothing is sampled; rounding to nine digits"
                found.append(known_measure(name, lazy.movement, ends, about, layers=lazy.layers))
            continue
        part = name.removeprefix("linearisation_")
        value, interval = getattr(lazy, f"{part}_error"), getattr(lazy, f"{part}_interval")
        rows = data.x_train if part == "train" else data.x_test
        if value is None:
            why = (
                "there is no test set" if part == "test" and not len(rows) else lazy.reason or "an answer is not finite"
            )
            found.append(unknown_measure(name, why))
        else:
            found.append(
                known_measure(name, value, interval, BOOTSTRAP, examples=len(subject.linear(rows)), seed=lazy.key)
            )
    return found
