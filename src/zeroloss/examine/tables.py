"""The tidy tables behind the report's figures: column name -> values."""

from __future__ import annotations

from typing import Any

import numpy as np

from zeroloss.audit.rule import decide, threshold_of, wrong_rows
from zeroloss.data import Dataset, collapse, subset
from zeroloss.data.task import ones
from zeroloss.descent import descend
from zeroloss.networks import MLP, predict
from zeroloss.plumbing import Progress
from zeroloss.tangent import kernel
from zeroloss.theorems import Certificate
from zeroloss.theorems.needed import needed_table

Table = dict[str, list]
PICTURES = 12
SPECTRUM_POINTS = 1500


def loss_table(history: dict[str, list], predicted: np.ndarray) -> Table:
    """Measured and predicted loss at the same steps."""
    steps, measured = list(history["step"]), list(history["loss"])
    return {
        "step": steps + steps,
        "loss": measured + [float(v) for v in predicted],
        "curve": ["measured"] * len(steps) + ["predicted"] * len(steps),
    }


def spectrum_points(data: Dataset, seed: int) -> np.ndarray:
    """The distinct training inputs, at most 1,500 of them."""
    x = collapse(data.x_train, data.y_train).x
    if len(x) <= SPECTRUM_POINTS:
        return x
    return x[np.sort(np.random.default_rng(seed).choice(len(x), SPECTRUM_POINTS, replace=False))]


def spectrum_table(
    network: Any, data: Dataset, seed: int, where: str = "at the start"
) -> tuple[Table, np.ndarray, np.ndarray]:
    """Eigenvalues of the trace form (on at most 1,500 of the training inputs).

    Also returns those inputs, and the eigenvector of the smallest eigenvalue.
    """
    x = spectrum_points(data, seed)
    note = f", {SPECTRUM_POINTS:,} of the training inputs" if len(x) == SPECTRUM_POINTS else ""
    matrix = np.asarray(kernel(network, x, outputs="trace", check=False), np.float64)
    values, vectors = np.linalg.eigh(0.5 * (matrix + matrix.T))
    kind = f"trace form {where}{note}"
    table = {
        "index": list(range(1, len(values) + 1)),
        "eigenvalue": values[::-1].tolist(),
        "kind": [kind] * len(values),
    }
    return table, x, vectors[:, 0]


def width_table(data: Dataset, network: MLP, widths, seeds, steps: int, seed: int, progress: Progress) -> Table:
    """Train and test error of networks of the same kind and equal widths, each seed trained by Adam for `steps` full
    batches."""
    some = data if data.n <= 2000 else subset(data, 2000, seed)
    columns: Table = {name: [] for name in ("width", "parameters", "seed", "train_error", "test_error", "train_loss")}
    runs = [(width, s) for width in widths for s in seeds]
    for done, (width, s) in enumerate(runs):
        equal = (width,) * max(1, network.depth)
        config = network.config._replace(in_size=data.in_size, out_size=data.out_size, widths=equal)
        net = MLP.of(config, key=1000 * seed + s)
        fit = descend(net, some, "adam", step_size=0.03, steps=steps, key=s)
        progress.update((done + 1) / len(runs), f"width {width}")
        answers = predict(fit.network, np.concatenate([some.x_train, some.x_test]))
        at_training = answers[: some.n]
        side = threshold_of(fit.network, some, lambda found=at_training: found)  # type: ignore[misc]
        row = {
            "width": width,
            "parameters": sum(w.size + b.size for w, b in zip(net.weights, net.biases, strict=True)),
            "seed": s,
            "train_error": wrong(answers[: some.n], some.y_train, some.task, side),
            "test_error": wrong(answers[some.n :], some.y_test, some.task, side),
            "train_loss": float(fit.loss),
        }
        for name, value in row.items():
            columns[name].append(value)
    return columns


def error(network: Any, x: np.ndarray, y: np.ndarray, data: Dataset) -> float | None:
    """Share of wrong answers on these rows of `data`; in regression `1 - R^2`. None without examples."""
    side = threshold_of(network, data, lambda: predict(network, data.x_train))
    return wrong(predict(network, x), y, data.task, side) if len(x) else None


def wrong(answers: np.ndarray, y: np.ndarray, task: str, threshold: float = 0.0) -> float | None:
    """`error` of answers `(n, c)`; `threshold`: see `zeroloss.audit.rule`."""
    if len(y) == 0:
        return None
    if task != "regression":
        return float(np.mean(wrong_rows(answers, y, task, threshold)))
    return float(np.sum((answers - y) ** 2) / np.sum((y - y.mean(0)) ** 2))


def slice_table(fitted: Any, twin: Any, data: Dataset, seed: int) -> tuple[Table, dict[str, Any]]:
    """One output of both networks on the line between two training points, on a grid that is densest near them, where a twin
    has its spikes."""
    classes = data.y_train.argmax(1)
    a, b = _two_points(data, seed)
    column = int(classes[a]) if data.task == "classification" and data.out_size > 1 else 0
    near = np.concatenate([[0.0], np.geomspace(1e-6, 0.2, 60)])
    positions = np.unique(np.concatenate([np.linspace(-0.3, 1.3, 161), near, -near, 1 - near, 1 + near]))
    points = data.x_train[a] + positions[:, None] * (data.x_train[b] - data.x_train[a])
    points[positions == 0], points[positions == 1] = data.x_train[a], data.x_train[b]
    table: Table = {"position": [], "network": [], "output": []}
    for name, network in (("fitted", fitted), ("twin", twin)):
        if network is None:
            continue
        table["position"] += positions.tolist()
        table["network"] += [name] * len(positions)
        table["output"] += predict(network, points)[:, column].astype(float).tolist()
    names = ["A", "B"]
    if data.labels_train is not None:
        names = [data.classes[int(data.labels_train[i])] for i in (a, b)]
    facts = {
        "label_a": f"A (class {names[0]})" if data.task == "classification" else "A",
        "label_b": f"B (class {names[1]})" if data.task == "classification" else "B",
        "output_name": _output_name(data, names[0]),
        "target_a": float(data.y_train[a, column]),
        "target_b": float(data.y_train[b, column]),
    }
    return table, facts


def _output_name(data: Dataset, name: str) -> str:
    if data.task == "multi-label":
        return "output for the first label"
    if data.task == "regression":
        return "output (standardised target)"
    return f"output for class {name}" if data.out_size > 1 else "the one output"


def _two_points(data: Dataset, seed: int) -> tuple[int, int]:
    """A training point and its nearest neighbour of another class (regression: one at the median distance)."""
    a = int(np.random.default_rng(seed).integers(data.n))
    distance = np.linalg.norm(data.x_train - data.x_train[a], axis=1)
    if data.labels_train is not None:
        classes = data.labels_train
        distance[(classes == classes[a]) | (distance == 0)] = np.inf
        return a, int(np.argmin(distance)) if np.isfinite(distance).any() else (a + 1) % data.n
    others = np.flatnonzero(distance > 0)
    return a, int(others[np.argsort(distance[others])[len(others) // 2]]) if len(others) else (a + 1) % data.n


def answer_tables(fitted: Any, twin: Any, data: Dataset, seed: int) -> dict[str, Table]:
    """Some test examples with both networks' answers: pictures ("digits") or rows ("examples")."""
    if len(data.x_test) == 0:
        return {}
    rng = np.random.default_rng(seed)
    rows = rng.choice(len(data.x_test), min(PICTURES, len(data.x_test)), replace=False)
    found = {
        "fitted": _answers(fitted, data, rows),
        "twin": _answers(twin, data, rows) if twin is not None else [None] * len(rows),
    }
    truth = _truth(data, rows)
    if data.image_shape is None or len(data.image_shape) != 2:
        return {"examples": {"label": truth, **found}}
    table: Table = {name: [] for name in ("image", "row", "column", "value", "label", "fitted", "twin")}
    height, width = data.image_shape
    grey = 255 if width > 16 else 16
    for image, index in enumerate(rows):
        pixels = data.x_test[index].reshape(height, width)
        for i in range(height):
            for j in range(width):
                values = (
                    image,
                    i,
                    j,
                    round(float(pixels[i, j]) * grey) / grey,
                    truth[image],
                    found["fitted"][image],
                    found["twin"][image],
                )
                for name, value in zip(table, values, strict=True):
                    table[name].append(value)
    return {"digits": table}


def _answers(network: Any, data: Dataset, rows: np.ndarray) -> list:
    outputs = predict(network, data.x_test[rows])
    side = threshold_of(network, data, lambda: predict(network, data.x_train))
    if data.task == "multi-label":
        return [_labels_of(row) for row in outputs > side]
    if data.task == "classification":
        known = np.isfinite(outputs).all(axis=1)  # a predictor may name a class that the data do not have
        decided = zip(decide(outputs, side), known, strict=True)
        return [data.classes[int(k)] if one else "another class" for k, one in decided]
    return data.unscale_targets(outputs)[:, 0].astype(float).tolist()


def _truth(data: Dataset, rows: np.ndarray) -> list:
    if data.task == "multi-label":
        return [_labels_of(row) for row in ones(data.y_test[rows])]
    if data.labels_test is not None:
        return [data.classes[int(k)] for k in data.labels_test[rows]]
    return data.unscale_targets(data.y_test[rows])[:, 0].astype(float).tolist()


def _labels_of(row: np.ndarray) -> str:
    return ", ".join(map(str, np.flatnonzero(row))) or "none"


def trust_table(curves: dict[str, dict[str, list]]) -> Table:
    """Trust curves of the networks, one below the other."""
    table: Table = {name: [] for name in ("t", "score", "lower", "upper", "network")}
    for name, curve in curves.items():
        for column in ("t", "score", "lower", "upper"):
            table[column] += list(curve[column])
        table["network"] += [name] * len(curve["t"])
    return table


def theory_table(certificate: Certificate, network: Any) -> Table:
    """What theory requires before training, against what there is."""
    return needed_table(certificate, tuple(network.widths) or (1,))
