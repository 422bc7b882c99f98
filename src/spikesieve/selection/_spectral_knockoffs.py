"""Copies of several time series that could be exchanged for the originals without anybody noticing.

Textbook Gaussian knockoffs (Candes, Fan, Janson & Lv 2018, section 3.1) take rows to be independent, so their copies
are white in time. Next to a slow covariate a white copy looks innocent of any chance correlation with a slow rate, and
every slow covariate wins against its copy. Here the copies have the *same auto- and cross-spectra* as the originals.

The Fourier coefficients ``d(f)`` of stationary Gaussian series are independent between frequencies, with covariance
``S(f)``, the cross-spectrum. So Gaussian knockoffs are drawn frequency by frequency. With `K` copies at once
(Gimenez & Zou 2019) and ``D(f)`` block-diagonal over covariates,

    d_k = d - D S^-1 d + e_k,   cov(e_k, e_l) = D - D S^-1 D + D [k = l],

and any copy of a covariate may change places with the original, jointly for all covariates, if
``D <= (K + 1) / K S``. ``D = s blockdiag(S)`` with the largest such `s` (equicorrelated).

References
----------
Candes, E., Fan, Y., Janson, L. & Lv, J. (2018). Panning for gold: 'model-X' knockoffs for high dimensional controlled
variable selection. J. R. Stat. Soc. B 80, 551-577. doi:10.1111/rssb.12265
Chi, C.-M., Fan, Y., Ing, C.-K. & Lv, J. (2021). High-dimensional knockoffs inference for time series data.
arXiv:2112.09851: subsampling, which keeps rows far apart and most of the data unused.
Dai, R. & Barber, R. F. (2016). The knockoff filter for FDR control in group-sparse and multitask regression. Proc.
ICML, PMLR 48, 1851-1859.
Gimenez, J. R. & Zou, J. (2019). Improving the stability of the knockoff procedure: multiple simultaneous knockoffs and
entropy maximization. Proc. AISTATS, PMLR 89, 2184-2192.
"""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Complex, Float
from scipy.fft import next_fast_len

from spikesieve._types import Index

# Periodograms are averaged over so many neighbours to each side, or this share of the frequency: slow covariates have
# all their power in the first few.
_LEAST_NEIGHBOURS, _SHARE_OF_FREQUENCY = 2, 0.1
# Coherence takes more averaging: frequencies per band, or this share of the frequency.
_LEAST_BAND, _SHARE_OF_BAND = 100, 0.2
_SHARE_OF_BRIDGE = 20
_SMALLEST = 1e-10


@dataclass(frozen=True)
class SpectralModel:
    """Cross-spectrum of several series, and how far their copies can be from them.

    Attributes
    ----------
    fourier
        Coefficients of the series over the square root of their power, ``(n_frequencies, n_series)``.
    amplitude
        Square root of the smoothed power, same shape.
    bands
        Slices of frequencies that share one coherence.
    mixing
        Per band, the square root of the coherence within covariates, ``(n_bands, n_series, n_series)``; the identity
        for covariates of one series.
    between
        Per band, inverse coherence between the series mixed apart, same shape.
    distance
        `s` per band: 1 makes independent copies, 0 the originals themselves.
    n_joined, n_samples, n_copies
        Length of the transform, length of the series, and how many copies are drawn at once.
    """

    fourier: Complex[np.ndarray, "n_frequencies n_series"] = field(repr=False)
    amplitude: Float[np.ndarray, "n_frequencies n_series"] = field(repr=False)
    bands: tuple[slice, ...] = field(repr=False)
    mixing: np.ndarray = field(repr=False)
    between: np.ndarray = field(repr=False)
    distance: np.ndarray = field(repr=False)
    n_joined: int
    n_samples: int
    n_copies: int

    @classmethod
    def estimated(cls, series: np.ndarray, covariate: Index, n_copies: int) -> "SpectralModel":
        """Estimate from standard normal `series` ``(n_samples, n_series)``; `covariate` says whose each is."""
        joined = _joined(series)
        n_samples, n_series = joined.shape
        raw = np.fft.rfft(joined, axis=0) / np.sqrt(n_samples)
        power = _smoothed(np.abs(raw) ** 2)
        amplitude = np.sqrt(power + _SMALLEST * power.max(axis=0))
        fourier = raw / amplitude
        bands = _bands(len(raw))
        coherence = _coherence(fourier, amplitude, bands)
        within = np.where(covariate[:, None] == covariate, coherence, 0.0)
        values, vectors = np.linalg.eigh(within)
        mixing = _with_eigenvalues(vectors, np.sqrt(np.maximum(values, _SMALLEST)))
        unmixing = np.linalg.inv(mixing)
        values, vectors = np.linalg.eigh(unmixing @ coherence @ unmixing)
        largest = (n_copies + 1) / n_copies * values[:, 0]
        between = _with_eigenvalues(vectors, 1.0 / np.maximum(values, _SMALLEST))
        distance = np.clip(largest, 1e-4, 1.0) * (1.0 - 1e-6)
        return cls(fourier, amplitude, bands, mixing, between, distance, n_samples, len(series), n_copies)

    def draw(self, rng: np.random.Generator) -> Float[np.ndarray, "n_copies n_samples n_series"]:
        """Draw all copies once."""
        n_frequencies, n_series = self.fourier.shape
        shape = (self.n_copies, n_frequencies, n_series)
        apart, shared = self._white(rng, shape), self._white(rng, shape[1:])
        apart -= apart.mean(axis=0)
        copies = np.empty(shape, dtype=complex)
        for b, band in enumerate(self.bands):
            s, inverse, mixing = self.distance[b], self.between[b], self.mixing[b]
            original = np.linalg.solve(mixing, self.fourier[band].T).T
            identity = np.eye(n_series)
            values, vectors = np.linalg.eigh(s * identity - s * s * inverse + s / self.n_copies * identity)
            root = _with_eigenvalues(vectors, np.sqrt(np.maximum(values, 0.0)))
            common = original - s * original @ inverse.T + shared[band] @ root.T
            copies[:, band] = (common + np.sqrt(s) * apart[:, band]) @ mixing.T
        drawn = np.fft.irfft(copies * self.amplitude * np.sqrt(self.n_joined), self.n_joined, axis=1)
        return drawn[:, : self.n_samples]

    def _white(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Complex white noise of variance 1 that is the transform of something real."""
        noise = rng.standard_normal((2, *shape)) / np.sqrt(2)
        white = noise[0] + 1j * noise[1]
        ends = [0, -1] if self.n_joined % 2 == 0 else [0]
        white[..., ends, :] = white[..., ends, :].real * np.sqrt(2)
        return white


def _joined(series: np.ndarray) -> np.ndarray:
    """Lead the end of every series back to its start: from the mirrored end to the mirrored start in a twentieth or so.

    The transform takes series to be periodic. A jump from end to start would leak into all frequencies, alike for all
    series: with a memory of 400 bins in 20 000 the coherence was nearly singular for it. The mixture has the series'
    own variance and spectrum.
    """
    n_samples = len(series)
    n_bridge = int(next_fast_len(n_samples + n_samples // _SHARE_OF_BRIDGE, True) or n_samples) - n_samples
    angle = 0.5 * np.pi * (np.arange(n_bridge)[:, None] + 0.5) / max(n_bridge, 1)
    end, start = series[::-1][:n_bridge], series[:n_bridge][::-1]
    return np.concatenate([series, np.cos(angle) * end + np.sin(angle) * start])


def _smoothed(power: np.ndarray) -> np.ndarray:
    """Moving average over frequencies, wider at higher ones."""
    n = len(power)
    here = np.arange(n)
    reach = np.maximum(_LEAST_NEIGHBOURS, (_SHARE_OF_FREQUENCY * here).astype(int))
    total = np.concatenate([np.zeros((1, power.shape[1])), np.cumsum(power, axis=0)])
    low, high = np.maximum(here - reach, 0), np.minimum(here + reach + 1, n)
    return (total[high] - total[low]) / (high - low)[:, None]


def _bands(n_frequencies: int) -> tuple[slice, ...]:
    starts = [0]
    while starts[-1] + 2 * _LEAST_BAND < n_frequencies:
        starts.append(starts[-1] + max(_LEAST_BAND, int(_SHARE_OF_BAND * starts[-1])))
    stops = [*starts[1:], n_frequencies]
    return tuple(slice(a, b) for a, b in zip(starts, stops, strict=True) if a < b)


def _coherence(fourier: np.ndarray, amplitude: np.ndarray, bands: tuple[slice, ...]) -> np.ndarray:
    """Coherence matrix per band, shrunk towards that of the whole series where a band has few frequencies."""
    n_series = fourier.shape[1]
    whole = _as_correlation(np.real(_outer(fourier * amplitude)))
    found = np.empty((len(bands), n_series, n_series), dtype=complex)
    for b, band in enumerate(bands):
        n = band.stop - band.start
        # Estimating k (k - 1) / 2 coherences from n draws: the smallest eigenvalue is too small unless k << n.
        share = n / (n + 4.0 * n_series)
        found[b] = share * _as_correlation(_outer(fourier[band])) + (1 - share) * whole
    return found


def _outer(coefficients: np.ndarray) -> np.ndarray:
    return coefficients.T @ coefficients.conj()


def _as_correlation(covariance: np.ndarray) -> np.ndarray:
    length = np.sqrt(np.maximum(np.real(np.diagonal(covariance)), np.finfo(float).tiny))
    scaled = covariance / np.outer(length, length)
    np.fill_diagonal(scaled, 1.0)
    return scaled


def _with_eigenvalues(vectors: np.ndarray, values: np.ndarray) -> np.ndarray:
    return (vectors * values[..., None, :]) @ np.swapaxes(vectors.conj(), -1, -2)
