"""Training to a minimum: losses, gradient descent in its variants, Gram-Gauss-Newton, and Levenberg-Marquardt on many small problems."""

from typing import TYPE_CHECKING, Any

from zeroloss.descent.descend import descend
from zeroloss.descent.levenberg_marquardt import LeastSquares, levenberg_marquardt
from zeroloss.descent.losses import BinaryCrossEntropy, CrossEntropy, Hinge, Loss, Squared, as_loss
from zeroloss.descent.result import Descent

if TYPE_CHECKING:
    from zeroloss.descent.squasher import SquasherRegressor

__all__ = [
    "BinaryCrossEntropy",
    "CrossEntropy",
    "Descent",
    "Hinge",
    "LeastSquares",
    "Loss",
    "Squared",
    "SquasherRegressor",
    "as_loss",
    "descend",
    "levenberg_marquardt",
]


def __getattr__(name: str) -> Any:
    # The estimator is scikit-learn's, which is loaded only with it.
    if name == "SquasherRegressor":
        from zeroloss.descent.squasher import SquasherRegressor

        return SquasherRegressor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
