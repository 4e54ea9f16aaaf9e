"""From numbers with intervals to findings: proportions, slopes, differences.

Each estimate is an `Interval`; `judge` compares it with the range that a claim names: SUPPORTED if all of the interval
lies in the range, CONTRADICTED if none of it does, UNKNOWN in between, and the reason says by how much it reaches over.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from zeroloss.studies.study import Finding
from zeroloss.verdict import Record, Status, bootstrap

CONFIDENCE = 0.95
RESAMPLES = 2000
SHOWN = 3
"""Cases of an "each of these" that its reason names."""
EQUAL = 4e-16
"""Observations that differ by at most this part of the largest are equal: the last digit of a number, which rounding decides."""
FEW = 10
"""Observations below which a mean's interval is Student's."""


@dataclasses.dataclass(frozen=True)
class Interval(Record):
    """An estimate with its confidence interval.

    Attributes:
        estimate, low, high: the number and the ends.
        confidence: how often such an interval holds the truth.
        method: how it was made.
        count: observations behind it.
    """

    estimate: float
    low: float
    high: float
    method: str
    count: int
    confidence: float = CONFIDENCE

    def entries(self, name: str, prefix: str = "", *, finite: bool = False) -> dict[str, Any]:
        """The estimate under `name` and the ends under `low` and `high`, as entries of a table.

        `finite`: None in place of what has no finite value.
        """
        values = {name: self.estimate, f"{prefix}low": self.low, f"{prefix}high": self.high}
        return {k: v if math.isfinite(v) or not finite else None for k, v in values.items()}

    def __str__(self) -> str:
        return f"{self.estimate:.4g} [{self.low:.4g}, {self.high:.4g}]"


def judge(
    interval: Interval, quantity: str, *, at_least: float = -math.inf, at_most: float = math.inf, unit: str = ""
) -> Finding:
    """Whether the quantity lies in `[at_least, at_most]`, from its interval.

    Args:
        quantity: its name, as the sentence needs it: "the slope", "the share of runs that ...".
    """
    evidence = {"interval": interval, "range": [at_least, at_most], "quantity": quantity}
    words = f"{quantity} is {interval}{unit and ' ' + unit} ({interval.confidence:.0%}, {interval.method}, {interval.count:,} observations)"
    wanted = _range(at_least, at_most)
    if not (math.isfinite(interval.low) or math.isfinite(interval.high)) or math.isnan(interval.estimate):
        return Finding(
            Status.UNKNOWN, f"{quantity} could not be estimated from {interval.count:,} observations.", evidence
        )
    if at_least <= interval.low and interval.high <= at_most:
        return Finding(Status.SUPPORTED, f"{words}: {wanted}.", evidence)
    if interval.high < at_least or interval.low > at_most:
        off = at_least - interval.estimate if interval.high < at_least else interval.estimate - at_most
        return Finding(Status.CONTRADICTED, f"{words}: not {wanted}, off by {off:.3g}.", evidence)
    over = max(at_least - interval.low, interval.high - at_most)
    return Finding(Status.UNKNOWN, f"{words}: the interval reaches {over:.3g} beyond '{wanted}'.", evidence)


def _range(low: float, high: float) -> str:
    if math.isinf(low):
        return f"at most {high:.4g}"
    if math.isinf(high):
        return f"at least {low:.4g}"
    return f"between {low:.4g} and {high:.4g}"


def all_of(findings: dict[str, Finding]) -> Finding:
    """The finding of "each of these": SUPPORTED if all are, CONTRADICTED if one is, else UNKNOWN.

    The reason names the cases that decide it; of more than `SHOWN` it names those closest to the edge of their range
    (SUPPORTED) or farthest beyond it, and how many there are. The evidence has all.
    """
    order = (Status.CONTRADICTED, Status.UNKNOWN, Status.SUPPORTED)
    status = next((s for s in order if any(f.status == s for f in findings.values())), Status.UNKNOWN)
    if len(findings) <= SHOWN:
        shown = list(findings)
    else:
        shown = sorted((name for name, f in findings.items() if f.status == status), key=lambda n: _room(findings[n]))
    parts = [f"{name}: {findings[name].reason}" for name in shown[:SHOWN]]
    if len(shown) > SHOWN:
        what = "closest to the edge" if status == Status.SUPPORTED else "farthest off"
        parts.insert(0, f"{len(shown)} of {len(findings)} cases decide it; the {SHOWN} {what}:")
    elif len(shown) < len(findings):
        parts.insert(0, f"{len(shown)} of {len(findings)} cases {'decides' if len(shown) == 1 else 'decide'} it:")
    return Finding(
        status, " ".join(parts), {name: dict(f.evidence) | {"status": f.status} for name, f in findings.items()}
    )


def _room(finding: Finding) -> float:
    """How far the interval stays inside its range, in widths of the interval; negative beyond it, -inf where unknown."""
    interval, bounds = finding.evidence.get("interval"), finding.evidence.get("range")
    if not isinstance(interval, Interval) or bounds is None:
        return -math.inf
    room = min(interval.low - bounds[0], bounds[1] - interval.high)
    width = interval.high - interval.low
    if not math.isfinite(width):
        return -math.inf
    return room / width if width else math.copysign(math.inf, room)


def proportion(successes: int, trials: int, confidence: float = CONFIDENCE) -> Interval:
    """Clopper and Pearson's exact interval of a probability.

    Source: C. J. Clopper, E. S. Pearson, Biometrika 26 (1934) 404-413.
    """
    from scipy.stats import beta

    k, n = int(successes), int(trials)
    if not 0 <= k <= n:
        raise ValueError(f"{k} successes of {n} trials")
    tail = (1 - confidence) / 2
    low = 0.0 if k == 0 else float(beta.ppf(tail, k, n - k + 1))
    high = 1.0 if k == n else float(beta.ppf(1 - tail, k + 1, n - k))
    return Interval(k / n if n else math.nan, low, high, "Clopper-Pearson", n, confidence)


def pooled(successes: Any, trials: Any) -> Interval:
    """`proportion` of the sums, where every row counts several trials."""
    return proportion(int(np.sum(successes)), int(np.sum(trials)))


def share(happened: Any) -> Interval:
    """How often something happened: `proportion` of truth values."""
    happened = np.asarray(happened, bool)
    return proportion(int(happened.sum()), len(happened))


def mean(values: Any, *, key: int = 0, confidence: float = CONFIDENCE) -> Interval:
    """The mean of independent observations: Student's interval below `FEW` of them, else a studentised bootstrap.

    A bootstrap of three observations draws samples that are nearly constant, and its ends run off by thousands of
    standard errors.
    """
    x = np.asarray(values, float)
    x = x[np.isfinite(x)]
    n = len(x)
    if n < 2:
        return Interval(float(x[0]) if n else math.nan, -math.inf, math.inf, "bootstrap", n, confidence)
    m, s = float(np.mean(x)), float(np.std(x, ddof=1) / math.sqrt(n))
    if np.ptp(x) <= EQUAL * np.max(np.abs(x)):
        return Interval(m, min(m, float(x.min())), max(m, float(x.max())), "all observations are equal", n, confidence)
    if n < FEW:
        from scipy.stats import t as student

        reach = float(student.ppf((1 + confidence) / 2, n - 1)) * s
        return Interval(m, m - reach, m + reach, "Student's t", n, confidence)
    low, high = bootstrap.studentised(x, np.random.default_rng(key), RESAMPLES, confidence)
    return Interval(m, low, high, "studentised bootstrap", n, confidence)


def paired_difference(a: Any, b: Any, *, key: int = 0, confidence: float = CONFIDENCE) -> Interval:
    """The mean of `a - b` over pairs that share a seed (see `mean`)."""
    return mean(np.asarray(a, float) - np.asarray(b, float), key=key, confidence=confidence)


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


def slope(
    x: Any,
    y: Any,
    *,
    key: int = 0,
    confidence: float = CONFIDENCE,
    average: Callable[..., Any] = np.mean,
    log: bool = True,
) -> Interval:
    """The slope of `log(average of y at x)` against `log x`, by least squares; bootstrap within each `x`.

    Resampling keeps the number of observations at each `x`, so the design is what it is. Bias-corrected percentiles.

    Args:
        x, y: `(m,)` each: one row per trial; several rows share an `x`.
        average: of the rows at one `x`: `np.mean`, or `np.median`.
        log: take logarithms (a slope of 2 is then a power of 2).
    """
    x, y = np.asarray(x, float), np.asarray(y, float)
    usable = np.isfinite(x) & np.isfinite(y)
    x, y = x[usable], y[usable]
    places = np.unique(x)
    if len(places) < 2:
        return Interval(math.nan, -math.inf, math.inf, "bootstrap", len(x), confidence)
    groups = [y[x == place] for place in places]
    rng = np.random.default_rng(key)
    centres = np.log(places) if log else places
    centred = (centres - centres.mean()) / np.sum((centres - centres.mean()) ** 2)

    def fitted(levels: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):
            return (np.log(levels) if log else levels) @ centred

    estimate = float(fitted(np.array([average(g) for g in groups])))
    levels = np.stack([average(bootstrap.resampled(g, rng, RESAMPLES), axis=1) for g in groups], axis=1)
    slopes = fitted(levels)
    slopes = slopes[np.isfinite(slopes)]
    if not math.isfinite(estimate) or len(slopes) < RESAMPLES / 2:
        return Interval(math.nan, -math.inf, math.inf, "bootstrap", len(x), confidence)
    low, high = bootstrap.bias_corrected(slopes, estimate, confidence)
    return Interval(estimate, low, high, "bootstrap within each x", len(x), confidence)
