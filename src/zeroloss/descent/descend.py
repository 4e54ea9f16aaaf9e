"""`descend`: train a network to the minimum of its loss, and report why it stopped."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from zeroloss.descent import first_order
from zeroloss.descent.gauss_newton import gauss_newton
from zeroloss.descent.history import Watch, grid
from zeroloss.descent.losses import Loss
from zeroloss.descent.objective import Objective, describe, make_objective
from zeroloss.descent.result import Descent
from zeroloss.descent.step_sizes import kernel_step, step_tree
from zeroloss.identity import identity
from zeroloss.networks import as_given
from zeroloss.plumbing import InputError, Progress, Silent, double
from zeroloss.plumbing.derivatives import explained
from zeroloss.plumbing.format import format_seconds
from zeroloss.plumbing.numbers import LARGEST_SEED, real_number, whole_number
from zeroloss.problem import Problem, as_problem

METHODS = ("gradient", "sgd", "adam", "gauss-newton")
DIVERGED = 1e6


def descend(
    network: Any,
    data: Any = None,
    method: str = "gradient",
    loss: str | Loss = "squared",
    *,
    step_size: Any = None,
    steps: int = 1000,
    tolerance: float = 1e-24,
    seeds: int | Sequence[int] | None = None,
    trainable: Any = None,
    batch_size: int | None = None,
    seconds: float | None = None,
    key: int = 0,
    progress: Progress | None = None,
) -> Descent:
    """Minimise the training loss over the weights of `network`.

    Args:
        network: called on one example; its precision is that of the descent (Gauss-Newton casts to float64).
        data: a `Dataset` (of two classes, for a network of one output: one column of -1 and 1), or a pair `(x, y)` of
            `(n, d)` and `(n, c)`.
        method: "gradient" (full batch), "sgd" (batches of `batch_size`, default 32), "adam" (full batch unless
            `batch_size`), "gauss-newton" (squared loss; see `zeroloss.descent.gauss_newton`).
        loss: "squared", "cross-entropy", "binary-cross-entropy" (one logit per output: single-logit classifiers, several
            labels per row), "hinge", or a `Loss`.
        step_size: a number; one per layer; by default `n/lambda_max` of the tangent kernel at the start (0.001 for adam).
        steps: the most steps to take.
        tolerance: stop when `loss - infimum <= tolerance`.
        seeds: train that many restarts of the network at once (a number, or a list of seeds).
        trainable: which parameters move; see `zeroloss.networks.trainable_mask`.
        seconds: stop after so much time.
        key: seed of the batches.

    Returns:
        A `Descent`. A descent that diverges returns the last weights with a finite loss, and its `reason` names it; Ctrl-C returns
        what is done.

    Raises:
        InputError: a network, loss, method or step that does not fit.
    """
    steps = whole_number("steps", steps, 0)
    tolerance = real_number("tolerance", tolerance, closed=True)
    seconds = None if seconds is None else real_number("seconds", seconds, closed=True)
    batch_size = None if batch_size is None else whole_number("batch_size", batch_size)
    key = whole_number("key", key, 0, LARGEST_SEED)
    _check(method, loss, seeds, batch_size)
    progress = progress or Silent()
    problem = as_problem(network, data, trainable)
    if method == "gauss-newton":
        fit = gauss_newton(problem, steps=steps, tolerance=tolerance, seconds=seconds, progress=progress)
        return _identified(fit, problem)
    objective = make_objective(problem, loss)
    if batch_size is not None and batch_size > len(objective.x):
        raise InputError(f"batch_size={batch_size} is more than the {len(objective.x)} training examples.")
    with double() if objective.wide else contextlib.nullcontext(), explained():
        if step_size is None:
            step_size = 1e-3 if method == "adam" else kernel_step(objective)
        if method == "gradient" and seeds is not None:
            runner: Any = _Stacked(objective, step_size, _seed_list(seeds))
        elif method == "gradient":
            runner = _Gradient(objective, step_size, tolerance)
        else:
            runner = _Optax(
                objective,
                method,
                step_size,
                batch_size or (min(32, len(objective.x)) if method == "sgd" else None),
                key,
            )
        fit = _run(runner, objective, method, steps, tolerance, seconds, step_size, problem.trainable, progress)
    return _identified(fit, problem)


def _identified(fit: Descent, problem: Problem) -> Descent:
    """`fit` with its `Identity`: the data as given, and the network before and after descent."""
    networks = {} if fit.seeds is not None else {"start": fit.initial, "model": fit.network}
    return dataclasses.replace(fit, identity=identity(problem.given, **networks))


def _check(method, loss, seeds, batch_size) -> None:
    if method not in METHODS:
        raise InputError(f"there is no method {method!r}; choose one of {', '.join(METHODS)}.")
    if seeds is not None and method != "gradient":
        raise InputError(f"several seeds at once are for method='gradient'; run method={method!r} once per seed.")
    if batch_size is not None and method not in ("sgd", "adam"):
        raise InputError(f"batch_size={batch_size} with method={method!r}: batches of 1 or more are for sgd and adam.")
    if method == "gauss-newton" and getattr(loss, "name", loss) != "squared":
        raise InputError(
            "gauss-newton minimises the squared loss only; use method='gradient' or 'adam' for the others."
        )


def _seed_list(seeds) -> list[int]:
    listed = (
        [whole_number("seeds", s, 0, LARGEST_SEED) for s in seeds]
        if isinstance(seeds, Sequence | np.ndarray)
        else list(range(whole_number("seeds", seeds)))
    )
    if not listed:
        raise InputError("seeds is empty; give a number of seeds, or a list.")
    return listed


def _run(runner, objective: Objective, method, steps, tolerance, seconds, step_size, trainable, progress) -> Descent:
    """Advance from one step of the logarithmic grid to the next, until a stopping rule applies."""
    watch = Watch(seconds)
    goal = objective.infimum + tolerance
    start = runner.loss
    history: dict[str, list] = {"step": [], "loss": [], "seconds": []}
    reason, interrupted, done, good = "", False, 0, runner.state
    progress.stage(f"descent ({method})")
    try:
        for target in grid(steps):
            while done < target and not reason:
                before = done
                done += runner.advance(min(target - done, runner.chunk(watch)))
                reason = _diverged(runner.loss, start, done, step_size)
                if reason or done == before:
                    break
                if watch.over:
                    reason = f"Stopped after {format_seconds(watch.seconds)}, the time given."
                if np.max(runner.loss) <= goal:
                    break
                progress.update(done / max(steps, 1), f"step {done}, loss {np.max(runner.loss):.3g}")
            if "diverged" in reason:
                runner.state = good  # the last one with a finite loss
                break
            good = runner.state
            history["step"].append(done)
            history["loss"].append(np.asarray(runner.loss, np.float64).tolist())
            history["seconds"].append(watch.seconds)
            if np.max(runner.loss) <= goal or reason:
                break
    except KeyboardInterrupt:
        reason, interrupted = f"Interrupted after {done} steps; what was reached is kept.", True
    reached = np.asarray(runner.loss, np.float64)
    converged = bool(np.max(reached) <= goal) and "diverged" not in reason
    if converged:
        reason = f"Reached the tolerance: loss - infimum <= {tolerance:.3g} after {done} steps."
    elif not reason:
        reason = f"Stopped after {done} steps at loss {np.max(reached):.3g}, {np.max(reached) - objective.infimum:.3g} above the infimum."
    return Descent(
        method=method,
        loss_name=objective.loss.name,
        loss=reached if reached.ndim else float(reached),
        infimum=objective.infimum,
        converged=converged,
        reason=reason,
        steps=done,
        step_size=step_size,
        seconds=watch.seconds,
        history=history,
        seeds=runner.seeds,
        trainable=describe(trainable),
        interrupted=interrupted,
        network=as_given(runner.network()),
        initial=as_given(runner.initial),
    )


def _diverged(loss, start, done, step_size) -> str:
    worst = float(np.max(np.where(np.isfinite(loss), loss, np.inf)))
    if worst <= DIVERGED * (1 + float(np.max(start))):
        return ""
    size = f" with step {step_size:.3g}" if isinstance(step_size, float | int) else ""
    return f"The descent diverged by step {done}{size}; the weights are the last ones with a finite loss. Take a smaller step."


class _Gradient:
    """Full-batch gradient descent on one network."""

    seeds: list[int] | None = None

    def __init__(self, objective: Objective, step_size: Any, tolerance: float):
        self.objective, self.initial = objective, objective.network
        moved, self._fixed = eqx.partition(objective.network, objective.mask)
        self._steps = jax.tree.map(jnp.asarray, step_tree(step_size, objective, moved))
        self._x, self._y = jnp.asarray(objective.x), jnp.asarray(objective.y)
        self._goal = jnp.asarray(objective.infimum + tolerance, self._x.dtype)
        value, gradient = first_order.start_state(moved, self._fixed, self._x, self._y, objective.loss)
        self.state = (moved, gradient, value)
        self._rate = 0.0

    @property
    def loss(self):
        return np.asarray(self.state[2])

    def chunk(self, watch: Watch) -> int:
        """Steps that take about half a second, so that time limits and Ctrl-C take effect soon."""
        return max(1, min(200_000, int(0.5 * self._rate))) if self._rate else 1

    def advance(self, count: int) -> int:
        watch = Watch(None)
        moved, gradient, value = self.state
        *state, done = first_order.advance(
            moved,
            gradient,
            value,
            self._fixed,
            self._x,
            self._y,
            self._steps,
            jnp.asarray(count),
            self._goal,
            self.objective.loss,
        )
        self.state = tuple(state)
        done = int(done)
        self._rate = done / max(watch.seconds, 1e-6)
        return done

    def network(self):
        return eqx.combine(self.state[0], self._fixed)


class _Stacked(_Gradient):
    """Full-batch gradient descent on many restarts at once."""

    def __init__(self, objective: Objective, step_size: Any, seeds: list[int]):
        if not hasattr(objective.network, "restarted"):
            raise InputError("several seeds need a network that can be restarted (an MLP); train others one by one.")
        networks = [objective.network.restarted(seed) for seed in seeds]
        self.seeds, self.objective = seeds, objective
        self.initial = jax.tree.map(
            lambda *leaves: jnp.stack(leaves) if eqx.is_array(leaves[0]) else leaves[0], *networks
        )
        moved, self._fixed = eqx.partition(self.initial, objective.mask)
        tree = step_tree(step_size, objective, eqx.filter(objective.network, objective.mask))
        self._steps = jax.tree.map(lambda s: jnp.full(len(seeds), s), tree)
        self._x, self._y = jnp.asarray(objective.x), jnp.asarray(objective.y)
        value, gradient = first_order.start_stacked(moved, self._fixed, self._x, self._y, objective.loss)
        self.state = (moved, gradient, value)
        self._rate = 0.0

    def advance(self, count: int) -> int:
        watch = Watch(None)
        moved, gradient, value = self.state
        self.state = first_order.advance_stacked(
            moved, gradient, value, self._fixed, self._x, self._y, self._steps, jnp.asarray(count), self.objective.loss
        )
        jax.block_until_ready(self.state[2])
        self._rate = count / max(watch.seconds, 1e-6)
        return count


class _Optax(_Gradient):
    """SGD or Adam through Optax."""

    def __init__(self, objective: Objective, method: str, step_size: Any, batch: int | None, key: int):
        if not isinstance(step_size, int | float | np.floating):
            raise InputError(f"method={method!r} takes one step size; one step per layer is for method='gradient'.")
        self.objective, self.initial, self._method, self._batch = objective, objective.network, method, batch
        moved, self._fixed = eqx.partition(objective.network, objective.mask)
        step_tree(step_size, objective, moved)  # refuses what is not a positive number
        self._x, self._y = jnp.asarray(objective.x), jnp.asarray(objective.y)
        rule = first_order.optimizer(method).init(moved)
        rule.hyperparams["learning_rate"] = jnp.asarray(step_size, self._x.dtype)
        value = first_order.evaluate(moved, self._fixed, self._x, self._y, objective.loss)
        self.state = (moved, (rule, jax.random.PRNGKey(key)), value)
        self._rate = 0.0

    def advance(self, count: int) -> int:
        watch = Watch(None)
        moved, (rule, key), _ = self.state
        moved, rule, key = first_order.advance_optax(
            moved,
            rule,
            key,
            self._fixed,
            self._x,
            self._y,
            self._batch,
            jnp.asarray(count),
            self.objective.loss,
            self._method,
        )
        value = first_order.evaluate(moved, self._fixed, self._x, self._y, self.objective.loss)
        self.state = (moved, (rule, key), jax.block_until_ready(value))
        self._rate = count / max(watch.seconds, 1e-6)
        return count
