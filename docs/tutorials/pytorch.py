"""Is my PyTorch model at a global minimum? A tutorial that runs: python docs/tutorials/pytorch.py

A model trained by a plain PyTorch script is examined, polished, PROVED to stand beside a global minimum of its training loss,
and loaded back into PyTorch with its accuracy unchanged. Needs: pip install 'zeroloss[torch]'. About a minute.
"""

import torch
from torch import nn

import zeroloss as zl

# 1. Your own script. Nothing in this part knows of zeroloss but for the data, which come from load_data so that the tutorial
#    needs no download; `x` and `y` are any tensors of yours: rows and targets (one column a class).
torch.manual_seed(0)
data = zl.load_data("digits")  # 1,257 training and 540 test images of 8 x 8 grey values in [0, 1]
x, y = (torch.tensor(a, dtype=torch.float32) for a in (data.x_train, data.y_train))
x_test, labels_test = torch.tensor(data.x_test, dtype=torch.float32), torch.tensor(data.labels_test)


class Net(nn.Module):
    """The last hidden layer is a little wider than there are training images: that is what the proof by the read-out asks for."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.out = nn.Linear(64, 128), nn.Linear(128, 1536), nn.Linear(1536, 10)

    def forward(self, x):
        return self.out(torch.relu(self.second(torch.tanh(self.first(x)))))


def accuracy(model: nn.Module) -> float:
    """Share of test images whose largest output is their label."""
    with torch.no_grad():
        answers = model(x_test.to(next(model.parameters()).dtype))
    return (answers.argmax(1) == labels_test).double().mean().item()


model = Net()
optimiser = torch.optim.Adam(model.parameters(), lr=2e-3)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=80)
for _ in range(80):
    for rows in torch.randperm(len(x)).split(64):
        optimiser.zero_grad()
        loss = 0.5 * (model(x[rows]) - y[rows]).square().sum(1).mean()
        loss.backward()
        optimiser.step()
    schedule.step()
model.eval()
before = accuracy(model)
print(f"trained by torch: loss {loss.item():.2g} on the last batch, test accuracy {100 * before:.1f} %")

# 2. Into zeroloss: one line. The module is exported, read operator by operator, and compared with its own answers.
network = zl.from_torch(model, data)
print(f"converted: {type(network).__name__}, widths {network.widths}")

# 3. Can the fit be trusted near the training images? The audit needs no proof, and no test set for its verdict.
audit = zl.audit(network, data)
print(f"local? {audit.verdicts['local'].status}: {audit.verdicts['local'].reason}")

# 4. Is a global minimum near? As trained, the weights are single precision and the residual is far above rounding ...
given = zl.prove(network, data, polish=False)
print(f"as trained: {given.status}, {given.claim}")

# ... so the read-out is polished: moved, in double precision, to the nearest weights that fit every target to rounding. What is
# proved then is about the polished weights, so look at how far they moved: of a model trained less far, polishing may replace
# the whole read-out, and its accuracy with it.
proof = zl.prove(network, data)
print(f"polished: {proof.status}, {proof.claim}")
print(
    f"  the read-out was moved by {proof.moved:.2g}, {100 * proof.evidence['moved_relative']:.2g} % of the weights' size"
)
print(f"  {proof.classified.status}, {proof.classified.claim}")

# 5. Back into PyTorch. The weights proved are double precision, and the module is made so: no bit is lost.
zl.to_torch(proof.network, model)
after = accuracy(model)
print(
    f"back in torch ({next(model.parameters()).dtype}): test accuracy {100 * after:.1f} %, before {100 * before:.1f} %"
)

# 6. To keep. `torch.save(model.state_dict(), "proved.pt")` writes torch's own file, `proof.certificate().save("certificate.json")` a
#    certificate that anyone can verify with the data alone: `zeroloss prove digits --check certificate.json`.
