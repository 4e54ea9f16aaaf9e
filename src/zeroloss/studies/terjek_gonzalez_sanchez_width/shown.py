"""What is shown: figures with their captions, and small tables, all from the tables of trials."""

from __future__ import annotations

import functools
from typing import Any

from zeroloss.studies.judging import slope
from zeroloss.studies.study import StudyFigure, StudyTable, Tables
from zeroloss.studies.terjek_gonzalez_sanchez_width.claims import (
    CERTIFICATE,
    DESCENT,
    GAP,
    LAMBDA,
    OTHER,
    TRANSFER,
    worst,
)


def _long(rows: Any, value: Any, curve: Any) -> dict[str, list]:
    return {"width": rows["width"].tolist(), "value": list(map(float, value)), "curve": list(map(str, curve))}


def draw_lambda(tables: Tables) -> Any:
    """Lower ends over the infinite width's, all inputs and depths, a histogram a width."""
    from zeroloss.figures.against import histograms

    rows = tables[LAMBDA]
    found = {"width": rows["width"].tolist(), "value": (rows["lower"] / rows["infinite"]).tolist()}
    return histograms(found, "λ_min / its infinite-width limit", reference=1.0, word="infinite width")


def draw_lambda_width(tables: Tables) -> Any:
    """Lower end over its limit, by inputs."""
    from zeroloss.figures.against import against_width

    rows = tables[LAMBDA]
    found = _long(rows, rows["lower"] / rows["infinite"], rows["data"])
    return against_width(found, "λ_min / its infinite-width limit", reference=1.0, word="infinite width")


def lambda_caption(tables: Tables) -> str:
    """How many starts, and how many were not proved."""
    rows = tables[LAMBDA]
    left = int((rows["lower"] <= 0).sum())
    return (
        f"The proved lower end of the tangent kernel's smallest eigenvalue at {len(rows):,} random starts; {left:,} of them "
        "have none above 0 and are not drawn. Over the smallest eigenvalue of the kernel of infinite width on the same inputs; all "
        "depths together."
    )


def draw_descent(tables: Tables, column: str, title: str, over: str = "", half: bool = False) -> Any:
    """A column of the descents on the sphere against width, a curve a depth."""
    from zeroloss.figures.against import against_width

    rows = tables[DESCENT]
    rows = rows[rows["data"] == "sphere"]
    value = rows[column] / rows[over] if over else rows[column]
    curves = [f"depth {d}" for d in rows["depth"]]
    return against_width(_long(rows, value, curves), title, half=half)


def slopes_caption(tables: Tables, column: str, over: str = "", what: str = "") -> str:
    """The slopes at each depth."""
    rows = tables[DESCENT]
    rows = rows[rows["data"] == "sphere"]
    said = []
    for depth, part in rows.groupby("depth"):
        value = part[column] / part[over] if over else part[column]
        said.append(f"{slope(part['width'], value)} at depth {depth}")
    return (
        f"{what} Log-log slopes with 95 % intervals: {'; '.join(said)}. A point a run, lines through geometric means."
    )


def draw_rate(tables: Tables) -> Any:
    """Measured over predicted rate."""
    from zeroloss.figures.against import against_width

    rows = tables[DESCENT]
    rows = rows[rows["data"] == "sphere"]
    found = _long(rows, rows["rate"] / rows["predicted"], [f"depth {d}" for d in rows["depth"]])
    return against_width(found, "measured rate / predicted", reference=1.0, word="as the kernel at the start predicts")


def draw_transfer(tables: Tables, column: str) -> Any:
    """Steps against width, a curve a parametrisation."""
    from zeroloss.figures.against import against_width

    rows = tables[TRANSFER]
    return against_width(_long(rows, rows[column], rows["parametrization"]), "step")


def transfer_caption(tables: Tables, column: str, what: str) -> str:
    """The slopes."""
    said = [
        f"{slope(part['width'], part[column])} ({name})" for name, part in tables[TRANSFER].groupby("parametrization")
    ]
    return f"{what} against width, two hidden layers. Log-log slopes with 95 % intervals: {', '.join(said)}."


def draw_certificate(tables: Tables) -> Any:
    """The theorem's ratio against width."""
    from zeroloss.figures.against import against_width

    rows = tables[CERTIFICATE]
    names = [("hidden layer, fixed signs" if n == "fixed signs" else f"all layers, {n}") for n in rows["network"]]
    return against_width(
        _long(rows, rows["ratio"], names),
        "what the theorem misses (ratio)",
        reference=1.0,
        word="PROVED below",
        half=True,
    )


def certificate_caption(tables: Tables) -> str:
    """From which width on, and how near to the promise the runs came."""
    rows = tables[CERTIFICATE]
    rows = rows[rows["network"] == "fixed signs"]
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

    rows = tables[GAP]
    parts = [
        _long(rows, rows[column], [f"{kind} targets: {word}" for kind in rows["targets"]])
        for column, word in (("gap", "gap"), ("bound", "bound"))
    ]
    found = {name: parts[0][name] + parts[1][name] for name in parts[0]}
    return against_width(found, "test less training loss", reference=1.0, word="the largest gap there can be")


def draw_other(tables: Tables) -> Any:
    """Linearisation error of the other problems."""
    from zeroloss.figures.against import against_width

    rows = tables[OTHER]
    return against_width(_long(rows, rows["linearisation"], rows["problem"]), "linearisation error", half=True)


def _means(tables: Tables, name: str, by: list[str], columns: list[str]) -> Any:
    rows = tables[name].groupby(by, as_index=False)
    return rows.agg(**{column: (column, "mean") for column in columns}, runs=("seed", "size"))


FIGURES = (
    StudyFigure("lambda-min", "The smallest eigenvalue at a random start", (LAMBDA,), draw_lambda, lambda_caption),
    StudyFigure("lambda-limit", "Its distance from infinite width", (LAMBDA,), draw_lambda_width, lambda_caption),
    StudyFigure(
        "rate",
        "The rate of descent",
        (DESCENT,),
        draw_rate,
        "The largest r with loss_t <= exp(-r t) loss_0 at every step, over -2 log(1 - eta lambda_min/n) of the kernel at the start. "
        "Inputs on the sphere.",
    ),
    StudyFigure(
        "linearisation",
        "Lazy: the linearisation error",
        (DESCENT,),
        functools.partial(draw_descent, column="linearisation", title="linearisation error", half=True),
        functools.partial(slopes_caption, column="linearisation", what="|f - f_lin|/|f - f0| at the training points."),
    ),
    StudyFigure(
        "drift",
        "Lazy: the kernel's drift",
        (DESCENT,),
        functools.partial(draw_descent, column="drift", title="|K − K₀|/|K₀|", half=True),
        functools.partial(slopes_caption, column="drift", what="How far the tangent kernel moves in training."),
    ),
    StudyFigure(
        "nearest",
        "Implicit regularisation: the distance to the linearised solution",
        (DESCENT,),
        functools.partial(draw_descent, column="distance", title="distance", over="shortest", half=True),
        functools.partial(
            slopes_caption,
            column="distance",
            over="shortest",
            what="|w - w_lin| over |w_lin - w0| at the end of descent.",
        ),
    ),
    *(
        StudyFigure(
            f"transfer-{key}",
            f"Learning-rate transfer: {title}",
            (TRANSFER,),
            functools.partial(draw_transfer, column=key),
            functools.partial(transfer_caption, column=key, what=what),
        )
        for key, title, what in (
            ("start", "the largest stable step at the start", "2n/lambda_max at the start"),
            ("end", "the largest stable step at the end", "2n/lambda_max at the end of training"),
            (
                "reaches",
                "the largest step that descends",
                "The largest step up to which all reach 1 % of the loss in 60 steps",
            ),
        )
    ),
    StudyFigure(
        "certificate", "From which width on it is proved", (CERTIFICATE,), draw_certificate, certificate_caption
    ),
    StudyFigure(
        "generalisation",
        "The generalisation gap and its bound",
        (GAP,),
        draw_gap,
        "Loss min(|f - y|, 1); the bound pays for a grid of radii. Gaps that are not above 0 are not drawn.",
    ),
    StudyFigure(
        "other",
        "Problems that are no regression",
        (OTHER,),
        draw_other,
        "|F - F_lin|/|F - F0| at the end of descent: a physics-informed residual, and moments.",
    ),
)

TABLES = (
    StudyTable(
        "lambda-min", "Smallest eigenvalue at the start", (LAMBDA,),
        lambda t: _means(t, LAMBDA, ["data", "depth", "width"], ["lower", "infinite"]),
    ),
    StudyTable(
        "descents", "Descents", (DESCENT,),
        lambda t: _means(
            t, DESCENT, ["data", "depth", "width"],
            ["rate", "predicted", "gap", "steps", "path", "moved", "shortest", "distance", "linearisation", "drift"],
        ),
    ),
    StudyTable(
        "steps", "Largest steps", (TRANSFER,),
        lambda t: _means(t, TRANSFER, ["parametrization", "width"], ["start", "end", "reaches", "best"]),
    ),
    StudyTable(
        "certificates", "Certificates", (CERTIFICATE,),
        lambda t: _means(
            t, CERTIFICATE, ["network", "width"],
            ["lower", "beta", "ratio", "proved", "asked", "over_rate", "over_path", "over_linear", "over_nearest"],
        ),
    ),
    StudyTable(
        "gaps", "Generalisation", (GAP,),
        lambda t: _means(t, GAP, ["targets", "width"], ["train", "test", "gap", "moved", "first", "second", "third", "bound"]),
    ),
    StudyTable(
        "others", "Other problems", (OTHER,),
        lambda t: _means(t, OTHER, ["problem", "width"], ["rate", "predicted", "gap", "linearisation", "distance"]),
    ),
)  # fmt: skip
