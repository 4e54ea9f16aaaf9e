"""The sections of the page with their figures, in reading order; one that could not be made has the reason."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from zeroloss import figures
from zeroloss.figures.tables import columns, rows
from zeroloss.figures.theory import drawable
from zeroloss.report import captions
from zeroloss.report.text import number

if TYPE_CHECKING:
    from zeroloss.report.findings import Shown

NOT_PART = "It was not part of this examination."


@dataclasses.dataclass(frozen=True)
class Section:
    """A figure (or a table) with its heading and its text.

    Attributes:
        key: names the section in links and file names.
        title: the heading.
        question: one line on what the section is about.
        caption: what to see, computed from the numbers.
        alt: the kind of picture, for those who cannot see it; the caption has the rest.
        spec: the Vega-Lite specification, or None if nothing is drawn.
        head: column titles of a table shown beside or instead of the figure, and `body` its rows.
        absent: why there is nothing, if there is nothing.
        fixed: the figure keeps its own width; where the page is narrower it is scrolled.
    """

    key: str
    title: str
    question: str
    caption: str = ""
    alt: str = ""
    spec: dict[str, Any] | None = None
    head: tuple[str, ...] = ()
    body: tuple[tuple[str, ...], ...] = ()
    absent: str = ""
    fixed: bool = False


def sections(examination: Shown) -> list[Section]:
    """Every section of the page, in reading order."""
    makers = (_loss, _spectrum, _widths, _slice, _answers, _trust, _measures, _theory)
    return [maker(examination) for maker in makers]


def sections_there(found: Shown) -> list[Section]:
    """The sections that have content."""
    return [section for section in sections(found) if not section.absent]


def task(examination: Shown) -> str:
    """The task of the data."""
    return str(examination.data.get("task", "classification"))


def _made(
    examination: Shown,
    table: str,
    section: Section,
    draw: Callable[[dict[str, list]], Any],
    describe: Callable[[list[dict], dict, str], str],
) -> Section:
    """`section` with its figure and caption, or with the reason why there is none."""
    found = examination.tables.get(table)
    if not found or not any(len(values) for values in found.values()):
        return dataclasses.replace(section, absent=_reason(examination, table))
    cols = columns(found, (), table)
    caption = describe(rows(cols), examination.numbers, task(examination))
    chart = draw(found)
    spec = chart.to_dict() if chart is not None else None
    if spec is not None:
        spec.pop("config", None)
    return dataclasses.replace(section, spec=spec, caption=caption)


def _reason(examination: Shown, table: str) -> str:
    reasons = examination.numbers.get("absent") or {}
    other = {"digits": "examples", "examples": "digits"}.get(table, table)
    return str(reasons.get(table) or reasons.get(other) or NOT_PART)


def _loss(examination: Shown) -> Section:
    both = (
        "Loss, measured and predicted",
        "Gradient descent as it went, and as the tangent kernel at the start predicts it.",
    )
    curves = set((examination.tables.get("loss") or {}).get("curve", ()))
    title, question = {
        frozenset({"measured"}): ("Loss", "The training loss as descent went."),
        frozenset({"predicted"}): ("Loss, predicted", "Gradient descent as the tangent kernel at the start predicts it."),
    }.get(frozenset(curves), both) if examination.numbers.get("called") else both  # fmt: skip
    section = Section(
        "loss",
        title,
        question,
        alt="Line chart of training loss against the number of steps, both axes logarithmic.",
    )
    return _made(examination, "loss", section, figures.loss_curves, captions.loss)


def _spectrum(examination: Shown) -> Section:
    section = Section(
        "spectrum",
        "The kernel's spectrum",
        "The eigenvalues of the tangent kernel set the speed of descent; the smallest sets the slowest part of it.",
        alt="Line chart of the tangent kernel's eigenvalues in descending order, on a logarithmic axis.",
    )
    ends = [examination.numbers.get(f"lambda_min_{end}") for end in ("lower", "upper")]
    return _made(examination, "spectrum", section, lambda t: figures.spectrum(t, *ends), captions.spectrum)


def _widths(examination: Shown) -> Section:
    section = Section(
        "widths",
        "Error against width",
        "The same training on networks from far too small to far too large.",
        alt="Chart of test and training error against the number of parameters, one point per network and a line of means.",
    )
    error = "share of wrong answers" if task(examination) != "regression" else "1 − R²"
    equations = examination.numbers.get("equations")
    return _made(
        examination,
        "widths",
        section,
        lambda t: figures.error_against_width(t, equations, error=error),
        captions.widths,
    )


def _slice(examination: Shown) -> Section:
    section = Section(
        "slice",
        "Between two training points",
        "The answers of the network and its twin along the straight line from one training point to another.",
        alt="Line chart of one output of the fitted network and of its twin along a line between two training points.",
    )
    names = ("label_a", "label_b", "output_name", "target_a", "target_b")
    info = examination.numbers.get("slice") or {}
    given = {key: info[key] for key in names if info.get(key) is not None}
    return _made(examination, "slice", section, lambda t: figures.slice_through(t, **given), captions.slice_line)


def _answers(examination: Shown) -> Section:
    pictures = bool(examination.tables.get("digits")) or not examination.tables.get("examples")
    title = "Test examples and both networks' answers"
    question = "Data that neither network has seen."
    if pictures:
        alt = "Pictures of test examples, each with its label, the fitted network's answer and the twin's."
        section = Section("digits", title, question, alt=alt)
        return _made(examination, "digits", section, figures.digit_answers, captions.answers)
    section = _made(examination, "examples", Section("examples", title, question), lambda _: None, captions.answers)
    data = rows(columns(examination.tables["examples"], ("label", "fitted", "twin"), "examples"))
    judge = task(examination) != "regression"
    shown = [who for who in ("fitted", "twin") if any(r[who] is not None for r in data)]
    body = tuple((number(r["label"]), *(_answer_text(r[who], r["label"], judge) for who in shown)) for r in data)
    return dataclasses.replace(section, head=("label" if judge else "target", *shown), body=body)


def _answer_text(answer: Any, label: Any, judge: bool) -> str:
    if answer is None:
        return "–"
    return f"{number(answer)} {'✓' if answer == label else '✗'}" if judge else number(answer)


def _trust(examination: Shown) -> Section:
    section = Section(
        "trust",
        "How far from the training points it holds",
        f"Around every training point, at growing distance: does the {examination.numbers.get('called') or 'network'} still give "
        "that point's answer?",
        alt="Line chart of the score of each network against the distance from the training points, with intervals.",
    )
    score = "accuracy" if task(examination) != "regression" else "R²"
    unit = str(examination.numbers.get("trust_unit") or "nearest-neighbour distances")
    draw = functools.partial(figures.trust_curves, score=score, unit=unit, fitted=_called(examination))
    return _made(examination, "trust", section, draw, captions.trust)


def _measures(examination: Shown) -> Section:
    section = Section(
        "measures",
        "Measures of the fit",
        "Margins, norms, kernel and curvature: what is often read as a sign of generalisation"
        + ("." if examination.numbers.get("called") else ", of both networks."),
    )
    section = _made(examination, "measures", section, lambda _: None, captions.measures)
    if section.absent:
        return section
    data = rows(columns(examination.tables["measures"], ("measure", "meaning", "fitted"), "measures"))
    shown = [who for who in ("fitted", "twin") if any(r.get(who) is not None for r in data)]
    body = tuple((_named(r), *(_measured(r, who) for who in shown), str(r["meaning"])) for r in data)
    heads = [_called(examination) if who == "fitted" else who for who in shown]
    return dataclasses.replace(section, head=("measure", *heads, "what it means"), body=body)


def _called(examination: Shown) -> str:
    """The name of the network in figures and tables."""
    return str(examination.numbers.get("called") or "fitted")


def _named(row: dict[str, Any]) -> str:
    return f"{row['measure']} ({row['unit']})" if row.get("unit") else str(row["measure"])


def _measured(row: dict[str, Any], who: str) -> str:
    value, low, high = (row.get(f"{who}{end}") for end in ("", "_lower", "_upper"))
    if value is None:
        return "–"
    ends = "" if low is None or high is None else f" ({number(low)} to {number(high)})"
    exact = low is not None and high is not None and number(low) == number(high)
    return number(value) + ("" if exact else ends)


def _theory(examination: Shown) -> Section:
    section = Section(
        "theory",
        "What theory requires before training",
        "Sufficient conditions: a network that misses them may still reach zero loss.",
        alt="For each quantity a bar on a logarithmic axis between what there is and what theory needs.",
    )

    def draw(table: dict[str, list]) -> Any:
        data = rows(columns(table, ("quantity", "value", "needed", "unit", "standing", "sentence"), "theory"))
        return figures.theory_bars(table) if any(drawable(r["value"], r["needed"]) for r in data) else None

    section = _made(examination, "theory", section, draw, captions.theory)
    if section.absent:
        return section
    data = rows(columns(examination.tables["theory"], (), "theory"))
    head = ("quantity", "you have", "theory needs", "what it means", "standing")
    return dataclasses.replace(section, head=head, body=tuple(_theory_row(r) for r in data))


def _theory_row(row: dict[str, Any]) -> tuple[str, ...]:
    unit = f" ({row['unit']})" if row.get("unit") else ""
    known = row["value"] is not None and row["needed"] is not None
    mark = f" {'✓' if captions.satisfied(row) else '✗'}" if known else ""
    relation = row.get("relation") or "at least"
    value = "not known" if row["value"] is None else number(row["value"])
    needed = "not known" if row["needed"] is None else f"{relation} {number(row['needed'])}"
    return (f"{row['quantity']}{unit}", value + mark, needed, str(row["sentence"]), str(row["standing"]))
