"""Is my PyTorch model at a global minimum?

You have a model that PyTorch trained, and its training data as tensors. Two of them are examined here: a fully connected
one trained on squared error, which is PROVED to stand beside a global minimum of its training loss and goes back into
PyTorch with its accuracy unchanged; and a convolutional one trained on cross-entropy, the usual case, of which less can be
proved. It needs PyTorch (`pip install '.[torch]'` in a clone) and takes about a minute.
"""

# %% Your own script
# Nothing in this part knows of zeroloss. `x` and `labels` stand for your training data, any tensors with one example per row; here they
# are small pictures of digits that come with scikit-learn.
import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)
digits = load_digits()
x = torch.tensor(digits.data / 16, dtype=torch.float32)
labels = torch.tensor(digits.target)
order = torch.randperm(len(x))
x, labels = x[order], labels[order]
x, x_test, labels, labels_test = x[:1257], x[1257:], labels[:1257], labels[1257:]


class Net(nn.Module):
    """The last hidden layer is a little wider than there are training images: the proof by the read-out requires it."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.out = nn.Linear(64, 128), nn.Linear(128, 1536), nn.Linear(1536, 10)

    def forward(self, x):
        return self.out(torch.relu(self.second(torch.tanh(self.first(x)))))


def squared(answers, labels):
    return 0.5 * (answers - nn.functional.one_hot(labels, 10)).square().sum(1).mean()


def train(model, x, loss, epochs):
    optimiser = torch.optim.Adam(model.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=epochs)
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(64):
            optimiser.zero_grad()
            loss(model(x[rows]), labels[rows]).backward()
            optimiser.step()
        schedule.step()
    return model.eval()


def accuracy(model, x):
    with torch.no_grad():
        answers = model(x.to(next(model.parameters()).dtype))
    return (answers.argmax(1) == labels_test).double().mean().item()


model = train(Net(), x, squared, epochs=80)
before = accuracy(model, x_test)
print(f"test accuracy {100 * before:.1f} %")

# %% Into zeroloss
# Two lines. The data are taken as they are, tensors or arrays, with test rows if you have them; nothing is scaled. The module is
# exported, read operator by operator, and compared with its own answers.
import zeroloss as zl

data = zl.from_arrays(x, labels, x_test=x_test, y_test=labels_test)
network = zl.from_torch(model, data)
print(data)
print(type(network).__name__, network.widths)

# %% Can the fit be trusted near the training images?
# The audit needs no proof, and no test set for its verdict. "This fit is local" is what you do not want: that it holds at the
# training points alone.
print(zl.audit(network, data))

# %% Is a global minimum near?
# As trained, the weights are single precision and the residual is far above rounding, so the nearest minimum that can be
# proved is a long way off.
given = zl.prove(network, data, polish=False)
print(f"{given.status}: {given.claim}")

# %%
# So the read-out is polished: moved, in double precision, to the nearest weights that fit every target to rounding. What is
# proved then is about the polished weights. Look at how far they moved: of a model trained less far, polishing may replace the
# whole read-out, and its accuracy with it.
proof = zl.prove(network, data)
print(f"{proof.status}: {proof.claim}")
print(proof.classified)
print(
    f"The read-out was moved by {proof.moved:.2g}, {100 * proof.evidence['moved_relative']:.2g} % of the weights' size."
)

# %% Back into PyTorch
# The weights proved are double precision, and the module is made so: no bit is lost. `torch.save(model.state_dict(), ...)` keeps them;
# `proof.certificate().save("certificate.json")` writes what anyone can verify from the data alone.
zl.to_torch(proof.network, model)
print(
    f"test accuracy {100 * accuracy(model, x_test):.1f} % in {next(model.parameters()).dtype}, before {100 * before:.1f} %"
)

# %% A convolutional network, trained on cross-entropy
# Images keep the shape in which the module takes them. The start is kept, so that the audit can say how far training went from it.
import copy

images, images_test = x.reshape(-1, 1, 8, 8), x_test.reshape(-1, 1, 8, 8)
start = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(512, 64), nn.ReLU(), nn.Linear(64, 10),
)  # fmt: skip
model = train(copy.deepcopy(start), images, nn.functional.cross_entropy, epochs=30)
print(f"test accuracy {100 * accuracy(model, images_test):.1f} %")

data = zl.from_arrays(images, labels, x_test=images_test, y_test=labels_test)
network, initial = zl.from_torch(model, data), zl.from_torch(start.eval(), data)
print(network)
print(zl.audit(network, data, initial, loss="cross-entropy"))

# %%
# Cross-entropy has no minimum to stand at: where every image is classified right, growing weights bring it ever nearer to 0.
# And for the squared loss the last layer is too narrow. What can be proved of this model is that it classifies every training
# image right: in exact arithmetic, at these very weights, with a margin.
proof = zl.prove(network, data)
print(proof)
print(proof.classified)

# %% What stays open
# - A proof of a minimum needs a last layer as wide as there are distinct training inputs; of a fully connected network with smooth
#   activations a narrower one will do (`zl.descend(network, data, method="gauss-newton")` brings it there).
# - In deep networks the bounds on rounding grow from layer to layer, and may end in `UNKNOWN`: the reason then names them.
# - A sample that lacks some of the model's classes has too few columns: give one-hot rows, `zl.from_arrays(x, np.eye(classes)[labels])`.
# - `zl.audit(network, data, measures="all")` adds [sharpness, margins, norms and the tangent kernel](../audit.md); `zl.audit.priced(...)`
#   says beforehand how long that takes. A ResNet-18 takes minutes.
# - An operator that is not known yet is named, with how to add it (`zeroloss.networks.register_operator`).
