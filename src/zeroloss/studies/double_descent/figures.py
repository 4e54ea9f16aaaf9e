"""What is shown: figures with their captions, and small tables, all from the tables of trials."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np

from zeroloss.studies.double_descent.claims import ADAM, DRAWN, FEATURES, MINIMA, NEWTON, NOISY
from zeroloss.studies.double_descent.places import loaded
from zeroloss.studies.judging import mean
from zeroloss.studies.measured import summary
from zeroloss.studies.study import StudyFigure, Tables

FEATURE_AXIS = "features over distinct training inputs, p/n (log scale)"
NETWORK_AXIS = "parameters over equations, P/(n c) (log scale)"
ERROR = "share of wrong answers"
TEST, TRAINING = "test error", "training error"


def _curves(
    rows: Any, axis: str, shown: Mapping[str, tuple[str, str]], by: str | None = None, log: bool = False
) -> list[dict[str, Any]]:
    """Means with intervals: for each column its (series, part); `by` splits a column into one series per noise.

    log: geometric means, for a logarithmic axis, over the cells where all values are positive.
    """
    found = []
    for column, (name, part) in shown.items():
        for keys, cell in rows.groupby([axis, *([by] if by else [])]):
            values = cell[column].to_numpy(float)
            if log and not (values > 0).all():
                continue
            interval = mean(np.log(values) if log else values)
            numbers = (interval.estimate, interval.low, interval.high) if len(values) > 1 else (interval.estimate,) * 3
            value, low, high = (float(np.exp(v)) if log else v for v in numbers)
            label = f"{100 * keys[1]:.0f} % of labels wrong" if by else name
            found.append({"load": keys[0], "series": label, "part": part, "value": value, "low": low, "high": high})
    return found


def _drawn(found: list[dict[str, Any]], x_title: str, y_title: str, threshold: str, share: bool = True) -> Any:
    from zeroloss.figures.double_descent import against_width

    table = {name: [row[name] for row in found] for name in found[0]}
    return against_width(table, x_title=x_title, y_title=y_title, threshold=threshold, share=share)


def _of(rows: Any, data: str) -> Any:
    """The rows of a data set, or all where it was not tried at this scale."""
    mine = rows[rows["data"] == data]
    return mine if len(mine) else rows


def feature_errors(tables: Tables, data: str) -> Any:
    """Test and training error of the minimum norm, one colour per noise."""
    rows = _of(tables[FEATURES], data)
    shown = {"error": ("", TEST), "train_error": ("", TRAINING)}
    return _drawn(_curves(rows, "ratio", shown, "noise"), FEATURE_AXIS, ERROR, "p = n")


def feature_caption(tables: Tables, data: str) -> str:
    """Rows, seeds, and the errors at threshold and widest."""
    rows = _of(tables[FEATURES], data)
    noisy = rows[rows["noise"] == rows["noise"].max()].groupby("ratio")["error"].mean()
    n, seeds = int(rows["n"].iloc[0]), rows["seed"].nunique()
    return (
        f"Minimum-norm least squares on p random relu features of {n:,} rows of {rows['data'].iloc[0]}: test error (solid, means over "
        f"{seeds} draws with 95 % intervals, clean labels) and training error (dashed, against the labels given). With "
        f"{rows['noise'].max():.0%} of the labels wrong it is {noisy[noisy.index < 1].min():.1%} at the best width below n, "
        f"{noisy[1.0]:.1%} at p = n and {noisy.iloc[-1]:.1%} at the widest."
    )


ESTIMATORS = {
    "error": ("minimum norm", TEST),
    "budget_error": ("descent, 10,000 steps", TEST),
    "ridge_error": ("ridge", TEST),
    "stopped_error": ("descent, stopped early", TEST),
}


def _noisiest(rows: Any) -> Any:
    return rows[rows["noise"] == (NOISY if NOISY in set(rows["noise"]) else rows["noise"].max())]


def estimators(tables: Tables) -> Any:
    """Minimum norm, ridge and descent at the highest noise, on the first data set."""
    rows = _noisiest(_of(tables[FEATURES], "digits"))
    return _drawn(_curves(rows, "ratio", ESTIMATORS), FEATURE_AXIS, "test error", "p = n")


def estimators_caption(tables: Tables) -> str:
    """What is compared."""
    rows = _noisiest(_of(tables[FEATURES], "digits"))
    least = rows.groupby("ratio")[["error", "ridge_error"]].mean()
    return (
        f"The same features of {rows['data'].iloc[0]} with {rows['noise'].iloc[0]:.0%} of the labels wrong: the minimum norm, which "
        "gradient descent reaches in the limit; descent of 10,000 steps; ridge and descent stopped early, with penalty and time chosen on "
        f"further noisy rows. At the widest the minimum norm errs on {least['error'].iloc[-1]:.1%} and ridge on "
        f"{least['ridge_error'].iloc[-1]:.1%}."
    )


def norms(tables: Tables) -> Any:
    """The norm of the minimum-norm solution, one colour per noise."""
    rows = _of(tables[FEATURES], "digits")
    curves = _curves(rows, "ratio", {"norm": ("", TEST)}, "noise", log=True)
    return _drawn(curves, FEATURE_AXIS, "norm of the weights |W| (log scale)", "p = n", share=False)


def norm_caption(tables: Tables) -> str:
    """Where it is largest."""
    rows = _of(tables[FEATURES], "digits")
    found = np.exp(np.log(_noisiest(rows)["norm"]).groupby(_noisiest(rows)["ratio"]).mean())
    return (
        f"The norm of the read-out for features relu(w.x + b)/sqrt(p) on {rows['data'].iloc[0]} (geometric means). With "
        f"{_noisiest(rows)['noise'].iloc[0]:.0%} noise it is largest at p = {found.idxmax():g} n, "
        f"{found.max() / found.iloc[-1]:.3g} times that of the widest."
    )


def network_errors(tables: Tables, data: str) -> Any:
    """Test and training error of trained networks, one colour per noise."""
    rows = _of(loaded(tables[ADAM]), data)
    shown = {"error": ("", TEST), "train_error": ("", TRAINING)}
    return _drawn(_curves(rows, "load", shown, "noise"), NETWORK_AXIS, ERROR, "P = n c")


def network_caption(tables: Tables, data: str) -> str:
    """Rows, seeds, and what early stopping does."""
    rows = _of(loaded(tables[ADAM]), data)
    top = _noisiest(rows)
    place = (top["load"] - 1).abs().idxmin()
    at, wide = top[top["load"] == top.loc[place, "load"]], top[top["load"] == top["load"].max()]
    return (
        f"Networks with a hidden relu layer on {int(rows['n'].iloc[0]):,} rows of {rows['data'].iloc[0]}, all weights trained by Adam: "
        f"test error (solid, means over {rows['seed'].nunique()} seeds with 95 % intervals) and training error (dashed). With "
        f"{top['noise'].iloc[0]:.0%} noise: {at['error'].mean():.1%} at about n c parameters, {wide['error'].mean():.1%} at the widest; "
        f"stopped early {at['stopped_error'].mean():.1%} and {wide['stopped_error'].mean():.1%}."
    )


def variance(tables: Tables) -> Any:
    """Variance over features and the rest at the highest noise, on the first data set."""
    rows = _noisiest(_of(tables[DRAWN], "digits"))
    shown = {
        "squared": ("squared test error", TEST),
        "variance": ("variance over features", TEST),
        "rest": ("the rest", TEST),
    }
    curves = _curves(rows, "ratio", shown, log=True)
    return _drawn(curves, FEATURE_AXIS, "mean of |f(x) - y|\u00b2 (log scale)", "p = n", share=False)


def variance_caption(tables: Tables) -> str:
    """Its share at the threshold and at the widest."""
    rows = _noisiest(_of(tables[DRAWN], "digits"))
    part = (rows["variance"] / rows["squared"]).groupby(rows["ratio"]).mean()
    return (
        f"The squared test error on {rows['data'].iloc[0]} with {rows['noise'].iloc[0]:.0%} noise, split into variance over "
        f"independent draws of the features and the error of their average (geometric means). The variance is "
        f"{part.get(1.0, part.iloc[0]):.0%} of it at p = n and {part.iloc[-1]:.0%} at the widest; predicting the mean has 0.9. Where the "
        "estimate of the rest is not above 0 for every seed it is not drawn."
    )


def _long(tables: Tables) -> Any:
    rows = _of(tables[MINIMA], "digits")
    return rows.assign(shown_bad=rows["bad_error"].where(rows["bad_exists"].astype(bool)))


def minima(tables: Tables) -> Any:
    """Test errors of the minimum norm, the twin and the bad solution."""
    rows = _long(tables)
    shown = {"error": ("minimum norm", TEST), "twin_error": ("its twin", TEST)}
    found = _curves(rows, "ratio", shown)
    found += _curves(
        rows[rows["bad_exists"].astype(bool)], "ratio", {"bad_error": ("same features, bad elsewhere", TEST)}
    )
    return _drawn(found, FEATURE_AXIS, "test error", "p = n")


def minima_caption(tables: Tables) -> str:
    """That all interpolate, and the norms."""
    rows = _long(tables)
    some = rows[rows["bad_exists"].astype(bool)]
    return (
        f"From p = n on all three have zero training loss on {rows['data'].iloc[0]} ({rows['noise'].iloc[0]:.0%} noise); the twin has it "
        "below, too. "
        f"The twin adds units to the network; the other solution has the same features and {some['norm_ratio'].min():.2g} to "
        f"{some['norm_ratio'].max():.2g} times the norm. So neither width nor zero training loss explains the second descent; which of "
        "the solutions is taken does."
    )


def _of_data(key: str, title: str, needs: str, draw: Any, caption: Any) -> list[StudyFigure]:
    """A figure for each data set."""
    return [
        StudyFigure(
            f"{key}-{data}",
            title.format(data),
            (needs,),
            functools.partial(draw, data=data),
            functools.partial(caption, data=data),
        )
        for data in ("digits", "mnist1d")
    ]


FIGURES = (
    *_of_data("features", "Random features on {}: minimum norm against width", FEATURES, feature_errors, feature_caption),
    StudyFigure("estimators", "What removes the peak", (FEATURES,), estimators, estimators_caption),
    StudyFigure("norm", "The norm of the solution", (FEATURES,), norms, norm_caption),
    *_of_data("networks", "Trained networks on {}", ADAM, network_errors, network_caption),
    StudyFigure("variance", "Variance over the draw of features", (DRAWN,), variance, variance_caption),
    StudyFigure("other-minima", "Zero training loss, three times", (MINIMA,), minima, minima_caption),
)  # fmt: skip

CELL = ("data", "n", "noise", "ratio", "width")
TABLES = (
    summary(
        "features", "Least squares on random features", FEATURES, CELL,
        (
            "train_error", "error", "squared", "norm", "ridge_error", "ridge_squared", "ridge_norm", "stopped_error", "budget_error"
        ),
        "seeds",
    ),
    summary(
        "conditioning", "Condition numbers, and what the features cannot express of the targets", FEATURES,
        ("data", "n", "ratio", "width"),
        {"distinct": ("distinct", "min"), "condition": ("condition", "median"), "outside": ("residual", "max")}, "",
    ),
    summary(
        "variances", "Variance over the draw of features", DRAWN, CELL,
        ("squared", "variance", "rest", "error", "averaged_error"), "seeds",
    ),
    summary(
        "minima", "Minimum norm, twins and other solutions", MINIMA, CELL,
        ("error", "twin_error", "twin_train_right", "bad_exists", "bad_error", "bad_train_right", "norm_ratio"), "seeds",
    ),
    summary(
        "networks", "Networks trained by Adam", ADAM, ("data", "n", "noise", "width", "parameters", "load"),
        ("loss", "minimum", "train_error", "error", "norm", "steps", "stopped_error", "stopped_steps"), "seeds",
        {"load": "parameters / equations"},
    ),
    summary(
        "newton", "Gauss-Newton and Adam", NEWTON, ("data", "n", "noise", "width", "parameters"),
        ("loss", "zero", "train_error", "error", "adam_loss", "adam_minimum", "adam_error"), "seeds",
    ),
)  # fmt: skip
