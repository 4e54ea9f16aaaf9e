"""How a minimum is reached: losses, gradient descent in its variants, Gram-Gauss-Newton, and Levenberg-Marquardt on many small problems."""

from zeroloss.descent.descend import descend
from zeroloss.descent.levenberg_marquardt import LeastSquares, levenberg_marquardt
from zeroloss.descent.losses import CrossEntropy, Hinge, Loss, Squared, as_loss
from zeroloss.descent.result import Descent

__all__ = [
    "CrossEntropy",
    "Descent",
    "Hinge",
    "LeastSquares",
    "Loss",
    "Squared",
    "as_loss",
    "descend",
    "levenberg_marquardt",
]
