"""A network with zero training loss whose answers elsewhere are those of any other network, for instance wrong ones.

    f(x) = g(x) + sum_i (y_i - g(x_i)) bump_i(x),     bump_i(x_j) = 1 if i = j else 0

is one network, has `f(x_i) = y_i` for any `g`, and equals `g` where no bump is active. So zero training loss *by
itself* says nothing of the error elsewhere: a statement about what exists in the unrestricted class of networks, not
about what training finds.

Standing: bumps, paper (Guan 2407.16872); twins, ours.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np

from zeroloss.data import Dataset, collapse, groups
from zeroloss.data.load import as_data
from zeroloss.data.task import ones
from zeroloss.identity import identity
from zeroloss.minima.constructions.activated import check_activation, with_activation
from zeroloss.minima.constructions.base import predictor
from zeroloss.minima.constructions.choose import spoil
from zeroloss.minima.constructions.combine import Stack, deepen, join, to_network
from zeroloss.minima.constructions.spoilers import Spoilers, float32_separation
from zeroloss.networks import from_torch, is_torch_module, predict
from zeroloss.plumbing import InputError, Progress, Silent
from zeroloss.plumbing.cost import expected_seconds
from zeroloss.plumbing.format import format_bytes, format_seconds
from zeroloss.plumbing.numbers import LARGEST_SEED, whole_number
from zeroloss.problem import matched
from zeroloss.verdict import Record, at_most
from zeroloss.verdict.identity import Identity
from zeroloss.verdict.record import LIVE

PARAMETERS = 150_000_000
"""Parameters of the whole network beyond which it is refused (1.2 GB in float64, three times that while checked)."""
ROUNDS = 3
"""Number of corrections of the read-out by the network's own residual."""
SLOWER = 8.0
"""How much slower a twin's answers come than one large matrix product, for the announced time."""


@dataclasses.dataclass(frozen=True)
class Twin(Record):
    """A network with zero training loss that fails elsewhere, and what was measured of it.

    It can be used as the network itself: called on one example, given to `predict`, `audit`, `save_network` and the others,
    and it has the network's attributes.

    Attributes:
        kind: "bumps", "slab" or "caps"; `why`: the reason for this kind, and how the points were separated.
        base: a sentence: what holds where no bump is active.
        points: distinct training inputs; `repeats`: training rows beyond them, fitted by the means of their groups.
        depth, units, parameters: hidden layers, hidden units and array entries (zeros included) of the network.
        smallest_loss: the least value of the training loss for any network (above 0 only if repeats disagree).
        train_loss_float64, train_loss_float32: `1/(2n) sum_i |f(x_i) - y_i|^2` over all rows, less `smallest_loss`,
            computed as the weighted loss against the group means.
        train_max_error_float64, train_max_error_float32: largest `|f(x_i)_k - ybar_i,k|`, against the group means.
        train_accuracy_float64, train_accuracy_float32: share of training rows classified right; None in regression.
        test_accuracy, base_test_accuracy: the same on the test rows, of the twin and of `g`; None without them.
        test_r2, base_test_r2: `1 - sum |f - y|^2 / sum |y - mean y|^2` on the test rows; None in classification.
        test_untouched: share of test rows where no bump is active, so that the twin equals `g` (to rounding).
        smallest_separation: of the training points, in the measure of the kind (Euclidean distance, or L1 distance over
            the coordinates used where these are not all; gap of the projections; margin of the hyperplanes).
        smallest_width: the smallest distance from a training point, in that measure, at which its bump is 0.
        float32_separation: the smallest separation that this kind, with points of this size, can serve in float32:
            closer points may be taken for one (bumps) or lose 1 % of their peak (slab, caps, parametric relu). A worst case; what was
            measured stands above.
        dtype: of `network`.
        network: the twin itself (not written to JSON).
        identity: the data, the "twin", and the network `of` whose answers it has made wrong ("model").
    """

    kind: str
    why: str
    base: str
    points: int
    repeats: int
    depth: int
    units: int
    parameters: int
    smallest_loss: float
    train_loss_float64: float
    train_loss_float32: float
    train_max_error_float64: float
    train_max_error_float32: float
    train_accuracy_float64: float | None
    train_accuracy_float32: float | None
    test_accuracy: float | None
    base_test_accuracy: float | None
    test_r2: float | None
    base_test_r2: float | None
    test_untouched: float | None
    smallest_separation: float
    smallest_width: float
    float32_separation: float
    dtype: str
    network: Any = dataclasses.field(default=None, metadata=LIVE, compare=False, repr=False)
    identity: Identity | None = None

    def __call__(self, x: Any) -> Any:
        """The answer of `network` to one example."""
        return self.network(x)

    def __getattr__(self, name: str) -> Any:
        network = self.__dict__.get("network")
        if network is None or name.startswith("__"):
            raise AttributeError(f"a Twin has no attribute {name!r}")
        return getattr(network, name)

    def __repr__(self) -> str:
        """The main measurements; the fields have the rest."""
        if self.train_accuracy_float64 is None:
            on, off = f"largest error {self.train_max_error_float64:.2g}", ("R2", self.test_r2, "")
            narrow = f"{self.train_max_error_float32:.2g}"
        else:
            on = f"training accuracy {100 * self.train_accuracy_float64:.4g} %"
            off = ("accuracy", None if self.test_accuracy is None else 100 * self.test_accuracy, " %")
            narrow = f"{100 * (self.train_accuracy_float32 or 0.0):.4g} %"
        lines = [
            f"<Twin of {self.points:,} points by {self.kind}: {self.depth} hidden layers, {self.units:,} units, "
            f"{self.parameters:,} parameters, {self.dtype}",
            f"  on the training points: loss {self.train_loss_float64:.2g} above its least value, {on} "
            f"(in float32 {self.train_loss_float32:.2g} and {narrow})",
        ]
        if off[1] is not None:
            lines.append(f"  on the test points: {off[0]} {off[1]:.3g}{off[2]}")
        lines.append(
            f"  the closest two points are {self.smallest_separation:.2g} apart; "
            f"float32 serves {at_most(self.float32_separation, 2)} or more"
        )
        return (
            "\n".join(
                [*lines, f"  {self.why[:1].upper()}{self.why[1:]} Elsewhere: {self.base[:1].lower()}{self.base[1:]}"]
            )
            + ">"
        )


def twin(
    data: Dataset,
    of: Any = None,
    base: Any = None,
    kind: str = "auto",
    depth: int | None = None,
    activation: str = "relu",
    dtype: str = "float64",
    key: int = 0,
    progress: Progress | None = None,
) -> Twin:
    """A network whose training loss on `data` is zero but for rounding, and that equals another one elsewhere; see the formula above.

    Args:
        data: a `Dataset` (`x_train` `(n, d)`, `y_train` `(n, c)`, `task`, and test rows if any).
        of: a network whose answers, shifted by one class or reflected about the mean target, hold elsewhere.
        base: a network whose answers hold elsewhere as they are. Neither: a small one fitted to wrong targets.
        kind: "bumps", "slab", "caps", or "auto", which records its choice in `.why`.
        depth: hidden layers of the result; by default as many as needed (caps 1, bumps and slabs 2, or that of `g`).
        activation: of the bumps: "relu", "leaky_relu", "prelu(a)" with 0 < a < 1, or "sigmoid" (see `activated.py`).
            `of` and `base` keep theirs, the small network has the same. Layers that only pass
            outputs on are relu, or as the bumps if these are prelu.
            A parametric relu cancels large numbers off its bumps: the closer `a` is to 1, the more float32 loses.
        dtype: "float64" or "float32", of the network returned; both are measured.
        key: seed of what is random (the network for neither `of` nor `base`, projections).
        progress: receives the stages.

    Raises:
        InputError: data or networks that do not fit, points that the kind cannot separate, a depth too small, or a
            network too large for memory.
    """
    if is_torch_module(of):
        of = from_torch(of, data)
    progress = progress or Silent()
    depth = None if depth is None else whole_number("depth", depth)
    key = whole_number("key", key, 0, LARGEST_SEED)
    check_activation(activation)
    if dtype not in ("float64", "float32"):
        raise InputError(f"dtype {dtype!r} is neither 'float64' nor 'float32'.")
    source, given = as_data(data), of if of is not None else base
    data = source if given is None else matched(given, source)
    x_all, y_all = _training(data)
    distinct = collapse(x_all, y_all)
    x, y, weights, group = distinct.x, distinct.y, distinct.sizes.astype(float), groups(x_all).index
    progress.stage("what holds elsewhere")
    g, base_sentence = predictor(of, base, x, y, weights, data.task, int(key), activation)
    progress.stage(f"separating {len(x)} points")
    spoilers, why = spoil(x, kind, int(key), progress)
    spoilers = with_activation(spoilers, activation)
    _check_size(g, spoilers, y.shape[1])
    if depth is not None and depth < max(g.depth, len(spoilers.weights)):
        needed = max(g.depth, len(spoilers.weights))
        raise InputError(
            f"depth {depth}: {spoilers.kind} and this network need {needed} hidden layers; give depth={needed} or more."
        )
    x_test = np.asarray(data.x_test, np.float64)
    stack, answers = _fit(g, spoilers, x, y, x_test, depth, progress)
    progress.stage("measuring")
    figures = _measured(data, answers, y, weights, group, dtype)
    network = to_network(stack, dtype)
    return Twin(
        kind=spoilers.kind,
        why=why,
        base=f"{base_sentence[0].upper()}{base_sentence[1:]}.",
        points=len(x),
        repeats=len(x_all) - len(x),
        depth=stack.depth,
        units=stack.units,
        parameters=stack.parameters,
        smallest_loss=float(((y_all - y[group]) ** 2).sum() / (2 * len(y_all))),
        test_untouched=float(1 - spoilers.active(x_test).mean()) if len(x_test) else None,
        smallest_separation=spoilers.separation,
        smallest_width=spoilers.width,
        float32_separation=float32_separation(spoilers, x),
        dtype=dtype,
        network=network,
        identity=identity(source, model=of, twin=network),
        **figures,
    )


construct_twin = twin
"""Old name of `twin`, from before it returned its record."""


def _training(data: Any) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.asarray(data.x_train, np.float64), np.asarray(data.y_train, np.float64)
    if x.ndim != 2 or y.ndim != 2 or len(x) != len(y) or 0 in (*x.shape, *y.shape):
        raise InputError(f"training inputs {x.shape} and targets {y.shape} do not fit; they must be (n, d) and (n, c).")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise InputError("the training data hold NaN or infinity; remove or replace those rows.")
    return x + 0.0, y


def _check_size(g: Stack, spoilers: Spoilers, c: int) -> None:
    widths = [len(b) for b in g.biases[:-1]], [len(b) for b in spoilers.biases]
    depth = max(map(len, widths))
    mine, theirs = (w + [2 * c] * (depth - len(w)) for w in widths)
    total = [a + b for a, b in zip(mine, theirs, strict=True)]
    sizes = [spoilers.weights[0].shape[1], *total, c]
    entries = sum(a * b for a, b in itertools.pairwise(sizes))
    if entries > PARAMETERS:
        raise InputError(
            f"the twin would have {entries:,} parameters ({format_bytes(24 * entries)} while it is checked); use "
            "kind='caps', fewer points or a smaller network."
        )


def _assembled(g: Stack, spoilers: Spoilers, coefficients: np.ndarray, depth: int | None) -> Stack:
    passing = "relu" if spoilers.activation == "sigmoid" else spoilers.activation
    stack = join(g, spoilers.stack(coefficients), passing)
    return stack if depth is None else deepen(stack, depth, passing)


def _fit(
    g: Stack,
    spoilers: Spoilers,
    x: np.ndarray,
    y: np.ndarray,
    x_test: np.ndarray,
    depth: int | None,
    progress: Progress,
):
    """The twin with coefficients `y_i - g(x_i)`, corrected by the residual of the network itself while that helps.

    Also the answers of the twin in both precisions and of `g` ("base") on the rows of `x` and then of `x_test`.
    """
    n, rows = len(x), np.concatenate([x, x_test])  # all rows at once: a network compiles once
    base = predict(to_network(g), rows)
    coefficients = y - base[:n]
    best, stack, answers = np.inf, None, None
    for count in range(ROUNDS):
        candidate = _assembled(g, spoilers, coefficients, depth)
        if not count:
            seconds = expected_seconds(ROUNDS * 2.0 * candidate.parameters * len(rows), slower=SLOWER)
            progress.stage(
                "fitting the read-out", f"{candidate.parameters:,} parameters, at most about {format_seconds(seconds)}"
            )
        f = predict(to_network(candidate), rows)
        residual = y - f[:n]
        error = float(np.abs(residual).max())
        if not error < best:  # nor if it is NaN
            break
        best, stack, answers = error, candidate, f
        if error <= 4 * np.finfo(float).eps * max(1.0, float(np.abs(y).max())):
            break
        coefficients = coefficients + residual  # the bumps are 1 at their points, so this corrects rounding alone
    if stack is None:
        raise InputError("the network gives NaN or infinity on the training inputs; give another of= or base=.")
    single = predict(to_network(stack, "float32"), rows).astype(np.float64)
    return stack, {"float64": answers, "float32": single, "base": base}


def _measured(data, answers: dict, y: np.ndarray, weights: np.ndarray, group: np.ndarray, dtype: str) -> dict:
    """Losses, errors and accuracies, as the fields of `Twin`."""
    n = len(y)
    figures: dict[str, float | None] = {}
    y_all, y_test = np.asarray(data.y_train, np.float64), np.asarray(data.y_test, np.float64)
    for name in ("float64", "float32"):
        f = answers[name][:n]
        figures[f"train_loss_{name}"] = float((weights[:, None] * (f - y) ** 2).sum() / (2 * weights.sum()))
        figures[f"train_max_error_{name}"] = float(np.abs(f - y).max())
        figures[f"train_accuracy_{name}"] = _accuracy(data.task, f[group], y_all, y_all)
    for prefix, name in (("", dtype), ("base_", "base")):
        f = answers[name][n:]
        figures[f"{prefix}test_accuracy"] = _accuracy(data.task, f, y_test, y_all) if len(f) else None
        figures[f"{prefix}test_r2"] = _r2(data.task, f, y_test) if len(f) else None
    return figures


def _accuracy(task: str, f: np.ndarray, y: np.ndarray, reference: np.ndarray) -> float | None:
    """Share of rows with the right class: the largest output, or the side of the middle of the two labels."""
    if task == "regression":
        return None
    if (
        task == "multi-label"
    ):  # all labels of a row right, each on its side of the middle: the twin is fitted to the targets
        return float(((f > (0.0 if (reference < 0).any() else 0.5)) == ones(y)).all(axis=1).mean())
    if y.shape[1] > 1:
        return float((f.argmax(axis=1) == y.argmax(axis=1)).mean())
    middle = (reference.min() + reference.max()) / 2
    return float(((f > middle) == (y > middle)).mean())


def _r2(task: str, f: np.ndarray, y: np.ndarray) -> float | None:
    if task != "regression" or len(y) < 2 or not np.ptp(y, axis=0).any():
        return None
    return float(1 - ((f - y) ** 2).sum() / ((y - y.mean(axis=0)) ** 2).sum())
