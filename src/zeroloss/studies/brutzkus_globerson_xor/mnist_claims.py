"""Few filters against many: the claims. Every range was fixed before a test error of the desk scale was seen."""

from __future__ import annotations

from typing import Any

from zeroloss.studies.brutzkus_globerson_xor.ratio import ratio_of_means
from zeroloss.studies.judging import all_of, judge, mean, paired_difference, proportion
from zeroloss.studies.study import Claim, Finding, Tables

NAME = "few-against-many"
SOURCE = "after Brutzkus & Globerson 1810.03037, the experiments on MNIST"
SMALL_START = 0.1
MARGIN = 1e-3
"""What "lower" and "more" must at least be, as a share of the test images."""
HALF = 0.5


def small_start(tables: Tables) -> Any:
    """The rows of the small start."""
    table = tables[NAME]
    return table[table["start"] == SMALL_START]


def _gap(tables: Tables) -> Any:
    rows = small_start(tables)
    return rows["small_test_error"] - rows["large_test_error"]


def closed(tables: Tables, arm: str) -> Any:
    """The share of the gap that `arm` closes: of `small - large`, the part `small - arm`."""
    rows = small_start(tables)
    return ratio_of_means(rows["small_test_error"] - rows[f"{arm}_test_error"], _gap(tables))


def many_beat_few(tables: Tables) -> Finding:
    """The test error of few filters less that of many, over sizes and seeds."""
    return judge(mean(_gap(tables)), "the test error of few filters less that of many", at_least=MARGIN)


def centres_close_half(tables: Tables) -> Finding:
    """The share of the gap that the start at the centres closes."""
    return judge(closed(tables, "kmeans"), "the share of the gap closed by the centres", at_least=HALF)


def random_start_does_not(tables: Tables) -> Finding:
    """The share of the gap that the control closes."""
    return judge(closed(tables, "random"), "the share of the gap closed by random directions", at_most=HALF)


def _ahead(tables: Tables, other: str, words: str) -> Finding:
    rows = small_start(tables)
    interval = paired_difference(rows[f"{other}_test_error"], rows["kmeans_test_error"])
    return judge(interval, f"the test error from {words} less that from the centres", at_least=MARGIN)


def centres_beat_random(tables: Tables) -> Finding:
    """The centres against random directions of the same norms."""
    return _ahead(tables, "random", "random directions")


def centres_beat_picked(tables: Tables) -> Finding:
    """The centres against filters of the large net picked at random."""
    return _ahead(tables, "picked", "picked filters")


def filters_cluster(tables: Tables) -> Finding:
    """How much more of the spread of the filters' directions the clusters hold after training."""
    rows = small_start(tables)
    change = paired_difference(rows["clustered_end"], rows["clustered_start"])
    return judge(change, "the rise of the clusters' share", at_least=0.05)


def reach_zero(tables: Tables) -> Finding:
    """How often each net errs on no training image within the budget."""
    rows = small_start(tables)
    return all_of(
        {
            arm: judge(
                proportion(int((rows[f"{arm}_train_error"] == 0).sum()), len(rows)),
                "the share of runs without training errors",
                at_least=HALF,
            )
            for arm in ("large", "small")
        }
    )


_ON = (
    "on MNIST (scikit-learn's digits where MNIST is not at hand), filters started small, over training sizes and seeds"
)
CLAIMS = tuple(
    Claim(key, f"{sentence} ({_ON}).", (NAME,), judge_it, standing, SOURCE)
    for key, sentence, judge_it, standing in (
        (
            "many-beat-few",
            "120 filters have a mean test error at least 0.001 lower than 4 filters trained on the same images",
            many_beat_few,
            "paper",
        ),
        (
            "centres-close-half",
            "4 filters started at the k-means centres of the 120 trained ones close at least half of the gap in test error",
            centres_close_half,
            "recalled",
        ),
        (
            "random-start-does-not",
            "4 filters of random directions, with the norms and biases of these centres, close at most half of it",
            random_start_does_not,
            "recalled",
        ),
        (
            "centres-beat-random",
            "the start at the centres gives a mean test error at least 0.001 lower than random directions of the same norms",
            centres_beat_random,
            "ours",
        ),
        (
            "centres-beat-picked",
            "the start at the centres gives a mean test error at least 0.001 lower than 4 of the 120 picked at random",
            centres_beat_picked,
            "ours",
        ),
        (
            "filters-cluster",
            "training raises the share of the spread of the 120 filters' directions that lies between 4 k-means clusters "
            "by at least 0.05 on average",
            filters_cluster,
            "ours",
        ),
        (
            "reach-zero",
            "both 120 filters and 4, started at random, err on no training image within the budget of steps in at least "
            "half of the runs",
            reach_zero,
            "ours",
        ),
    )
)
