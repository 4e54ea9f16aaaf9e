"""The ratio of two means of paired observations, with its interval."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from zeroloss.studies.judging import CONFIDENCE, Interval


def ratio_of_means(part: Any, whole: Any, confidence: float = CONFIDENCE) -> Interval:
    """`mean(part)/mean(whole)` over pairs, by Fieller: the `r` for which a t-test does not reject `mean(part - r whole) = 0`.

    With `a, b` the means, `s_aa, s_ab, s_bb` the (co)variances over n and `t` Student's quantile (n - 1 degrees), the
    `r` with `(b^2 - t^2 s_bb) r^2 - 2 (a b - t^2 s_ab) r + a^2 - t^2 s_aa <= 0`. Where `whole` is not clearly above 0
    there is nothing to have a share of, and the interval is the whole line.

    Standing: E. C. Fieller, J. R. Statist. Soc. B 16 (1954) 175-185.
    """
    from scipy.stats import t as student

    x, y = np.asarray(part, float), np.asarray(whole, float)
    usable = np.isfinite(x) & np.isfinite(y)
    x, y = x[usable], y[usable]
    n = len(x)
    nothing = Interval(math.nan, -math.inf, math.inf, "Fieller", n, confidence)
    if n < 2:
        return nothing
    a, b, quantile = float(x.mean()), float(y.mean()), float(student.ppf(0.5 + confidence / 2, n - 1))
    (s_aa, s_ab), (_, s_bb) = quantile**2 * np.cov(x, y) / n
    square = b * b - s_bb
    if b <= 0 or square <= 0:
        return nothing
    middle, rest = (a * b - s_ab) / square, (a * a - s_aa) / square
    reach = math.sqrt(max(middle * middle - rest, 0.0))
    return Interval(a / b, float(middle - reach), float(middle + reach), "Fieller", n, confidence)
