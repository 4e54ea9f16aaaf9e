"""What is shown: figures with their captions, and small tables, all from the tables of trials."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from zeroloss.studies.judging import mean
from zeroloss.studies.kawaguchi_huang_size import boundary, readout
from zeroloss.studies.kawaguchi_huang_size.claims import DESCENT, GD, LABELS, LM, RANK, runs
from zeroloss.studies.kawaguchi_huang_size.place import curves, places
from zeroloss.studies.measured import layers, rows_of, summary
from zeroloss.studies.study import StudyFigure, StudyTable, Tables

METHODS = {LM: "Levenberg-Marquardt, to zero", GD: "gradient descent, to 1 %"}


def _places(rows: Any, value: str = "share") -> list[dict[str, Any]]:
    found = []
    for depth, part in rows.groupby("depth"):
        at = places(part, value)
        for curve in curves(part, value):
            means = [float(s.mean()) for s in curve.shares]
            # Where fewer than half get there at every ratio, the boundary lies beyond the last.
            beyond = float(curve.ratios[-1]) if max(means) < 0.5 else None
            found.append(
                {"depth": int(depth), "size": curve.size}
                | at[curve.size].entries("place", finite=True)
                | {"beyond": beyond}
            )
    return found


def phase(tables: Tables, experiment: str) -> Any:
    """The phase diagram of a method (softplus, normal targets)."""
    import pandas as pd

    from zeroloss.figures.size import phase_diagram

    rows = runs(tables, experiment)
    cells = rows.groupby(["depth", "size", "ratio"], as_index=False)["share"].mean()
    what = "runs that reach zero" if experiment == LM else "runs that leave at most 1 % of the squares"
    return phase_diagram(cells, pd.DataFrame(_places(rows)), share=what)


def phase_caption(tables: Tables, experiment: str) -> str:
    """How many runs, and what counts."""
    rows = runs(tables, experiment)
    count = f"{int(rows['starts'].sum()):,} runs on normal targets"
    way = (
        f"Levenberg-Marquardt in float64, {boundary.STEPS} steps"
        if experiment == LM
        else f"gradient descent, {int(rows['budget'].max()):,} gradients"
    )
    return (
        f"{count}, softplus, {way}: the share that gets there, over the number of equations n and parameters per equation. Line "
        "with bars: where half of the runs do, with 95 % intervals. Dashed: as many parameters as equations; below it almost every "
        "target is out of reach, whatever the method."
    )


def place(tables: Tables) -> Any:
    """The boundaries of both methods."""
    from zeroloss.figures.size import boundary_places

    return boundary_places(place_table(tables).query("activation == 'softplus' and counted == 'runs'"))


PLACE_CAPTION = (
    "Parameters per equation at which half of the runs get there, with 95 % intervals, softplus. A level line is growth in "
    "proportion to n. Where a method has no point half of its runs do not get there within the grid, or do from its first ratio on."
)


def place_table(tables: Tables) -> Any:
    """One row per method, activation, depth and size: the boundary for runs, and for problems (some start of several)."""
    import pandas as pd

    found = []
    for experiment, method in METHODS.items():
        for activation in sorted(tables[experiment]["activation"].unique()):
            rows = runs(tables, experiment, activation=activation)
            for counted, value in (("runs", "share"), ("problems", "any")):
                if counted == "runs" or experiment == LM:
                    head = {"method": method, "activation": activation, "counted": counted}
                    found += [head | row for row in _places(rows, value)]
    return pd.DataFrame(found)


def budget_table(tables: Tables) -> Any:
    """The boundary of gradient descent had it stopped earlier: one row per budget, depth and size."""
    import pandas as pd

    rows, found = runs(tables, GD), []
    most = int(rows["budget"].max())
    for budget in sorted({most, most // 3, most // 10}):
        within = rows.assign(share=((rows["zeros"] == 1) & (rows["steps"] <= budget)).astype(float))
        found += [{"budget": budget} | row for row in _places(within)]
    return pd.DataFrame(found)


def _largest(tables: Tables) -> Any:
    rows = runs(tables, LM)
    return rows[rows["size"] == rows["size"].max()]


def residual(tables: Tables) -> Any:
    """What the median start leaves at the largest n, median and quartiles over problems."""
    from zeroloss.figures.size import residual_below

    found = [
        {"depth": depth, "ratio": ratio, "left": part["middle"].median()}
        | {"low": part["middle"].quantile(0.25), "high": part["middle"].quantile(0.75)}
        for (depth, ratio), part in _largest(tables).groupby(["depth", "ratio"])
    ]
    import pandas as pd

    return residual_below(pd.DataFrame(found))


def residual_caption(tables: Tables) -> str:
    """At which n, and how much is left at one half."""
    rows = _largest(tables)
    half = rows[rows["ratio"] == 0.5]["middle"]
    return (
        f"Part of the targets' sum of squares that a run of Levenberg-Marquardt leaves (median start; line: median over problems, bars: "
        f"quartiles), n about {rows['size'].max()}. With half as many parameters as equations {half.min():.0%} to {half.max():.0%} "
        "is left; above the boundary only rounding. Dashed: one parameter per equation."
    )


def _accuracies(tables: Tables) -> Any:
    """One row per data set and kind of labels."""

    def made(part: Any, data: str, kind: str) -> dict[str, Any]:
        right = mean(part["test_accuracy"]).entries("accuracy")
        row = {
            "data": data,
            "kind": kind,
            "runs": len(part),
            "n": int(part["n"].median()),
            "p": int(part["p"].median()),
        }
        row |= {"train_error": part["train_error"].max(), "steps": part["steps"].median()} | right
        return row | {"low": max(0.0, right["low"]), "high": min(1.0, right["high"]), "chance": part["chance"].mean()}

    return rows_of(tables[LABELS], ("data", "kind"), made, sort=False)


def accuracy(tables: Tables) -> Any:
    """Test accuracy by data set and kind."""
    from zeroloss.figures.size import natural_and_random

    return natural_and_random(_accuracies(tables))


def accuracy_caption(tables: Tables) -> str:
    """How many runs fit, and where the points are."""
    rows = tables[LABELS]
    return (
        f"{(rows['train_error'] == 0).sum()} of {len(rows)} runs have no training error. On other rows the networks with natural "
        "labels are right far more often than chance (tick), those with random labels or inputs are not."
    )


def losses(tables: Tables) -> Any:
    """The losses of the first softplus run of the smallest depth."""
    import pandas as pd

    from zeroloss.figures.size import proved_and_measured

    row = _shown(tables)
    found = [
        {"step": max(1, step), "loss": value, "variant": variant}
        for variant, name in (
            ("read-out alone: proved bound", "promised"),
            ("read-out alone: measured", "readout_loss"),
            ("all layers: measured only", "all_loss"),
        )
        for step, value in zip(readout.LOOKS, np.asarray(row[name], float), strict=True)
    ]
    return proved_and_measured(pd.DataFrame(found))


def _shown(tables: Tables) -> Any:
    return tables[DESCENT].query("activation == 'softplus'").sort_values(["depth", "seed"]).iloc[0]


def losses_caption(tables: Tables) -> str:
    """Which run, and how little is proved."""
    row = _shown(tables)
    return (
        f"One run: softplus, {layers(row['depth'])}, n = {row['n']}, signs as targets, "
        f"{readout.LOOKS[-1]:,} steps; step 0 is drawn at 1. With the read-out alone the loss stays below the bound, which is a "
        f"theorem and slow: a step is promised to shrink the residual by {1 - row['factor']:.1g} of itself. With all layers trained "
        "the loss falls much lower, and nothing is proved."
    )


def _phase(method: str, name: str, key: str) -> StudyFigure:
    draw, caption = (functools.partial(what, experiment=method) for what in (phase, phase_caption))
    return StudyFigure(key, name, (method,), draw, caption)


def _widths(rows: Any) -> list[str]:
    cells = rows[["depth", "size", "ratio"]].to_numpy()
    return ["-".join(map(str, boundary.cell_of(int(d), int(s), float(r)).widths)) for d, s, r in cells]


def cell_table(tables: Tables) -> Any:
    """One row per cell: true n and p, runs, the share that reached zero, of the others how many stalled, what is left."""
    found = CELLS.make(tables)
    return found.assign(share=found["zeros"] / found["runs"], widths=_widths(found))


FIGURES = (
    _phase(LM, "Which networks reach zero? Levenberg-Marquardt", "phase-lm"),
    _phase(GD, "Which networks come near zero? Gradient descent", "phase-gd"),
    StudyFigure("places", "Parameters per equation at the boundary", (LM, GD), place, PLACE_CAPTION),
    StudyFigure("residual", "How far above zero?", (LM,), residual, residual_caption),
    StudyFigure("labels", "Natural against random", (LABELS,), accuracy, accuracy_caption),
    StudyFigure("descent", "What is proved, and what is measured", (DESCENT,), losses, losses_caption),
)

CELLS = summary(
    "cells", "Levenberg-Marquardt, by cell", LM, ("activation", "targets", "depth", "size", "ratio", "n", "p"),
    {
        "runs": ("starts", "sum"), "zeros": ("zeros", "sum"), "stalled": ("stalled", "sum"), "out_of_steps": ("open", "sum"),
        "least_left": ("best", "min"), "median_left": ("middle", "median"),
    },
    count="",
)  # fmt: skip
TABLES = (
    StudyTable("places", "The boundary, by method", (LM, GD), place_table),
    StudyTable("budgets", "The boundary of gradient descent, by budget", (GD,), budget_table),
    StudyTable(CELLS.key, CELLS.title, CELLS.needs, cell_table),
    summary(
        "ranks", "Rank of the last features", RANK, ("activation", "depth", "n", "missing"),
        {
            "parameters": ("parameters", "first"), "draws": ("seed", "size"), "rank_proved": ("proved", "sum"),
            "zero_proved": ("zero_proved", "sum"), "least_rank": ("rank", "min"), "smallest": ("smallest", "min"),
            "smallest_lower": ("smallest_lower", "min"), "largest_radius": ("radius", "max"),
        },
        count="", assign={"proved": "smallest_lower > 0", "zero_proved": "radius >= 0"},
    ),
    summary(
        "descents", "Read-out and all layers", DESCENT, ("activation", "depth"),
        {
            "runs": ("seed", "size"), "below_bound": ("kept", "mean"), "promised_shrink": ("shrink", "median"),
            "readout_end": ("readout_end", "median"), "promised_end": ("promised_end", "median"), "all_layers_end": ("all_end", "median"),
        },
        count="", assign={"shrink": "1 - factor"},
    ),
    StudyTable("labels", "Natural and random", (LABELS,), _accuracies),
)  # fmt: skip
