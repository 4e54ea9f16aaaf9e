"""Torch modules of every kind that users bring, written out by hand, with a batch each."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional


class Block(nn.Module):
    """The basic block of a residual network."""

    def __init__(self, a: int, b: int, stride: int):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(a, b, 3, stride, 1, bias=False), nn.BatchNorm2d(b)
        self.conv2, self.bn2 = nn.Conv2d(b, b, 3, 1, 1, bias=False), nn.BatchNorm2d(b)
        short = nn.Sequential(nn.Conv2d(a, b, 1, stride, bias=False), nn.BatchNorm2d(b))
        self.downsample = short if stride != 1 or a != b else nn.Identity()

    def forward(self, x):
        y = functional.relu(self.bn1(self.conv1(x)))
        return functional.relu(self.bn2(self.conv2(y)) + self.downsample(x))


class ResNet18(nn.Module):
    """ResNet-18 as torchvision has it; `width` 64 gives its 11 million parameters."""

    def __init__(self, classes: int = 10, width: int = 64):
        super().__init__()
        w = width
        self.conv1, self.bn1 = nn.Conv2d(3, w, 7, 2, 3, bias=False), nn.BatchNorm2d(w)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        sizes = [(w, w, 1), (w, 2 * w, 2), (2 * w, 4 * w, 2), (4 * w, 8 * w, 2)]
        self.layers = nn.Sequential(*(nn.Sequential(Block(a, b, s), Block(b, b, 1)) for a, b, s in sizes))
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(8 * w, classes)

    def forward(self, x):
        x = self.maxpool(functional.relu(self.bn1(self.conv1(x))))
        return self.fc(torch.flatten(self.avgpool(self.layers(x)), 1))


class Recurrent(nn.Module):
    def __init__(self, kind, **options):
        super().__init__()
        self.rnn = kind(5, 7, batch_first=True, **options)
        self.head = nn.Linear(14 if options.get("bidirectional") else 7, 3)

    def forward(self, x):
        return self.head(self.rnn(x)[0][:, -1])


class Encoder(nn.Module):
    def __init__(self, **options):
        super().__init__()
        layer = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True, **options)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(16, 3)

    def forward(self, x):
        return self.head(self.encoder(x).mean(1))


class Tokens(nn.Module):
    """Embeddings, one of them for padding, and attention over them with a causal mask."""

    def __init__(self):
        super().__init__()
        self.embedding, self.places = nn.Embedding(50, 8, padding_idx=0), nn.Parameter(0.1 * torch.randn(5, 8))
        self.qkv, self.head = nn.Linear(8, 24), nn.Linear(8, 3)

    def forward(self, x):
        q, k, v = self.qkv(self.embedding(x) + self.places).chunk(3, -1)
        return self.head(functional.scaled_dot_product_attention(q, k, v, is_causal=True).mean(1))


class Activations(nn.Module):
    """Every activation of torch.nn that is a function of one entry, and some arithmetic."""

    def __init__(self):
        super().__init__()
        self.first, self.last, self.prelu = nn.Linear(6, 20), nn.Linear(20, 4), nn.PReLU()
        self.kinds = [
            nn.SiLU(), nn.GELU(), nn.GELU("tanh"), nn.ELU(), nn.CELU(0.5), nn.SELU(), nn.Mish(), nn.Softplus(), nn.Hardtanh(),
            nn.Hardswish(), nn.Hardsigmoid(), nn.LeakyReLU(0.2), nn.ReLU6(), nn.Softsign(), nn.Tanhshrink(), nn.LogSigmoid(),
            nn.Softmax(-1), nn.LogSoftmax(-1), nn.Threshold(0.1, 0.2), nn.Hardshrink(), nn.Softshrink(),
        ]  # fmt: skip

    def forward(self, x):
        h = self.first(x)
        z = self.prelu(h) + functional.glu(torch.cat([h, h.flip(-1)], -1))
        for kind in self.kinds:
            z = z + kind(h)
        return self.last(
            torch.sin(z) + torch.erf(z) * torch.exp(-z.abs()) + z.clamp(-1, 1).pow(2) + z.std(-1, keepdim=True)
        )


class OwnForward(nn.Module):
    """A fully connected network whose forward is written out, its layers declared in another order."""

    def __init__(self):
        super().__init__()
        self.out, self.one, self.two = nn.Linear(12, 3), nn.Linear(6, 12), nn.Linear(12, 12, bias=False)

    def forward(self, x):
        h = functional.leaky_relu(self.one(x.flatten(1)), 0.2)
        return self.out(functional.silu(self.two(h)))


def _images() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 8, 3, groups=2, padding=2, dilation=2),
        nn.SiLU(), nn.AvgPool2d(2, ceil_mode=True, padding=1), nn.Flatten(), nn.Linear(32, 3),
    )  # fmt: skip


def _norms() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(2, 8, 3, stride=2, padding="valid"), nn.GroupNorm(2, 8), nn.ReLU(),
        nn.ConvTranspose2d(8, 4, 3, stride=2, padding=1, output_padding=1, groups=2), nn.InstanceNorm2d(4, affine=True),
        nn.AdaptiveAvgPool2d(3), nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(4, 3),
    )  # fmt: skip


def _series() -> nn.Module:
    return nn.Sequential(
        nn.Conv1d(2, 8, 3, padding="same"), nn.ReLU(), nn.MaxPool1d(3, 2, 1, ceil_mode=True), nn.AdaptiveAvgPool1d(3),
        nn.Flatten(), nn.LayerNorm(24), nn.Linear(24, 3),
    )  # fmt: skip


def _padded() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, padding_mode="circular"), nn.Tanh(), nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"),
        nn.Upsample(scale_factor=2), nn.PixelShuffle(2), nn.Upsample(scale_factor=1.5, mode="bilinear"), nn.ZeroPad2d((1, -2, 0, 3)),
        nn.Flatten(), nn.Linear((36 - 1) * (36 + 3), 3),
    )  # fmt: skip


def _volume() -> nn.Module:
    return nn.Sequential(nn.Conv3d(1, 4, 3), nn.ReLU(), nn.MaxPool3d(2), nn.Flatten(), nn.Linear(32, 3))


def _perceptron() -> nn.Module:
    return nn.Sequential(nn.Linear(6, 32), nn.Tanh(), nn.Dropout(0.5), nn.Linear(32, 16), nn.GELU(), nn.Linear(16, 4))


MODULES: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "perceptron": (_perceptron, (6,)),
    "own-forward": (OwnForward, (6,)),
    "images": (_images, (1, 8, 8)),
    "norms": (_norms, (2, 9, 9)),
    "series": (_series, (2, 12)),
    "padded": (_padded, (1, 6, 6)),
    "volume": (_volume, (1, 6, 6, 6)),
    "resnet": (lambda: ResNet18(width=4), (3, 32, 32)),
    "lstm": (lambda: Recurrent(nn.LSTM, num_layers=2), (4, 5)),
    "gru": (lambda: Recurrent(nn.GRU, bidirectional=True), (4, 5)),
    "rnn": (lambda: Recurrent(nn.RNN, nonlinearity="relu"), (4, 5)),
    "encoder": (Encoder, (6, 16)),
    "encoder-first": (lambda: Encoder(norm_first=True, activation="gelu"), (6, 16)),
    "tokens": (Tokens, (5,)),
    "activations": (Activations, (6,)),
}
"""How each is made, and the shape of one example."""


def made(name: str, dtype: torch.dtype = torch.float32) -> tuple[nn.Module, torch.Tensor]:
    """The module in evaluation mode with statistics other than those of the start, and four examples."""
    torch.manual_seed(0)
    make, shape = MODULES[name]
    module = make()
    for part in module.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            part.running_mean.normal_()
            part.running_var.uniform_(0.5, 2)
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.normal_(part.bias)
    module = module.to(dtype).eval()
    x = torch.randint(0, 50, (4, *shape)) if name == "tokens" else torch.randn(4, *shape, dtype=dtype)
    if name == "tokens":
        x[0, 0] = x[2, 3] = 0  # padding
    return module, x
