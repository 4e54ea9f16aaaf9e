"""Few filters against many: figures with their captions, and small tables."""

from __future__ import annotations

from typing import Any

from zeroloss.studies.brutzkus_globerson_xor.mnist_claims import NAME, closed, small_start
from zeroloss.studies.brutzkus_globerson_xor.mnist_trial import ARMS
from zeroloss.studies.study import StudyFigure, StudyTable, Tables


def errors(tables: Tables) -> Any:
    from zeroloss.figures.filters import error_against_images

    rows = small_start(tables)
    return error_against_images(
        {
            "images": [n for n in rows["images"] for _ in ARMS],
            "seed": [seed for seed in rows["seed"] for _ in ARMS],
            "net": list(ARMS) * len(rows),
            "test_error": rows[[f"{arm}_test_error" for arm in ARMS]].to_numpy().ravel().tolist(),
        }
    )


def errors_caption(tables: Tables) -> str:
    rows = small_start(tables)
    seeds, few, many = rows["seed"].nunique(), rows["few"].iloc[0], rows["many"].iloc[0]
    return (
        f"Wrong answers on {rows['test_images'].iloc[0]:,} other images ({rows['data'].iloc[0]}), against the number of "
        f"training images: a point for each of {seeds} seeds, lines through the means. {many} filters (random start) and "
        f"{few}: random start; started at the k-means centres of the {many}; at random directions of the same norms; at "
        f"{few} of the {many} picked at random."
    )


def centres(tables: Tables) -> Any:
    from zeroloss.figures.filters import filter_images

    rows = small_start(tables)
    row = rows[rows["images"] == rows["images"].max()].sort_values("seed").iloc[0]
    return filter_images({f"centre {i + 1}": centre for i, centre in enumerate(row["centres"])})


def centres_caption(tables: Tables) -> str:
    rows = small_start(tables)
    return (
        f"The {rows['few'].iloc[0]} k-means centres of the {rows['many'].iloc[0]} trained filters "
        f"({rows['images'].max():,} images of {rows['data'].iloc[0]}, first seed): blue above 0, vermillion below."
    )


def summary(tables: Tables) -> Any:
    """Mean test error, share of runs without training errors and mean steps of each net, by data, start and size."""
    import pandas as pd

    table = tables[NAME]
    rows = []
    for cell, part in table.groupby(["data", "start", "images"]):
        for arm in ARMS:
            rows.append(
                dict(zip(("data", "start", "images"), cell, strict=True))
                | {
                    "net": arm,
                    "filters": int(part["many" if arm == "large" else "few"].iloc[0]),
                    "seeds": len(part),
                    "mean test error": part[f"{arm}_test_error"].mean(),
                    "runs without training errors": (part[f"{arm}_train_error"] == 0).mean(),
                    "mean training error": part[f"{arm}_train_error"].mean(),
                    "mean steps": part[f"{arm}_steps"].mean(),
                }
            )
    return pd.DataFrame(rows)


def shares(tables: Tables) -> Any:
    """The share of the gap that each start closes, with its interval."""
    import pandas as pd

    return pd.DataFrame(
        [
            {
                "start of the few": arm,
                "share of the gap closed": r.estimate,
                "low": r.low,
                "high": r.high,
                "rows": r.count,
            }
            for arm in ARMS[2:]
            for r in [closed(tables, arm)]
        ]
    )


FIGURES = (
    StudyFigure("filters-test-error", "Few filters against many", (NAME,), errors, errors_caption),
    StudyFigure("filter-centres", "What the filters cluster around", (NAME,), centres, centres_caption),
)
TABLES = (
    StudyTable("filters-summary", "Few filters against many, by training size", (NAME,), summary),
    StudyTable("filters-gap", "How much of the gap each start closes", (NAME,), shares),
)
