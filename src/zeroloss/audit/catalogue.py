"""The catalogue of measures: for each its name, formula, meaning, caveat, unit, standing and source."""

from __future__ import annotations

import dataclasses

GROUPS = ("margins", "norms", "laziness", "kernel", "sharpness", "filters")
"""The groups in the order of computation, cheap ones first."""
REPARAMETRIZED = (
    "Scaling one relu layer up and the next down changes it and not the function (Dinh et al. 2017); compare only networks "
    "of one parametrization."
)
KERNEL_SAMPLE = "It is about these examples; it changes with how many there are."
DENSE_ONLY = "Known for networks of dense layers only; biases are not counted."


@dataclasses.dataclass(frozen=True)
class Description:
    """The description of a measure.

    Attributes:
        title: its name in a table.
        expects: +1 where a larger value is commonly believed to go with a larger test error, -1 for the opposite, 0 where
            there is no such belief. `rank` tests it; it is no result of this project.
    """

    title: str
    group: str
    formula: str
    meaning: str
    caveat: str
    unit: str = ""
    standing: str = "paper"
    source: str = ""
    expects: int = 0


CATALOGUE: dict[str, Description] = {
    # margins
    "smallest_margin": Description(
        "smallest margin", "margins", "min_i m_i,  m_i = f_y(x_i) - max_{a != y} f_a(x_i)",
        "How narrowly the worst training example is decided.",
        "Grows with the scale of the outputs, so by itself it does not measure how robust the network is.",
        "output", "paper", "Bartlett, Foster & Telgarsky 2017", -1,
    ),
    "margin_decile": Description(
        "a tenth of the margins are below", "margins", "the 0.1 quantile of m_i over all training examples",
        "How narrowly the hardest tenth of the training examples is decided.",
        "Grows with the scale of the outputs.",
        "output", "paper", "Bartlett, Foster & Telgarsky 2017", -1,
    ),
    "median_margin": Description(
        "median margin", "margins", "the median of m_i over all training examples",
        "How clearly a typical training example is decided.",
        "Grows with the scale of the outputs.",
        "output", "paper", "Bartlett, Foster & Telgarsky 2017", -1,
    ),
    # norms
    "parameter_norm": Description(
        "norm of the parameters", "norms", "|w|_2 over all parameters",
        "How large the weights are in all.", "Depends on the parametrization. " + REPARAMETRIZED,
        expects=1, source="Neyshabur, Tomioka & Srebro 2015",
    ),
    "distance": Description(
        "distance from the start", "norms", "|w - w0|_2 over all parameters",
        "How far training moved the weights.", "Depends on the parametrization; needs the network at its start.",
        expects=1, source="Nagarajan & Kolter 2019",
    ),
    "spectral_product": Description(
        "product of spectral norms", "norms", "prod_l s_l |A_l|_2,  A_l = a_l W_l, s_l the activation's largest slope",
        "An upper bound on how much the output can change for one unit of change of the input.",
        "Usually far above what the network does anywhere near data. " + DENSE_ONLY,
        expects=1, source="Bartlett, Foster & Telgarsky 2017",
    ),
    "frobenius_product": Description(
        "product of Frobenius norms", "norms", "prod_l s_l |A_l|_F",
        "A coarser bound of the same kind; it also counts how many directions a layer uses.",
        "Grows with width where nothing else changes. " + DENSE_ONLY,
        expects=1, source="Neyshabur, Tomioka & Srebro 2015",
    ),
    "path_norm": Description(
        "path norm", "norms", "sqrt( sum over paths from an input to an output of prod (A_l entry)^2 )",
        "The size of the network counted along its paths; moving scale between relu layers leaves it as it is.",
        "For activations other than relu the slope at each unit is not counted. " + DENSE_ONLY,
        expects=1, source="Neyshabur, Salakhutdinov & Srebro 2015",
    ),
    "spectral_complexity": Description(
        "spectral complexity", "norms",
        "(prod_l s_l |A_l|_2) ( sum_l (|A_l - M_l|_{2,1}/|A_l|_2)^{2/3} )^{3/2},  |.|_{2,1}: sum over units of the norm of their weights",
        "The capacity in a bound on the test error, from the start where that is given (M_l), else from 0.",
        "The bound itself is vacuous for networks of useful size; only comparisons are meant. " + DENSE_ONLY,
        expects=1, source="Bartlett, Foster & Telgarsky 2017, eq. (1.2)",
    ),
    "normalised_margin": Description(
        "spectrally normalised margin (decile)", "norms",
        "0.1 quantile of m_i n/(R |X|_F),  R the spectral complexity",
        "The margin in units of what the network's size would explain.",
        "Of order 1 or less; no threshold is known above which a fit can be trusted. " + DENSE_ONLY,
        expects=-1, source="Bartlett, Foster & Telgarsky 2017",
    ),
    "margin_radius": Description(
        "ball without a change of class", "norms", "min_i m_i/(sqrt 2 prod_l s_l |A_l|_2)",
        "Within this distance of every training example the answer cannot change (in exact arithmetic).",
        "A lower bound, usually far below the true distance; negative where an example is wrong. " + DENSE_ONLY,
        "distance", "recalled", "Tsuzuku, Sato & Sugiyama 2018", -1,
    ),
    # laziness
    "movement": Description(
        "relative movement of the weights", "laziness", "|w - w0|/|w0|",
        "How far training moved the weights, against their size at the start.",
        "Depends on the parametrization (in ntk the multipliers are not part).", standing="recalled",
        source="Chizat, Oyallon & Bach 2019",
    ),
    "linearisation_train": Description(
        "linearisation error, training", "laziness", "|f - f_lin|/|f - f_0| over the training examples, f_lin expanded at w0",
        "How much of what training changed the tangent model at the start misses.",
        "At these examples only; the test error of the tangent model may differ more.", standing="recalled",
        source="Chizat, Oyallon & Bach 2019; Lee et al. 2019",
    ),
    "linearisation_test": Description(
        "linearisation error, test", "laziness", "|f - f_lin|/|f - f_0| over the test examples",
        "The same where the network was not trained.", "Needs test examples.", standing="recalled",
        source="Chizat, Oyallon & Bach 2019; Lee et al. 2019",
    ),
    "kernel_drift": Description(
        "drift of the tangent kernel", "laziness", "|K_1 - K_0|_F/|K_0|_F, tangent kernels at the end and at the start",
        "How much training changed the kernel: 0 where it was lazy.", KERNEL_SAMPLE + " A mere change of scale counts.",
        standing="recalled", source="Fort et al. 2020",
    ),
    "kernel_similarity": Description(
        "centred alignment of both kernels", "laziness", "<H K_0 H, H K_1 H>_F/(|H K_0 H|_F |H K_1 H|_F),  H = I - 1 1^T/n",
        "Whether the kernels at start and end differ by more than scale: 1 where they do not.", KERNEL_SAMPLE,
        source="Cortes, Mohri & Rostamizadeh 2012 (centred alignment); Fort et al. 2020 (for tangent kernels)",
    ),
    "target_alignment_start": Description(
        "kernel-target alignment at the start", "laziness", "as kernel_target_alignment, with the kernel at the start",
        "How well the kernel that training began with suits the targets.", KERNEL_SAMPLE,
        source="Cristianini et al. 2001; centred: Cortes, Mohri & Rostamizadeh 2012",
    ),
    # kernel
    "kernel_target_alignment": Description(
        "kernel-target alignment", "kernel", "<H K H, Y Y^T>_F/(|H K H|_F |H Y Y^T H|_F),  K the mean over outputs (n, n)",
        "How well the tangent kernel suits the targets: 1 if it is a multiple of their own.", KERNEL_SAMPLE,
        source="Cristianini et al. 2001; centred: Cortes, Mohri & Rostamizadeh 2012", expects=-1,
    ),
    "effective_dimension": Description(
        "effective dimension", "kernel", "tr K (K + n lambda)^{-1},  n lambda a hundredth of the mean eigenvalue unless given",
        "How many directions the tangent kernel at these weights can fit, at this much shrinkage.",
        KERNEL_SAMPLE + " Another lambda gives another number.", "directions",
        source="Zhang 2005; Caponnetto & De Vito 2007", expects=1,
    ),
    "participation_ratio": Description(
        "participation ratio", "kernel", "(tr K)^2/|K|_F^2",
        "How many eigenvalues carry the kernel: 1 if one does, all if they are equal.", KERNEL_SAMPLE, "directions",
        "recalled", "",
    ),
    # sharpness
    "gauss_newton_top": Description(
        "largest Gauss-Newton eigenvalue", "sharpness",
        "lambda_max of G = 1/n sum_i J_i^T (d^2 loss/df^2) J_i (equal to that of the kernel side, of size n c)",
        "The curvature of the loss by the network's first derivatives; at zero squared loss it is the Hessian's.",
        REPARAMETRIZED, "loss", source="Schraudolph 2002", expects=1,
    ),
    "gauss_newton_trace": Description(
        "trace of the Gauss-Newton matrix", "sharpness", "tr G",
        "The sum of all these curvatures: the mean squared gradient of the outputs for the squared loss.",
        REPARAMETRIZED, "loss", source="Schraudolph 2002", expects=1,
    ),
    "sharpness": Description(
        "largest Hessian eigenvalue", "sharpness", "lambda_max of H = d^2 L/dw^2, L the mean training loss",
        "How sharply the training loss bends in the worst direction.", REPARAMETRIZED, "loss",
        source="Keskar et al. 2017; Dinh et al. 2017", expects=1,
    ),
    "lowest_curvature": Description(
        "smallest Hessian eigenvalue", "sharpness", "lambda_min of H",
        "Below 0 the point is no minimum of the loss on these examples, only near one.",
        "A negative value of the size of the gradient's noise is usual; relu has no second derivative at its kinks.",
        "loss", "recalled",
    ),
    "hessian_trace": Description(
        "trace of the Hessian", "sharpness", "tr H",
        "The sum of all curvatures of the training loss.", REPARAMETRIZED, "loss",
        source="Hutchinson 1990 (the estimate)", expects=1,
    ),
    "largest_stable_step": Description(
        "largest stable step", "sharpness", "2/lambda_max(H)",
        "Gradient descent with a larger step leaves this point along the sharpest direction.",
        "To second order; full-batch descent at a fixed step is often seen to settle where this equals the step.",
        "step size", source="Cohen et al. 2021 (edge of stability)",
    ),
    "step_ratio": Description(
        "step over the largest stable one", "sharpness", "eta lambda_max(H)/2",
        "Near 1: training ran at the edge of stability; above 1 the minimum repels descent at this step.",
        "For full-batch gradient descent without momentum.", source="Cohen et al. 2021",
    ),
    # filters
    "effective_filters": Description(
        "effective number of filter clusters", "filters",
        "exp(-sum_k q_k log q_k), q_k the share of first-layer filters in cluster k (average linkage, cut at 30 degrees)",
        "How many different directions the first layer's filters have, counted by how full the clusters are.",
        "The angle of 30 degrees is a choice; directions only, so w and -w are two.", "clusters", "ours",
        "after Brutzkus & Globerson 2019",
    ),
    "filter_alignment": Description(
        "alignment of the filters", "filters", "mean over filters of the cosine to the nearest other filter",
        "1 where every filter has a copy; `details` has what random directions would give.",
        "In few dimensions random directions are close together as well: compare with the random range.", "cosine",
        "ours", "after Brutzkus & Globerson 2019",
    ),
}  # fmt: skip


def chosen(measures: object) -> list[str]:
    """The names of the measures that `measures` selects, in the catalogue's order.

    Args:
        measures: "all", None, the name of a measure or of a group, or several of these.

    Raises:
        InputError: a name that is none of them.
    """
    from zeroloss.plumbing import InputError

    if measures is None:
        return []
    requested = [measures] if isinstance(measures, str) else list(measures)  # type: ignore[call-overload]
    names: set[str] = set()
    for word in requested:
        if word == "all":
            names |= set(CATALOGUE)
        elif word in GROUPS:
            names |= {name for name, what in CATALOGUE.items() if what.group == word}
        elif word in CATALOGUE:
            names.add(word)
        elif word != "none":
            raise InputError(
                f"there is no measure {word!r}; choose all, none, a group ({', '.join(GROUPS)}) or one of {', '.join(CATALOGUE)}."
            )
    return [name for name in CATALOGUE if name in names]
