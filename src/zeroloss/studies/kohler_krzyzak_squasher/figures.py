"""What is shown: figures with their captions, and small tables, all from the tables of trials."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from zeroloss.data.designs import (
    heavy_tailed,
    minimax_exponent,
    visited_expectation,
    visited_exponent,
    visited_limit,
)
from zeroloss.networks.squasher import preset_of, theory_steps
from zeroloss.studies.judging import mean, slope
from zeroloss.studies.kohler_krzyzak_squasher.claims import DESCENT, EQUAL, ERRORS, HEAVY, NETWORK, SAMPLES
from zeroloss.studies.kohler_krzyzak_squasher.trials import (
    DEPTH,
    LOOKS,
    METHODS,
    NOISE,
    SUPPORT,
    TAIL,
    WIDTH,
    exact_visited,
)
from zeroloss.studies.measured import rows_of
from zeroloss.studies.study import StudyFigure, StudyTable, Tables

SECONDS_A_UNIT = 1e-8
"""Of a step: what an activation with its derivative costs on a core, by which the theory's steps are priced."""
ORDER = {name: rank for rank, name in enumerate(METHODS)}


def _frame(rows: list[dict[str, Any]]) -> Any:
    import pandas as pd

    return pd.DataFrame(rows)


def _cells(tables: Tables, design: str) -> Any:
    """The mean error of each cell for p = 1 with its interval."""

    def made(part: Any, d: int, n: int, method: str) -> dict[str, Any]:
        return {"d": d, "n": n, "curve": method} | mean(part["error"]).entries("error", finite=True)

    return rows_of(tables[ERRORS].query("design == @design and p == 1"), ("d", "n", "method"), made)


def errors(tables: Tables, design: str) -> Any:
    """Error against n for every method, one panel per dimension, beside the minimax slope and what no interpolator beats."""
    from zeroloss.figures.rates import error_against_n

    cells = _cells(tables, design)
    return error_against_n(cells, rows_of(cells, ("d",), functools.partial(_references, design=design)))


def _references(own: Any, d: int, design: str) -> list[dict[str, Any]]:
    """The minimax slope through the mean of the others at the first n, and what no interpolator beats."""
    ns = sorted(set(own["n"]))
    first = own[own["n"] == ns[0]]
    others = first[first["curve"] != NETWORK]
    start = float(np.exp(np.mean(np.log(others["error"] if len(others) else first["error"]))))
    lines = []
    for n in ns:
        rate = start * (n / ns[0]) ** minimax_exponent(1, d)
        lines.append({"d": d, "n": n, "error": rate, "line": "minimax slope −2p/(2p+d)"})
        if design != "continuous":
            weights = np.full(n, 1 / n) if design == EQUAL else heavy_tailed(TAIL, 1, SUPPORT).weights
            floor = NOISE**2 * visited_expectation(weights, n)
            lines.append({"d": d, "n": n, "error": floor, "line": "visited part of every interpolator"})
    return lines


def errors_caption(tables: Tables, design: str) -> str:
    """Which design, how many samples, and the two slopes."""
    rows = tables[ERRORS].query("design == @design and p == 1")
    slopes = "; ".join(
        f"d = {d}: {slope(part['n'], part['error'])} (minimax {minimax_exponent(1, int(d)):.3f})"
        for d, part in rows[rows["method"] == NETWORK].groupby("d")
    )
    what = {
        EQUAL: "As many equally likely atoms as examples: on average no function that minimises the empirical risk "
        "gets below the dotted line.",
        HEAVY: f"One fixed design, p_k ~ k^-(1+t) on {SUPPORT:,} atoms with t = {TAIL:g}: no minimiser of the empirical risk "
        "gets below the dotted line on average.",
    }.get(design, "The uniform design: no theorem of this study speaks of it, and no atom is visited twice.")
    return (
        f"Mean squared L2 error over {rows['seed'].nunique()} samples at most, 95 % intervals; target with p = 1, noise of "
        f"standard deviation {NOISE:g}. {what} Dashed: the minimax slope. Slopes of the interpolating network: {slopes}."
    )


def slope_table(tables: Tables) -> Any:
    """The slope of every method's error with its interval, beside the minimax slope."""

    def made(part: Any, design: str, d: int, p: float, method: str) -> dict[str, Any]:
        last = part[part["n"] == part["n"].max()]
        row = {"design": design, "d": d, "p": p, "method": method} | slope(part["n"], part["error"]).entries("slope")
        return row | {"minimax": minimax_exponent(p, d), "error at the largest n": last["error"].mean()}

    frame = rows_of(tables[ERRORS], ("design", "d", "p", "method"), made)
    return frame.sort_values(
        ["design", "d", "p", "method"], key=lambda c: c.map(ORDER) if c.name == "method" else c, ignore_index=True
    )


def _sampled(tables: Tables, design: str) -> Any:
    rows = tables[SAMPLES]
    return rows[rows["design"] == design]


def equal_atoms(tables: Tables) -> Any:
    """The visited part on equal atoms: measured, exact, and its limit."""
    from zeroloss.figures.rates import visited_part

    rows = (
        _sampled(tables, EQUAL).groupby("n", as_index=False)["visited"].mean().assign(curve="measured (dashed: exact)")
    )
    ns = sorted({round(v) for v in np.geomspace(rows["n"].min(), rows["n"].max(), 30)})
    exact = _frame([{"n": n, "visited": exact_visited(n), "curve": "measured (dashed: exact)"} for n in ns])
    return visited_part(rows, exact, limit=visited_limit())


def equal_atoms_caption(tables: Tables) -> str:
    """The measured value at the largest n."""
    rows = _sampled(tables, EQUAL)
    last = rows[rows["n"] == rows["n"].max()]
    return (
        "What the atoms of the sample contribute to the error of every function that minimises the empirical risk, on n equally "
        f"likely atoms. Dashed: its exact expectation s^2 sum_k p_k E[1(N_k > 0)/N_k]. At n = {rows['n'].max():,}: "
        f"{mean(last['visited'])}; exactly {exact_visited(int(rows['n'].max())):.5f}; the limit is e^-1 (Ei(1) - gamma_E)."
    )


def heavy_tails(tables: Tables) -> Any:
    """The visited part on heavy-tailed designs: measured, and lines of the limit's slope through the last point."""
    from zeroloss.figures.rates import visited_part

    rows = _sampled(tables, HEAVY).groupby(["tail", "n"], as_index=False)["visited"].mean()
    rows["curve"] = [f"t = {t:g}" for t in rows["tail"]]
    lines = []
    for t, part in rows.groupby("tail"):
        last = part.iloc[-1]
        for n in part["n"]:
            value = last["visited"] * (n / last["n"]) ** visited_exponent(t)
            lines.append({"n": n, "visited": value, "curve": f"t = {t:g}"})
    return visited_part(rows, _frame(lines))


def heavy_tails_caption(tables: Tables) -> str:
    """The slopes."""
    slopes = ", ".join(
        f"{slope(part['n'], part['visited']).estimate:.3f} for {visited_exponent(t):.3f} (t = {t:g})"
        for t, part in _sampled(tables, HEAVY).groupby("tail")
    )
    return (
        "The same on fixed designs p_k ~ k^-(1+t). Dashed: the slope -t/(1+t) of the limit through the last point. Measured "
        f"slopes: {slopes}."
    )


def visited_table(tables: Tables) -> Any:
    """Measured, exact and limiting visited part by design, t and n."""

    def made(part: Any, design: str, tail: float, n: int) -> dict[str, Any]:
        row = {"design": design, "t": tail, "n": n} | mean(part["visited"]).entries("visited")
        return row | {"seen mass": part["seen"].mean(), "exact": exact_visited(n) if design == EQUAL else math.nan}

    return rows_of(tables[SAMPLES], ("design", "tail", "n"), made)


def _curve(row: Any) -> str:
    return f"{row['preset']}, {row['per_example']} n networks"


def descent(tables: Tables) -> Any:
    """The median relative excess against steps at the largest n that all starts have."""
    from zeroloss.figures.rates import excess_against_steps

    return excess_against_steps(_excesses(tables))


def _common(tables: Tables) -> Any:
    rows = tables[DESCENT]
    rows = rows[rows["activation"] == "sigmoid"]
    shared = rows.groupby("n").apply(lambda part: len(part.groupby(["preset", "per_example"])), include_groups=False)
    return rows[rows["n"] == shared[shared == shared.max()].index.max()]


def _excesses(tables: Tables) -> Any:
    found = []
    for _, part in _common(tables).groupby(["preset", "per_example"]):
        looked = np.array(part["after"].tolist(), float)
        for k, step in enumerate(LOOKS):
            if step <= part["steps"].max():
                value = float(np.median(looked[:, k]))
                found.append({"step": step, "excess": value, "curve": _curve(part.iloc[0])})
    return _frame(found)


def descent_caption(tables: Tables) -> str:
    """n, runs, and what finishing does."""
    rows = _common(tables)
    ranks = ", ".join(
        f"{(part['rank'] / part['distinct']).mean():.0%} of the distinct inputs ({_curve(part.iloc[0])})"
        for _, part in rows.groupby(["preset", "per_example"])
    )
    return (
        f"Gradient descent on all weights, step 1/smoothness: median over {len(rows)} runs (samples of n = {rows['n'].max()} from "
        f"equal atoms, d = {', '.join(map(str, sorted(rows['d'].unique())))}) of the empirical risk above its infimum, relative "
        f"to the start. Solving for the read-out afterwards leaves {rows['readout'].median():.0e} (median). Mean rank of the "
        f"features at the start: {ranks}."
    )


def descent_table(tables: Tables) -> Any:
    """Excesses, rank and proofs by start, activation and n."""

    def made(part: Any, preset: str, per_example: int, activation: str, n: int) -> dict[str, Any]:
        newton = part.loc[part["gauss_newton"] >= 0, "gauss_newton"]
        return {
            "preset": preset,
            "networks": f"{per_example} n",
            "activation": activation,
            "n": n,
            "runs": len(part),
            "rank / distinct": (part["rank"] / part["distinct"]).mean(),
            "descent (median)": part["descent"].median(),
            "descent (worst)": part["descent"].max(),
            "read-out (worst)": part["readout"].max(),
            "Gauss-Newton (worst)": newton.max() if len(newton) else math.nan,
            "proved": part["proved"].mean(),
            "error, descent": part["error_descent"].mean(),
            "error, read-out": part["error_readout"].mean(),
            "error, start": part["error_start"].mean(),
        }

    return rows_of(tables[DESCENT], ("preset", "per_example", "activation", "n"), made)


def prices(_: Tables) -> Any:
    """What the theory's own step and start would cost: priced, never run."""
    found = []
    for n in (32, 100, 1000):
        for d in (1, 3):
            k, start = 64 * n, preset_of("theory", n, d)
            steps = theory_steps(k, n, DEPTH)
            years = steps * SECONDS_A_UNIT * n * k * (WIDTH + 1) / (365.25 * 86400)
            row = {"n": n, "d": d, "networks K": k, "depth L": DEPTH, "width r": WIDTH, "steps t_n": steps}
            row |= {"first weights within": start.first, "later weights within": start.inner}
            found.append(row | {"years on one core": years})
    return _frame(found)


FIGURES = (
    *(
        StudyFigure(
            f"errors-{design.replace(' ', '-')}",
            title,
            (ERRORS,),
            functools.partial(errors, design=design),
            functools.partial(errors_caption, design=design),
        )
        for design, title in (
            (EQUAL, "Error on n equally likely atoms"),
            (HEAVY, "Error on a fixed heavy-tailed design"),
            ("continuous", "Error on a continuous design"),
        )
    ),
    StudyFigure(
        "visited-equal-atoms", "A part of the error that never falls", (SAMPLES,), equal_atoms, equal_atoms_caption
    ),
    StudyFigure(
        "visited-heavy-tailed", "A part of the error that falls too slowly", (SAMPLES,), heavy_tails, heavy_tails_caption
    ),
    StudyFigure("descent", "Does descent get there?", (DESCENT,), descent, descent_caption),
)  # fmt: skip
TABLES = (
    StudyTable("slopes", "Slopes of the error, all designs", (ERRORS,), slope_table),
    StudyTable("visited", "What visited atoms contribute (unit noise)", (SAMPLES,), visited_table),
    StudyTable(
        "descents", "How far descent gets: relative excess of the empirical risk", (DESCENT,), descent_table
    ),
    StudyTable("prices", "What the theory's own steps would take (priced, not run)", (SAMPLES,), prices),
)  # fmt: skip
