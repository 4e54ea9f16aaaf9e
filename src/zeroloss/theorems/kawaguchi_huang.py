r"""Gradient descent finds global minima for generalizable deep neural networks of practical sizes (K. Kawaguchi, J. Huang,
arXiv 1908.02419), and what it rests on: independent last features, and counting.

As later papers report it, the guarantee gives every layer but the last a zero learning rate; the read-out proof
(`zeroloss.verified.readout`) is that mechanism with constants. Counting is its other half: fewer parameters than
equations miss almost every target, from which nothing follows for the targets given.
"""

from __future__ import annotations

from zeroloss.networks.activations import activation
from zeroloss.theorems.card import Card, Found, Hypothesis, Promise
from zeroloss.theorems.facts import Facts
from zeroloss.theorems.hypotheses import FULLY_CONNECTED, activations
from zeroloss.verdict import at_least, at_most

CITATION = (
    "K. Kawaguchi, J. Huang, Gradient descent finds global minima for generalizable deep neural networks of practical sizes, "
    "arXiv 1908.02419 (2019)"
)
INCREASING = ("softplus", "sigmoid", "tanh", "erf", "identity")


def _analytic(facts: Facts) -> Found:
    if facts.forward is None:
        return Found(None, facts.kind)
    names = activations(facts)
    wrong = [name for name in names if not activation(name).analytic or name not in INCREASING]
    linear = not names or names == ["identity"]
    if wrong or linear:
        return Found(False, f"{', '.join(wrong)}" if wrong else "the network is linear")
    return Found(True, ", ".join(names))


def _last_width(facts: Facts) -> Found:
    if facts.forward is None:
        return Found(None, facts.kind)
    width, n = (facts.forward.widths or (facts.d,))[-1], len(facts.distinct.x)
    return Found(width >= n, f"{width} units for {n} distinct inputs", n / width)


def _distinct(facts: Facts) -> Found:
    repeated = facts.n - len(facts.distinct.x)
    return Found(repeated == 0, f"{repeated} of {facts.n} inputs repeat others")


def _kh_promise(facts: Facts) -> tuple[Promise, ...]:
    return (Promise("The last features then have rank n almost surely; the card readout shows it for these weights."),)


def _moves_readout(facts: Facts) -> Found:
    if facts.forward is None:
        return Found(None, facts.kind)
    weights = facts.trained.weights[-1]
    biases = facts.trained.biases[-1] or facts.forward.biases[-1] is None
    return Found(weights and biases, "it is trained" if weights and biases else "it is fixed, wholly or in part")


def _enough_features(facts: Facts) -> Found:
    if facts.forward is None:
        return Found(None, facts.kind)
    proof = facts.readout
    return Found(
        proof.features >= proof.distinct, f"{proof.features} for {proof.distinct}", proof.distinct / proof.features
    )


def _independent(facts: Facts) -> Found:
    if facts.forward is None:
        return Found(None, facts.kind)
    proof = facts.readout
    if proof.features < proof.distinct:
        return Found(False, f"{proof.features} features of {proof.distinct} inputs are dependent")
    if proof.singular_value_lower > 0:
        return Found(True, f"the smallest singular value is at least {at_least(proof.singular_value_lower)}")
    return Found(None, "the smallest singular value is lost in rounding")


def _readout_promise(facts: Facts) -> tuple[Promise, ...]:
    proof = facts.readout
    assert proof.radius is not None
    return (
        Promise(
            f"A global minimum lies within {at_most(proof.radius)}, reached by moving the read-out alone.",
            {"radius": proof.radius, "singular_value": proof.singular_value_lower, "residual": proof.residual_upper},
        ),
        Promise(
            f"For any other targets y one lies within |y - f|/{at_least(proof.singular_value_lower)}.",
            {"singular_value": proof.singular_value_lower},
        ),
    )


def _fewer(facts: Facts) -> Found:
    if facts.forward is None:
        return Found(None, facts.kind)
    p, equations = facts.parameters, facts.equations
    return Found(p < equations, f"{p:,} trained parameters for {equations:,} equations", (p + 1) / equations)


def _measure_zero(facts: Facts) -> tuple[Promise, ...]:
    p, equations = facts.parameters, facts.equations
    return (
        Promise(
            f"The targets that can be reached have measure zero: {equations - p:,} dimensions are missing. Nothing "
            f"follows for the "
            "targets given.",
            {"parameters": p, "equations": equations},
        ),
    )


PAPER = Card(
    "kawaguchi-huang",
    "As many parameters as examples are enough",
    "With an analytic, increasing, Lipschitz activation and a number of parameters that grows linearly with the number "
    "of examples, "
    "gradient descent finds a global minimum at any depth; no smaller order of parameters will do, but for a logarithm.",
    r"p = \tilde\Omega(n) \implies \text{gradient descent reaches a global minimum, at any depth};\quad p = o(n/\log n)"
    r"\text{ is too few}",
    "paper",
    "The claim is the paper's abstract; that the last hidden layer is about as wide as n is recalled; that all layers "
    "but the last get a "
    "zero learning rate is what two later papers report.",
    CITATION,
    (
        FULLY_CONNECTED,
        Hypothesis("activation", "analytic, increasing and Lipschitz, and not linear (softplus, sigmoid)", _analytic),
        Hypothesis("distinct inputs", "no input twice", _distinct),
        Hypothesis(
            "last width", "a last hidden layer at least as wide as there are distinct inputs (recalled)", _last_width
        ),
    ),
    (
        "gradient descent finds a global minimum",
        "the order of the number of parameters is the best possible, but for a logarithm",
    ),
    lambda facts: (
        "this network has enough parameters for gradient descent to find a global minimum, as the paper counts them"
    ),
    _kh_promise,
)

READOUT = Card(
    "readout",
    "The proof by the read-out",
    "If the last features of the distinct inputs are independent, some read-out fits any targets exactly, and one lies "
    "within |r|/s of the "
    "read-out there is, s the smallest singular value of the feature matrix.",
    r"s = \sigma_{\min}([a H, c 1]) > 0 \implies \exists V:\ \|V - V_0\| \le \|y - f\|/s,\ f_V(x_i) = y_i\ \forall i",
    "ours",
    "Ours; the mechanism is Kawaguchi and Huang's.",
    f"ours, after {CITATION}",
    (
        FULLY_CONNECTED,
        Hypothesis("trained read-out", "the whole read-out free to move", _moves_readout),
        Hypothesis("features", "at least as many weights per output as distinct inputs", _enough_features),
        Hypothesis("independence", "the features of the distinct inputs independent", _independent),
    ),
    ("a global minimum of the training loss lies within |r|/s", "for any targets one exists"),
    lambda facts: "a global minimum of the squared training loss lies near these weights, in the read-out alone",
    _readout_promise,
    "the docstring of zeroloss.verified.readout",
    {"trainable": "what may move: readout, hidden, ... (all)"},
)

COUNTING = Card(
    "counting",
    "Fewer parameters than equations",
    "A locally Lipschitz map of p numbers covers a set of measure zero of the targets, if there are more than p "
    "equations: almost every target "
    "is missed. Nothing follows for the targets given.",
    r"p < n_{distinct}\, c,\ F \text{ locally Lipschitz} \implies \operatorname{vol}\{F(w): w \in \mathbb R^p\} = 0",
    "ours",
    "Ours, folklore; the lower end of Kawaguchi and Huang, read as almost every target.",
    f"ours, after {CITATION}",
    (FULLY_CONNECTED, Hypothesis("fewer parameters", "fewer trained parameters than equations", _fewer)),
    ("almost every target is missed",),
    lambda facts: "almost every target of the distinct training inputs is out of this network's reach",
    _measure_zero,
    "a locally Lipschitz image of R^p has Hausdorff dimension at most p; every activation here is locally Lipschitz",
    {"trainable": "what may move: readout, hidden, ... (all)"},
)

CARDS = (PAPER, READOUT, COUNTING)
