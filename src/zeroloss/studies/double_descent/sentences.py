"""The claims' sentences, standings and sources."""

from __future__ import annotations

from zeroloss.studies.double_descent import claims, network_claims
from zeroloss.studies.double_descent.claims import (
    ADAM,
    DRAWN,
    EXACT,
    FEATURES,
    MINIMA,
    NEWTON,
    NOISY,
    NOTHING,
    OFTEN,
    STEP,
)
from zeroloss.studies.study import Claim

BELKIN, NAKKIRAN, HASTIE, MEI = (
    "Belkin, Hsu, Ma, Mandal 1812.11118",
    "Nakkiran et al. 1912.02292",
    "Hastie, Montanari, Rosset, Tibshirani 1903.08560",
    "Mei, Montanari 1908.05355",
)
OURS = "the range is ours"
_PER_CENT = f"{100 * NOISY:g} %"

CLAIMS = (
    Claim(
        "peak-at-threshold",
        "With 10 and 20 % of the training labels wrong, the squared test error of the minimum-norm solution on random features is "
        f"largest within a factor of two of p = n, in at least {OFTEN:.0%} of draws, on each data set.",
        (FEATURES,),
        claims.peak,
        "paper",
        f"after {BELKIN}; {MEI}; {OURS}",
    ),
    Claim(
        "norm-peaks",
        f"Its norm is largest within a factor of two of p = n too, in at least {OFTEN:.0%} of draws, on each data set and noise.",
        (FEATURES,),
        claims.norm_peak,
        "recalled",
        f"after {BELKIN}; {OURS}",
    ),
    Claim(
        "second-descent",
        "With 10 and 20 % noise the share of wrong answers falls again beyond the threshold: at the widest it is lower than at p = n "
        f"by at least {STEP:g}, on each data set.",
        (FEATURES,),
        claims.second_descent,
        "paper",
        f"after {BELKIN}; {HASTIE}; {MEI}; {OURS}",
    ),
    Claim(
        "noise-raises-the-peak",
        f"This fall is larger with {_PER_CENT} noise than without, on each data set.",
        (FEATURES,),
        claims.noise_raises,
        "paper",
        f"after {NAKKIRAN}, who say it of trained networks; {OURS}",
    ),
    Claim(
        "larger-is-no-worse",
        "Without noise the widest random features err no more than the best narrower width (chosen on the test rows), give or take "
        f"{NOTHING:g}, on each data set.",
        (FEATURES,),
        claims.clean_features,
        "ours",
        "the side of Brutzkus, Globerson 1810.03037",
    ),
    Claim(
        "noise-widest-beats-narrow",
        f"With {_PER_CENT} noise the widest, which interpolates, still errs less than the best width below n (chosen on the test rows), on "
        "each data set.",
        (FEATURES,),
        claims.widest_against_narrow,
        "paper",
        f"after {MEI} (the least error is beyond the threshold, in their model); {OURS}",
    ),
    Claim(
        "noise-ridge-beats-widest",
        f"With {_PER_CENT} noise interpolation costs: at the widest the minimum norm errs more than ridge by at least {NOTHING:g}, on each "
        "data set.",
        (FEATURES,),
        claims.widest_against_ridge,
        "ours",
        "the side of Kohler, Krzyzak 1912.03925",
    ),
    Claim(
        "clean-interpolation-is-free",
        f"Without noise it costs nothing: there the minimum norm errs more than ridge by at most {NOTHING:g}, on each data set.",
        (FEATURES,),
        claims.clean_ridge,
        "ours",
        "the side of Brutzkus, Globerson 1810.03037",
    ),
    Claim(
        "ridge-removes-the-peak",
        "With noise and the penalty chosen on further noisy rows there is no rise towards the threshold: at p = n ridge errs more "
        f"than at p = n/2 by at most {NOTHING:g}, on each data set and noise.",
        (FEATURES,),
        claims.ridge_no_peak,
        "paper",
        f"after Nakkiran, Venkat, Kakade, Ma 2003.01897; {OURS}",
    ),
    Claim(
        "stopping-removes-the-peak",
        f"The same, by at most {NOTHING:g}, for gradient descent stopped at the time chosen on these rows.",
        (FEATURES,),
        claims.stopped_no_peak,
        "ours",
    ),
    Claim(
        "peak-is-variance",
        f"At p = n with {_PER_CENT} noise at least half of the squared test error is variance over the draw of the features, on each data "
        "set.",
        (DRAWN,),
        claims.variance_share,
        "ours",
    ),
    Claim(
        "variance-falls-with-width",
        "Beyond p = 4n this variance falls about like 1/p: its log-log slope is between -1.5 and -0.75, on each data set and noise.",
        (DRAWN,),
        claims.variance_slope,
        "ours",
    ),
    Claim(
        "other-minima-fit",
        "Twins of the minimum-norm network, and solutions of the same features that fit wrong labels on further rows too, have every "
        f"training label right, to {EXACT:g}, with probability at least {OFTEN:g}.",
        (MINIMA,),
        claims.all_interpolate,
        "ours",
        "after Guan 2407.16872",
    ),
    Claim(
        "twins-stay-useless",
        "At every width, below and beyond the threshold, the mean test error of these twins is at least 0.85.",
        (MINIMA,),
        claims.twins_useless,
        "ours",
        "after Guan 2407.16872",
    ),
    Claim(
        "bad-solutions-stay-useless",
        "At every width beyond the threshold that was tried, the mean test error of the other solutions of the same features is at least "
        "0.75.",
        (MINIMA,),
        claims.bad_useless,
        "ours",
        "after Guan 2407.16872",
    ),
    Claim(
        "bad-solutions-are-longer",
        "What tells them apart is the norm: on average it is at least 1.25 times the least one, at every such width.",
        (MINIMA,),
        claims.bad_norm,
        "ours",
        f"after {BELKIN}, who offer small norm as the explanation",
    ),
    Claim(
        "networks-rise",
        f"With {_PER_CENT} noise, networks trained by Adam err more at n c parameters than at the best narrower width, by at least 0.02, "
        "on each data set.",
        (ADAM,),
        network_claims.rise,
        "paper",
        f"after {BELKIN}; {NAKKIRAN}; {OURS}",
    ),
    Claim(
        "networks-fall",
        "With this noise they err less again at the widest than at n c parameters, by at least 0.02, on each data set.",
        (ADAM,),
        network_claims.fall,
        "paper",
        f"after {BELKIN}; {NAKKIRAN}; {OURS}",
    ),
    Claim(
        "networks-are-milder",
        "This fall is smaller than that of minimum-norm random features on the same rows, on each data set.",
        (ADAM, FEATURES),
        network_claims.milder,
        "ours",
    ),
    Claim(
        "networks-stopped-early",
        "With this noise and early stopping, networks of n c parameters err more than those of the best narrower width by at most 0.02, on "
        "each data set.",
        (ADAM,),
        network_claims.stopped_no_rise,
        "recalled",
        f"after {NAKKIRAN}; {OURS}",
    ),
    Claim(
        "networks-noise-costs",
        f"With this noise the widest network errs more at the minimum than where early stopping ends, by at least {NOTHING:g}, on each "
        "data set.",
        (ADAM,),
        network_claims.stopping_helps,
        "ours",
        "the side of Kohler, Krzyzak 1912.03925",
    ),
    Claim(
        "networks-larger-is-no-worse",
        f"Without noise the widest network errs no more than the best narrower one (chosen on the test rows), give or take {NOTHING:g}, on "
        "each data set.",
        (ADAM,),
        network_claims.clean,
        "ours",
        "the side of Brutzkus, Globerson 1810.03037",
    ),
    Claim(
        "gauss-newton-reaches-zero",
        "With at least 2 n c parameters Gauss-Newton reaches zero training loss on noisy labels, with probability at least 0.7.",
        (NEWTON,),
        network_claims.newton_reaches,
        "ours",
    ),
    Claim(
        "gauss-newton-is-no-different",
        f"At the widest, the minimum that it finds errs as often as Adam's from the same start, give or take {STEP:g}.",
        (NEWTON,),
        network_claims.newton_agrees,
        "ours",
    ),
)
