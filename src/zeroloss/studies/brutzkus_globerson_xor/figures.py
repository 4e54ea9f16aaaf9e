"""What is shown: figures with their captions, from the tables of trials (`tables` has the small ones of the report)."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from zeroloss.studies.brutzkus_globerson_xor.claims import (
    IMAGES,
    XOR_CLUSTERS,
    XOR_MINIMA,
    XOR_SAMPLES,
)
from zeroloss.studies.brutzkus_globerson_xor.images import ARMS
from zeroloss.studies.brutzkus_globerson_xor.tables import (
    ERRS,
    REACHES,
    by_filters,
    by_samples,
    small_start,
    steps_taken,
)
from zeroloss.studies.brutzkus_globerson_xor.trials import BETWEEN, BIN, BINS
from zeroloss.studies.study import StudyFigure, Tables
from zeroloss.theorems import xor_formulas as formulas

CORNERS = {"A": (1, 1), "B": (-1, -1), "C": (1, -1), "D": (-1, 1)}
GROWN = 0.05
"""A filter counts as grown if it is longer than this part of the longest of its network."""
DRAWN = 30
"""Filters of a group whose path is drawn."""
BOUND = "k = 2: at least (33/48)(p₊p₋)^(m/2)"


def draw_probability(tables: Tables) -> Any:
    from zeroloss.figures.xor import probability_against_filters

    table = by_filters(tables)
    table = table[(table["gamma"] == 8) & table["event"].isin([REACHES, ERRS])]
    kept = table[["k", "event", "share", "low", "high", "formula"]]
    return probability_against_filters(kept, rule=formulas.SMALL_NET, rule_label="33/48")


def draw_samples(tables: Tables, what: str, title: str, bound: bool = False) -> Any:
    """A share against the number of samples, a curve for each number of filters, with the bound."""
    import pandas as pd

    from zeroloss.figures.xor import against_samples

    table = by_samples(tables)
    table = table[table["c_eta"] == f"1/{tables['xor-samples']['inverse_c_eta'].min()}"]
    tidy = [
        {"m": r["m"], "series": f"k = {r['k']}", "value": r[what], "low": r[f"{what}_low"], "high": r[f"{what}_high"]}
        for r in table.to_dict("records")
    ]
    if bound:
        p = float(table["p"].iloc[0])
        places = np.unique(np.round(np.geomspace(table["m"].min(), table["m"].max(), 40)))
        values = [(m, formulas.small_net_errs(int(m), p, p)) for m in places]
        tidy += [{"m": m, "series": BOUND, "value": v, "low": None, "high": None} for m, v in values]
    return against_samples(pd.DataFrame(tidy), title=title, bound=BOUND)


def draw_steps(tables: Tables) -> Any:
    from zeroloss.figures.xor import steps_against_bound

    table = steps_taken(tables)
    table = table[np.isfinite(table["bound"]) & (table["gamma"] == 8)]
    ratio = {"low": table["fewest"], "median": table["median"], "high": table["most"]}
    return steps_against_bound({"k": table["k"]} | {name: steps / table["bound"] for name, steps in ratio.items()})


def draw_angles(tables: Tables) -> Any:
    from zeroloss.figures.xor import cluster_angles

    names = {"w": "w at A and B", "u": "u at C and D"}
    tidy: dict[str, list[Any]] = {"k": [], "group": [], "when": [], "angle": [], "share": [], "mean": []}
    for k, rows in tables[XOR_CLUSTERS].groupby("k"):
        for group, name in names.items():
            for when in ("start", "end"):
                counts = np.sum(np.array(rows[f"{group}_histogram_{when}"].tolist()), axis=0)
                tidy["k"] += [int(k)] * BINS
                tidy["group"] += [name] * BINS
                tidy["when"] += [when] * BINS
                tidy["angle"] += [BIN * i for i in range(BINS)]
                tidy["share"] += (counts / max(counts.sum(), 1)).tolist()
                tidy["mean"] += [float(rows[f"{group}_angle_{when}"].mean())] * BINS
    return cluster_angles(tidy)


def draw_paths(tables: Tables) -> Any:
    import pandas as pd

    from zeroloss.figures.xor import filter_paths

    tidy: list[dict[str, Any]] = []
    for seed, rows in tables["xor-paths"].groupby("seed"):
        for row in rows.sort_values("k").to_dict("records"):
            tidy += _panel(row, f"k = {row['k']}, seed {seed}: {_fared(row)}")
    return filter_paths(pd.DataFrame(tidy), across=min(4, tables["xor-paths"]["k"].nunique()))


def _fared(row: dict[str, Any]) -> str:
    if not row["zero_loss"]:
        return "no zero loss"
    return "errs" if row["wrong"] else "right"


def _panel(row: dict[str, Any], panel: str) -> list[dict[str, Any]]:
    path = np.array(row["path"])  # (2, k, t, 2)
    longest = np.linalg.norm(path[:, :, -1], axis=-1).max()
    thin = path[:, :DRAWN, ::4] / (longest or 1.0)
    found = [
        {"panel": panel, "group": group, "filter": f"{group}{i}", "at": t, "x": x, "y": y, "label": ""}
        for group, filters in zip("wu", thin, strict=True)
        for i, points in enumerate(filters)
        for t, (x, y) in enumerate(points)
    ]
    ends = path[:, :, -1]
    grown = np.linalg.norm(ends, axis=-1) > GROWN * longest
    for name, corner in CORNERS.items():
        here = grown & (np.argmax(ends @ np.array(list(CORNERS.values())).T, -1) == list(CORNERS).index(name))
        counts = [f"{n} {group}" for group, n in zip("wu", here.sum(1).tolist(), strict=True) if n]
        label = f"{name}: {', '.join(counts) or 'none'}"
        found.append(
            {"panel": panel, "group": "label", "filter": name, "at": 0, "x": 0.8 * corner[0], "y": 1.05 * corner[1]}
            | {"label": label}
        )
    return found


def samples_caption(tables: Tables) -> str:
    """The settings of the sample experiment and the sample size of the formula."""
    table = tables[XOR_SAMPLES]
    p = float(table["diverse"].iloc[0])
    inverse = int(table["inverse_c_eta"].min())
    needed = formulas.samples_needed(0.05, p, p)
    return (
        f"p₊ = p₋ = {p:g}, half of the samples positive, c_eta = 1/{inverse}, gamma = 8, 95 % intervals. By the formula two "
        f"filters need at least {needed:.0f} samples to err with probability at most 5 %."
    )


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


FIGURES = (
    StudyFigure(
        "xor-probability",
        "Zero training loss, right and wrong, by number of filters",
        (XOR_MINIMA,),
        draw_probability,
        "Diverse training points, gamma = 8, c_eta = 1/410. Points: measured, with 95 % intervals; dashed: what the random start "
        "foretells.",
    ),
    StudyFigure(
        "xor-errs",
        "Global minima that err, by number of samples",
        (XOR_SAMPLES,),
        functools.partial(draw_samples, what="errs", title="global minimum that errs (per cent of seeds)", bound=True),
        samples_caption,
    ),
    StudyFigure(
        "xor-gap",
        "Test error by number of samples",
        (XOR_SAMPLES,),
        functools.partial(draw_samples, what="test_error", title="mean test error (per cent)"),
        samples_caption,
    ),
    StudyFigure(
        "xor-steps",
        "Steps to zero training loss against the bound",
        (XOR_MINIMA,),
        draw_steps,
        "Diverse training points, gamma = 8, c_eta = 1/410; median, fewest and most over the seeds; the bound exists for k > 16.",
    ),
    StudyFigure(
        "xor-angles",
        "Filters gather at their clusters' centres",
        (XOR_CLUSTERS,),
        draw_angles,
        "Angle of each filter to the mean of the filters of its group and argmax pattern, of the clusters that descent makes grow; the "
        "darker, the more filters.",
    ),
    StudyFigure(
        "xor-paths",
        "The filters' paths in the plane",
        ("xor-paths",),
        draw_paths,
        f"Each panel in units of its longest filter; at most {DRAWN} filters of a group drawn, a point every {4 * BETWEEN:,} steps. At "
        "each corner: the pattern, and how many filters grew there.",
    ),
    StudyFigure("filters-test-error", "Few filters against many", (IMAGES,), errors, errors_caption),
    StudyFigure("filter-centres", "What the filters cluster around", (IMAGES,), centres, centres_caption),
)
