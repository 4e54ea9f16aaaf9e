"""Can random relu features fit random labels exactly, and how many of them does it take?"""

import dataclasses

import numpy as np

from zeroloss.studies import Experiment, Grid, Measured, Study, StudyFigure, claim, per_key, share


@dataclasses.dataclass(frozen=True)
class Cell:
    width: int


@per_key
def trial(cell: Cell, key: int) -> dict:
    """Least squares on `width` random features of 40 random points."""
    rng = np.random.default_rng(key)
    x, y = rng.normal(size=(40, 10)), rng.choice([-1.0, 1.0], 40)
    features = np.maximum(x @ rng.normal(size=(10, cell.width)), 0)
    weights = np.linalg.lstsq(features, y, rcond=None)[0]
    loss = np.mean((features @ weights - y) ** 2)
    return {"loss": loss, "zero": loss < 1e-20}


def curve(tables):
    import altair as alt

    fitted = tables["fit"].groupby("width", as_index=False)["zero"].mean()
    return (
        alt.Chart(fitted, width="container")
        .mark_line(point=True)
        .encode(x="width", y=alt.Y("zero", title="share fitted"))
    )


widths = Grid({"width": [10, 20, 30, 40, 50, 80]}, seeds=200)
fit = Experiment("fit", "Is the training loss zero?", trial, {"smoke": widths}, block=50)
enough = claim(
    "enough",
    "Twice as many features as examples fit random labels in at least 95 % of draws.",
    Measured("fit", "zero", "the share of draws with zero loss", share, at_least=0.95, where="width == 80"),
)
figure = StudyFigure("share", "How often the fit is exact", ("fit",), curve, "Forty examples; 200 draws per width.")
STUDY = Study("random_features", "How many random features fit random labels?", [fit], [enough], [figure])
