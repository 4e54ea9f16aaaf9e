"""Balls and weights that the tests of ball arithmetic draw."""

import numpy as np

from zeroloss.verified.balls.ball import Ball

RADIUS = 1e-3


class B:
    """A ball of this shape around normal numbers (`positive`: around 1 to 3)."""

    def __init__(self, *shape, positive=False):
        self.shape, self.positive = shape, positive

    def make(self, rng):
        mid = rng.uniform(1, 3, self.shape) if self.positive else rng.standard_normal(self.shape)
        return Ball(mid, RADIUS * rng.uniform(0, 1, self.shape))


def weights(*shape):
    return np.random.default_rng(5).standard_normal(shape)
