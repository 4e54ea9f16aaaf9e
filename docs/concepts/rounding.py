"""Certificates and rounding

A computer multiplies numbers that it has rounded. Between "the eigenvalue came out as 1e-9" and "the eigenvalue is positive" lies the
work that a proof has to do. This page says what `PROVED` rests on, and shows the traps to avoid.
"""

# %% An eigenvalue with the wrong sign
# The tangent kernel is positive semi-definite by construction. Inputs that nearly repeat make it nearly singular, and
# then single precision gets even the sign of its smallest eigenvalue wrong. Double precision resolves it, and the
# enclosure proves what it has resolved:

import numpy as np

import zeroloss as zl

rng = np.random.default_rng(0)
x = rng.standard_normal((200, 10))
x[100:] = x[:100] + 3e-4 * rng.standard_normal((100, 10))
net = zl.MLP(10, 1, width=512, depth=2, activation="tanh", dtype="float64", key=0)
matrix = zl.tangent.kernel_matrix(net, x)
print("smallest eigenvalue, float32 eigvalsh:", np.linalg.eigvalsh(matrix.astype(np.float32))[0])
print("smallest eigenvalue, float64 eigvalsh:", np.linalg.eigvalsh(matrix)[0])
error = zl.tangent.entry_error_bound(net, x, matrix)
print(zl.tangent.smallest_eigenvalue(matrix, entry_error=error))

# %%
# The enclosure's lower end rests on a theorem of Rump's (BIT 46, 2006; conditions sharpened here). With $u = 2^{-53}$
# and $\gamma_k = k u / (1 - k u)$: if the floating-point Cholesky factorisation of $K - (\tau + c) I$ runs to its
# end, where
#
# $$c \ge \frac{\gamma_{n+3}}{1 - \gamma_{n+3}}\, \bigl(\operatorname{tr} K + n \max(0, -\tau)\bigr),$$
#
# then $\lambda_{\min}(K) > \tau$. So about $n u \operatorname{tr} K$ cannot be distinguished from zero in this way, and
# nothing below it is ever claimed. That is about the matrix as stored; for the network's own kernel the error of its
# entries is bounded too and subtracted (`entry_error`).

# %% Traps
# "The factorisation runs to its end" has to be checked with care. LAPACK's success flag alone is not enough:

import scipy.linalg.lapack as lapack

poisoned = np.eye(3)
poisoned[1, 1] = np.nan
print("Cholesky of a matrix with a NaN: info =", lapack.dpotrf(poisoned)[1])
lopsided = np.array([[1.0, 5.0], [0.0, 1.0]])  # the mean of it and its transpose has the eigenvalue -1.5
print("of a matrix that is not symmetric, of which it reads one half: info =", lapack.dpotrf(lopsided, lower=1)[1])

# %%
# An `info` of 0 means success. The enclosure refuses the one matrix, and counts by how much the other is not
# symmetric:

for bad in (poisoned, lopsided):
    try:
        print(zl.tangent.smallest_eigenvalue(bad))
    except ValueError as refused:
        print(f"{type(refused).__name__}: {refused}")

# %%
# Other traps that are avoided: the trace has to be that of the shifted matrix; subnormal numbers defeat the criterion,
# so the matrix is scaled by a power of two first; the mean over outputs ("trace" form) has a larger smallest
# eigenvalue than the kernel, so no proof uses it:

blocks = np.array([[1e-9, 0.0], [0.0, 1.0]])
print("one example, two outputs; smallest eigenvalue of the full kernel:", np.linalg.eigvalsh(blocks)[0])
print("of its trace form:", np.trace(blocks) / 2)

# %% Two proofs that a minimum is near
# **By the read-out.** The last layer is linear. Let $H$ be what it multiplies on the $n$ distinct training inputs,
# with a column for its bias, $s$ the smallest singular value of $H$ and $r$ the residual. If $s > 0$, moving the
# read-out alone by at most $\lVert r \rVert / s$ makes the residual exactly zero, for any targets, activation and
# depth. It needs at least as many columns as distinct inputs.
#
# **Newton and Kantorovich**, for the others. If the residual is at most $\varepsilon$, the smallest singular value of
# the derivative at least $\sigma$, the derivative $\beta$-Lipschitz on a ball around the weights, and
#
# $$h = \frac{\beta \varepsilon}{\sigma^2} \le \frac12 ,$$
#
# then an exact zero lies within $\rho = \frac{\sigma}{\beta} \bigl(1 - \sqrt{1 - 2h}\bigr)$. The bound on $h$ cannot
# be raised: there is a scalar equation with its only root at exactly $\rho$ for $h = 1/2$, and one without a root for
# any larger $h$.
#
# Both are about the network *in exact arithmetic* at the weights given, or at weights polished first; the verdict
# says which and how far they moved. Every constant is bounded with its rounding: residuals by running error analysis,
# $\sigma$ by the enclosure above, $\beta$ by norms rounded up.

data = zl.from_arrays(rng.standard_normal((30, 5)), rng.standard_normal(30))
narrow = zl.descend(zl.MLP(5, 1, width=24, depth=2, activation="tanh", key=1), data, method="gauss-newton")
wide = zl.descend(zl.MLP(5, 1, width=64, depth=2, activation="tanh", key=1), data, method="gauss-newton")
for proof in (zl.prove(wide.network, data), zl.prove(narrow.network, data)):
    print(proof.method, "-", proof)

# %% Where a claim is false, nothing is proved
# A ReLU unit whose pre-activation is nearly zero at a training input may switch off before the minimum is reached;
# then the derivative at these weights does not hold there. Such a network is not proved, and the reason names it. Nor is one
# that has not arrived:

early = zl.descend(zl.MLP(5, 1, width=24, depth=2, activation="tanh", key=1), data, steps=20)
print(zl.prove(early.network, data, polish=False))

# %% What is assumed
# No proof by computer rests on nothing. What is taken on trust is in the evidence of every proof, in these words:

for assumption, standing in proof.evidence["assumptions"].items():
    print(f"- {assumption}: {standing}")

# %% A proof that somebody else can check
# A certificate holds the network, bit for bit, the radius, and the hash of the data; one hash binds all of it, architecture
# included. `check_certificate` trusts none of the numbers in it: it computes all of them again, and writes the claim again.
# With one training target changed, it is refused:

from zeroloss.minima import check_certificate

certificate = zl.prove(wide.network, data).certificate()
print(check_certificate(certificate, data).status)
other = zl.from_arrays(data.x_train, data.y_train[:, 0] + np.eye(30)[0])
print(check_certificate(certificate, other))
