"""The claims: their sentences, standings and sources. `judges` has the functions and the ranges."""

from __future__ import annotations

from zeroloss.data.designs import visited_limit
from zeroloss.studies.kohler_krzyzak_squasher import judges
from zeroloss.studies.kohler_krzyzak_squasher.judges import (
    CLOSE,
    DESCENT,
    ENOUGH,
    ERRORS,
    EXACT,
    LESS,
    MOSTLY,
    NEAR,
    OFTEN,
    SAMPLES,
    SLACK,
)
from zeroloss.studies.kohler_krzyzak_squasher.trials import TAIL
from zeroloss.studies.study import Claim

SOURCE = "after Kohler & Krzyzak 1912.03925"
CLAIMS = (
    Claim(
        "descent-reaches",
        "Gradient descent on all weights with step 1/smoothness, from the preset 'localised' with 8 n logistic networks, brings the "
        f"empirical risk to within {CLOSE:g} of the way from its start to its infimum in 10,000 steps, with probability "
        f"at least {MOSTLY:g} over samples of up to 32 from equal atoms in one to three dimensions.",
        (DESCENT,),
        judges.descent_reaches,
        "paper",
        f"{SOURCE} (that descent reaches a global minimum; preset, step and budget are ours)",
    ),
    Claim(
        "theory-start-reaches",
        f"From the preset 'theory' with {ENOUGH} n networks it does the same for samples of up to 16: within {CLOSE:g} of the way in "
        f"10,000 steps, with probability at least {MOSTLY:g}.",
        (DESCENT,),
        judges.theory_start_reaches,
        "recalled",
        f"{SOURCE}; constants of the start as in a sequel of 2022, the number of steps is ours",
    ),
    Claim(
        "gauss-newton-reaches",
        "Gauss-Newton on all weights, from the preset 'localised' with 8 n logistic networks, reaches the infimum of the empirical "
        f"risk to a relative excess of {EXACT:g} within 60 steps, with probability at least {MOSTLY:g} over samples of up to 32 from "
        "equal atoms.",
        (DESCENT,),
        judges.gauss_newton_reaches,
        "ours",
        SOURCE,
    ),
    Claim(
        "proved",
        "After descent from the preset 'localised' and the read-out solved for, a global minimum provably lies near the weights, with "
        f"probability at least {MOSTLY:g} over samples of up to 32 from equal atoms.",
        (DESCENT,),
        judges.proved,
        "ours",
        "the proof by the read-out",
    ),
    Claim(
        "readout-reaches",
        "With 4 n logistic networks from the preset 'localised', the limit of gradient descent on the read-out alone reaches the "
        f"infimum of the empirical risk, repeated inputs counted, to a relative excess of {EXACT:g}, with probability at least "
        f"{OFTEN:g} over the samples of all three designs and dimensions.",
        (ERRORS,),
        judges.readout_reaches,
        "ours",
        SOURCE,
    ),
    Claim(
        "one-error-for-all",
        "On the atomic designs the interpolating network's error at visited atoms is, to a millionth, the one of every function that "
        f"minimises the empirical risk, with probability at least {OFTEN:g}.",
        (ERRORS,),
        judges.one_error_for_all,
        "ours",
        SOURCE,
    ),
    Claim(
        "visited-at-least",
        "On n equally likely atoms with noise variance s^2, the visited atoms contribute at least e^-1 (Ei(1) - gamma_E) s^2 "
        f"(= {visited_limit():.4f} s^2, less {LESS:.0%} of it) to the expected error of every minimiser of the empirical risk, at "
        "every n tried.",
        (SAMPLES,),
        judges.visited_at_least,
        "ours",
        SOURCE,
    ),
    Claim(
        "visited-tends",
        "The visited atoms' contribution on n equally likely atoms tends to this constant: at the largest n tried the two differ by at "
        f"most {LESS:.0%} of it.",
        (SAMPLES,),
        judges.visited_tends,
        "ours",
        SOURCE,
    ),
    Claim(
        "no-consistency",
        "The interpolating network's expected error on equal atoms is at least the constant times s^2 at every n and d tried.",
        (ERRORS,),
        judges.no_consistency,
        "ours",
        SOURCE,
    ),
    Claim(
        "flatter-on-equal-atoms",
        "On equal atoms the log-log slope of the interpolating network's error against n is above the minimax slope -2p/(2p + d), "
        "for every d tried.",
        (ERRORS,),
        judges.flatter_on_equal_atoms,
        "paper",
        f"{SOURCE} (that such estimates miss the minimax rate; the design is ours)",
    ),
    Claim(
        "visited-slope",
        "On the fixed design p_k ~ k^-(1+t) the visited atoms' contribution to the error of every minimiser of the empirical risk "
        f"falls like n^(-t/(1+t)): its log-log slope is within {NEAR:g} of that for every t tried.",
        (SAMPLES,),
        judges.visited_slope,
        "ours",
        SOURCE,
    ),
    Claim(
        "slower-iff",
        "For p = 1 the visited atoms' contribution on the fixed design falls more slowly than the minimax rate if t < 2p/d "
        "and faster if t > 2p/d, for every t and d tried at which the two differ.",
        (SAMPLES,),
        judges.slower_iff,
        "ours",
        SOURCE,
    ),
    Claim(
        "flatter-on-heavy-tails",
        f"On the fixed design with t = {TAIL:g} the log-log slope of the interpolating network's error against n is above the minimax "
        "slope, for every d tried.",
        (ERRORS,),
        judges.flatter_on_heavy_tails,
        "ours",
        SOURCE,
    ),
    Claim(
        "local-mean-is-steep",
        "For targets with p <= 1 the local mean, tuned on the same samples, has a log-log slope of at most the minimax slope plus "
        f"{SLACK:g} on each of the three designs, for every d tried.",
        (ERRORS,),
        judges.local_mean_is_steep,
        "ours",
        "Györfi, Kohler, Krzyzak, Walk 2002, Theorem 5.2 (the rate)",
    ),
    Claim(
        "smoothing-wins",
        "At the largest n tried, on each design and in each dimension, every estimate that smooths (the regularised network among them) "
        "has a smaller expected error than the interpolating network on the same samples.",
        (ERRORS,),
        judges.smoothing_wins,
        "ours",
        SOURCE,
    ),
)
