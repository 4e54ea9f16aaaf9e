"""Figures and tables of the XOR experiments: from the study's tables to tidy ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from zeroloss.studies.brutzkus_globerson_xor.trials import BETWEEN, BIN, BINS
from zeroloss.studies.judging import mean, proportion
from zeroloss.studies.study import StudyFigure, StudyTable, Tables
from zeroloss.theorems import xor_formulas as formulas

CORNERS = {"A": (1, 1), "B": (-1, -1), "C": (1, -1), "D": (-1, 1)}
GROWN = 0.05
"""A filter counts as grown if it is longer than this part of the longest of its network."""
DRAWN = 30
"""Filters of a group whose path is drawn."""
REACHES, ERRS = "zero training loss", "zero training loss, wrong on some set"
BOUND = "k = 2: at least (33/48)(p₊p₋)^(m/2)"


def by_filters(tables: Tables) -> Any:
    """Probabilities by number of filters, with the formulas."""
    import pandas as pd

    made = []
    for (gamma, k), rows in tables["xor-minima"].groupby(["gamma", "k"]):
        wrong = rows["zero_loss"] & rows["wrong"]
        for event, happened, formula in (
            (REACHES, rows["zero_loss"], formulas.reaches(int(k))),
            (ERRS, wrong, formulas.errs(int(k))),
            (f"{ERRS}, an output of 0 forgiven", rows["zero_loss"] & rows["wrong_strictly"], None),
            ("stalled: gradient exactly 0 at a positive loss", rows["stalled"], 1 - formulas.reaches(int(k))),
            ("a w filter for each pattern at the start", rows["w_all_four"], formulas.all_four(int(k))),
            ("u filters for both negative patterns at the start", rows["u_both"], formulas.both_negative(int(k))),
        ):
            interval = proportion(int(happened.sum()), len(rows))
            made.append(
                {"gamma": gamma, "k": int(k), "event": event, "share": interval.estimate, "low": interval.low}
                | {"high": interval.high, "formula": formula, "seeds": len(rows)}
            )
    return pd.DataFrame(made)


def by_samples(tables: Tables) -> Any:
    """What k filters reach on m samples: test error, zero loss, a global minimum that errs."""
    import pandas as pd

    made = []
    for (inverse, share, k, m), rows in tables["xor-samples"].groupby(["inverse_c_eta", "diverse", "k", "m"]):
        errs = proportion(int((rows["zero_loss"] & (rows["test_error"] > 0)).sum()), len(rows))
        error = mean(rows["test_error"])
        made.append(
            {"c_eta": f"1/{inverse}", "p": share, "k": int(k), "m": int(m), "seeds": len(rows)}
            | {"zero_loss": rows["zero_loss"].mean(), "errs": errs.estimate, "errs_low": errs.low}
            | {"errs_high": errs.high, "test_error": error.estimate, "test_error_low": max(error.low, 0.0)}
            | {
                "test_error_high": error.high,
                "formula": formulas.small_net_errs(int(m), share, share) if k == 2 else None,
            }
        )
    return pd.DataFrame(made)


def steps_taken(tables: Tables) -> Any:
    """Steps to zero loss by number of filters, and their ratio to the bound where there is one."""
    import pandas as pd

    made = []
    for (gamma, inverse, k), rows in tables["xor-minima"].groupby(["gamma", "inverse_c_eta", "k"]):
        steps = rows["steps"][rows["zero_loss"]].to_numpy(float)
        if len(steps):
            bound = formulas.step_bound(int(k), gamma, 1 / inverse)
            low, median, high = np.quantile(steps, [0, 0.5, 1])
            made.append(
                {"gamma": gamma, "k": int(k), "seeds": len(steps), "fewest": low, "median": median, "most": high}
                | {"bound": bound, "most / bound": high / bound}
            )
    return pd.DataFrame(made)


def clustered(tables: Tables) -> Any:
    """Mean angles to the centres before and after, and the share of the filters in each cluster."""
    import pandas as pd

    made = []
    for k, rows in tables["xor-clusters"].groupby("k"):
        for group in ("w", "u"):
            occupied = np.mean(np.array(rows[f"{group}_occupancy_end"].tolist()), axis=0)
            made.append(
                {"k": int(k), "group": group, "degrees at the start": rows[f"{group}_angle_start"].mean()}
                | {"degrees at the end": rows[f"{group}_angle_end"].mean()}
                | {f"share at {name}": value for name, value in zip("ABCD", occupied, strict=True)}
                | {"length in grown clusters": rows[f"{group}_length_learned"].mean()}
            )
    return pd.DataFrame(made)


def draw_probability(tables: Tables) -> Any:
    from zeroloss.figures.xor import probability_against_filters

    table = by_filters(tables)
    table = table[(table["gamma"] == 8) & table["event"].isin([REACHES, ERRS])]
    kept = table[["k", "event", "share", "low", "high", "formula"]]
    return probability_against_filters(kept, rule=formulas.SMALL_NET, rule_label="33/48")


def draw_errs(tables: Tables) -> Any:
    return _draw_samples(tables, "errs", "global minimum that errs (per cent of seeds)", bound=True)


def draw_gap(tables: Tables) -> Any:
    return _draw_samples(tables, "test_error", "mean test error (per cent)", bound=False)


def _draw_samples(tables: Tables, what: str, title: str, *, bound: bool) -> Any:
    import pandas as pd

    from zeroloss.figures.xor import against_samples

    table = by_samples(tables)
    table = table[table["c_eta"] == f"1/{tables['xor-samples']['inverse_c_eta'].min()}"]
    tidy = [
        {"m": r["m"], "series": f"k = {r['k']}", "value": r[what], "low": r[f"{what}_low"], "high": r[f"{what}_high"]}
        for r in table.to_dict("records")
    ]
    if bound:
        share = float(table["p"].iloc[0])
        places = np.unique(np.round(np.geomspace(table["m"].min(), table["m"].max(), 40)))
        values = [(m, formulas.small_net_errs(int(m), share, share)) for m in places]
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
    tidy: dict[str, list] = {"k": [], "group": [], "when": [], "angle": [], "share": [], "mean": []}
    for k, rows in tables["xor-clusters"].groupby("k"):
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
    return filter_paths(pd.DataFrame(tidy), across=rows_across(tables))


def rows_across(tables: Tables) -> int:
    """Panels in a row of the paths: one a number of filters, at most four."""
    return min(4, tables["xor-paths"]["k"].nunique())


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
    table = tables["xor-samples"]
    share = float(table["diverse"].iloc[0])
    inverse = int(table["inverse_c_eta"].min())
    needed = formulas.samples_needed(0.05, share, share)
    return (
        f"p₊ = p₋ = {share:g}, half of the samples positive, c_eta = 1/{inverse}, gamma = 8, 95 % intervals. By the formula two "
        f"filters need at least {needed:.0f} samples to err with probability at most 5 %."
    )


FIGURES = (
    StudyFigure(
        "xor-probability",
        "Zero training loss, right and wrong, by number of filters",
        ("xor-minima",),
        draw_probability,
        "Diverse training points, gamma = 8, c_eta = 1/410. Points: measured, with 95 % intervals; dashed: what the random start "
        "foretells.",
    ),
    StudyFigure(
        "xor-errs", "Global minima that err, by number of samples", ("xor-samples",), draw_errs, samples_caption
    ),
    StudyFigure("xor-gap", "Test error by number of samples", ("xor-samples",), draw_gap, samples_caption),
    StudyFigure(
        "xor-steps",
        "Steps to zero training loss against the bound",
        ("xor-minima",),
        draw_steps,
        "Diverse training points, gamma = 8, c_eta = 1/410; median, fewest and most over the seeds; the bound exists for k > 16.",
    ),
    StudyFigure(
        "xor-angles",
        "Filters gather at their clusters' centres",
        ("xor-clusters",),
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
)

TABLES = (
    StudyTable("xor-by-filters", "Probabilities by number of filters", ("xor-minima",), by_filters),
    StudyTable("xor-by-samples", "Test error by number of samples", ("xor-samples",), by_samples),
    StudyTable("xor-steps", "Steps to zero training loss", ("xor-minima",), steps_taken),
    StudyTable("xor-clusters", "Clusters of filters", ("xor-clusters",), clustered),
)
