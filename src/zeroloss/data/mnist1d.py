"""MNIST-1D: ten one-dimensional digits, drawn anew from a seed without any download."""

from __future__ import annotations

import numpy as np

# One row per digit, 12 points each, before centring.
TEMPLATES = np.array(
    [
        [5, 6, 6.5, 6.75, 7, 7, 7, 7, 6.75, 6.5, 6, 5],
        [5, 3, 3, 3.4, 3.8, 4.2, 4.6, 5, 5.4, 5.8, 5, 5],
        [5, 6, 6.5, 6.5, 6, 5.25, 4.75, 4, 3.5, 3.5, 4, 5],
        [5, 6, 6.5, 6.5, 6, 5, 5, 6, 6.5, 6.5, 6, 5],
        [5, 4.4, 3.8, 3.2, 2.6, 2.6, 5, 5, 5, 5, 5, 5],
        [5, 3, 3, 3, 3, 5, 6, 6.5, 6.5, 6, 4.5, 5],
        [5, 4, 3.5, 3.25, 3, 3, 3, 3, 3.25, 3.5, 4, 5],
        [5, 7, 7, 6.6, 6.2, 5.8, 5.4, 5, 4.6, 4.2, 5, 5],
        [5, 4, 3.5, 3.5, 4, 5, 5, 4, 3.5, 3.5, 4, 5],
        [5, 4, 3.5, 3.5, 4, 5, 5, 5, 5, 4.7, 4.3, 5],
    ]
)
PADDING = (36, 60)
MAX_SHIFT = 48
SCALE_SPREAD, SHEAR_SPREAD = 0.4, 0.75
CORRELATED_NOISE, WHITE_NOISE, NOISE_WIDTH = 0.25, 2e-2, 2.0
LENGTH = 40


def make_mnist1d(samples: int = 5000, seed: int = 42) -> tuple[np.ndarray, np.ndarray]:
    """`(x, labels)`: `samples // 10` signals per digit, `(samples, 40)` float64, shuffled, standardised.

    Each signal: a template of 12 points (centred, unit variance, starting at 0, divided by 6); 36 to 60 zeros after it;
    stretched to 72 points; times `1 + .4 (u - 1/2)`; rotated by 0 to 47 points; Gaussian-filtered noise (deviation .25,
    filter width 2) where the signal is 0, white noise (.02) everywhere; less a ramp of slope `.75 (u - 1/2)`;
    resampled to 40 points. `u` is uniform on [0, 1].

    Standing: recalled (the recipe and its constants); the draws are ours, so the rows differ from the authors' file.
    Source: S. Greydanus, D. Kobak, Scaling down deep learning, arXiv 2011.14439 (2020).
    """
    from scipy.ndimage import gaussian_filter1d

    generator = np.random.default_rng(seed)
    shapes = TEMPLATES - TEMPLATES.mean(axis=1, keepdims=True)
    shapes /= shapes.std(axis=1, keepdims=True)
    shapes = (shapes - shapes[:, :1]) / 6.0
    stretched = shapes.shape[1] + PADDING[1]
    labels = np.repeat(np.arange(len(shapes)), samples // len(shapes))
    signals = np.empty((len(labels), LENGTH))
    for row, label in enumerate(labels):
        padded = np.concatenate([shapes[label] + 1e-8, np.zeros(generator.integers(PADDING[0], PADDING[1] + 1))])
        signal = _resample(padded, stretched) * (1 + SCALE_SPREAD * (generator.random() - 0.5))
        signal = np.roll(signal, generator.integers(MAX_SHIFT))
        noise = gaussian_filter1d(CORRELATED_NOISE * generator.standard_normal(stretched), NOISE_WIDTH)
        signal = np.where(signal != 0, signal, noise) + WHITE_NOISE * generator.standard_normal(stretched)
        signal -= SHEAR_SPREAD * (generator.random() - 0.5) * np.linspace(-0.5, 0.5, stretched)
        signals[row] = _resample(signal, LENGTH)
    order = generator.permutation(len(labels))
    signals, labels = signals[order], labels[order]
    return (signals - signals.mean()) / signals.std(), labels


def _resample(signal: np.ndarray, length: int) -> np.ndarray:
    return np.interp(np.linspace(0, 1, length), np.linspace(0, 1, len(signal)), signal)
