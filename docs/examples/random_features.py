"""Can random relu features fit random labels exactly, and how many of them does it take?"""

import numpy as np

from zeroloss.studies import Claim, Experiment, Grid, Study, StudyFigure, judge, proportion


def trial(parameters, keys):
    """Least squares on `width` random features of 40 random points, once a key."""
    misfit = []
    for key in keys:
        rng = np.random.default_rng(key)
        x, y = rng.normal(size=(40, 10)), rng.choice([-1.0, 1.0], 40)
        features = np.maximum(x @ rng.normal(size=(10, parameters["width"])), 0)
        weights = np.linalg.lstsq(features, y, rcond=None)[0]
        misfit.append(np.mean((features @ weights - y) ** 2))
    return {"loss": misfit, "zero": np.array(misfit) < 1e-20}


def enough(tables):
    wide = tables["fit"].query("width == 80")
    return judge(proportion(wide.zero.sum(), len(wide)), "the share of draws with zero loss", at_least=0.95)


def curve(tables):
    import altair as alt

    share = tables["fit"].groupby("width", as_index=False)["zero"].mean()
    return (
        alt.Chart(share, width="container")
        .mark_line(point=True)
        .encode(x="width", y=alt.Y("zero", title="share fitted"))
    )


widths = Grid({"width": [10, 20, 30, 40, 50, 80]}, seeds=200)
fit = Experiment("fit", "Is the training loss zero?", trial, {"smoke": widths}, block=50)
claim = Claim(
    "enough", "Twice as many features as examples fit random labels in at least 95 % of draws.", ("fit",), enough
)
figure = StudyFigure("share", "How often the fit is exact", ("fit",), curve, "Forty examples; 200 draws per width.")
STUDY = Study("random_features", "How many random features fit random labels?", [fit], [claim], [figure])
