"""The page of a study: first the claims and their verdicts, then every figure, the tables, and how to repeat it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zeroloss.plumbing import write_whole
from zeroloss.report.cards import evidence
from zeroloss.report.render import page
from zeroloss.report.sections import Section
from zeroloss.report.text import number, plural

if TYPE_CHECKING:
    from zeroloss.studies import Experiment, Study, StudyResult

ROWS = 60
"""Largest number of rows of a table on the page; the export has all."""


def render_study(study: Study, result: StudyResult) -> str:
    """The page as the text of one HTML file that makes no request (see `zeroloss.report.render`)."""
    made = [*_figures(study, result), *_tables(study, result)]
    verdicts = result.verdicts
    return page(
        "study.html.j2",
        {section.key: section.spec for section in made if section.spec is not None},
        result=result,
        headline=headline(result),
        sections=made,
        verdicts=[(key, verdict.claim, verdict, ()) for key, verdict in verdicts.items()],
        full=[(key, _heading(key, result), verdict, evidence(verdict)) for key, verdict in verdicts.items()],
        commands=_commands(result),
        experiments=[(e.name, e.question, _about(e, result)) for e in study.experiments if e.name in result.trials],
        settings=_settings(result),
    )


def write_study_report(path: str | os.PathLike, study: Study, result: StudyResult, force: bool = False) -> Path:
    """Writes `render_study(study, result)` to `path`, whole or not at all.

    Raises:
        InputError: the file exists (and `force` is off), or cannot be written.
    """
    return write_whole(path, render_study(study, result), force=force)


def headline(result: StudyResult) -> str:
    """The number of claims with each status, and of the trials they rest on."""
    counts: dict[str, int] = {}
    for verdict in result.verdicts.values():
        counts[str(verdict.status)] = counts.get(str(verdict.status), 0) + 1
    order = ("PROVED", "REFUTED", "SUPPORTED", "CONTRADICTED", "UNKNOWN")
    counted = ", ".join(f"{counts[status]} {status}" for status in order if status in counts)
    finished, expected, failed = (
        sum(found[name] for found in result.trials.values()) for name in ("finished", "expected", "failed")
    )
    trials = plural(finished, "trial") + (f" of {number(expected)}" if finished < expected else "")
    claims = f"{plural(len(result.verdicts), 'claim')}: {counted}" if counted else "No claims"
    return f"{claims}. Judged on {trials}" + (f"; {number(failed)} failed." if failed else ".")


def _heading(key: str, result: StudyResult) -> str:
    standing = {"paper": "claimed by the paper", "recalled": "recalled, not confirmed", "ours": "ours"}
    own = result.standing.get(key, "")
    title = key.replace("_", " ").replace("-", " ")
    return f"{title[:1].upper()}{title[1:]} ({standing.get(own, own)})"


def _figures(study: Study, result: StudyResult) -> list[Section]:
    return [_figure(figure, result) for figure in study.figures]


def _figure(figure: Any, result: StudyResult) -> Section:
    missing = [name for name in figure.needs if not len(result.tables.get(name, ()))]
    if missing:
        return Section(figure.key, figure.title, "", absent=f"No trial of {' and '.join(missing)} has finished.")
    chart = figure.draw(result.tables)
    spec = chart.to_dict()
    return Section(
        figure.key,
        figure.title,
        "",
        caption=figure.caption_of(result.tables),
        alt=f"Figure: {figure.title}.",
        spec=spec,
        fixed=spec.get("width") != "container",
    )


def _tables(study: Study, result: StudyResult) -> list[Section]:
    own = [
        Section(table.key, table.title, "", **_cells(table.make(result.tables)))
        for table in study.tables
        if all(len(result.tables.get(name, ())) for name in table.needs)
    ]
    shown = {name for table in study.tables for name in table.needs}
    rest = [e for e in study.experiments if e.name not in shown and len(result.tables.get(e.name, ()))]
    return own + [
        Section(f"table-{e.name}", f"Means: {e.name}", e.question, **_cells(_means(e, result.tables[e.name])))
        for e in rest
    ]


def _means(experiment: Experiment, table: Any) -> Any:
    """One row per set of parameters: the number of trials and the mean of each metric that is a single number."""
    axes = [axis for axis in experiment.axes if axis in table.columns]
    numbers = [
        name
        for name in table.columns
        if name not in (*axes, "seed", *experiment.hidden) and table[name].dtype.kind in "biuf"
    ]
    groups = table.groupby(axes, dropna=False, sort=False) if axes else table.groupby(lambda _: "all")
    means = groups[numbers].mean()
    means.insert(0, "trials", groups.size())
    return means.reset_index(drop=not axes)


def _cells(table: Any) -> dict[str, Any]:
    """Head and body of a table as text; a long one is cut, with a caption that states it."""
    body = [tuple(_cell(value) for value in row) for row in table.head(ROWS).itertuples(index=False)]
    cut = f"The first {ROWS} of {number(len(table))} rows." if len(table) > ROWS else ""
    return {
        "head": tuple(str(name).replace("_", " ") for name in table.columns),
        "body": tuple(body),
        "caption": cut,
    }


def _cell(value: Any) -> str:
    value = value.item() if hasattr(value, "item") else value
    if value != value:
        return "–"
    return number(value) if isinstance(value, bool | int | float) else str(value)


def _commands(result: StudyResult) -> list[str]:
    command = str(result.settings.get("command", ""))
    if " study report " not in command:
        return [command] if command else []
    run = command.replace(" study report ", " study run ")
    for option in (" --force", " --json", " --strict"):
        run = run.replace(option, "")
    parts = run.split(" --out ")
    return [parts[0] + (" " + " ".join(parts[1].split(" ")[1:]) if len(parts) > 1 else "").rstrip(), command]


def _about(experiment: Experiment, result: StudyResult) -> list[tuple[str, Any]]:
    counts = result.trials[experiment.name]
    pairs: list[tuple[str, Any]] = [
        ("trials", f"{number(counts['finished'])} finished of {number(counts['expected'])}"),
        ("version", f"{experiment.version}, {experiment.precision}"),
    ]
    table = result.tables[experiment.name]
    for axis in experiment.axes:
        if axis in table.columns and len(table):
            values = list(dict.fromkeys(table[axis]))
            more = f", … ({len(values)} values)" if len(values) > 12 else ""
            pairs.append((axis, ", ".join(_cell(value) for value in values[:12]) + more))
    if len(table):
        pairs.append(("seeds", f"up to {number(int(table['seed'].max()) + 1)} per cell"))
    if counts.get("edited"):
        pairs.append(("edited", f"{number(counts['edited'])} rows are from before the trial's source was edited"))
    return pairs + [(f"failed ({number(count)})", reason) for reason, count in list(counts["reasons"].items())[:3]]


def _settings(result: StudyResult) -> list[tuple[str, Any]]:
    known = {name: value for name, value in result.settings.items() if name not in ("command", "experiments")}
    out = known.pop("rows left out", {})
    pairs: list[tuple[str, Any]] = [(name, str(value)) for name, value in known.items()]
    pairs += [(f"set: {axis}", ", ".join(map(_cell, values))) for axis, values in result.overrides.items()]
    return pairs + [("rows left out", f"{number(count)} of {name}") for name, count in out.items()]
