"""Ball arithmetic: bounds on how far rounding may take a converted network from the exact one."""

from zeroloss.verified.balls import recurrent, strided  # noqa: F401  (enter their rules)
from zeroloss.verified.balls.ball import Ball, NoBoundError, Unsure
from zeroloss.verified.balls.features import answers, readout_features
from zeroloss.verified.balls.readout import Readout, find_readout
from zeroloss.verified.balls.rules import RULES

__all__ = ["RULES", "Ball", "NoBoundError", "Readout", "Unsure", "answers", "find_readout", "readout_features"]
