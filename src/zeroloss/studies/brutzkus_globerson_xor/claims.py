"""The claims: what is measured of the tables, and its range. All ranges were fixed before the first run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zeroloss.studies.judging import mean, paired_difference, ratio_of_means, share
from zeroloss.studies.measured import Measured, all_parts, claim, pairs
from zeroloss.theorems import xor_formulas as formulas

SOURCE = "A. Brutzkus, A. Globerson, arXiv 1810.03037 (ICML 2019)"
ON_IMAGES = "after Brutzkus & Globerson 1810.03037, the experiments on MNIST"
XOR_MINIMA, XOR_SAMPLES, XOR_CLUSTERS, IMAGES = "xor-minima", "xor-samples", "xor-clusters", "few-against-many"
NEAR = 0.01
"""How far from 33/48 the small network's probability may be."""
CLOSE = 0.03
"""How far from a formula of the random start a probability may be."""
PREDICTED = 0.99
"""Of the seeds, the share whose outcome their start must determine."""
ALIGNED = 5.0
"""Degrees from a filter to the centre of its cluster."""
SMALL_START = 0.1
MARGIN = 1e-3
"""What "lower" and "more" must at least be, as a share of the test images."""
HALF = 0.5
ERRS = "the share of seeds that reach zero training loss and are wrong on some set of patterns"
RIGHT = formulas.LARGE_NET - formulas.C_0
SIZES = "m = {m}, p = {diverse:g}"


def _happens(
    value: Any, quantity: Any, low: Any, high: Any = float("inf"), table: str = XOR_MINIMA, **more: Any
) -> Measured:
    """How often something happens over the seeds."""
    return Measured(table, value, quantity, share, low, high, **more)


def _formula(happened: str, formula: Callable[[int], float], what: str) -> Measured:
    """How often something happens at each k, against a formula."""

    def end(sign: int) -> Callable[[Any], float]:
        return lambda cell: formula(int(cell["k"])) + sign * CLOSE

    return _happens(happened, f"P({what})", end(-1), end(1), where="gamma == 8", each="k", named="k = {k}")


def _bound(cell: Any) -> float:
    """The bound on the steps to zero training loss."""
    return formulas.step_bound(int(cell["k"]), 8.0, 1 / float(cell["inverse_c_eta"]))


def _both_sizes(rows: Any) -> Any:
    """The sample sizes at which few filters and many were tried, with the larger step."""
    rows = rows[rows["inverse_c_eta"] == 41]
    return rows[rows.groupby(["diverse", "m"])["k"].transform("nunique") == 2]


def _aligned(group: str) -> Measured:
    words = f"the mean angle of {group} filters"
    return Measured(XOR_CLUSTERS, f"{group}_angle_end", words, mean, at_most=ALIGNED, unit="°", where="k == 120")


def _images(
    value: Any, quantity: str, statistic: Any, low: float = -float("inf"), high: float = float("inf")
) -> Measured:
    """What is measured of the nets whose filters start small."""
    return Measured(IMAGES, value, quantity, statistic, low, high, where=f"start == {SMALL_START}")


GAP = "small_test_error - large_test_error"


def closed(arm: str) -> tuple[str, str]:
    """Of the gap `small - large`, the part `small - arm` that `arm` closes."""
    return f"small_test_error - {arm}_test_error", GAP


def _ahead(other: str, words: str) -> Measured:
    """The test error of a start less that of the start at the centres."""
    quantity = f"the test error from {words} less that from the centres"
    return _images((f"{other}_test_error", "kmeans_test_error"), quantity, paired_difference, MARGIN)


_ON = (
    "On MNIST (scikit-learn's digits where MNIST is not at hand), filters started small, over training sizes and seeds"
)
CLAIMS = (
    claim(
        "small-net-errs",
        "If every training point is diverse, gradient descent on the XOR network with k = 2, gamma = 8 and the paper's start and "
        "step (c_eta = 1/410) reaches a global minimum (zero training loss) that is wrong on some set of patterns with "
        "probability 33/48, to within 0.01.",
        _happens(
            "zero_loss and wrong", ERRS, formulas.SMALL_NET - NEAR, formulas.SMALL_NET + NEAR, where="k == 2 and gamma == 8"
        ),
        "recalled", SOURCE,
    ),
    claim(
        "small-net-errs-any-margin",
        "With k = 2 and every training point diverse, that probability is at least (33/48)(1 - c_0), for gamma = 1 and for gamma = 8.",
        _happens(
            "zero_loss and wrong", ERRS, formulas.SMALL_NET * (1 - formulas.C_0), 1.0, where="k == 2", each="gamma",
            named="gamma = {gamma:g}",
        ),
        "recalled", f"{SOURCE}; the small network's gamma is not recalled",
    ),
    claim(
        "start-foretells",
        "Why 33/48: with k = 2, gamma = 8 and diverse training points, descent reaches zero training loss iff some w filter "
        "starts nearest A or B, and is then wrong on some set of patterns iff the w filters do not start at both A and B or the u "
        "filters do not favour both C and D; for at least 99 % of seeds.",
        _happens(
            "zero_loss == some_w_positive and (not zero_loss or wrong != covered)",
            "the share of seeds that fare as their start foretells", PREDICTED, where="k == 2 and gamma == 8",
        ),
    ),
    claim(
        "zero-loss-by-filters",
        "With diverse training points and gamma = 8, descent reaches zero training loss with probability 1 - 2^-k, to within 0.03, "
        "at each k tried.",
        _formula("zero_loss", formulas.reaches, "zero training loss"),
    ),
    claim(
        "errs-by-filters",
        "With diverse training points and gamma = 8, descent reaches a global minimum that is wrong on some set of patterns with "
        "probability (1 - 2^-k) - (1 - 2 (3/4)^k + 2^-k)(1 - 2^(1-k)), to within 0.03, at each k tried.",
        _formula("zero_loss and wrong", formulas.errs, "a global minimum that errs"),
    ),
    claim(
        "large-net-right",
        "With k = 120, gamma = 8 and diverse training points, descent reaches zero training loss and a network that is right on every "
        "set of patterns with probability at least 1 - c_0 - 16 e^-8.",
        _happens(
            "zero_loss and not wrong", "the share of seeds with zero training loss that are right on every set of patterns", RIGHT,
            where="k == 120 and gamma == 8",
        ),
        "recalled", SOURCE,
    ),
    claim(
        "steps-within-bound",
        "With diverse training points, gamma = 8 and k >= 120, descent reaches zero training loss after at most "
        "7 (gamma + 1 + 8 c_eta)/((k/2 - 2 sqrt k) step) steps with probability at least 1 - c_0 - 16 e^-8, at each k tried.",
        _happens(
            lambda rows: rows["zero_loss"] & (rows["steps"] <= _bound(rows.iloc[0])),
            lambda cell: f"the share of seeds with zero training loss within {_bound(cell):,.0f} steps", RIGHT,
            where="k >= 120 and gamma == 8", each="k", named="k = {k}",
        ),
        "recalled", SOURCE,
    ),
    claim(
        "small-net-needs-samples",
        "With k = 2 and m training points, half of them positive, descent reaches a global minimum with positive test error with "
        "probability at least (33/48)(1 - c_0)(p_+ p_-)^(m/2), at each m tried; so m >= 2 log(48 delta/(33 (1 - c_0)))/log(p_+ p_-) is "
        "needed for probability at most delta.",
        _happens(
            "zero_loss and test_error > 0", "the share of seeds that reach a global minimum that errs",
            lambda cell: formulas.small_net_errs(int(cell["m"]), cell["diverse"], cell["diverse"]), table=XOR_SAMPLES,
            where="k == 2 and inverse_c_eta == 410", each=("diverse", "m"), named=SIZES,
        ),
        "recalled", SOURCE,
    ),
    claim(
        "two-samples-suffice",
        "With k = 120 and one positive and one negative training point, descent reaches zero training loss and zero test error with "
        "probability at least p_+ p_- (1 - c_0 - 16 e^-8).",
        _happens(
            "zero_loss and test_error == 0", "the share of seeds with zero training loss and zero test error",
            lambda cell: cell["diverse"] ** 2 * RIGHT, table=XOR_SAMPLES, where="k == 120 and inverse_c_eta == 410 and m == 2",
            each="diverse", named="p = {diverse:g}",
        ),
        "recalled", SOURCE,
    ),
    claim(
        "gap",
        "On the same training samples the mean test error with k = 2 is larger than with k = 120, at each m tried.",
        Measured(
            XOR_SAMPLES, pairs("test_error", "k", 2, 120), "the test error of 2 filters less that of 120", paired_difference, 0.0,
            where=_both_sizes, each=("diverse", "m"), named=SIZES,
        ),
        "paper", SOURCE,
    ),
    claim(
        "clusters",
        "After descent with k = 120 the filters of one argmax pattern align: the mean angle to the centre of their cluster is at most "
        "5 degrees, for the w filters at A and B and for the u filters at C and D.",
        all_parts(w=_aligned("w"), u=_aligned("u")),
        "recalled", f"{SOURCE}; the 5 degrees are ours",
    ),
    claim(
        "exploration",
        "At the start, each of the four patterns is the one to which some w filter responds most with probability "
        "sum_i (-1)^i C(4, i)(1 - i/4)^k, and some u filter favours each negative pattern with probability 1 - 2^(1-k), to within 0.03, at "
        "each k tried.",
        all_parts(
            w=_formula("w_all_four", formulas.all_four, "a w filter for each pattern"),
            u=_formula("u_both", formulas.both_negative, "a u filter for each negative pattern"),
        ),
    ),
    *(
        claim(key, f"{_ON}: {sentence}.", measured, standing, ON_IMAGES)
        for key, sentence, measured, standing in (
            (
                "many-beat-few",
                "the mean test error of many filters is at least 0.001 lower than that of few trained on the same images",
                _images(GAP, "the test error of few filters less that of many", mean, MARGIN),
                "paper",
            ),
            (
                "centres-close-half",
                "few filters started at the k-means centres of the many trained ones close at least half of the gap between the "
                "mean test errors of few and of many",
                _images(closed("kmeans"), "the share of the gap closed by the centres", ratio_of_means, HALF),
                "recalled",
            ),
            (
                "random-start-does-not",
                "few filters of random directions, with the norms and biases of the k-means centres, close at most half of that gap",
                _images(closed("random"), "the share of the gap closed by random directions", ratio_of_means, high=HALF),
                "recalled",
            ),
            (
                "centres-beat-random",
                "the mean test error of few filters started at the k-means centres is at least 0.001 lower than from random "
                "directions of the same norms and biases",
                _ahead("random", "random directions"),
                "ours",
            ),
            (
                "centres-beat-picked",
                "the mean test error of few filters started at the k-means centres is at least 0.001 lower than from as many of the "
                "trained filters picked at random",
                _ahead("picked", "picked filters"),
                "ours",
            ),
            (
                "filters-cluster",
                "training raises the share of the spread of the many filters' directions that lies between as many k-means "
                "clusters as there are few filters by at least 0.05 on average",
                _images(("clustered_end", "clustered_start"), "the rise of the clusters' share", paired_difference, 0.05),
                "ours",
            ),
            (
                "reach-zero",
                "many filters and few, both started at random, each err on no training image within the budget of steps with "
                "probability at least 0.5",
                _images(
                    {arm: f"{arm}_train_error == 0" for arm in ("large", "small")}, "the share of runs without training errors", share, HALF
                ),
                "ours",
            ),
        )
    ),
)  # fmt: skip
