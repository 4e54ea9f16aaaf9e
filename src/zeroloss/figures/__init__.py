"""What does a result look like? Functions from tidy tables to Altair charts that need no network."""

from zeroloss.figures.answers import digit_answers
from zeroloss.figures.atlas import atlas_lines
from zeroloss.figures.bumps import accuracy_bound, curves_on_line, map_on_plane, network_diagram
from zeroloss.figures.constructions import cross_entropy_of_scale, gain_over_zero, measured_accuracy, residuals
from zeroloss.figures.curves import loss_curves, slice_through, trust_curves
from zeroloss.figures.filters import error_against_images, filter_images
from zeroloss.figures.infinite import kernel_convergence
from zeroloss.figures.kernel import spectrum
from zeroloss.figures.ranking import rank_correlations
from zeroloss.figures.theory import theory_bars
from zeroloss.figures.width import error_against_width

__all__ = [
    "accuracy_bound",
    "atlas_lines",
    "cross_entropy_of_scale",
    "curves_on_line",
    "digit_answers",
    "error_against_images",
    "error_against_width",
    "filter_images",
    "gain_over_zero",
    "kernel_convergence",
    "loss_curves",
    "map_on_plane",
    "measured_accuracy",
    "network_diagram",
    "rank_correlations",
    "residuals",
    "slice_through",
    "spectrum",
    "theory_bars",
    "trust_curves",
]
