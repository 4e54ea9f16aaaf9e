"""One relu per point: the cap that a hyperplane cuts off, with one point in it and all others outside.

    cap_i(x) = R(v_i . x - t_i)/(v_i . x_i - t_i),     max_{j != i} v_i . x_j < t_i < v_i . x_i.

It exists exactly where `x_i` is outside the convex hull of the other points. The direction `v_i` is the first that
works of `x_i - mean`; `(C + lambda I)^-1 (x_i - mean)` with the covariance `C`; the shortest vector of the convex hull
of `{x_i - x_j}` by Gilbert's algorithm (the widest margin); a linear programme, whose answer is final.

A cap is one-sided: of two opposite directions through `x_i` (almost) one leaves it, and along the other the cap grows.

Standing: ours, after Guan 2407.16872; Gilbert, SIAM J. Control 4 (1966) 61-80.
"""

from __future__ import annotations

import numpy as np

from zeroloss.minima.constructions.spoilers import Spoilers, nearest
from zeroloss.plumbing import InputError, Progress, Silent

REACH = 0.1
"""A cap must be left within this share of the distance to the nearest point ..."""
MISSED = 0.01
"""... unless the step is nearly along the hyperplane (about this share of all directions)."""
FLOAT32_STEPS = 64
"""Height of a cap over the float32 rounding of `v . x`, where the margin allows it."""
WEAK = 1e-3
"""A direction counts as found if its margin is this share of `|v| |x_i - mean|`."""


def caps(x: np.ndarray, progress: Progress | None = None) -> Spoilers:
    """Caps at the rows of `x` `(n, d)`: one hidden layer of `n` units.

    `separation` is the smallest margin `(v_i . x_i - max_j v_i . x_j)/|v_i|`, `width` the smallest height
    `(v_i . x_i - t_i)/|v_i|`.

    Raises:
        InputError: no hyperplane was found for some point, in or close to the convex hull of the others (the message names it).
    """
    progress = progress or Silent()
    n, d = x.shape
    if n == 1:
        return Spoilers(
            "caps", (np.zeros((1, d)),), (np.ones(1),), float("inf"), float("inf"), "a single point: a constant"
        )
    v, margin, found, note = directions(x - x.mean(axis=0), progress)
    if not found.all():
        bad = np.flatnonzero(~found)
        raise InputError(
            f"no hyperplane was found between point {bad[0]} and the other {n - 1} (it is in their convex hull, or "
            "close to it), so one relu does not separate it; use kind='bumps' or kind='slab'."
        )
    near = nearest(x) * REACH * MISSED / np.sqrt(d)
    rounding = FLOAT32_STEPS * np.finfo(np.float32).eps * np.einsum("ij,ij->i", np.abs(v), np.abs(x))
    height = np.minimum(0.5 * margin, np.maximum(near, rounding))
    peak = np.einsum("ij,ij->i", v, x)
    return Spoilers(
        "caps",
        (v / height[:, None],),
        ((height - peak) / height,),
        float(margin.min()),
        float(height.min()),
        note,
    )


def directions(x: np.ndarray, progress: Progress) -> tuple[np.ndarray, np.ndarray, np.ndarray, str]:
    """For centred `x` `(n, d)`: unit directions, their margins, whether each separates, and how many each way gave."""
    n, d = x.shape
    size = np.maximum(np.linalg.norm(x, axis=1), np.finfo(float).tiny)
    # The cheapest way first: x - mean, whitened directions, then for each point left Gilbert's algorithm or a programme.
    v, margin, counts = x / size[:, None], np.full(n, -np.inf), {}
    margin[:] = _margins(x, v)
    done = margin > WEAK * size
    counts["x - mean"] = int(done.sum())
    for ridge in (1.0, 0.1, 0.01, 0.001):
        todo = np.flatnonzero(~done)
        if not len(todo):
            break
        scale = np.einsum("ij,ij->", x, x) / (n * d)
        w = np.linalg.solve(x.T @ x / n + ridge * scale * np.eye(d), x[todo].T).T
        counts["covariance"] = counts.get("covariance", 0) + _improve(x, todo, w, v, margin, done, size)
    todo = np.flatnonzero(~done)
    for count, i in enumerate(todo):
        progress.update(count / len(todo), f"{len(todo)} points by the widest margin")
        wide = widest_margin(x, int(i))
        if wide is None or not _improve(x, np.array([i]), wide[None], v, margin, done, size):
            wide = _programme(x, int(i)) if n * d <= 2_000_000 else None
            if wide is not None:
                _improve(x, np.array([i]), wide[None], v, margin, done, size)
        if margin[i] <= 0:
            break  # one point in the hull is enough to fail
    counts["widest margin"] = int(done[todo].sum())
    # A margin that float64 resolves will do where there is no better one.
    found = margin > 1e-9 * size
    return v, margin, found, ", ".join(f"{number} by {name}" for name, number in counts.items() if number)


def _improve(x, rows, w, v, margin, done, size) -> int:
    """Takes the directions `w` for `rows` where their margin is wider; how many are now done."""
    w = w / np.maximum(np.linalg.norm(w, axis=1, keepdims=True), np.finfo(float).tiny)
    wide = _margins(x, w, rows)
    better = wide > margin[rows]
    v[rows[better]], margin[rows[better]] = w[better], wide[better]
    done[rows] = margin[rows] > WEAK * size[rows]
    return int(done[rows].sum())


def _margins(x: np.ndarray, v: np.ndarray, rows: np.ndarray | None = None, block: int = 1024) -> np.ndarray:
    """`v_i . x_i - max_{j != i} v_i . x_j` for the points `rows` (all, if not given), `(len(v),)`."""
    rows = np.arange(len(x)) if rows is None else rows
    out = np.empty(len(rows))
    for start in range(0, len(rows), block):
        part = rows[start : start + block]
        score = v[start : start + block] @ x.T
        index = np.arange(len(part))
        own = score[index, part].copy()
        score[index, part] = -np.inf
        out[start : start + block] = own - score.max(axis=1)
    return out


def widest_margin(x: np.ndarray, i: int, steps: int = 2000) -> np.ndarray | None:
    """A direction whose margin at `x_i` is at least half the widest (Gilbert's algorithm); None if `steps` do not do.

    With `d_j = x_i - x_j` the shortest vector `v` of their convex hull has `min_j v . d_j = |v|^2`, its squared margin.
    """
    difference = x[i] - np.delete(x, i, axis=0)
    v = difference.mean(axis=0)
    for _ in range(steps):
        score = difference @ v
        worst = int(np.argmin(score))
        square = float(v @ v)
        if score[worst] >= 0.5 * square > 0:
            return v
        step = difference[worst] - v  # then to the shortest vector between v and that difference
        v = v + min(1.0, max(0.0, float(-(v @ step) / max(step @ step, np.finfo(float).tiny)))) * step
    return None


def _programme(x: np.ndarray, i: int) -> np.ndarray | None:
    """The direction `|v_k| <= 1` with the largest `min_j v . (x_i - x_j)` (HiGHS); None if that is not above 0."""
    from scipy.optimize import linprog

    difference = x[i] - np.delete(x, i, axis=0)
    difference /= max(np.abs(difference).max(), np.finfo(float).tiny)
    n, d = difference.shape
    answer = linprog(
        np.r_[np.zeros(d), -1.0],
        A_ub=np.hstack([-difference, np.ones((n, 1))]),
        b_ub=np.zeros(n),
        bounds=[(-1, 1)] * d + [(0, None)],
        method="highs",
    )
    return answer.x[:d] if answer.status == 0 and answer.x[d] > 1e-9 else None
