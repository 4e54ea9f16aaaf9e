"""When the loss is recorded: a logarithmic grid of steps, and a clock."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

PER_DECADE = 16


def grid(steps: int) -> Iterator[int]:
    """0, 1, 2, 3, ... with about 16 values per decade, ending at `steps`."""
    yield 0
    previous, exponent = 0, 0
    while previous < steps:
        value = min(steps, max(previous + 1, math.floor(10 ** (exponent / PER_DECADE))))
        if value > previous:
            yield value
            previous = value
        exponent += 1


class Watch:
    """Seconds since the start, and whether a limit is passed."""

    def __init__(self, limit: float | None):
        self.start, self.limit = time.monotonic(), limit

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.start

    @property
    def over(self) -> bool:
        return self.limit is not None and self.seconds >= self.limit
