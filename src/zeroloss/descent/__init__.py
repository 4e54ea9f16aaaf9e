"""How a minimum is reached: losses, gradient descent in its variants, and Gram-Gauss-Newton."""

from zeroloss.descent.descend import descend
from zeroloss.descent.losses import CrossEntropy, Hinge, Loss, Squared, as_loss
from zeroloss.descent.result import Descent

__all__ = ["CrossEntropy", "Descent", "Hinge", "Loss", "Squared", "as_loss", "descend"]
