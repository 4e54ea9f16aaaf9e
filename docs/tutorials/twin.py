"""A twin of your data set

A *twin* is a network with zero training loss on your training data that is wrong nearly everywhere else. It is made, not trained: take any
network, make its answers wrong, and repair them at the training points alone, each by a bump so narrow that nothing
else is on it. What is it good for? Whatever you believe about a network because its training loss is zero, the twin has
too. A check that passes both shows nothing.
"""

# %% Something to compare with
# A network that was trained in the usual way. Handwritten digits, 8 by 8 pixels; yours can be any table or arrays,
# see [a first examination](first_examination.md).

import zeroloss as zl

data = zl.load_data("digits", n_train=500)
net = zl.MLP(data.in_size, data.out_size, width=[64, 600], activation="tanh", key=0)
fit = zl.descend(net, data, method="gauss-newton", tolerance=1e-16)
print(f"training loss {fit.loss:.0e}")

# %% The twin
# `of=` names the network whose answers are made wrong: each digit is taken for the next one. `construct_twin` also
# records how it was made and what was measured; `zl.twin` returns the network alone.

from zeroloss.minima import construct_twin

made = construct_twin(data, of=fit.network)
made

# %%
# On the training data both are perfect, and for both it can be proved:

import numpy as np

for name, network in {"trained": fit.network, "twin": made.network}.items():
    right = [
        np.mean(zl.predict(network, x).argmax(1) == labels)
        for x, labels in ((data.x_train, data.labels_train), (data.x_test, data.labels_test))
    ]
    print(f"{name}: {right[0]:.1%} of the training digits right, {right[1]:.1%} of new ones")
    print(f"  {zl.prove(network, data)}")

# %% Distinguishing them without test data
# The audit moves a little way off the training points, towards their neighbours, and checks whether the answers still
# hold. `t` is the distance as a share of that to the nearest other training point.

audits = {name: zl.audit(network, data) for name, network in {"fitted": fit.network, "twin": made.network}.items()}
for name, found in audits.items():
    print(f"{name}: {found.verdicts['local']}")

# %%

columns = ("t", "score", "lower", "upper")
table = {c: [v for found in audits.values() for v in found.trust[c]] for c in columns}
table["network"] = [name for name, found in audits.items() for _ in found.trust["t"]]
chart = zl.figures.trust_curves(table).properties(width=480, height=240)
chart.properties(description="Share of right answers at distance t from the training points: trained network, twin")

# %% As a file
# The twin is an ordinary network. From the command line it is written for other frameworks too (`.onnx`, or
# `.safetensors` for PyTorch), so that your own evaluation can be tried on it: does it notice?
#
# ```sh run
# zeroloss twin wine --out twin.npz
# zeroloss audit wine --model twin.npz
# ```

# %% The formula
# For any network $g$ and training points $(x_i, y_i)$,
#
# $$f(x) = g(x) + \sum_i \bigl(y_i - g(x_i)\bigr)\, \varphi_i(x),$$
#
# where the bump $\varphi_i$ is 1 at $x_i$ and 0 at all other training points and nearly everywhere else. A bump is a
# few ReLU units, so $f$ is a network of the same kind as $g$. That such networks exist is Guan's theme ([the paper's
# page](../papers/guan.md), [the gallery](../gallery.md)); the twin of a given network on given data is ours.
