"""What zero loss means

That training has reached zero loss is one fact. Four questions hide behind it, and zeroloss answers them one by one: can
the loss be zero at all, will descent get there, has it arrived, and what is it worth?
"""

# %% How low can the loss get?
# Not always to 0. Where equal inputs have different targets, no function of the input fits both. For the squared loss
#
# $$L(w) = \frac{1}{2n} \sum_{i=1}^n \lVert f(x_i; w) - y_i \rVert^2$$
#
# the least value is what is left when every group of equal inputs is given its mean,
#
# $$\inf L = \frac{1}{2n} \sum_{\text{groups } G}\; \sum_{i \in G} \lVert y_i - \bar y_G \rVert^2 ,$$
#
# and it is attained by every network that can fit the means. "Global minimum" means this value, here and everywhere
# in zeroloss. One input with the targets 0, 1 and 3, and one of its own:

import zeroloss as zl
from zeroloss.data import infimum

data = zl.from_arrays([[2.0], [2.0], [2.0], [5.0]], [0.0, 1.0, 3.0, 7.0], task="regression")
print(infimum(data).value)
print(infimum(data).sentence)

# %%
# `certify` says so before any training: zero loss is `REFUTED`, and that is the only way for it to be refuted on
# given targets. Too few parameters refute it for *almost every* target, which decides nothing about yours.

net = zl.MLP(1, 1, width=64, depth=1, activation="tanh", key=0)
print(zl.certify(net, data).verdicts["exists"])

# %% Which loss?
# The cross-entropy of a perfect classifier is never 0. With answers $\pm c$ it is $\log(1 + e^{-c})$ per example:
# above its infimum at every $c$, so there is no minimum to arrive at, only a direction to go for ever. In floating
# point it looks as if there were one:

import numpy as np

for c in (1.0, 10.0, 40.0, 800.0):
    exact, usual = np.log1p(np.exp(-c)), np.log(1 + np.exp(-c))
    print(f"c = {c:>5}: log1p gives {exact:.1e}, log(1 + .) gives {usual:.1e}")

# %%
# So a claim of zero loss has to say which loss it is about. The proofs here are about the squared loss; for every
# loss there is the other claim, that each training example is classified correctly with a proved margin.

# %% A small loss is no proof
# A loss of 1e-30 does not imply that there is a zero near these weights. Think of $f(w) = e^{-w}$ with target 0: the
# loss falls below any bound, and no weights reach it. The proof needs three numbers: how large the residual is, how
# fast the answers can be moved (the least singular value of the derivative, or of the last features), and how quickly
# that speed itself changes. [Certificates and rounding](rounding.md) has the two theorems.
#
# The distance is part of the claim. The same network on ten points, before and after training:

rng = np.random.default_rng(0)
points = zl.from_arrays(rng.normal(size=(10, 4)), rng.normal(size=10))
start = zl.MLP(4, 1, width=32, depth=2, activation="tanh", key=0)
end = zl.descend(start, points, method="gauss-newton").network
print("at the start:", zl.prove(start, points, polish=False))
print("at the end:  ", zl.prove(end, points, polish=False))

# %%
# Both are proved, and the first means little: a network this wide has a zero of the loss within reach from nearly
# everywhere. That the distance is next to nothing is what training has achieved.

# %% What a minimum is worth
# At the training points, everything; elsewhere, nothing by itself. For any predictor there is a network that equals
# it away from the training points and has zero training loss ([a twin of your data set](../tutorials/twin.md)). Here
# is one network that was trained and one that was made, on the same data:

wine = zl.load_data("wine")
trained = zl.descend(zl.MLP(13, 3, width=160, depth=1, activation="tanh", key=0), wine, method="gauss-newton").network
for name, network in {"trained": trained, "made": zl.twin(wine, of=trained)}.items():
    proof, audit = zl.prove(network, wine), zl.audit(network, wine)
    wrong = audit.numbers["test_errors"], audit.numbers["test_count"]
    print(
        f"{name}: {proof.status}, {wrong[0]} of {wrong[1]} new examples wrong; local: {audit.verdicts['local'].status}"
    )

# %%
# Both sit at a global minimum, provably. So whoever argues "the training loss is zero, therefore ..." argues for
# both. What separates them is not the loss but everything else: how the minimum was reached, how far it is from the
# start, whether the fit holds a little way off the training points. That is what the audit measures, and what [the
# papers](../papers/index.md) disagree about.

# %% The questions, and the command for each
#
# | question | command | can be |
# |---|---|---|
# | Does zero loss exist for these targets? | `zeroloss certify` | `PROVED`, `REFUTED`, `UNKNOWN` |
# | Will gradient descent reach a global minimum? | `zeroloss certify` | `PROVED` for very wide networks, mostly `UNKNOWN` |
# | Is there one near these weights? | `zeroloss prove` | `PROVED`, `UNKNOWN` |
# | Does the fit hold off the training points? | `zeroloss audit` | `SUPPORTED`, `CONTRADICTED`, `UNKNOWN` |
# | How bad could a minimum be? | `zeroloss twin` | a network to look at |
