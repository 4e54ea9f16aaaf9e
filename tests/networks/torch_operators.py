"""Torch operators as functions of one batch `h` `(n, 4, 6)` that depends on a parameter, grouped by kind.

Each entry is a function of `h` and of the input `x` of the same shape; what it returns has the examples first.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.nn import functional

Function = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def _square(h):
    """`(n, 4, 4)`, well conditioned."""
    return h[..., :4] + 3 * torch.eye(4, dtype=h.dtype)


def _positive(h):
    return h @ h.mT + torch.eye(4, dtype=h.dtype)


def _image(h):
    """`(n, 2, 3, 4)`."""
    return h.reshape(-1, 2, 3, 4)


def _ranks(x):
    return x.argsort(-1)


def _bags(h, **options):
    rows = torch.tensor([[0, 2, 3], [1, 1, 5]], device=h.device)
    return torch.stack([functional.embedding_bag(rows, one.mT, **options) for one in h])


GROUPS: dict[str, dict[str, Function]] = {
    "linear algebra": {
        "inverse": lambda h, x: torch.linalg.inv(_square(h)),
        "solve": lambda h, x: torch.linalg.solve(_square(h), h),
        "solve, vector": lambda h, x: torch.linalg.solve(_square(h), h[..., 5]),
        "solve, right": lambda h, x: torch.linalg.solve(_square(h), h.mT, left=False),
        "triangular": lambda h, x: torch.linalg.solve_triangular(_square(h).triu(), h, upper=True),
        "triangular, right": lambda h, x: torch.linalg.solve_triangular(
            _square(h).tril(), h.mT, upper=False, left=False, unitriangular=True
        ),
        "cholesky": lambda h, x: torch.linalg.cholesky(_positive(h)),
        "cholesky, upper": lambda h, x: torch.linalg.cholesky(_positive(h), upper=True),
        "cholesky solve": lambda h, x: torch.cholesky_solve(h, _square(h).tril()),
        "cholesky inverse": lambda h, x: torch.cholesky_inverse(_square(h).triu(), upper=True),
        "determinant": lambda h, x: torch.linalg.det(_square(h)),
        "log determinant": lambda h, x: torch.linalg.slogdet(_square(h))[1],
        "singular values": lambda h, x: torch.linalg.svdvals(h),
        "low rank": lambda h, x: (lambda u, s, v: u[..., :2] * s[..., None, :2] @ v[..., :2, :])(
            *torch.linalg.svd(h, full_matrices=False)
        ),
        "eigenvalues": lambda h, x: torch.linalg.eigvalsh(_positive(h)),
        "eigenvectors": lambda h, x: (lambda e: e[1] ** 2 * e[0][..., None, :])(torch.linalg.eigh(_positive(h))),
        "qr": lambda h, x: torch.linalg.qr(h.mT)[0] ** 2,
        "householder": lambda h, x: torch.linalg.householder_product(h.mT, h[..., 0, :4]),
        "exponential": lambda h, x: torch.linalg.matrix_exp(h[..., :4]),
        "power": lambda h, x: torch.linalg.matrix_power(_square(h), 3),
        "lu solve": lambda h, x: torch.linalg.lu_solve(*torch.linalg.lu_factor(_square(x)), h),
        "cross": lambda h, x: torch.linalg.cross(h[..., :3], h[..., 3:]),
        "pinv": lambda h, x: torch.linalg.pinv(h),
        "norms": lambda h, x: torch.stack(
            [torch.linalg.matrix_norm(h), torch.linalg.matrix_norm(h, "nuc"), torch.linalg.matrix_norm(h, 1)], 1
        ),
    },
    "fourier": {
        "fft": lambda h, x: torch.view_as_real(torch.fft.fft(h)),
        "fft2 real": lambda h, x: torch.fft.fft2(h, norm="ortho").real,
        "rfft": lambda h, x: torch.fft.rfft(h, norm="forward").abs(),
        "irfft": lambda h, x: torch.fft.irfft(torch.fft.rfft(h) * torch.fft.rfft(x), 6),
        "irfft, odd": lambda h, x: torch.fft.irfft(torch.fft.rfft(h), 5),
        "irfft2": lambda h, x: torch.fft.irfft2(torch.fft.rfft2(h, norm="ortho") * 2, norm="ortho"),
        "ifft": lambda h, x: torch.fft.ifft(torch.complex(h, x)).imag,
        "polar": lambda h, x: torch.view_as_real(torch.polar(h.exp(), x)),
        "rotary": lambda h, x: torch.view_as_real(
            torch.view_as_complex(h.reshape(-1, 4, 3, 2)) * torch.complex(x, -x)[..., :3]
        ),
        "conjugate": lambda h, x: (torch.fft.fft(h).conj() * torch.fft.fft(x)).real,
        "shift": lambda h, x: torch.fft.fftshift(h, -1),
        "stft": lambda h, x: torch.stft(
            h.flatten(1), 8, 4, window=torch.ones(8, dtype=h.dtype), return_complex=True
        ).abs(),
    },
    "sampling": {
        **{
            f"grid {mode} {padding} {align}": lambda h, x, m=mode, p=padding, a=align: functional.grid_sample(
                _image(h), 1.4 * torch.cat([_image(x), _image(h)], 1).reshape(-1, 4, 6, 2), m, p, a
            )
            for mode in ("bilinear", "nearest", "bicubic")
            for padding, align in (("zeros", False), ("border", True), ("reflection", False), ("reflection", True))
        },
        "grid 3d": lambda h, x: functional.grid_sample(
            h.reshape(-1, 1, 2, 3, 4), x.reshape(-1, 2, 2, 2, 3), align_corners=False
        ),
        "affine grid": lambda h, x: functional.affine_grid(h[:, :2, :3], (len(h), 1, 3, 2), align_corners=False),
        "bag sum": lambda h, x: _bags(h, mode="sum"),
        "bag mean": lambda h, x: _bags(h, padding_idx=1),
        "bag max": lambda h, x: _bags(h, mode="max"),
        "bag weights": lambda h, x: _bags(h, mode="sum", per_sample_weights=h.flatten()[:6].reshape(2, 3)),
        "searchsorted": lambda h, x: h * torch.searchsorted(torch.arange(-2.0, 2.0, dtype=h.dtype), x),
        "searchsorted, rows": lambda h, x: h * torch.searchsorted(x.sort(-1)[0], 0 * x, right=True),
        "bucketize": lambda h, x: h * torch.bucketize(x, torch.tensor([-0.5, 0.0, 0.5], dtype=h.dtype), right=True),
        "unfold": lambda h, x: functional.unfold(_image(h), (2, 3), dilation=1, padding=1, stride=(1, 2)),
        "fold": lambda h, x: functional.fold(h.reshape(-1, 4, 6), (3, 4), (2, 2)),
        "fold, padded": lambda h, x: functional.fold(
            h.reshape(-1, 4, 6), (4, 4), (2, 2), stride=2, padding=(1, 0), dilation=(1, 1)
        ),
        "windows": lambda h, x: h.unfold(1, 2, 1).unfold(2, 3, 2),
        "max unpool": lambda h, x: functional.max_unpool2d(
            *functional.max_pool2d(h[:, None], 2, return_indices=True), 2
        ),
    },
    "resizing": {
        **{
            f"{mode} {size or scale} {align}": lambda h, x, m=mode, s=size, f=scale, a=align: functional.interpolate(
                _image(h), s, f, m, a
            )
            for mode, size, scale, align in [
                ("nearest", (5, 3), None, None),
                ("nearest", None, 1.5, None),
                ("nearest-exact", (5, 3), None, None),
                ("bilinear", (5, 3), None, False),
                ("bilinear", (5, 3), None, True),
                ("bicubic", (5, 7), None, False),
                ("bicubic", (5, 3), None, True),
                ("bicubic", None, 2.0, False),
                ("area", (2, 2), None, None),
            ]
        },
        "antialias": lambda h, x: functional.interpolate(_image(h), (2, 2), mode="bilinear", antialias=True),
        "antialias, cubic": lambda h, x: functional.interpolate(_image(h), (2, 3), mode="bicubic", antialias=True),
        "linear": lambda h, x: functional.interpolate(h, 9, mode="linear"),
        "trilinear": lambda h, x: functional.interpolate(h.reshape(-1, 1, 2, 3, 4), (3, 4, 2), mode="trilinear"),
        "exact 1d": lambda h, x: functional.interpolate(h, 9, mode="nearest-exact"),
        "adaptive": lambda h, x: functional.adaptive_avg_pool2d(_image(h), (2, 3)),
        "adaptive, one": lambda h, x: functional.adaptive_avg_pool2d(
            _image(h).to(memory_format=torch.channels_last), 1
        ),
        "adaptive max": lambda h, x: functional.adaptive_max_pool2d(_image(h), (2, 3)),
        "pool of powers": lambda h, x: functional.lp_pool2d(_image(h.exp()), 3.0, 2),
        "pixel shuffle": lambda h, x: functional.pixel_unshuffle(
            functional.pixel_shuffle(h.reshape(-1, 4, 2, 3), 2), 2
        ),
        "channel shuffle": lambda h, x: functional.channel_shuffle(h.reshape(-1, 4, 2, 3), 2),
        "local response": lambda h, x: functional.local_response_norm(_image(h), 3),
        "transposed": lambda h, x: functional.conv_transpose2d(
            _image(h), h[0, :, :4].reshape(2, 2, 2, 2), stride=2, padding=1, dilation=2, output_padding=1
        ),
        "transposed, groups": lambda h, x: functional.conv_transpose1d(h, h[0].reshape(4, 2, 3), groups=2, stride=3),
    },
    "scattering": {
        "scatter add": lambda h, x: torch.zeros_like(h).scatter_add(2, _ranks(x) // 2, h),
        "scatter": lambda h, x: h.scatter(2, _ranks(x)[..., :3], 2 * h[..., :3]),
        "scatter mean": lambda h, x: h.scatter_reduce(2, _ranks(x) // 2, h * x, "mean"),
        "scatter mean alone": lambda h, x: h.scatter_reduce(2, _ranks(x) // 2, h * x, "mean", include_self=False),
        "scatter max": lambda h, x: h.scatter_reduce(2, _ranks(x) // 2, h * x, "amax"),
        "scatter min alone": lambda h, x: h.scatter_reduce(
            2, _ranks(x) // 2, h.round(decimals=1) * h, "amin", include_self=False
        ),
        "scatter sum alone": lambda h, x: h.scatter_reduce(2, _ranks(x) // 2, h * x, "sum", include_self=False),
        "gather": lambda h, x: h.gather(2, _ranks(x)[:, :2, :4]),
        "index add": lambda h, x: h.index_add(2, torch.tensor([0, 2, 2]), h[..., :3], alpha=2),
        "index copy": lambda h, x: h.index_copy(1, torch.tensor([3, 1]), 2 * h[:, :2]),
        "index fill": lambda h, x: h.index_fill(1, torch.tensor([3, 1]), 0.5),
        "index put": lambda h, x: h.index_put(
            (torch.arange(1)[:, None], torch.tensor([[0, 2]])), h[:1, 1:3], accumulate=True
        ),
        "index select": lambda h, x: h.index_select(1, torch.tensor([2, 2, 0])),
        "masked scatter": lambda h, x: h.masked_scatter(x > 0, 3 * h),
        "masked fill": lambda h, x: h.masked_fill(x > 0, 0.25),
        "take": lambda h, x: h.take(torch.tensor([3, 3, 7]))[None],
        "along": lambda h, x: torch.take_along_dim(h, _ranks(x), 2),
        "diagonals": lambda h, x: torch.diag_embed(h, 1) + torch.diag_embed(h, -1, 1, 2).permute(0, 3, 1, 2),
        "diagonal scatter": lambda h, x: h.diagonal_scatter(h[:, :, 5], 1, 1, 2),
        "slices": lambda h, x: h.slice_scatter(2 * h[:, 1:3], 1, 1, 3).select_scatter(h[:, 0], 1, 3),
        "one hot": lambda h, x: h[..., None] * functional.one_hot((x > 0).long(), 3),
        "triangles": lambda h, x: h[:, *torch.tril_indices(4, 6, 1)] - h[:, *torch.triu_indices(4, 6, 1)].flip(1),
        "strided": lambda h, x: h.as_strided((1, 2, 3), (24, 7, 2), 1),
        "strided, transposed": lambda h, x: h.mT.as_strided((1, 5, 2), (24, 2, 3)),
        "roll": lambda h, x: h.roll((1, -2), (1, 2)) + h.flatten(1).roll(3, 1).reshape(h.shape),
        "repeat": lambda h, x: h.repeat_interleave(2, 1) - h.repeat(1, 2, 1),
        "repeat, numbers": lambda h, x: h.repeat_interleave(torch.tensor([1, 0, 3, 2]), 1, output_size=6),
        "rot90": lambda h, x: h.rot90(1, (1, 2)),
    },
    "ordering": {
        "sort": lambda h, x: h.sort(-1, descending=True)[0] * torch.arange(6),
        "stable": lambda h, x: h.gather(-1, x.round().sort(dim=-1, stable=True)[1]),
        "topk": lambda h, x: h.topk(2, 1, largest=False)[0],
        "kth": lambda h, x: h.kthvalue(3, 1)[0],
        "median": lambda h, x: torch.cat([h.median(1)[0], h.median(2, keepdim=True)[0].flatten(1)], 1),
        "running": lambda h, x: h.cummax(2)[0] + h.cummin(1)[0] + h.cumsum(1) + h.cumprod(2) + h.logcumsumexp(1),
        "running places": lambda h, x: h * x.round().cummax(2)[1] + h * x.round().cummin(2)[1],
        "extremes": lambda h, x: torch.stack([*h.aminmax(dim=1), h.amax(1), h.max(1)[0], h.min(1)[0]], 1),
        "counts": lambda h, x: h.sum(1) * x.relu().count_nonzero(1),
        "argmax": lambda h, x: h * x.argmax(1, keepdim=True),
        "moments": lambda h, x: torch.stack(
            [*torch.var_mean(h, (1,)), *torch.std_mean(h, 1, correction=0), h.logsumexp(1)], 1
        ),
        "products": lambda h, x: torch.stack([h.prod(1), h.norm(1.5, 1), h.norm(3.0, 1), h.abs().sum(1)], 1),
        "renorm": lambda h, x: torch.stack([one.renorm(2, 0, 0.5) for one in h]),
        "ranges": lambda h, x: (
            h * torch.linspace(-1, 1, 6, dtype=h.dtype)
            + torch.arange(0.5, 6.5, dtype=h.dtype) * torch.logspace(0, 1, 6, dtype=h.dtype)
        ),
        "is in": lambda h, x: h * torch.isin(x.round(), torch.tensor([0.0, 1.0], dtype=h.dtype)),
    },
    "functions": {
        "special": lambda h, x: (
            torch.lgamma(h + 3) + torch.digamma(h + 3) + torch.erfinv(h / 3) + torch.special.i0(h) + torch.sinc(h)
        ),
        "special, more": lambda h, x: (
            torch.special.i1(h)
            + torch.special.ndtri((h + 3) / 6)
            + torch.special.entr(h + 3)
            + torch.special.log_ndtr(h)
        ),
        "pairs": lambda h, x: (
            torch.logaddexp(h, x)
            + torch.logaddexp2(h, x)
            + torch.hypot(h, x)
            + torch.xlogy(x, h + 3)
            + torch.copysign(h, x)
            + torch.fmax(h, x)
            + torch.special.xlog1py(x, h + 2)
        ),
        "logit": lambda h, x: torch.logit((h + 3) / 6) + torch.logit(h + 0.5, 0.1),
        "rounding": lambda h, x: (
            h * (x.floor() + x.ceil() + x.trunc() + x.round() + x.sgn() + torch.signbit(x) + torch.heaviside(x, x))
            + h.frac()
        ),
        "remainders": lambda h, x: (
            torch.remainder(h, 0.3) + torch.fmod(h, 0.7) + torch.remainder(2.5, x) + h.div(0.3, rounding_mode="floor")
        ),
        "gated": lambda h, x: functional.glu(h, 2) + functional.glu(h.roll(1, 2), -1),
        "leaky": lambda h, x: (
            functional.rrelu(h)
            + functional.prelu(h, torch.tensor([0.3], dtype=h.dtype))
            + functional.celu(h)
            + functional.selu(h)
            + functional.softsign(h)
            + functional.hardsigmoid(h)
            + functional.hardswish(h)
        ),
        "soft": lambda h, x: (
            functional.softmin(h, 1)
            + functional.softplus(h, 2)
            + functional.logsigmoid(h)
            + functional.mish(h)
            + functional.tanhshrink(h)
            + functional.log_softmax(h, 2)
        ),
        "dropout": lambda h, x: (
            functional.dropout(h, 0.5, False)
            + functional.alpha_dropout(h, 0.5, False)
            + functional.feature_alpha_dropout(h, 0.5, False)
        ),
        "lerp": lambda h, x: (
            torch.lerp(h, x, 0.3) + torch.addcmul(h, x, h, value=2) + torch.addcdiv(h, x, h + 4) + torch.nan_to_num(h)
        ),
        "where": lambda h, x: (
            torch.where(x > 0, h, 0.5) + torch.where((x > 0.5) ^ (x < -0.5), h, x) + h.clamp(min=x - 1, max=x + 1)
        ),
    },
    "products": {
        "bilinear": lambda h, x: functional.bilinear(h, x, h[0, :3, :, None] * x[0, :1, None, :]),
        "einsum": lambda h, x: torch.einsum("nij,nkj,nk->ni", h, x, h[..., 0]) + torch.einsum("nii->ni", h[..., :4]),
        "batched": lambda h, x: torch.baddbmm(h[..., :4], h, x.mT, beta=0.5, alpha=2) + torch.bmm(x, h.mT),
        "added": lambda h, x: (
            torch.addmm(h[0, :, :4], h[0], x[0].T, beta=2)[None] + torch.addbmm(h[0, :, :4], h, x.mT)[None]
        ),
        "vectors": lambda h, x: (
            torch.mv(h[0], x[0, 0])[None] + torch.dot(h[0, 0], x[0, 1]) + torch.outer(h[0, 0], x[0, 0]).sum()
        ),
        "tensordot": lambda h, x: torch.tensordot(h, x[0], ([2], [1])) + torch.kron(h[0, :2, :2], h[0, :2, 2:4])[None],
        "attention": lambda h, x: functional.scaled_dot_product_attention(
            h[:, None, :, :2], h[:, None, :, 2:4], h[:, None, :, 4:], is_causal=True
        ),
        "attention, masked": lambda h, x: functional.scaled_dot_product_attention(
            h[..., :2], h[..., 2:4], h[..., 4:], (x[..., :4] > -1) | torch.eye(4, dtype=bool), scale=0.3
        ),
        "attention, added": lambda h, x: functional.scaled_dot_product_attention(
            h[..., :2], h[..., 2:4], h[..., 4:], x[..., :4]
        ),
        "attention, grouped": lambda h, x: functional.scaled_dot_product_attention(
            h.reshape(-1, 4, 3, 2), h[:, :2].reshape(-1, 2, 3, 2), x[:, :2].reshape(-1, 2, 3, 2), enable_gqa=True
        ),
        "distances": lambda h, x: (
            torch.cdist(h, x)
            + torch.cdist(h, x, 1.0)
            + functional.pairwise_distance(h, x)[..., None]
            + torch.cosine_similarity(h, x, 2)[..., None]
        ),
        "distances within": lambda h, x: torch.stack([functional.pdist(one) for one in h]),
        "weight norm": lambda h, x: torch._weight_norm(h[0], h[0, :, :1].abs(), 0)[None],
        "norms": lambda h, x: (
            functional.layer_norm(h, (4, 6))
            + functional.group_norm(h, 2)
            + functional.instance_norm(h)
            + functional.rms_norm(h, (6,))
            + functional.normalize(h, dim=1)
        ),
        "batch norm": lambda h, x: functional.batch_norm(
            h, x[0, :, 2], x[0, :, 3].exp(), h[0, :, 2], h[0, :, 3], training=False
        ),
    },
}
"""By kind, so that a kind is exported and compiled as one module."""


class All(torch.nn.Module):
    """The results of several functions side by side; `h = tanh(x p)` keeps every entry away from kinks and poles."""

    def __init__(self, functions: dict[str, Function]):
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        self.p = torch.nn.Parameter(torch.randn(6, 6, generator=generator, dtype=torch.float64) / 2)
        self.functions = functions

    def parts(self, x):
        h = torch.tanh(x @ self.p)
        return [f(h, x).reshape(1, -1) for f in self.functions.values()]

    def forward(self, x):
        return torch.cat(self.parts(x), 1)
