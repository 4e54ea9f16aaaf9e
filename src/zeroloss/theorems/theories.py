"""The theories of the atlas: how much each requires, from the first polynomial widths to linear parameter counts.

Each formula was looked up; what could not be confirmed is listed in `recalled`. Where two papers restate one theory
differently, the more favourable reading is taken. `H` hidden layers, `n` examples, `d` inputs, `c` outputs, `lambda0`
the smallest eigenvalue of a limiting kernel, `phi` the separation of the inputs, `gamma` a margin, `delta` the
probability of failure, `epsilon` the error aimed at.
"""

from __future__ import annotations

import math

from zeroloss.theorems.theories_linear import LINEAR
from zeroloss.theorems.theory import ONE_LAYER, PARAMETERS, WIDTH, Size, Theory

TABLE = "Table 1 of C. Song et al., arXiv 2111.01875"
GD_ZERO = "with probability 1 - delta over the random start, gradient descent converges linearly to zero training loss (squared)"
_ONE = "one hidden layer"


def _ji_telgarsky(s: Size) -> float:
    return (math.sqrt(math.log(s.n / s.delta)) + math.log(1 / s.accuracy)) ** 2 / s.known("margin") ** 8


def _chen(s: Size) -> float:
    return s.depth * math.log(s.n / s.accuracy) / s.known("margin") * math.log(s.n / s.delta) ** (4 / 3)


POLYNOMIAL = (
    Theory(
        "li-liang-2018",
        "Li & Liang 2018",
        "Y. Li, Y. Liang, Learning overparameterized neural networks via stochastic gradient descent on structured "
        "data, arXiv 1808.01204",
        WIDTH,
        "poly(n)",
        None,
        "stochastic gradient descent reaches small training and test error (cross-entropy)",
        "data from well separated clusters, one class each",
        "relu",
        _ONE,
        "the hidden layer",
        "paper",
        "poly(n): table of arXiv 1908.02419",
    ),
    Theory(
        "du-2019-shallow",
        "Du et al. 2019 (shallow)",
        "S. Du, X. Zhai, B. Poczos, A. Singh, Gradient descent provably optimizes over-parameterized neural networks, "
        "arXiv 1810.02054",
        WIDTH,
        "n^6/(lambda0^4 delta^3)",
        lambda s: s.n**6 / (s.known("lambda0") ** 4 * s.delta**3),
        GD_ZERO,
        "inputs of norm 1, no two parallel (lambda0 > 0); targets O(1)",
        "relu",
        _ONE,
        "the hidden layer; read-out fixed at +-1",
        "paper",
        f"the whole formula, in published notes on the paper; n^6, in {TABLE}",
        uses=("lambda0",),
        one_output=True,
    ),
    Theory(
        "du-2019-deep",
        "Du et al. 2019 (deep)",
        "S. Du, J. Lee, H. Li, L. Wang, X. Zhai, Gradient descent finds global minima of deep neural networks, arXiv 1811.03804",
        WIDTH,
        "2^O(H) n^4/lambda0^4",
        lambda s: 2.0**s.depth * s.n**4 / s.known("lambda0") ** 4,
        GD_ZERO,
        "inputs of norm 1, no two parallel; lambda0 that of its own recursively defined kernel; fully connected "
        "(ResNets: polynomial in H)",
        "smooth, Lipschitz, analytic (softplus)",
        "any",
        "all layers",
        "recalled",
        "2^O(H) n^8 parameters, in the table of arXiv 1908.02419",
        "the power of lambda0 and that further terms, n/delta and n^2 log(Hn/delta)/lambda0^2, are smaller",
        ("lambda0",),
        one_output=True,
    ),
    Theory(
        "allen-zhu-2019",
        "Allen-Zhu et al. 2019",
        "Z. Allen-Zhu, Y. Li, Z. Song, A convergence theory for deep learning via over-parameterization, arXiv 1811.03962",
        WIDTH,
        "n^24 H^12/phi^8",
        lambda s: float(s.n) ** 24 * s.depth**12 / s.known("separation") ** 8,
        "with high probability gradient descent, and its stochastic form, converge linearly to zero training loss "
        "(squared; other smooth losses too)",
        "inputs of norm 1, any two at least phi apart",
        "relu",
        "any",
        "all hidden layers; first layer and read-out fixed",
        "recalled",
        "n^24 L^12, in section 1.2 of arXiv 2111.01875; that n^24 is a width, in the abstract of arXiv 1906.04688",
        "the power of the separation phi",
        ("separation",),
    ),
    Theory(
        "zou-2018",
        "Zou et al. 2018",
        "D. Zou, Y. Cao, D. Zhou, Q. Gu, Stochastic gradient descent optimizes over-parameterized deep relu networks, "
        "arXiv 1811.08888",
        WIDTH,
        "n^26 H^38/phi^8",
        lambda s: float(s.n) ** 26 * float(s.depth) ** 38 / s.known("separation") ** 8,
        "gradient descent and its stochastic form find a global minimum of the training loss (two classes, a broad "
        "family of losses)",
        "inputs of norm 1, points of different classes at least phi apart",
        "relu",
        "any",
        "all hidden layers; read-out fixed",
        "recalled",
        "what it guarantees, in its abstract",
        "the whole formula",
        ("separation",),
        one_output=True,
    ),
    Theory(
        "zou-gu-2019",
        "Zou & Gu 2019",
        "D. Zou, Q. Gu, An improved analysis of training over-parameterized deep neural networks, arXiv 1906.04688",
        WIDTH,
        "n^8 H^12/phi^4",
        lambda s: float(s.n) ** 8 * s.depth**12 / s.known("separation") ** 4,
        "gradient descent and its stochastic form converge linearly to zero training loss (squared)",
        "inputs of norm 1, any two at least phi apart",
        "relu",
        "any",
        "all hidden layers; read-out fixed",
        "recalled",
        f"n^8 L^12, in {TABLE}; the table of arXiv 1908.02419 has H^12 n^8",
        "the power of the separation phi",
        ("separation",),
    ),
    Theory(
        "oymak-soltanolkotabi-2019",
        "Oymak & Soltanolkotabi 2019",
        "S. Oymak, M. Soltanolkotabi, Towards moderate overparameterization, arXiv 1902.04674",
        PARAMETERS,
        "n^2",
        lambda s: float(s.n) ** 2,
        "gradient descent from a random start converges at a geometric rate to a global optimum near by (squared)",
        "inputs of norm 1 with a well conditioned data matrix, in general position",
        "smooth",
        _ONE,
        "the hidden layer; read-out fixed",
        "paper",
        "square root of the number of parameters above n, in its abstract; n^2, in " + TABLE,
        one_output=True,
    ),
    Theory(
        "song-yang-2019",
        "Song & Yang 2019",
        "Z. Song, X. Yang, Quadratic suffices for over-parametrization via matrix Chernoff bound, arXiv 1906.03593",
        WIDTH,
        "n^2/lambda0^4",
        lambda s: s.n**2 / s.known("lambda0") ** 4,
        GD_ZERO,
        "inputs of norm 1 and a further property of the data; without it n^4/lambda0^4 (recalled)",
        "relu",
        _ONE,
        "the hidden layer; read-out fixed at +-1",
        "recalled",
        f"n^2 for separable data, in {TABLE}",
        "the power of lambda0",
        ("lambda0",),
        one_output=True,
    ),
    Theory(
        "ji-telgarsky-2020",
        "Ji & Telgarsky 2020",
        "Z. Ji, M. Telgarsky, Polylogarithmic width suffices for gradient descent to achieve arbitrarily small test "
        "error with shallow relu networks, arXiv 1909.12292",
        WIDTH,
        "(sqrt(log(n/delta)) + log(1/epsilon))^2/gamma^8",
        _ji_telgarsky,
        "the mean logistic loss over the steps of gradient descent falls to epsilon; no statement about a last iterate "
        "or zero squared loss",
        "two classes, separated by the limiting tangent features with a margin gamma (not lambda0)",
        "relu",
        _ONE,
        "the hidden layer; read-out fixed at +-1",
        "recalled",
        "polylog(n, 1/epsilon, 1/delta) and that it rests on the margin of the limiting kernel, in its abstract",
        "the powers of gamma and of the logarithms",
        ("margin",),
        one_output=True,
    ),
    Theory(
        "chen-2021",
        "Chen et al. 2021",
        "Z. Chen, Y. Cao, D. Zou, Q. Gu, How much over-parameterization is sufficient to learn deep relu networks?, "
        "arXiv 1911.12360",
        WIDTH,
        "poly(H, log(n/epsilon)/gamma) log(n/delta)^(4/3)",
        _chen,
        "the mean logistic loss over the steps of gradient descent falls to epsilon; no statement about a last iterate "
        "or zero squared loss",
        "two classes, separated by the tangent features with a margin gamma (not lambda0)",
        "relu",
        "any",
        "all layers",
        "recalled",
        "polylogarithmic in n and 1/epsilon under a margin assumption, in its abstract",
        "the form of the formula; the degree of the polynomial is not known and taken as 1",
        ("margin",),
        at_least=True,
        one_output=True,
    ),
    Theory(
        "nguyen-mondelli-2020",
        "Nguyen & Mondelli 2020",
        "Q. Nguyen, M. Mondelli, Global convergence of deep networks with one wide layer followed by pyramidal "
        "topology, arXiv 2002.07867",
        ONE_LAYER,
        "n^2",
        lambda s: float(s.n) ** 2,
        "gradient descent from a LeCun start converges geometrically to a global minimum (squared); a special start "
        "needs width n only",
        "the first hidden layer is the wide one, the widths after it do not increase",
        "smooth",
        "any",
        "all layers",
        "paper",
        "n, and n^2 with LeCun's (in one version Xavier's) initialisation, in its abstract",
    ),
    Theory(
        "noy-2021",
        "Noy et al. 2021",
        "A. Noy, Y. Xu, Y. Aflalo, L. Zelnik-Manor, R. Jin, A convergence theory towards practical over-parameterized "
        "deep neural networks, arXiv 2101.04243",
        WIDTH,
        "n^2 H",
        lambda s: float(s.n) ** 2 * s.depth,
        "convergence to a global minimum, in a time logarithmic in width and depth, through a surrogate network of "
        "fixed activation patterns",
        "of the paper's body, not at hand",
        "relu",
        "any",
        "the surrogate's layers",
        "paper",
        "widths quadratic in the sample size and linear in depth, in its abstract",
    ),
    Theory(
        "song-2021",
        "Song et al. 2021",
        "C. Song, A. Ramezani-Kebrya, T. Pethick, A. Eftekhari, V. Cevher, Subquadratic overparameterization for "
        "shallow neural networks, arXiv 2111.01875",
        PARAMETERS,
        "n^(3/2)",
        lambda s: float(s.n) ** 1.5,
        "gradient descent converges linearly to a global minimum (squared), with a probability that tends to 1",
        "standard random starts; conditions on the data matrix",
        "smooth",
        _ONE,
        "both layers",
        "paper",
        "n^(3/2) parameters, in the paper's text and its Table 1",
    ),
    Theory(
        "terjek-gonzalez-sanchez-2022",
        "after Terjek & Gonzalez-Sanchez 2022",
        "D. Terjek, D. Gonzalez-Sanchez, A framework for overparameterized learning, arXiv 2205.13507",
        WIDTH,
        "n^2 c/lambda0^2",
        lambda s: float(s.n) ** 2 * s.outputs / s.known("lambda0") ** 2,
        "gradient descent converges linearly to a global minimum, near its start, and near the linearised model; with "
        "constants: zeroloss certify",
        "NTK parametrization; lambda0 of the tangent kernel at the start; targets O(1). The paper's own width is not "
        "at hand: this is the order "
        "of 2 beta |r0| < lambda0 with beta = sqrt(n/width), |r0| = sqrt(n c)",
        "smooth",
        "any",
        "all layers, or some",
        "ours",
        None,
        uses=("lambda0",),
    ),
)

THEORIES = (*POLYNOMIAL, *LINEAR)
"""All theories of the atlas, in about the order of their years; the last ones require a number linear in n."""
