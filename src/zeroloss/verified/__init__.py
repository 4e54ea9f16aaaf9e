"""The trusted core, on which every PROVED rests: this folder, NumPy, SciPy's LAPACK and BLAS, and the C library.

Built like a proof checker: a small core that computes bounds with all rounding counted, and everything else (kernels, descent,
polishing, pictures) may be wrong without a false PROVED. It imports no JAX, Equinox or matfree, and runs where they are not
installed. A bound is a `Lower` or an `Upper`, which nothing outside this folder can make.

- `directed`: the rounding policy, its constants and norms, once. `bound`, `proved`: the types of a bound, and who makes them.
- `layers`: a fully connected network as float64 arrays. `saved`: the same, or a program, from a file.
- `forward`: outputs with error bounds. `libm`: activations with error bounds. `jacobian`: the rows of the derivative.
- `symmetric`, `ritz`, `eigenvalues`, `rayleigh`: enclosures of extreme eigenvalues. `kernel_error`: how far a stored kernel is off.
- `lipschitz`, `lipschitz_one_layer`: `beta`, the Lipschitz constant of the derivative on a ball.
- `newton_kantorovich`, `kinks`: a minimum near by, moving every layer. `readout`: one near by, moving the last layer.
- `composite`: gradient descent from here reaches a minimum. `margins`, `classified`: every example is classified correctly.
- `balls`: ball arithmetic for programs (converted modules, networks of JAX).
- `certificate`, `attached`, `check`: a proof in a file, and verified again.
"""

from typing import TYPE_CHECKING

from zeroloss.plumbing.lazy import load_lazily

if TYPE_CHECKING:
    from zeroloss.verified.bound import Lower, Upper
    from zeroloss.verified.certificate import ProofCertificate, load_certificate
    from zeroloss.verified.check import check
    from zeroloss.verified.composite import Composite, composite_theorem
    from zeroloss.verified.eigenvalues import Enclosure, largest_eigenvalue, smallest_eigenvalue
    from zeroloss.verified.layers import Layers
    from zeroloss.verified.lipschitz import Constants, constants
    from zeroloss.verified.newton_kantorovich import NewtonKantorovich, kantorovich, newton_kantorovich
    from zeroloss.verified.readout import ReadoutProof, readout_proof

load_lazily(
    __name__,
    {
        "zeroloss.verified.bound": ("Lower", "Upper"),
        "zeroloss.verified.certificate": ("ProofCertificate", "load_certificate"),
        "zeroloss.verified.check": ("check",),
        "zeroloss.verified.composite": ("Composite", "composite_theorem"),
        "zeroloss.verified.eigenvalues": ("Enclosure", "largest_eigenvalue", "smallest_eigenvalue"),
        "zeroloss.verified.layers": ("Layers",),
        "zeroloss.verified.lipschitz": ("Constants", "constants"),
        "zeroloss.verified.newton_kantorovich": ("NewtonKantorovich", "kantorovich", "newton_kantorovich"),
        "zeroloss.verified.readout": ("ReadoutProof", "readout_proof"),
    },
)

__all__ = [
    "Composite",
    "Constants",
    "Enclosure",
    "Layers",
    "Lower",
    "NewtonKantorovich",
    "ProofCertificate",
    "ReadoutProof",
    "Upper",
    "check",
    "composite_theorem",
    "constants",
    "kantorovich",
    "largest_eigenvalue",
    "load_certificate",
    "newton_kantorovich",
    "readout_proof",
    "smallest_eigenvalue",
]
