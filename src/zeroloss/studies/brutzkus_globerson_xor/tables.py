"""The small tables of the report, from the tables of trials."""

from __future__ import annotations

from typing import Any

import numpy as np

from zeroloss.studies.brutzkus_globerson_xor.claims import (
    IMAGES,
    SMALL_START,
    XOR_CLUSTERS,
    XOR_MINIMA,
    XOR_SAMPLES,
    closed,
)
from zeroloss.studies.brutzkus_globerson_xor.images import ARMS
from zeroloss.studies.judging import mean, ratio_of_means, share
from zeroloss.studies.measured import evaluate, rows_of
from zeroloss.studies.study import StudyTable, Tables
from zeroloss.theorems import xor_formulas as formulas

REACHES, ERRS = "zero training loss", "zero training loss, wrong on some set"


def by_filters(tables: Tables) -> Any:
    """Probabilities by number of filters, with the formulas."""

    def made(rows: Any, gamma: float, k: int) -> list[dict[str, Any]]:
        zero = rows["zero_loss"]
        events = (
            (REACHES, zero, formulas.reaches(k)),
            (ERRS, zero & rows["wrong"], formulas.errs(k)),
            (f"{ERRS}, an output of 0 forgiven", zero & rows["wrong_strictly"], None),
            ("stalled: gradient exactly 0 at a positive loss", rows["stalled"], 1 - formulas.reaches(k)),
            ("a w filter for each pattern at the start", rows["w_all_four"], formulas.all_four(k)),
            ("u filters for both negative patterns at the start", rows["u_both"], formulas.both_negative(k)),
        )
        return [
            {"gamma": gamma, "k": k, "event": event}
            | share(happened).entries("share")
            | {"formula": formula, "seeds": len(rows)}
            for event, happened, formula in events
        ]

    return rows_of(tables[XOR_MINIMA], ("gamma", "k"), made)


def by_samples(tables: Tables) -> Any:
    """What k filters reach on m samples: test error, zero loss, a global minimum that errs."""

    def made(rows: Any, inverse: int, p: float, k: int, m: int) -> dict[str, Any]:
        errs = share(rows["zero_loss"] & (rows["test_error"] > 0)).entries("errs", "errs_")
        error = mean(rows["test_error"]).entries("test_error", "test_error_")
        row = {
            "c_eta": f"1/{inverse}",
            "p": p,
            "k": k,
            "m": m,
            "seeds": len(rows),
            "zero_loss": rows["zero_loss"].mean(),
        }
        row |= errs | error | {"test_error_low": max(error["test_error_low"], 0.0)}
        return row | {"formula": formulas.small_net_errs(m, p, p) if k == 2 else None}

    return rows_of(tables[XOR_SAMPLES], ("inverse_c_eta", "diverse", "k", "m"), made)


def steps_taken(tables: Tables) -> Any:
    """Steps to zero loss by number of filters, and their ratio to the bound where there is one."""

    def made(rows: Any, gamma: float, inverse: int, k: int) -> dict[str, Any]:
        bound = formulas.step_bound(k, gamma, 1 / inverse)
        low, median, high = np.quantile(rows["steps"].to_numpy(float), [0, 0.5, 1])
        row = {"gamma": gamma, "k": k, "seeds": len(rows), "fewest": low, "median": median, "most": high}
        return row | {"bound": bound, "most / bound": high / bound}

    return rows_of(tables[XOR_MINIMA].query("zero_loss"), ("gamma", "inverse_c_eta", "k"), made)


def clustered(tables: Tables) -> Any:
    """Mean angles to the centres before and after, and the share of the filters in each cluster."""

    def made(rows: Any, k: int) -> list[dict[str, Any]]:
        return [
            {
                "k": k,
                "group": group,
                "degrees at the start": rows[f"{group}_angle_start"].mean(),
                "degrees at the end": rows[f"{group}_angle_end"].mean(),
            }
            | dict(
                zip(
                    map("share at {}".format, "ABCD"),
                    np.mean(rows[f"{group}_occupancy_end"].tolist(), axis=0),
                    strict=True,
                )
            )
            | {"length in grown clusters": rows[f"{group}_length_learned"].mean()}
            for group in ("w", "u")
        ]

    return rows_of(tables[XOR_CLUSTERS], ("k",), made)


def small_start(tables: Tables) -> Any:
    """The nets whose filters start small."""
    return tables[IMAGES].query(f"start == {SMALL_START}")


def summary(tables: Tables) -> Any:
    """Mean test error, share of runs without training errors and mean steps of each net, by data, start and size."""

    def made(rows: Any, data: str, start: float, images: int) -> list[dict[str, Any]]:
        return [
            {
                "data": data,
                "start": start,
                "images": images,
                "net": arm,
                "filters": int(rows["many" if arm == "large" else "few"].iloc[0]),
                "seeds": len(rows),
                "mean test error": rows[f"{arm}_test_error"].mean(),
                "runs without training errors": (rows[f"{arm}_train_error"] == 0).mean(),
                "mean training error": rows[f"{arm}_train_error"].mean(),
                "mean steps": rows[f"{arm}_steps"].mean(),
            }
            for arm in ARMS
        ]

    return rows_of(tables[IMAGES], ("data", "start", "images"), made)


def shares(tables: Tables) -> Any:
    """The share of the gap that each start closes, with its interval."""
    import pandas as pd

    found = {arm: ratio_of_means(*evaluate(small_start(tables), closed(arm))) for arm in ARMS[2:]}
    return pd.DataFrame(
        {"start of the few": arm} | r.entries("share of the gap closed") | {"rows": r.count} for arm, r in found.items()
    )


TABLES = (
    StudyTable("xor-by-filters", "Probabilities by number of filters", (XOR_MINIMA,), by_filters),
    StudyTable("xor-by-samples", "Test error by number of samples", (XOR_SAMPLES,), by_samples),
    StudyTable("xor-steps", "Steps to zero training loss", (XOR_MINIMA,), steps_taken),
    StudyTable("xor-clusters", "Clusters of filters", (XOR_CLUSTERS,), clustered),
    StudyTable("filters-summary", "Few filters against many, by training size", (IMAGES,), summary),
    StudyTable("filters-gap", "How much of the gap each start closes", (IMAGES,), shares),
)
