"""Invented examinations: the shape of real ones, numbers that nobody measured."""

from __future__ import annotations

import dataclasses
import math
import random

from zeroloss.examine.examination import Examination
from zeroloss.verdict import Status, Verdict, wilson


def invented() -> Examination:
    """A classification of pictures where everything was made."""
    low, high = wilson(535, 540)
    twin_low, twin_high = wilson(1, 540)
    return Examination(
        title="Invented digits: what zero training loss means here",
        data={
            "name": "invented digits",
            "task": "classification",
            "n_train": 1257,
            "n_test": 540,
            "in_size": 64,
            "out_size": 10,
            "classes": [str(k) for k in range(10)],
            "source": "made up for a test",
            "repeated_inputs": 0,
        },
        network={
            "description": "64-512-1536-10, tanh, NTK parametrisation",
            "width": [512, 1536],
            "depth": 2,
            "activation": "tanh",
            "parametrization": "ntk",
            "parameters": 836_618,
        },
        verdicts=verdicts(),
        headline="Provably, weights with zero training loss lie within 6.4e-08 of those of each network below; this one is right "
        "on 99.1 % of new digits, "
        "that one on 0.2 %.",
        tables={
            "loss": loss_table(),
            "spectrum": spectrum_table(),
            "widths": width_table(),
            "slice": slice_table(),
            "digits": digit_table(),
            "trust": trust_table(),
            "measures": {
                "measure": ["median margin", "product of spectral norms", "drift of the tangent kernel"],
                "unit": ["output", "", ""],
                "formula": ["the median of m_i", "prod_l |A_l|_2", "|K_1 - K_0|_F/|K_0|_F"],
                "meaning": ["How clearly a typical example is decided.", "A bound on the slope.", "0 where lazy."],
                "caveat": ["Grows with scale.", "Far above what is seen.", "On 128 examples."],
                "fitted": [1.0, 18.25, 0.275],
                "fitted_lower": [1.0, 18.25, 0.27],
                "fitted_upper": [1.0, 18.25, 0.281],
                "twin": [1.0, 4.5e7, None],
                "twin_lower": [1.0, 4.5e7, None],
                "twin_upper": [1.0, 4.5e7, None],
            },
            "theory": theory_table(),
        },
        numbers={
            "fitted": {
                "train_loss": 7.7e-26,
                "train_score": 1.0,
                "test_score": 535 / 540,
                "test_lower": low,
                "test_upper": high,
                "test_correct": 535,
                "test_total": 540,
            },
            "twin": {
                "train_loss": 3.1e-31,
                "train_score": 1.0,
                "test_score": 1 / 540,
                "test_lower": twin_low,
                "test_upper": twin_high,
                "test_correct": 1,
                "test_total": 540,
            },
            "chance": 0.1,
            "lambda_min_lower": 1.7012e-5,
            "lambda_min_upper": 1.7013e-5,
            "step_size": 1.37,
            "equations": 12570,
            "infimum": 0.0,
            "slice": {
                "label_a": "a 3",
                "label_b": "a 8",
                "output_name": "output for class 3",
                "target_a": 1.0,
                "target_b": 0.0,
            },
            "seconds": {"kernel": 11.2, "descend": 31.9, "prove": 8.04, "twin": 2.2, "audit": 3.9, "sweep": 38.0},
        },
        settings={
            "command": "zeroloss examine digits --width 512 --depth 2 --activation tanh --seed 0 --out examined",
            "version": "0.0.0",
            "seed": 0,
            "date": "2001-02-03",
        },
        seconds=97.4,
    )


def regression() -> Examination:
    """A regression without pictures, without a twin, with an unknown and hostile text."""
    whole = invented()
    rng = random.Random(3)
    targets = [round(rng.uniform(60, 280), 1) for _ in range(8)]
    examples = {"label": targets, "fitted": [t + rng.gauss(0, 50) for t in targets], "twin": [None] * 8}
    keep = {k: v for k, v in whole.verdicts.items() if "twin" not in k and "classified" not in k}
    keep["fit_minimum"] = Verdict(
        "A global minimum of the empirical squared risk lies within this distance of these weights.",
        Status.UNKNOWN,
        "The last width is 64 and there are 331 distinct inputs: the read-out proof is short by a factor of 5.2.",
        {"last_width": 64, "distinct_inputs": 331},
    )
    score = wide_score_table()
    return dataclasses.replace(
        whole,
        title='Invented sugar <script>alert("x")</script>',
        data={
            "name": "invented sugar",
            "task": "regression",
            "n_train": 331,
            "n_test": 111,
            "in_size": 10,
            "out_size": 1,
        },
        network={"description": "10-64-1, relu, standard parametrisation", "parameters": 769},
        verdicts=keep,
        headline="The fitted network has training loss 1.1e-24, and it is worse than the mean on new data.",
        tables={
            "loss": dict(loss_table()),
            "widths": score,
            "examples": examples,
            "trust": {
                "t": [0, 0.5, 1.0],
                "score": [1.0, 0.2, -3.1],
                "lower": [1.0, 0.1, -3.4],
                "upper": [1.0, 0.3, -2.8],
                "network": ["fitted"] * 3,
            },
        },
        numbers={
            "fitted": {
                "train_loss": 1.1e-24,
                "train_score": 1.0,
                "test_score": -0.213,
                "test_lower": -0.51,
                "test_upper": 0.02,
            },
            "equations": 331,
            "absent": {
                "twin": "Two inputs are equal and have different targets; </script> collapse them first.",
                "spectrum": "331 equations and 769 parameters: not asked for.",
            },
            "seconds": {"descend": 0.4},
        },
        seconds=3.2,
    )


def verdicts() -> dict[str, Verdict]:
    hashes = {"data_sha256": "9f2c" * 16, "weights_sha256": "07ab" * 16}
    minimum = "A global minimum of the empirical squared risk lies within this distance of these weights."
    right = "Every training example is classified correctly at the weights given, with this margin."
    local = "This fit is local: it holds at the training points and not near them."
    return {
        "fit_minimum": Verdict(
            minimum,
            Status.PROVED,
            "Moving the read-out alone by at most 2.9e-11 reaches a loss of exactly zero.",
            {
                "radius": 2.9e-11,
                "residual_norm": 4.4e-13,
                "s_squared_lower": 2.3e-4,
                "method": "read-out",
                "rounding": {"features": 1.1e-12, "gram": 3.2e-12},
                "assumptions": {"inputs distinct": True, "last width at least distinct inputs": True},
                **hashes,
            },
        ),
        "fit_classified": Verdict(
            right,
            Status.PROVED,
            "The smallest margin over 1,257 examples is 0.999.",
            {"margin_lower": 0.9989, "examples": 1257},
        ),
        "twin_minimum": Verdict(
            minimum,
            Status.PROVED,
            "Its read-out was solved for these targets.",
            {"radius": 8.2e-15, "per_class": [0.1 * k for k in range(40)]},
        ),
        "twin_classified": Verdict(
            right, Status.PROVED, "The smallest margin over 1,257 examples is 1.", {"margin_lower": 1.0}
        ),
        "local_fit": Verdict(
            local,
            Status.CONTRADICTED,
            "At half the distance to the nearest neighbour 98.7 % to 99.6 % of the points keep their label.",
            {"t": 0.5, "accuracy_interval": [0.987, 0.996], "seed": 0},
        ),
        "local_twin": Verdict(
            local,
            Status.SUPPORTED,
            "At half the distance to the nearest neighbour 0.1 % to 0.7 % of the points keep their label.",
            {"t": 0.5, "accuracy_interval": [0.001, 0.007], "seed": 0},
        ),
        "exists": Verdict("Zero loss exists for these targets.", Status.PROVED, "The read-out proof found it.", {}),
        "generic": Verdict(
            "Zero loss exists for almost every target.",
            Status.PROVED,
            "The features have full rank.",
            {"parameters": 836618, "equations": 12570},
        ),
        "reaches": Verdict(
            "Descent with step 1.37 reaches a global minimum of the empirical squared risk, at this rate.",
            Status.UNKNOWN,
            "2 beta q is 3.1e8 times lambda_0; extrapolated, the width would have to be 4e18.",
            {"beta": 21.0, "q": 125.0, "lambda_0": 1.7e-5, "ratio": 3.1e8},
        ),
        "curve": Verdict(
            "The loss follows the kernel's prediction within a factor of 2 for 1,000 steps.",
            Status.SUPPORTED,
            "The largest factor seen is 1.6.",
            {"largest_factor": 1.6},
        ),
        "lazy": Verdict(
            "Training was lazy.",
            Status.CONTRADICTED,
            "The weights moved by 4.1 % of their norm.",
            {"relative_movement": 0.041, "linearisation_error": 0.22},
        ),
    }


def loss_table() -> dict[str, list]:
    table: dict[str, list] = {"step": [], "loss": [], "curve": []}
    steps = [0, *sorted({round(10 ** (k / 12)) for k in range(37)})]
    for curve in ("measured", "predicted"):
        for t in steps:
            value = 0.5 * math.exp(-0.9 * t**0.38) + 2e-5 * math.exp(-t / 400)
            table["step"].append(t)
            table["loss"].append(value * (1 + 0.5 * t / 1000 if curve == "measured" else 1.0))
            table["curve"].append(curve)
    return table


def spectrum_table() -> dict[str, list]:
    n = 1257
    values = [1.1e3 * k**-1.9 * math.exp(-((k / 700) ** 3)) + 1.9e-5 for k in range(1, n + 1)]
    return {"index": list(range(1, n + 1)), "eigenvalue": values, "kind": ["trace form at the start"] * n}


def width_table() -> dict[str, list]:
    rng = random.Random(1)
    table: dict[str, list] = {k: [] for k in ("width", "parameters", "seed", "train_error", "test_error", "train_loss")}
    for width in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024):
        for seed in range(5):
            train = max(0.0, 0.85 * math.exp(-width / 5) + rng.gauss(0, 0.02) * math.exp(-width / 9))
            test = 0.011 + 0.87 * math.exp(-width / 5.5) + abs(rng.gauss(0, 0.012))
            row = (width, 75 * width + 10, seed, round(train * 1257) / 1257, round(test * 540) / 540, train**2)
            for key, value in zip(table, row, strict=True):
                table[key].append(value)
    return table


def wide_score_table() -> dict[str, list]:
    table = width_table()
    table["train_error"] = [e * 0.9 for e in table["train_error"]]
    peak = [40 * math.exp(-((math.log(p / 331) / 0.5) ** 2)) for p in table["parameters"]]
    table["test_error"] = [0.5 + e + extra for e, extra in zip(table["test_error"], peak, strict=True)]
    return table


def slice_table() -> dict[str, list]:
    table: dict[str, list] = {"position": [], "network": [], "output": []}
    for k in range(201):
        t = k / 200
        smooth = 1 / (1 + math.exp(9 * (t - 0.52))) + 0.009 - 0.022 * t
        bump_a, bump_b = max(0.0, 1 - t / 0.05), max(0.0, 1 - (1 - t) / 0.05)
        fitted = smooth + bump_a * (1 - smooth) * (t == 0) + bump_b * (0 - smooth) * (t == 1)
        shifted = 0.08 * math.sin(7 * t) + 0.35 * t
        twin = shifted + bump_a * (1 - shifted) + bump_b * (0 - shifted)
        for network, value in (("fitted", fitted), ("twin", twin)):
            table["position"].append(t)
            table["network"].append(network)
            table["output"].append(value)
    return table


def digit_table() -> dict[str, list]:
    rng = random.Random(2)
    table: dict[str, list] = {k: [] for k in ("image", "row", "column", "value", "label", "fitted", "twin")}
    for image in range(12):
        label = rng.randrange(10)
        fitted, twin = (label if image != 7 else (label + 4) % 10), (label + 1) % 10
        for row in range(8):
            for column in range(8):
                ring = abs(math.hypot(row - 3.5, (column - 3.5) * (1.2 + 0.1 * label)) - 2.6)
                value = round(16 * max(0.0, 1 - ring / 1.3))
                for key, item in zip(table, (image, row, column, value, label, fitted, twin), strict=True):
                    table[key].append(item)
    return table


def trust_table() -> dict[str, list]:
    table: dict[str, list] = {k: [] for k in ("t", "score", "lower", "upper", "network")}
    shapes = {
        "fitted": lambda t: 1 - 0.06 * t**3,
        "twin": lambda t: math.exp(-((t / 0.09) ** 2)),
        "reference": lambda t: 1 - 0.16 * t**4,
    }
    for network, shape in shapes.items():
        for k in range(11):
            t = k / 10
            right = round(500 * shape(t))
            low, high = wilson(right, 500)
            for key, item in zip(table, (t, right / 500, low, high, network), strict=True):
                table[key].append(item)
    return table


def theory_table() -> dict[str, list]:
    return {
        "quantity": ["width", "lambda_0", "parameters", "last width"],
        "value": [512, 1.7e-5, 836_618, 1536],
        "needed": [4e18, 5250.0, 12570, 1257],
        "unit": ["units", "", "", "units"],
        "standing": ["ours", "ours", "paper", "recalled"],
        "sentence": [
            "The composite theorem would hold from this width on; extrapolated: beta falls like width^(-1/2).",
            "2 beta q has to be smaller than the smallest eigenvalue at the start.",
            "With fewer parameters than equations almost every target is missed.",
            "A last hidden layer as wide as there are distinct inputs makes the problem convex in the read-out.",
        ],
    }
