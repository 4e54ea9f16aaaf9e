r"""How can deep neural networks fail even with global optima? (Q. Guan, arXiv 2407.16872)

Depth that changes nothing, twins with zero training loss that fail everywhere else, and how little of a cube the bumps of
a grid cover. `zeroloss.minima` builds them.
"""

from __future__ import annotations

import math

import numpy as np

from zeroloss.theorems.card import Card, Found, Hypothesis, Promise
from zeroloss.theorems.facts import Facts
from zeroloss.theorems.hypotheses import FULLY_CONNECTED
from zeroloss.verdict import at_most

CITATION = "Q. Guan, How can deep neural networks fail even with global optima?, arXiv 2407.16872 (2024)"


def _width(facts: Facts) -> Found:
    width, c = facts.assumed("width", 2 * facts.outputs), facts.outputs
    if int(width) != width:
        return Found(False, f"{width}")
    return Found(width >= c, f"{width} units for {c} output(s)", c / width if width > 0 else None)


def _layers(facts: Facts) -> Found:
    layers = facts.assumed("layers", 1)
    return Found(int(layers) == layers and layers >= 1, f"{layers} layer(s)")


def _deeper(facts: Facts) -> tuple[Promise, ...]:
    width, layers, c = int(facts.assumed("width", 2 * facts.outputs)), int(facts.assumed("layers", 1)), facts.outputs
    where = (
        "on every input"
        if width >= 2 * c
        else "wherever its outputs are above a bound -B of one's choice, the training inputs among them"
    )
    return (
        Promise(
            f"With {layers} relu layer(s) of {width} units more the function is the same {where}.",
            {"layers": layers, "width": width},
        ),
    )


def _deeper_claim(facts: Facts) -> str:
    """With one unit per output the function is kept only where `f >= -B`: `R(f + B) - B` is at least `-B`."""
    if facts.assumed("width", 2 * facts.outputs) >= 2 * facts.outputs:
        return "a deeper network with relu layers has the same function as this one, in exact arithmetic"
    return (
        "for every bound -B on the outputs a deeper network with relu layers answers as this one wherever each output is at least "
        "-B, so on all training inputs for some B, in exact arithmetic"
    )


def _no_clash(facts: Facts) -> Found:
    if facts.clashes:
        return Found(False, f"{facts.clashes} groups of equal inputs have different targets")
    return Found(True, f"{len(facts.distinct.x)} distinct inputs, none with two targets")


def _twin(facts: Facts) -> tuple[Promise, ...]:
    n = len(facts.distinct.x)
    return (
        Promise(
            f"Whatever network g gives the answers elsewhere, they are kept off {n} bumps as small as one likes.",
            {"bumps": n},
        ),
    )


def grid_nodes(x: np.ndarray) -> int | None:
    """`N` if the rows of `x` are the grid `{0, 1/(N-1), ..., 1}^d`, every node once, as float64 numbers; else None."""
    d = x.shape[1]
    n = len(np.unique(x[:, 0]))
    if n < 2 or n**d != len(x):
        return None
    axis = np.arange(n) / (n - 1)
    if not all(np.array_equal(np.unique(column), axis) for column in x.T):
        return None
    return n if len(np.unique(x, axis=0)) == len(x) else None


def _threshold(facts: Facts) -> float:
    return float(facts.assumed("b", facts.d - 0.5))


def _grid(facts: Facts) -> Found:
    n = grid_nodes(facts.x)
    if n is None:
        return Found(False, f"{facts.n} inputs in {facts.d}-D that are no such grid")
    return Found(True, f"N = {n}, d = {facts.d}")


def _sharp(facts: Facts) -> Found:
    b = _threshold(facts)
    return Found(facts.d - 1 <= b < facts.d, f"b = {b:g}, d = {facts.d}")


def _signs(facts: Facts) -> Found:
    if facts.outputs == 1 and np.isin(facts.y, (-1.0, 1.0)).all():
        return Found(True, "targets -1 and 1")
    return Found(False, "other targets: an output of 0 need not be wrong")


def _covered(facts: Facts) -> tuple[Promise, ...]:
    b, d, n = _threshold(facts), facts.d, grid_nodes(facts.x)
    assert n is not None
    share = (d - b) ** d / math.factorial(d) * (1 + 1e-12)
    box = (n * (d - b) / (n - 1)) ** d * (1 + 1e-12)
    return (
        Promise(
            f"With zero training loss the bumps answer at most {at_most(share)} of the unit cube right.",
            {"coverage": share, "box_bound": box, "nodes_an_axis": n, "b": b},
        ),
    )


DEPTH = Card(
    "depth-extension",
    "Depth that changes nothing",
    "Any fully connected network can be made deeper, by any number of layers, its function kept: with two units per "
    "output on every input; with "
    "one per output wherever the outputs are bounded below. So a global minimum stays one.",
    r"f = R^k(f) - R^k(-f);\qquad f = R^k(f + B) - B \text{ where } f \ge -B",
    "paper",
    "That depth can be added with any width of at least 1 is the paper's Theorem 2.1; the formulas, and on which "
    "inputs they hold, are ours.",
    CITATION,
    (
        FULLY_CONNECTED,
        Hypothesis("layers", "a whole number of layers to add, 1 or more", _layers),
        Hypothesis(
            "width",
            "at least one unit per output in each added layer (two, for the same function on every input)",
            _width,
        ),
    ),
    ("a deeper network with the same function, to rounding", "the training loss is the same"),
    _deeper_claim,
    _deeper,
    "R(z) - R(-z) = z and R(R(z)) = R(z); zeroloss.minima.extend builds it",
    {"layers": "how many to add (1)", "width": "units of each (two per output)"},
)

TWIN = Card(
    "twin",
    "A twin with zero training loss that fails elsewhere",
    "For any predictor g and any data without contradictions there is one network with zero training loss that equals g outside small "
    "neighbourhoods of the training points. So zero training loss by itself implies nothing about the error elsewhere.",
    r"f = g + \sum_i (y_i - g(x_i)) \phi_i,\ \phi_i(x_j) = \delta_{ij} \implies f(x_i) = y_i,\ f = g \text{ off } "
    r"\bigcup_i \operatorname{supp} \phi_i",
    "ours",
    "Bumps are the paper's; twins, on any data, are ours. It is about what exists, not about what training finds.",
    f"ours, after {CITATION}",
    (Hypothesis("no contradictions", "no equal inputs with different targets", _no_clash),),
    ("zero training loss with any answers elsewhere, for any network g",),
    lambda facts: (
        "for every fully connected network g, one with zero training loss on these data equals g but near the training points"
    ),
    _twin,
    "distinct points have disjoint neighbourhoods, and a relu network is 1 at a point and 0 off one; "
    "zeroloss.minima.twin builds it",
)

COVERAGE = Card(
    "coverage",
    "How little the bumps of a grid cover",
    "Bumps max(0, sum of hats - b) at the nodes of the grid N^d on the unit cube, of half-width half the spacing, have "
    "zero training loss and "
    "are 0 off a share (d - b)^d/d! of the cube. With labels -1 and 1 that share bounds the accuracy.",
    r"\operatorname{vol}\{x: \textstyle\sum_i \phi_i(x) > 0\} = (d - b)^d/d! \le N^d (d - b)^d/(N - 1)^d,\quad d - 1 \le b < d",
    "ours",
    "The box bound in two dimensions is the paper's; the exact share, any d, and for which labels it bounds the "
    "accuracy, are ours.",
    f"ours, after {CITATION}",
    (
        Hypothesis("grid", "training inputs that are all nodes of a grid on the unit cube, each once", _grid),
        Hypothesis("threshold", "d - 1 <= b < d", _sharp),
        Hypothesis("labels", "targets -1 and 1, so that an output of 0 is wrong", _signs),
    ),
    ("at most (d - b)^d/d! of the cube is answered right, whatever the labels", "b near d: as little as one likes"),
    lambda facts: (
        "there is a network with zero training loss on these inputs, made of bumps, that answers no more of the unit cube right "
        "than they cover, whatever the labels -1 and 1 elsewhere"
    ),
    _covered,
    "the orthants of the cross-polytopes fill each cell from its 2^d corners without overlap",
    {"b": "threshold of the bumps (d - 1/2)"},
)

CARDS = (DEPTH, TWIN, COVERAGE)
