"""What is shown: figures with their captions, and small tables, all from the tables of trials."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zeroloss.studies.judging import slope
from zeroloss.studies.measured import Value, evaluate, groups, select, summary
from zeroloss.studies.study import StudyFigure, Tables
from zeroloss.studies.terjek_gonzalez_sanchez_width.claims import (
    CERTIFICATE,
    DESCENT,
    GAP,
    LAMBDA,
    OTHER,
    TRANSFER,
    worst,
)

SPHERE = "data == 'sphere'"
LIMIT = "λ_min / its infinite-width limit"


def _long(rows: Any, value: Value, curve: str | Callable[[Any], Any]) -> dict[str, list[Any]]:
    names = curve(rows) if callable(curve) else [curve.format(**row) for row in rows.to_dict("records")]
    return {"width": rows["width"].tolist(), "value": list(map(float, evaluate(rows, value)[0])), "curve": list(names)}


def _drawn(table: str, value: Value, curve: str, title: str, where: str = "", **look: Any) -> Callable[[Tables], Any]:
    """A value against width, one point per run; `curve`: a format string of the columns."""

    def draw(tables: Tables) -> Any:
        from zeroloss.figures.against import against_width

        return against_width(_long(select(tables[table], where), value, curve), title, **look)

    return draw


def _slopes(table: str, value: Value, by: str, words: str, where: str = "") -> Callable[[Tables], list[str]]:
    """The log-log slope of the value against width, in words, for each value of `by`."""
    return lambda tables: [
        words.format(slope=slope(part["width"], evaluate(part, value)[0]), name=name)
        for name, part in groups(select(tables[table], where), by)
    ]


def draw_lambda(tables: Tables) -> Any:
    """Lower ends over the infinite width's, all inputs and depths, one histogram per width."""
    from zeroloss.figures.against import histograms

    rows = tables[LAMBDA]
    found = {"width": rows["width"].tolist(), "value": (rows["lower"] / rows["infinite"]).tolist()}
    return histograms(found, LIMIT, reference=1.0, word="infinite width")


def lambda_caption(tables: Tables) -> str:
    """How many starts, and how many were not proved."""
    rows = tables[LAMBDA]
    left = int((rows["lower"] <= 0).sum())
    return (
        f"The proved lower end of the tangent kernel's smallest eigenvalue at {len(rows):,} random starts; {left:,} of them "
        "have none above 0 and are not drawn. Over the smallest eigenvalue of the kernel of infinite width on the same inputs; all "
        "depths together."
    )


def _descents(key: str, title: str, value: str, axis: str, what: str) -> StudyFigure:
    """A value of the descents on the sphere, with its slopes at each depth."""
    slopes = _slopes(DESCENT, value, "depth", "{slope} at depth {name}", SPHERE)

    def caption(tables: Tables) -> str:
        found = "; ".join(slopes(tables))
        return f"{what} Log-log slopes with 95 % intervals: {found}. A point a run, lines through geometric means."

    return StudyFigure(
        key, title, (DESCENT,), _drawn(DESCENT, value, "depth {depth}", axis, SPHERE, half=True), caption
    )


def _steps(column: str, title: str, what: str) -> StudyFigure:
    """The largest steps, with their slopes in each parametrisation."""
    slopes = _slopes(TRANSFER, column, "parametrization", "{slope} ({name})")
    return StudyFigure(
        f"transfer-{column}",
        f"Learning-rate transfer: {title}",
        (TRANSFER,),
        _drawn(TRANSFER, column, "{parametrization}", "step"),
        lambda tables: (
            f"{what} against width, two hidden layers. Log-log slopes with 95 % intervals: {', '.join(slopes(tables))}."
        ),
    )


def draw_certificate(tables: Tables) -> Any:
    """The theorem's ratio against width."""
    from zeroloss.figures.against import against_width

    def names(rows: Any) -> list[str]:
        return [("hidden layer, fixed signs" if n == "fixed signs" else f"all layers, {n}") for n in rows["network"]]

    found = _long(tables[CERTIFICATE], "ratio", names)
    return against_width(found, "what the theorem misses (ratio)", reference=1.0, word="PROVED below", half=True)


def certificate_caption(tables: Tables) -> str:
    """From which width on, and how near to the promise the runs came."""
    rows = tables[CERTIFICATE].query("network == 'fixed signs'")
    good = rows[rows["proved"] > 0]
    if not len(good):
        return "No start was PROVED."
    all_of_them = sorted(w for w, part in rows.groupby("width") if (part["proved"] > 0).all())
    first = f"at all seeds from width {all_of_them[0]:,} on" if all_of_them else "at no width for all seeds"
    return (
        f"2 beta |r0|/kappa over what lambda_min allows; n = 10, d = 50, targets of variance 1. PROVED {first} ({len(good)} runs). "
        f"The largest of measured over promised rate, path, linearisation error and distance in any of them is "
        f"{worst(good).max():.3g}. Where the theorem holds the largest step that still works is taken, which keeps the ratio close "
        "below 1."
    )


def draw_gap(tables: Tables) -> Any:
    """Generalisation gap and its bound."""
    from zeroloss.figures.against import against_width

    parts = [_long(tables[GAP], column, f"{{targets}} targets: {column}") for column in ("gap", "bound")]
    found = {name: parts[0][name] + parts[1][name] for name in parts[0]}
    return against_width(found, "test less training loss", reference=1.0, word="the largest gap there can be")


FIGURES = (
    StudyFigure("lambda-min", "The smallest eigenvalue at a random start", (LAMBDA,), draw_lambda, lambda_caption),
    StudyFigure(
        "lambda-limit", "Its distance from infinite width", (LAMBDA,),
        _drawn(LAMBDA, "lower / infinite", "{data}", LIMIT, reference=1.0, word="infinite width"), lambda_caption,
    ),
    StudyFigure(
        "rate", "The rate of descent", (DESCENT,),
        _drawn(
            DESCENT, "rate / predicted", "depth {depth}", "measured rate / predicted", SPHERE, reference=1.0,
            word="as the kernel at the start predicts",
        ),
        "The largest r with loss_t <= exp(-r t) loss_0 at every step, over -2 log(1 - eta lambda_min/n) of the kernel at the start. "
        "Inputs on the sphere.",
    ),
    _descents(
        "linearisation", "Lazy: the linearisation error", "linearisation", "linearisation error",
        "|f - f_lin|/|f - f0| at the training points.",
    ),
    _descents(
        "drift", "Lazy: the kernel's drift", "drift", "|K − K₀|/|K₀|", "How far the tangent kernel moves in training."
    ),
    _descents(
        "nearest", "Implicit regularisation: the distance to the linearised solution", "distance / shortest", "distance",
        "|w - w_lin| over |w_lin - w0| at the end of descent.",
    ),
    _steps("start", "the largest stable step at the start", "2n/lambda_max at the start"),
    _steps("end", "the largest stable step at the end", "2n/lambda_max at the end of training"),
    _steps("reaches", "the largest step that descends", "The largest step up to which all reach 1 % of the loss in 60 steps"),
    StudyFigure("certificate", "From which width on it is proved", (CERTIFICATE,), draw_certificate, certificate_caption),
    StudyFigure(
        "generalisation", "The generalisation gap and its bound", (GAP,), draw_gap,
        "Loss min(|f - y|, 1); the bound pays for a grid of radii. Gaps that are not above 0 are not drawn.",
    ),
    StudyFigure(
        "other", "Problems that are no regression", (OTHER,),
        _drawn(OTHER, "linearisation", "{problem}", "linearisation error", half=True),
        "|F - F_lin|/|F - F0| at the end of descent: a physics-informed residual, and moments.",
    ),
)  # fmt: skip

TABLES = (
    summary("lambda-min", "Smallest eigenvalue at the start", LAMBDA, ("data", "depth", "width"), ("lower", "infinite")),
    summary(
        "descents", "Descents", DESCENT, ("data", "depth", "width"),
        ("rate", "predicted", "gap", "steps", "path", "moved", "shortest", "distance", "linearisation", "drift"),
    ),
    summary("steps", "Largest steps", TRANSFER, ("parametrization", "width"), ("start", "end", "reaches", "best")),
    summary(
        "certificates", "Certificates", CERTIFICATE, ("network", "width"),
        ("lower", "beta", "ratio", "proved", "asked", "over_rate", "over_path", "over_linear", "over_nearest"),
    ),
    summary(
        "gaps", "Generalisation", GAP, ("targets", "width"),
        ("train", "test", "gap", "moved", "first", "second", "third", "bound"),
    ),
    summary(
        "others", "Other problems", OTHER, ("problem", "width"), ("rate", "predicted", "gap", "linearisation", "distance")
    ),
)  # fmt: skip
