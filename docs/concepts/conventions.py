"""Conventions

A factor of $n$, a mean instead of a sum, and two libraries disagree. These are zeroloss's choices; each is computed
below, so that the page cannot say one thing and the code do another.
[Moving from neural-tangents](../moving-from-neural-tangents.md) sets them beside that library's.
"""

# %% Data and networks
# Inputs are $(n, d)$ and targets $(n, c)$, one row per example; classes are one-hot rows. A network takes *one*
# example, $(d,) \to (c,)$, and is mapped over a batch. A function in which one example's answer depends on the others
# (batch statistics, attention across the batch) is refused: it has no tangent kernel in the sense used here.

import numpy as np

import zeroloss as zl

data = zl.load_data("wine", n_train=40)
net = zl.MLP(13, 3, width=64, depth=2, activation="tanh", parametrization="ntk", dtype="float64", key=0)
print(data.x_train.shape, data.y_train.shape, zl.predict(net, data.x_train).shape)

# %% Parametrization
# `depth` counts hidden layers. In NTK parametrization a layer is
#
# $$z = \frac{\sigma_w}{\sqrt{m}}\, W h + \sigma_b\, b, \qquad W_{ij},\, b_i \sim N(0, 1),$$
#
# with $m$ inputs to the layer. So the parameters that descent moves are of order one, whatever the width.

first = np.asarray(net.weights[0])
print(f"first layer: weights {first.shape}, their standard deviation {np.std(first):.2f}")

# %% Loss
# Squared loss, with the half and the mean over examples, summed over outputs:
#
# $$L(w) = \frac{1}{2n} \sum_{i=1}^n \lVert f(x_i; w) - y_i \rVert^2 .$$
#
# Cross-entropy and hinge are means over examples as well.

residual = zl.predict(net, data.x_train) - data.y_train
ours = zl.descend(net, data, steps=1, step_size=1e-9).history["loss"][0]
print(f"by hand {np.sum(residual**2) / (2 * data.n):.12f}, by descend {ours:.12f}")

# %% Tangent kernel
# $K_{ij} = J_i J_j^\top$ with $J_i = \partial f(x_i; w)/\partial w$: shape $(n, n, c, c)$, in the order example,
# example, output, output. There is *no* $1/n$ in it. `as_matrix` flattens it to $(nc, nc)$, example by example.

k = zl.tangent.kernel(net, data.x_train)
matrix = zl.tangent.as_matrix(k)
print(k.shape, matrix.shape, "entry [1, 2, 0, 1] at", matrix[1 * 3 + 0, 2 * 3 + 1] == k[1, 2, 0, 1])

# %%
# The short form with one number for two examples is a mean over outputs, $\frac1c \sum_a K_{ijaa}$. It errs on the
# unsafe side at both ends of the spectrum, so it is a picture and a preconditioner; no proof and no step uses it.

trace = zl.tangent.kernel(net, data.x_train, outputs="trace")
full, short = np.linalg.eigvalsh(matrix), np.linalg.eigvalsh(trace)
print(f"smallest eigenvalue: full {full[0]:.3g}, trace form {short[0]:.3g}")
print(f"largest eigenvalue:  full {full[-1]:.3g}, trace form {short[-1]:.3g}")

# %% Steps
# With these conventions a step $\eta$ shrinks the residual along an eigenvector by $1 - \eta\lambda/n$ (for the
# linearised network). So the largest stable step is $2n/\lambda_{\max}$ of the *full* kernel, strictly below. On the
# linearised network, a little below it and a little above:

limit = 2 * data.n / full[-1]
for factor in (0.99, 1.01):
    run = zl.descend(zl.tangent.linearized(net), data, step_size=factor * limit, steps=3000)
    print(f"{factor} of 2n/lambda_max: from {run.history['loss'][0]:.3g} to {run.history['loss'][-1]:.3g}")

# %% Repeated inputs
# Equal inputs make the kernel singular. Theorems are therefore about the distinct inputs: a group of $n_g$ equal rows
# becomes one row with weight $\sqrt{n_g}$ and the mean of its targets. "Global minimum" is the least value there is,
# not 0 ([what zero loss means](zero_loss.md)).

from zeroloss.data import collapse

once = collapse(np.array([[1.0], [1.0], [4.0]]), np.array([[0.0], [2.0], [5.0]]))
print("inputs", once.x.ravel(), "targets", once.y.ravel(), "rows each", once.sizes)

# %% Precision
# A network has the precision of its weights; `dtype="float64"` or `with zl.double():` makes a double one. No global
# flag is read or set. What proves something casts to float64 by itself, and float32 weights are taken at their exact
# values. [Numerical stability](numerical-stability.md) says which error to expect.

# %% Seeds
# All randomness comes from the `key=` or `seed` that you give; the default is 0. The same seed gives the same numbers
# on one machine.

print(np.array_equal(first, net.restarted(0).weights[0]), np.array_equal(first, net.restarted(1).weights[0]))

# %% Words
# *Standing* says who vouches for a statement: `paper` (a paper says so), `recalled` (remembered from one, not
# confirmed), `ours` (derived in this project). *Width* is the number of units of a hidden layer. *Zero training loss*
# means the infimum is attained. An *interval* in brackets holds with 95 % confidence unless it says otherwise.
