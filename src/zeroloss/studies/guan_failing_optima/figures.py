"""What is shown: figures with their captions, and small tables, all from the tables of trials."""

from __future__ import annotations

import functools
from typing import Any

from zeroloss.studies.guan_failing_optima.claims import (
    ACCURACY,
    REGRESSION,
    SCALED,
    TWINS,
    ZERO_LOSS,
    accuracy_interval,
)
from zeroloss.studies.measured import rows_of, summary
from zeroloss.studies.study import StudyFigure, StudyTable, Tables


def _cells(tables: Tables) -> Any:
    """The accuracy of each cell, its seeds pooled, with the interval and both bounds."""

    def made(part: Any, d: int, nodes: int, gap: float) -> dict[str, Any]:
        row = {"d": d, "nodes": nodes, "b": d - gap} | accuracy_interval(part).entries("accuracy")
        row |= {"bound": float(part["bound"].iloc[0]), "coverage": float(part["covered"].iloc[0])}
        return row | {"draws": int(part["draws"].sum()), "evaluated": part["evaluated"].iloc[0]}

    return rows_of(tables[ACCURACY], ("d", "per_axis", "gap"), made)


def accuracy(tables: Tables, d: int) -> Any:
    """Measured accuracy in `d` dimensions beside the bound and the coverage."""
    import numpy as np

    from zeroloss.figures.constructions import measured_accuracy
    from zeroloss.minima.constructions import bound_table

    cells = _cells(tables).query("d == @d")
    nodes = sorted(cells["nodes"].unique().tolist())
    return measured_accuracy(cells, bound_table(nodes, np.linspace(cells["b"].min(), cells["b"].max(), 60), d))


def accuracy_caption(tables: Tables, d: int) -> str:
    """Draws, and the largest part of the bound that was measured."""
    cells = _cells(tables).query("d == @d and bound < 1")
    share, draws = ((cells["accuracy"] / cells["bound"]).max(), cells["draws"].max()) if len(cells) else (0.0, 0)
    return (
        f"Networks with zero training loss on the nodes of a grid in {d} dimensions, right on this share of the cube (points, "
        f"95 % intervals, {draws:,} draws each; the right label is that of the nearest node). Line: the share that bumps "
        "cover, (d-b)^d/d!. Dashed: the bound N^d (d-b)^d/(N-1)^d, where it is below 1; accuracy is at most "
        f"{100 * share:.2g} % of it. Cells without a right draw are not drawn."
    )


def regression(tables: Tables) -> Any:
    """`|1 - relative error|` against `d - b`: relu and sigmoid at each d and the first N; prelu is relu's to rounding."""
    from zeroloss.figures.constructions import gain_over_zero

    return gain_over_zero(_gains(tables))


def _gains(tables: Tables) -> Any:
    rows = tables[REGRESSION]
    first = rows.groupby("d")["per_axis"].transform("min")
    rows = rows[(rows["per_axis"] == first) & rows["activation"].isin(["relu", "sigmoid"])]

    def made(part: Any, d: int, per_axis: int, name: str, gap: float) -> dict[str, Any]:
        gain = float((1 - part["relative_error"]).abs().mean())
        return {"gap": gap, "gain": gain, "curve": f"{name}, d = {d}, N = {per_axis}"}

    return rows_of(rows, ("d", "per_axis", "activation", "gap"), made)


def regression_caption(tables: Tables) -> str:
    """How close to predicting 0 the sharpest ones are."""
    rows = tables[REGRESSION]
    sharp = rows[rows["gap"] == rows["gap"].min()]["relative_error"]
    return (
        "How much closer than predicting 0 a network with zero training error comes to a smooth function (L2, mean over "
        f"{rows['seed'].nunique()} functions), against the sharpness of its bumps: it falls like (d-b)^d. At d - b = "
        f"{rows['gap'].min():g} the error is {sharp.min():.1%} to {sharp.max():.1%} of that of predicting 0. Parametric relu "
        "gives the curve of relu."
    )


def _residuals(key: str, by: tuple[str, ...]) -> StudyTable:
    return summary(
        key, "Largest training residual", ZERO_LOSS, by,
        {"residual": ("residual", "max"), "largest_loss": ("loss", "max"), "train_error": ("train_error", "max")}, "networks",
    )  # fmt: skip


def residual(tables: Tables) -> Any:
    """The largest residual over dimensions, widths and seeds against the layers added."""
    from zeroloss.figures.constructions import residuals

    found = _residuals("", ("activation", "dtype", "layers")).make(tables)
    curves = found["activation"] + ", " + found["dtype"]
    return residuals({"layers": found["layers"], "residual": found["residual"], "curve": curves})


def residual_caption(tables: Tables) -> str:
    """Which networks, and the worst of them."""
    rows = tables[ZERO_LOSS]
    worst = rows.groupby("dtype")["residual"].max()
    largest = " and ".join(f"{worst[name]:.1g} in {name}" for name in sorted(worst.index, reverse=True))
    return (
        f"Largest residual at the nodes of {len(rows):,} networks with random labels in up to {rows['d'].max()} dimensions, "
        f"against the hidden layers added to their two: at most {largest}; all labels are right in "
        f"{(rows['train_error'] == 0).mean():.0%} of them."
    )


def cross_entropy(tables: Tables) -> Any:
    """Measured and predicted cross-entropy against the scale."""
    from zeroloss.figures.constructions import cross_entropy_of_scale

    rows = (
        tables[SCALED]
        .groupby("scale", as_index=False)
        .agg(measured=("cross_entropy", "mean"), predicted=("predicted", "mean"))
    )
    return cross_entropy_of_scale(rows)


def cross_entropy_caption(tables: Tables) -> str:
    """The range of scales and the smallest value reached."""
    rows = tables[SCALED]
    return (
        f"Cross-entropy on the nodes of the network of c times the labels: log(1 + e^-c), {rows['cross_entropy'].min():.1g} at "
        f"c = {rows['scale'].max():g} and above 0 still. The squared loss is 0 at c = 1, the hinge loss from c = 1 on."
    )


FIGURES = (
    *(
        StudyFigure(
            f"accuracy-{d}",
            f"How right can they be? {d} dimensions",
            (ACCURACY,),
            functools.partial(accuracy, d=d),
            functools.partial(accuracy_caption, d=d),
        )
        for d in (2, 5)
    ),
    StudyFigure("regression", "What is gained over predicting 0", (REGRESSION,), regression, regression_caption),
    StudyFigure("residual", "Zero training loss at any depth", (ZERO_LOSS,), residual, residual_caption),
    StudyFigure("cross-entropy", "Cross-entropy is never 0", (SCALED,), cross_entropy, cross_entropy_caption),
)
TABLES = (
    _residuals("residuals", ("activation", "d", "layers", "width", "way", "dtype")),
    StudyTable("accuracies", "Accuracy and its two bounds", (ACCURACY,), _cells),
    summary(
        "errors", "Regression: L2 error over that of predicting 0", REGRESSION, ("activation", "d", "per_axis", "gap"),
        {"relative_error": ("relative_error", "mean"), "largest_residual": ("residual", "max")}, "",
    ),
    summary(
        "losses", "Losses of scaled labels", SCALED, ("d", "scale"), ("squared", "hinge", "cross_entropy", "predicted", "accuracy"), ""
    ),
    summary(
        "twins", "Twins on real data", TWINS, ("data", "activation", "kind"),
        {
            "splits": ("seed", "size"), "train_accuracy": ("train_accuracy", "min"),
            "train_accuracy_float32": ("train_accuracy_float32", "min"), "largest_residual": ("residual", "max"),
            "test_accuracy": ("test_accuracy", "mean"),
        },
        "", {"train_accuracy": "train_right / train_rows", "test_accuracy": "test_right / test_rows"},
    ),
)  # fmt: skip
