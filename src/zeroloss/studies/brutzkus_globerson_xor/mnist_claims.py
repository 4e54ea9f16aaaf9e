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
    "On MNIST (scikit-learn's digits where MNIST is not at hand), filters started small, over training sizes and seeds"
)
CLAIMS = tuple(
    Claim(key, f"{_ON}: {sentence}.", (NAME,), judge_it, standing, SOURCE)
    for key, sentence, judge_it, standing in (
        (
            "many-beat-few",
            "the mean test error of many filters is at least 0.001 lower than that of few trained on the same images",
            many_beat_few,
            "paper",
        ),
        (
            "centres-close-half",
            "few filters started at the k-means centres of the many trained ones close at least half of the gap between the "
            "mean test errors of few and of many",
            centres_close_half,
            "recalled",
        ),
        (
            "random-start-does-not",
            "few filters of random directions, with the norms and biases of the k-means centres, close at most half of that gap",
            random_start_does_not,
            "recalled",
        ),
        (
            "centres-beat-random",
            "the mean test error of few filters started at the k-means centres is at least 0.001 lower than from random "
            "directions of the same norms and biases",
            centres_beat_random,
            "ours",
        ),
        (
            "centres-beat-picked",
            "the mean test error of few filters started at the k-means centres is at least 0.001 lower than from as many of the "
            "trained filters picked at random",
            centres_beat_picked,
            "ours",
        ),
        (
            "filters-cluster",
            "training raises the share of the spread of the many filters' directions that lies between as many k-means "
            "clusters as there are few filters by at least 0.05 on average",
            filters_cluster,
            "ours",
        ),
        (
            "reach-zero",
            "many filters and few, both started at random, each err on no training image within the budget of steps with "
            "probability at least 0.5",
            reach_zero,
            "ours",
        ),
    )
)
