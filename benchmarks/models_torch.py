"""Architectures written in torch.nn by hand, tiny, at random weights: what `benchmarks/models.py` converts."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import parametrizations

CLASSES = 3
IMAGE, SERIES, FLAT = (3, 16, 16), (2, 24), (12,)


class Sum(nn.Module):
    """`x + f(x)`."""

    def __init__(self, *parts):
        super().__init__()
        self.inner = nn.Sequential(*parts)

    def forward(self, x):
        return x + self.inner(x)


class Squeeze(nn.Module):
    """Squeeze and excitation."""

    def __init__(self, c):
        super().__init__()
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(c, 4, 1), nn.ReLU(), nn.Conv2d(4, c, 1), nn.Hardsigmoid()
        )

    def forward(self, x):
        return x * self.gate(x)


def _head(c, pooled=True):
    return [*([nn.AdaptiveAvgPool2d(1)] if pooled else []), nn.Flatten(), nn.Linear(c, CLASSES)]


def _bn(a, b, k=3, s=1, g=1, act=nn.ReLU):
    return nn.Sequential(nn.Conv2d(a, b, k, s, k // 2, groups=g, bias=False), nn.BatchNorm2d(b), act())


def perceptron():
    return nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, CLASSES)), FLAT


def self_normalising():
    return nn.Sequential(nn.Linear(12, 32), nn.SELU(), nn.AlphaDropout(0.1), nn.Linear(32, CLASSES)), FLAT


def sine():
    class Sine(nn.Module):
        def forward(self, x):
            return torch.sin(30 * x)

    return nn.Sequential(nn.Linear(12, 32), Sine(), nn.Linear(32, 32), Sine(), nn.Linear(32, CLASSES)), FLAT


def residual_perceptron():
    block = [Sum(nn.LayerNorm(24), nn.Linear(24, 48), nn.GELU(), nn.Linear(48, 24)) for _ in range(3)]
    return nn.Sequential(nn.Linear(12, 24), *block, nn.Linear(24, CLASSES)), FLAT


def orthogonal():
    layers = [
        parametrizations.orthogonal(nn.Linear(12, 12), orthogonal_map=m)
        for m in ("householder", "matrix_exp", "cayley")
    ]
    return nn.Sequential(layers[0], nn.Tanh(), layers[1], nn.Tanh(), layers[2], nn.Linear(12, CLASSES)), FLAT


def normed_weights():
    return nn.Sequential(
        parametrizations.weight_norm(nn.Linear(12, 24)), nn.ReLU(), parametrizations.spectral_norm(nn.Linear(24, 12)),
        nn.ReLU(), nn.Linear(12, CLASSES),
    ), FLAT  # fmt: skip


def lenet():
    return nn.Sequential(
        nn.Conv2d(3, 6, 5),
        nn.Tanh(),
        nn.AvgPool2d(2),
        nn.Conv2d(6, 8, 3),
        nn.Tanh(),
        nn.AvgPool2d(2),
        *_head(32, False),
    ), IMAGE


def vgg():
    return nn.Sequential(_bn(3, 8), _bn(8, 8), nn.MaxPool2d(2), _bn(8, 16), nn.MaxPool2d(2), *_head(256, False)), IMAGE


def resnet():
    class Block(nn.Module):
        def __init__(self, a, b, s):
            super().__init__()
            self.one, self.two = _bn(a, b, s=s), _bn(b, b, act=nn.Identity)
            self.short = nn.Identity() if a == b and s == 1 else _bn(a, b, 1, s, act=nn.Identity)

        def forward(self, x):
            return functional.relu(self.two(self.one(x)) + self.short(x))

    return nn.Sequential(_bn(3, 8, 7, 2), nn.MaxPool2d(3, 2, 1), Block(8, 8, 1), Block(8, 16, 2), *_head(16)), IMAGE


def densenet():
    class Grow(nn.Module):
        def __init__(self, a):
            super().__init__()
            self.new = nn.Sequential(nn.BatchNorm2d(a), nn.ReLU(), nn.Conv2d(a, 4, 3, 1, 1))

        def forward(self, x):
            return torch.cat([x, self.new(x)], 1)

    return nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1), Grow(8), Grow(12), nn.Conv2d(16, 8, 1), nn.AvgPool2d(2), *_head(8)
    ), IMAGE


def inception():
    class Branches(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.three, self.five = nn.Conv2d(8, 4, 1), nn.Conv2d(8, 4, 3, 1, 1), nn.Conv2d(8, 4, 5, 1, 2)
            self.pool = nn.Sequential(nn.MaxPool2d(3, 1, 1), nn.Conv2d(8, 4, 1))

        def forward(self, x):
            return torch.cat([self.one(x), self.three(x), self.five(x), self.pool(x)], 1)

    return nn.Sequential(_bn(3, 8, s=2), Branches(), nn.ReLU(), *_head(16)), IMAGE


def squeezenet():
    class Fire(nn.Module):
        def __init__(self):
            super().__init__()
            self.squeeze, self.one, self.three = nn.Conv2d(8, 4, 1), nn.Conv2d(4, 8, 1), nn.Conv2d(4, 8, 3, padding=1)

        def forward(self, x):
            x = functional.relu(self.squeeze(x))
            return functional.relu(torch.cat([self.one(x), self.three(x)], 1))

    return nn.Sequential(
        nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True), Fire(), nn.Dropout(0.5), *_head(16)
    ), IMAGE


def mobilenet_v3():
    block = Sum(
        _bn(8, 16, 1, act=nn.Hardswish),
        _bn(16, 16, 3, 1, 16, nn.Hardswish),
        Squeeze(16),
        _bn(16, 8, 1, act=nn.Identity),
    )
    return nn.Sequential(_bn(3, 8, 3, 2, act=nn.Hardswish), block, *_head(8)), IMAGE


def shufflenet():
    return nn.Sequential(
        _bn(3, 8, 3, 2), _bn(8, 8, 1, 1, 4), nn.ChannelShuffle(4), _bn(8, 8, 3, 2, 8), _bn(8, 8, 1, 1, 4), *_head(8)
    ), IMAGE


def convnext():
    class Last(nn.Module):
        """Channels last inside, as ConvNeXt has it."""

        def __init__(self):
            super().__init__()
            self.depth, self.norm = nn.Conv2d(8, 8, 7, 1, 3, groups=8), nn.LayerNorm(8)
            self.wide, self.narrow, self.scale = nn.Linear(8, 32), nn.Linear(32, 8), nn.Parameter(0.1 * torch.ones(8))

        def forward(self, x):
            h = self.depth(x).permute(0, 2, 3, 1)
            h = self.scale * self.narrow(functional.gelu(self.wide(self.norm(h))))
            return x + h.permute(0, 3, 1, 2)

    return nn.Sequential(nn.Conv2d(3, 8, 4, 4), Last(), Last(), *_head(8)), IMAGE


def unet():
    class UNet(nn.Module):
        def __init__(self):
            super().__init__()
            self.down, self.deep = _bn(3, 8), _bn(8, 16)
            self.up, self.out = nn.ConvTranspose2d(16, 8, 2, 2), nn.Conv2d(16, CLASSES, 1)

        def forward(self, x):
            high = self.down(x)
            low = self.deep(functional.max_pool2d(high, 2))
            return self.out(torch.cat([high, self.up(low)], 1)).mean((2, 3))

    return UNet(), IMAGE


def super_resolution():
    return nn.Sequential(
        nn.Conv2d(3, 12, 3, padding=1), nn.PixelShuffle(2), nn.PReLU(), nn.Upsample(scale_factor=0.5, mode="bicubic"),
        nn.Upsample(scale_factor=2, mode="bilinear"), *_head(3),
    ), IMAGE  # fmt: skip


def spatial_transformer():
    class Transformer(nn.Module):
        def __init__(self):
            super().__init__()
            self.where, self.what = nn.Linear(768, 6), nn.Sequential(_bn(3, 8), *_head(8))

        def forward(self, x):
            grid = functional.affine_grid(
                self.where(x.flatten(1)).reshape(-1, 2, 3), list(x.shape), align_corners=False
            )
            return self.what(functional.grid_sample(x, grid, align_corners=False))

    return Transformer(), IMAGE


def mixer():
    class Mix(nn.Module):
        def __init__(self, tokens, width):
            super().__init__()
            self.across = nn.Sequential(nn.Linear(tokens, 8), nn.GELU(), nn.Linear(8, tokens))
            self.within = Sum(nn.LayerNorm(width), nn.Linear(width, 32), nn.GELU(), nn.Linear(32, width))
            self.norm = nn.LayerNorm(width)

        def forward(self, x):
            return self.within(x + self.across(self.norm(x).mT).mT)

    class Mixer(nn.Module):
        def __init__(self):
            super().__init__()
            self.patches, self.mix, self.head = nn.Conv2d(3, 16, 4, 4), Mix(16, 16), nn.Linear(16, CLASSES)

        def forward(self, x):
            return self.head(self.mix(self.patches(x).flatten(2).mT).mean(1))

    return Mixer(), IMAGE


def vision_transformer():
    class ViT(nn.Module):
        def __init__(self):
            super().__init__()
            self.patches, self.place = nn.Conv2d(3, 16, 4, 4), nn.Parameter(0.02 * torch.randn(1, 17, 16))
            self.token, self.head = nn.Parameter(torch.zeros(1, 1, 16)), nn.Linear(16, CLASSES)
            layer = nn.TransformerEncoderLayer(16, 4, 32, activation="gelu", batch_first=True, norm_first=True)
            self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

        def forward(self, x):
            x = self.patches(x).flatten(2).mT
            x = torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self.place
            return self.head(self.encoder(x)[:, 0])

    return ViT(), IMAGE


def fourier():
    class Fourier(nn.Module):
        """A layer of a Fourier neural operator."""

        def __init__(self):
            super().__init__()
            self.re, self.im = nn.Parameter(torch.randn(8, 8, 5) / 8), nn.Parameter(torch.randn(8, 8, 5) / 8)
            self.near = nn.Conv1d(8, 8, 1)

        def forward(self, x):
            modes = torch.fft.rfft(x)[..., :5]
            mixed = torch.einsum("nik,iok->nok", modes, torch.complex(self.re, self.im))
            return functional.gelu(self.near(x) + torch.fft.irfft(mixed, x.shape[-1]))

    return nn.Sequential(nn.Conv1d(2, 8, 1), Fourier(), Fourier(), nn.Flatten(), nn.Linear(192, CLASSES)), SERIES


def temporal():
    class Causal(nn.Module):
        """Dilated causal convolutions with gates, as in WaveNet."""

        def __init__(self, d):
            super().__init__()
            self.conv, self.pad = parametrizations.weight_norm(nn.Conv1d(8, 16, 2, dilation=d)), d

        def forward(self, x):
            a, b = self.conv(functional.pad(x, (self.pad, 0))).chunk(2, 1)
            return x + torch.tanh(a) * torch.sigmoid(b)

    return nn.Sequential(
        nn.Conv1d(2, 8, 1), Causal(1), Causal(2), Causal(4), nn.AdaptiveAvgPool1d(1), *_head(8, False)
    ), SERIES


class Recurrent(nn.Module):
    def __init__(self, kind, **options):
        super().__init__()
        self.rnn = kind(2, 8, batch_first=True, **options)
        self.head = nn.Linear(8 * (1 + options.get("bidirectional", False)), CLASSES)

    def forward(self, x):
        return self.head(self.rnn(x.mT)[0][:, -1])


class Cells(nn.Module):
    """A loop over an LSTM cell, written out."""

    def __init__(self):
        super().__init__()
        self.cell, self.head = nn.LSTMCell(2, 8), nn.Linear(8, CLASSES)

    def forward(self, x):
        h = c = x.new_zeros(len(x), 8)
        for t in range(6):
            h, c = self.cell(x[..., t], (h, c))
        return self.head(h)


class Seq2Seq(nn.Module):
    """An encoder and a decoder with attention over its states."""

    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = nn.GRU(2, 8, batch_first=True), nn.GRU(2, 8, batch_first=True)
        self.head = nn.Linear(16, CLASSES)

    def forward(self, x):
        seen, state = self.encoder(x.mT)
        out, _ = self.decoder(x.mT[:, :4], state)
        context = torch.softmax(out @ seen.mT, -1) @ seen
        return self.head(torch.cat([out, context], -1).mean(1))


class Graph(nn.Module):
    """Convolutions on a fixed graph, by sums over its edges."""

    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(4, 8), nn.Linear(8, CLASSES)
        self.register_buffer("edges", torch.randint(0, 12, (2, 30)))

    def _spread(self, h):
        source, target = self.edges
        return torch.zeros_like(h).index_add(1, target, h[:, source])

    def forward(self, x):
        h = x.reshape(-1, 12, 4)
        return self._spread(self.two(functional.relu(self._spread(self.one(h))))).mean(1)


class DeepSets(nn.Module):
    def __init__(self):
        super().__init__()
        self.each = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 16))
        self.all = nn.Linear(32, CLASSES)

    def forward(self, x):
        h = self.each(x.mT)
        return self.all(torch.cat([h.amax(1), h.logsumexp(1)], 1))


class Flow(nn.Module):
    """An ordinary differential equation by four steps of Runge and Kutta."""

    def __init__(self):
        super().__init__()
        self.field, self.head = nn.Sequential(nn.Linear(12, 16), nn.Tanh(), nn.Linear(16, 12)), nn.Linear(12, CLASSES)

    def forward(self, x):
        for _ in range(4):
            a = self.field(x)
            b = self.field(x + a / 8)
            c = self.field(x + b / 8)
            x = x + (a + 2 * b + 2 * c + self.field(x + c / 4)) / 24
        return self.head(x)


class WordBag(nn.Module):
    def __init__(self):
        super().__init__()
        self.bag, self.head = nn.EmbeddingBag(50, 8, mode="mean"), nn.Linear(8, CLASSES)

    def forward(self, x):
        return self.head(self.bag(x))


class TextConvolution(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.head = nn.Embedding(50, 8, padding_idx=0), nn.Linear(12, CLASSES)
        self.convs = nn.ModuleList(nn.Conv1d(8, 4, k) for k in (2, 3, 4))

    def forward(self, x):
        h = self.embedding(x).mT
        return self.head(torch.cat([functional.relu(conv(h)).amax(-1) for conv in self.convs], 1))


class PackedText(nn.Module):
    """An LSTM over tokens whose sequences end where padding begins."""

    def __init__(self):
        super().__init__()
        self.embedding, self.rnn, self.head = (
            nn.Embedding(50, 8, padding_idx=0),
            nn.LSTM(8, 8, batch_first=True),
            nn.Linear(8, CLASSES),
        )

    def forward(self, x):
        lengths = (x != 0).sum(1).cpu()
        packed = nn.utils.rnn.pack_padded_sequence(self.embedding(x), lengths, batch_first=True, enforce_sorted=False)
        return self.head(self.rnn(packed)[1][0][-1])


TOKENS = (8,)
MODELS: dict[str, Callable[[], tuple[nn.Module, tuple[int, ...]]]] = {
    "perceptron": perceptron, "self-normalising": self_normalising, "SIREN": sine, "residual perceptron": residual_perceptron,
    "orthogonal weights": orthogonal, "weight and spectral norm": normed_weights, "LeNet": lenet, "VGG": vgg, "ResNet": resnet,
    "DenseNet": densenet, "Inception": inception, "SqueezeNet": squeezenet, "MobileNetV3": mobilenet_v3,
    "ShuffleNet": shufflenet, "ConvNeXt by hand": convnext, "U-Net": unet, "super-resolution": super_resolution,
    "spatial transformer": spatial_transformer, "MLP-Mixer": mixer, "vision transformer": vision_transformer,
    "Fourier operator": fourier, "WaveNet": temporal,
    "LSTM": lambda: (Recurrent(nn.LSTM, num_layers=2), SERIES),
    "bidirectional GRU": lambda: (Recurrent(nn.GRU, bidirectional=True), SERIES),
    "Elman": lambda: (Recurrent(nn.RNN), SERIES),
    "LSTM cells in a loop": lambda: (Cells(), SERIES), "encoder and decoder": lambda: (Seq2Seq(), SERIES),
    "graph convolution": lambda: (Graph(), (12, 4)), "deep sets": lambda: (DeepSets(), SERIES),
    "neural ODE": lambda: (Flow(), FLAT), "bag of words": lambda: (WordBag(), TOKENS),
    "text convolution": lambda: (TextConvolution(), TOKENS), "packed LSTM of text": lambda: (PackedText(), TOKENS),
}  # fmt: skip
"""The module, and the shape of one example (of tokens below 50 where it has one axis of eight)."""
