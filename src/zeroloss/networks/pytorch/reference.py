"""The module's own answers and gradients, to compare a converted network with: torch computes them, in float64 where it can.

In float64 what is left of rounding is so small that any other difference shows. A copy of the module is compared, so that
its weights can be moved: where a read-out starts at zero, or an adapter, nothing behind it shows at the weights given.
"""

from __future__ import annotations

import copy
import dataclasses
import warnings
from typing import Any

import numpy as np

from zeroloss.networks.pytorch.adapt import stripped
from zeroloss.plumbing.memory import available_bytes

MOVED = 0.1
"""Size of a parameter's move, relative to its root mean square."""
_SIZE_OF_ZEROS = 0.05
_COPIES = 12
"""Number of float64 copies of the parameters that a comparison holds at once."""


@dataclasses.dataclass(frozen=True)
class Answer:
    """One example's answer `(c,)` with the gradients of `<v, f(x)>` by each group of parameters, and what rounding may change.

    Attributes:
        value, gradients: float64, whatever they were computed in; a group without a gradient has zeros of shape ().
        value_change: `(c,)`, how much the answer changes where each parameter is rounded; gradient_changes: the most of each
            gradient.
    """

    value: np.ndarray
    gradients: list[np.ndarray]
    value_change: np.ndarray
    gradient_changes: list[float]


class Reference:
    """A copy of a module that answers and differentiates.

    Attributes:
        double: whether it computes in float64; copied: whether its weights may be moved.
        groups: the names of its trainable parameters; those that are the same storage are one.
    """

    def __init__(self, torch: Any, module: Any, double: bool):
        self.torch = torch
        named = {stripped(name, module): p for name, p in module.named_parameters()}
        have = available_bytes()
        fits = have is None or 8 * _COPIES * sum(p.numel() for p in named.values()) < have
        if double and not fits:
            raise MemoryError("too many parameters for a float64 copy")
        try:
            self.module, self.copied = copy.deepcopy(module), True
        except Exception:  # tensors that were computed, kept as attributes: torch refuses to copy them
            if double:
                raise
            self.module, self.copied = module, False
        self.module = self.module.double() if double else self.module
        self.own = {stripped(name, module): p for name, p in self.module.named_parameters()}
        for name, p in self.own.items() if self.copied else ():
            for hook in (named[name]._backward_hooks or {}).values():  # a copy of a parameter has lost them
                p.register_hook(hook)
        self.double = double
        kinds = {p.dtype for p in named.values() if p.dtype.is_floating_point}
        self.own_eps = max(float(torch.finfo(kind).eps) for kind in kinds)
        self.eps = 2.0**-52 if double else self.own_eps
        frozen = not any(p.requires_grad for p in named.values())
        self._thawed = [p for p in self.own.values() if not p.requires_grad and p.dtype.is_floating_point]
        self._thawed = self._thawed if frozen else []
        self._groups = _groups(named)
        self.groups = [
            g for g in self._groups if named[g[0]].dtype.is_floating_point and (frozen or named[g[0]].requires_grad)
        ]
        self._start = self._state()

    def __enter__(self) -> Reference:
        for p in self._thawed:
            p.requires_grad_(True)
        return self

    def __exit__(self, *_: Any) -> None:
        for p in self._thawed:
            p.requires_grad_(False)
        if not self.copied:
            self._set(self._start)

    def cast(self, batch: Any) -> Any:
        """The batch in the precision of the copy."""
        return batch.double() if self.double and batch.dtype.is_floating_point else batch

    def weights(self) -> dict[str, np.ndarray]:
        """Every parameter, by name."""
        return {name: _numbers(p) for name, p in self.own.items()}

    def together(self, batch: Any) -> np.ndarray | None:
        """The answers to a batch, `(n, c)`; None where the module takes batches of one only."""
        try:
            with self.torch.no_grad():
                answer = _numbers(self.module(self.cast(batch)))
        except Exception:
            return None
        return answer.reshape(len(batch), -1) if answer.size % len(batch) == 0 else None

    def size(self, example: Any) -> int:
        """How many numbers the answer to one example is."""
        with self.torch.no_grad():
            return int(self.module(self.cast(example)).numel())

    def answer(self, example: Any, v: np.ndarray | None = None) -> Answer:
        """At one example `(1, ...)`; `v` of the answer's length, ones by default."""
        value, gradients = self._both(example, v)
        self._rounded(self.eps)
        changed, others = self._both(example, v)
        self._set(self._at)
        changes = [float(np.abs(a - b).max(initial=0.0)) for a, b in zip(gradients, others, strict=True)]
        return Answer(value, gradients, np.abs(value - changed), changes)

    def is_linear_in_v(self, example: Any, v: np.ndarray) -> bool:
        """Whether the gradient of `<s v, f>` is `s` times that of `<v, f>`: a hook that clips it shows so."""
        plain = self._both(example, v)[1]
        for s in (2.0**-30, 2.0**30):
            scaled = self._both(example, s * v)[1]
            for a, b in zip(plain, scaled, strict=True):
                if not float(np.abs(a - b / s).max(initial=0.0)) <= 1e-6 * float(np.abs(a).max(initial=0.0)):
                    return False
        return True

    def move(self) -> None:
        """Other weights: each with noise of a tenth of its size."""
        draw = np.random.default_rng(0)
        moved: dict[str, Any] = {}
        for group in self._groups:
            p = self._start[group[0]]
            if not p.dtype.is_floating_point:
                continue
            size = float(p.double().square().mean().sqrt()) if p.numel() else 0.0
            noise = self.torch.from_numpy(draw.standard_normal(tuple(p.shape)))
            moved |= dict.fromkeys(group, p + (MOVED * size or _SIZE_OF_ZEROS) * noise.to(p))
        self._set(moved)
        self._at = self._state()

    def stands_for(self, module: Any, examples: Any) -> bool:
        """Whether the copy in float64 answers as the module itself does, but for the rounding of the module's precision.

        Autocast leaves float64 alone, and so would not be seen; code that depends on its own precision computes something else.
        """
        for row in examples:
            with self.torch.no_grad():
                own = _numbers(module(row[None])).reshape(-1)
            value = self._both(row[None], None)[0]
            self._rounded(self.own_eps)
            change = np.abs(self._both(row[None], None)[0] - value)
            self._set(self._at)
            most = max(float(np.abs(value).max(initial=0.0)), float(change.max(initial=0.0)))
            if not (np.abs(own - value) <= 64 * (change.max(initial=0.0) + self.own_eps * most)).all():
                return False
        return True

    def _rounded(self, eps: float) -> None:
        draw = np.random.default_rng(1)
        rounded: dict[str, Any] = {}
        for group in self._groups:
            p = self._at[group[0]]
            if p.dtype.is_floating_point:
                signs = self.torch.from_numpy(draw.choice([-1.0, 1.0], tuple(p.shape)))
                rounded |= dict.fromkeys(group, p * (1 + eps * signs.to(p)))
        self._set(rounded)

    def _state(self) -> dict[str, Any]:
        self._at = {name: p.detach().clone() for name, p in self.own.items()}
        return self._at

    def _set(self, values: dict[str, Any]) -> None:
        with self.torch.no_grad():
            for name, value in values.items():
                self.own[name].copy_(value)

    def _both(self, example: Any, v: np.ndarray | None) -> tuple[np.ndarray, list[np.ndarray]]:
        torch = self.torch
        with torch.enable_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's own, of hooks and such
            out = self.module(self.cast(example)).reshape(-1)
            parameters = [self.own[name] for group in self.groups for name in group]
            found: list[Any] = [None] * len(parameters)
            if out.requires_grad:
                weights = torch.ones_like(out) if v is None else torch.from_numpy(v).to(out)
                found = list(torch.autograd.grad(out, parameters, weights, allow_unused=True))
        each = iter(found)
        gradients = []
        for group in self.groups:
            parts = [_numbers(g) for g in (next(each) for _ in group) if g is not None]
            gradients.append(np.asarray(sum(parts)) if parts else np.zeros(()))
        return _numbers(out), gradients


def _numbers(tensor: Any) -> np.ndarray:
    return np.asarray(tensor.detach().cpu().double().numpy())


def _groups(named: dict[str, Any]) -> list[list[str]]:
    """Parameters that are one in memory, though they are several objects, together."""
    found: dict[Any, list[str]] = {}
    for name, p in named.items():
        place = (p.untyped_storage().data_ptr(), p.storage_offset(), tuple(p.shape), p.stride()) if p.numel() else name
        found.setdefault(place, []).append(name)
    return list(found.values())
