"""A first examination

You have a table with a target column, and you want to know what a network that fits it perfectly is worth. One command
answers; this page runs it, reads the answers one by one, and then does the same steps in Python, where each of them takes a
network of your own.
"""

# %% One table, one command
# Any `.csv`, `.parquet` or `.npz` file will do: numbers or short texts in the columns, no missing values. This one
# stands in for yours; put your own file and the name of its target column into the command below it.

import sklearn.datasets

table = sklearn.datasets.load_iris(as_frame=True).frame
table["target"] = table["target"].map({0: "setosa", 1: "versicolor", 2: "virginica"})
table.to_csv("flowers.csv", index=False)
table.sample(3, random_state=0)

# %%
# The command keeps three rows in ten for testing, chooses a network that is large enough for zero training loss to
# exist, trains it to the minimum, proves that it is one, and builds a second network to compare with.
#
# ```sh run
# zeroloss examine flowers.csv --target target --out report
# ```
#
# The same is in `report/report.html`, as a page with pictures that needs no network, and in `report/report.json`. The
# networks lie beside it as `fitted.npz` and `twin.npz`.
#
# ![A report, here that of the digits](../report.png)

# %% How to read it
# A verdict is one sentence with a status. `PROVED` and `REFUTED` are mathematics, rounding included. `SUPPORTED` and
# `CONTRADICTED` are measured, with an interval. `UNKNOWN` says which constant is short, and by how much. In the order
# above:
#
# - *Zero loss exists* for these targets, and for almost all others: the network is large enough. Only two equal rows
#   with different targets would make it `REFUTED`.
# - *Gradient descent reaches a global minimum* is `UNKNOWN`, as nearly always before training: the theorem that would
#   promise it requires far wider networks. This is a statement about the theorem, not about your training.
# - *The training loss follows the tangent kernel's prediction* says whether training was close to a linear problem.
# - *A global minimum lies within this distance of these weights* is the proof that training has arrived. It is about
#   the training data alone. It is made twice: for the network that was trained and for its *twin*, a network with
#   zero training loss whose other answers were made wrong on purpose.
# - *This fit is local* distinguishes the two by the training data alone: does the fit still hold a little way off the
#   training points?
#
# So: weights with zero training loss, proved to be there, lie beside those of a good network and of a worthless one alike. [What
# zero loss means](../concepts/zero_loss.md) says why this is so.

# %% The same, step by step, on a network of your own
# Everything the command does is a function. The data first; `from_arrays` takes arrays in place of a file.

import zeroloss as zl

data = zl.load_data("flowers.csv", target="target")
data

# %%
# A network: `zl.MLP` here. [The tangent kernel](../tangent-kernel.md) and the audit take any function of parameters
# and a batch through `zl.wrap`; the proofs and the certificate below read the layers, and need an `MLP`.

net = zl.MLP(data.in_size, data.out_size, width=128, depth=2, activation="tanh", key=0)

# %%
# *Before training*: will gradient descent get there?

certificate = zl.certify(net, data)
certificate

# %%
# *Training*, to the minimum itself. Gradient descent would take very long for the last digits; Gauss-Newton takes a
# few steps.

fit = zl.descend(net, data, method="gauss-newton")
print(f"loss {fit.loss:.1e}, {'converged' if fit.converged else 'not converged'}: {fit.reason}")

# %%
# *After training*: has it arrived, and can it be trusted?

proof = zl.prove(fit.network, data)
print(proof)
print(proof.classified)

# %%

zl.audit(fit.network, data, initial=net)

# %%
# Every answer holds its evidence, and goes to JSON and back:

print(f"{proof.status}, radius {proof.radius:.0e}")
print(sorted(proof.evidence))

# %% Checking a proof again
# A proof can be written to a file and verified by somebody who trusts neither you nor the run that made it:
# everything in it is computed again from the weights and the data.

saved = proof.certificate().save("minimum.json")

# %%
# ```sh run
# zeroloss prove flowers.csv --target target --check minimum.json
# ```
#
# Next: [a twin of your data set](twin.md), or [a study of your own](my_study.md).
