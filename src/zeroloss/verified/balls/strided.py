"""Entries taken by their places in memory: the same ones of midpoints and of errors, so that nothing is rounded."""

from __future__ import annotations

from typing import Any

import numpy as np

from zeroloss.verified.balls.ball import Ball, as_ball
from zeroloss.verified.balls.rules import rule


@rule("as_strided.default")
def _as_strided(x: Any, size: Any, stride: Any, storage_offset: int = 0, order: Any = None) -> Ball:
    ball = as_ball(x)
    place: Any = storage_offset or 0
    for axis, (length, step) in enumerate(zip(size, stride, strict=True)):
        place = place + np.arange(length).reshape([-1 if i == axis else 1 for i in range(len(size))]) * step
    parts = (part if order is None else np.transpose(part, order) for part in (ball.mid, ball.err))
    return Ball(*(part.ravel()[place] for part in parts))
