"""A study of your own

Does training to zero loss hurt when the labels are noisy? A hunch like that usually ends as a script with a plot. As a *study* it is a
sentence with a range fixed beforehand, trials that are kept and resumed, and a verdict with an interval. This page builds
one; [Studies](../studies.md) has the rest: stores, more cores, clusters.
"""

# %% A trial
# A trial takes one set of parameters and a block of seeds, and returns arrays with one entry per seed. Here: fit a sine
# from noisy values by random features, once exactly (the interpolant of least norm) and once with a ridge, and
# measure both against the noiseless sine. It depends on its arguments alone, so that a row means the same tomorrow.

import numpy as np


def trial(parameters, keys):
    """Test errors of the interpolant and of ridge regression on the same features, one entry per key."""
    loss, exact, ridge = [], [], []
    for key in keys:
        rng = np.random.default_rng(key)
        x, x_new = (np.linspace(-1, 1, points)[:, None] for points in (30, 500))
        y = np.sin(3 * x[:, 0]) + parameters["noise"] * rng.standard_normal(30)
        w, b = rng.choice([-1, 1], (1, 400)), rng.uniform(-1, 1, 400)
        features, new = (np.maximum(z @ w + b, 0) / 20 for z in (x, x_new))
        gram, truth = features @ features.T, np.sin(3 * x_new[:, 0])
        answers = {
            "exact": np.linalg.lstsq(features, y, rcond=None)[0],
            "ridge": features.T @ np.linalg.solve(gram + 0.03 * np.eye(30), y),
        }
        loss.append(np.mean((features @ answers["exact"] - y) ** 2) / 2)
        exact.append(np.mean((new @ answers["exact"] - truth) ** 2))
        ridge.append(np.mean((new @ answers["ridge"] - truth) ** 2))
    return {"loss": loss, "exact": exact, "ridge": ridge}


for name, values in trial({"noise": 0.3}, [0, 1]).items():
    print(name, np.array(values))

# %% Claims, fixed before the run
# A claim is a sentence and a function of the result table. `judge` compares an interval with the range that the
# sentence names: `SUPPORTED` if all of it lies inside, `CONTRADICTED` if none does, `UNKNOWN` otherwise.

from zeroloss.studies import Claim, Experiment, Grid, Study, StudyFigure, judge, paired_difference, proportion


def hurts(tables):
    """With noise the interpolant is worse than the ridge."""
    rows = tables["fit"].query("noise == 0.5")
    return judge(paired_difference(rows.exact, rows.ridge), "the interpolant's error less the ridge's", at_least=0.0)


def helps_without(tables):
    """Without noise it is better."""
    rows = tables["fit"].query("noise == 0")
    return judge(paired_difference(rows.exact, rows.ridge), "the interpolant's error less the ridge's", at_most=0.0)


def reaches(tables):
    """The interpolant has zero training loss."""
    rows = tables["fit"]
    return judge(proportion((rows.loss < 1e-12).sum(), len(rows)), "the share of fits below 1e-12", at_least=0.95)


claims = [
    Claim(
        "reaches", "The interpolant has training loss below 1e-12 with probability at least 0.95.", ("fit",), reaches
    ),
    Claim("hurts", "At noise 0.5 the interpolant's mean test error is above that of the ridge.", ("fit",), hurts),
    Claim("helps", "Without noise it is below.", ("fit",), helps_without),
]

# %% A figure, and the study


def curve(tables):
    """Median errors against the noise."""
    import altair as alt

    rows = tables["fit"].melt(["noise", "seed"], ["exact", "ridge"], var_name="fit", value_name="error")
    rows = rows.groupby(["noise", "fit"], as_index=False)["error"].median()
    return (
        alt.Chart(rows, width=480, height=240, description="Median test error of both fits against the label noise")
        .mark_line(point=True, strokeWidth=2.5)
        .encode(
            x=alt.X("noise", title="standard deviation of the label noise"),
            y=alt.Y("error", title="median test error"),
            color=alt.Color("fit", scale=alt.Scale(range=["#D55E00", "#0072B2"])),
            strokeDash="fit",
        )
    )


noise = [0.0, 0.1, 0.2, 0.5]
fit = Experiment("fit", "What does an exact fit cost?", trial, {"smoke": Grid({"noise": noise}, seeds=200)}, block=50)
figure = StudyFigure("noise", "Exact fit against ridge", ("fit",), curve, "200 samples of 30 points per noise level.")
STUDY = Study("exact_fit", "Does training to zero loss hurt?", [fit], claims, [figure])

# %% Run it
# With the study in a file, `zeroloss study run my_study.py --scale smoke` runs it, `zeroloss study report
# my_study.py` writes its page, and Ctrl-C at any time loses nothing. In Python:

from zeroloss.studies import Store, conclude, run, tables

store = Store("rows.sqlite")
print(run(STUDY, "smoke", store=store).done, "trials run")
for verdict in conclude(STUDY, "smoke", store=store).verdicts.values():
    print(verdict)

# %%
# Running again finds every row in the store and does nothing:

again = run(STUDY, "smoke", store=store)
print(again.done, "trials run;", again.before, "were there")

# %%

curve(tables(STUDY, "smoke", store=store))

# %%
# The third claim is where a hunch meets a measurement; whatever it came out as stays so. More noise levels or seeds
# need no new file: `--set noise=0,1 --set seeds=1000`.

store.close()
