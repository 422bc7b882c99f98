"""The simulated recordings on which selection methods are judged: a base case, and one thing changed at a time.

The base case: 20 000 bins, 10 covariates on [0, 1] that are white noise smoothed with a Gaussian of 20 bins, pairwise
correlation 0.3, three of which drive the cell through cubic B-splines with N(0, 0.8²) coefficients; 1000 spikes.
"""

import functools
import zlib
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.special import ndtr
from workload import N_FUNCTIONS, splines

from spikesieve.basis import BSplineEval, CyclicBSplineEval
from spikesieve.datasets import load_head_direction_recording

COEF_SCALE = 0.8
_BIN_WIDTH_S = 0.025


@dataclass(frozen=True)
class Cell:
    """One kind of recording.

    Attributes
    ----------
    changes
        What differs from the base case, in words.
    memory_bins
        Standard deviation of the Gaussian that smooths the covariates; 0 leaves them white.
    correlation
        Pairwise, of the covariates before they are mapped to [0, 1].
    n_neurons
        Neurons, each with the next true covariates.
    n_active
        True covariates of each neuron.
    drift
        Standard deviation of an unmodelled, slow component of the log rate, smoothed over a twentieth of the recording.
    sharp
        Tuning by steps and narrow bumps, finer than the splines, and a product of the first two covariates.
    hidden
        The last true covariate is not offered: others correlated with it can stand in. What they say about
        the neuron given the others is then real, so selecting them is counted as false but breaks no promise.
    real
        Covariates of the bundled recording, the true ones drawn anew for each simulated cell.
    slow_own
        Three null covariates share four fifths of their variance with a true one each; the rest is 15 times slower.
    broken
        Methods whose assumptions do not hold.
    """

    changes: str
    memory_bins: float = 20.0
    correlation: float = 0.3
    n_spikes: int = 1000
    n_neurons: int = 1
    n_active: int = 3
    drift: float = 0.0
    sharp: bool = False
    hidden: bool = False
    real: bool = False
    slow_own: bool = False
    broken: tuple[str, ...] = ()
    n_bins: int = 20_000
    n_covariates: int = 10


CELLS = {
    "base": Cell("base case"),
    "memory-0": Cell("covariates white in time", memory_bins=0.0),
    "memory-100": Cell("memory of 100 bins", memory_bins=100.0),
    "memory-400": Cell("memory of 400 bins", memory_bins=400.0),
    "correlation-0": Cell("covariates not correlated", correlation=0.0),
    "correlation-07": Cell("correlation 0.7", correlation=0.7),
    "spikes-200": Cell("200 spikes", n_spikes=200),
    "spikes-5000": Cell("5000 spikes", n_spikes=5000),
    "spikes-20000": Cell("20 000 spikes", n_spikes=20_000),
    "all-null": Cell("no true covariate", n_active=0),
    "active-6": Cell("six true covariates", n_active=6, n_spikes=5000),
    "neurons-3": Cell("three neurons, true covariates of their own", n_neurons=3),
    "sharp": Cell("sharp tuning and an interaction", sharp=True, broken=("shift",)),
    "drift": Cell("unmodelled slow drift", drift=0.7),
    "drift-memory-100": Cell("drift, memory of 100 bins", drift=0.7, memory_bins=100.0),
    "slow-own": Cell("null covariates that share their fast part with true ones, drift", drift=0.7, slow_own=True),
    "hidden": Cell(
        "a true covariate not offered, correlation 0.7", hidden=True, correlation=0.7, broken=("knockoffs", "shift")
    ),
    "real": Cell("covariates of the mouse, 3000 spikes", real=True, n_spikes=3000, n_active=2),
}


@dataclass(frozen=True)
class Recording:
    """One simulated recording: what is offered, counts of each neuron, and the true pairs of neuron and covariate."""

    design: object
    counts: np.ndarray
    active: frozenset[tuple[int, str]]


def simulate(name: str, cell: Cell, number: int) -> Recording:
    """Draw recording `number` of a cell; the same number gives the same recording."""
    rng = np.random.default_rng([zlib.crc32(name.encode()), number])
    if cell.real:
        return _on_real_covariates(cell, rng)
    values = _covariates(cell, rng)
    labels = [f"covariate_{c:02d}" for c in range(cell.n_covariates)]
    offered = [c for c in range(cell.n_covariates) if not (cell.hidden and c == cell.n_active - 1)]
    counts, active = [], set()
    for neuron in range(cell.n_neurons):
        true = range(neuron * cell.n_active, (neuron + 1) * cell.n_active)
        counts.append(_spikes(_log_rate(values[:, true], cell, rng), cell, rng))
        active |= {(neuron, labels[c]) for c in true if c in offered}
    basis = _sum([BSplineEval(N_FUNCTIONS, bounds=(0.0, 1.0), label=labels[c]) for c in offered])
    return Recording(basis.design(*values[:, offered].T), np.stack(counts, axis=1), frozenset(active))


def _log_rate(values: np.ndarray, cell: Cell, rng: np.random.Generator) -> np.ndarray:
    """What the true covariates do, but for a constant."""
    log_rate = np.zeros(len(values))
    for of_one in values.T:
        log_rate += _sharp(of_one, rng) if cell.sharp else _smooth(of_one, rng)
    if cell.sharp and cell.n_active > 1:
        log_rate += 2.0 * (values[:, 0] - 0.5) * (values[:, 1] - 0.5)
    return log_rate


def _covariates(cell: Cell, rng: np.random.Generator) -> np.ndarray:
    noise = rng.standard_normal((cell.n_bins, cell.n_covariates + 1))
    if cell.memory_bins:
        noise = gaussian_filter1d(noise, cell.memory_bins, axis=0)
    noise /= noise.std(axis=0)
    values = np.sqrt(cell.correlation) * noise[:, :1] + np.sqrt(1 - cell.correlation) * noise[:, 1:]
    if cell.slow_own:
        own = gaussian_filter1d(rng.standard_normal((cell.n_bins, cell.n_active)), 15 * cell.memory_bins, axis=0)
        own /= own.std(axis=0)
        values[:, -cell.n_active :] = np.sqrt(0.8) * values[:, : cell.n_active] + np.sqrt(0.2) * own
    return ndtr(values)


def _smooth(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return splines(values) @ rng.normal(0.0, COEF_SCALE, N_FUNCTIONS)


def _sharp(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    centre, edge = rng.uniform(0.1, 0.9, 2)
    bump = np.exp(-0.5 * ((values - centre) / 0.03) ** 2)
    return 1.5 * bump + rng.choice([-0.8, 0.8]) * (values > edge)


def _spikes(log_rate: np.ndarray, cell: Cell, rng: np.random.Generator) -> np.ndarray:
    if cell.drift:
        slow = gaussian_filter1d(rng.standard_normal(len(log_rate)), len(log_rate) / 20)
        log_rate = log_rate + cell.drift * (slow - slow.mean()) / slow.std()
    rate = np.exp(log_rate)
    return rng.poisson(rate * cell.n_spikes / rate.sum()).astype(float)


def _on_real_covariates(cell: Cell, rng: np.random.Generator) -> Recording:
    basis, values = _real_covariates()
    design = basis.design(*values)
    labels = list(design.labels)
    active = rng.choice(labels, cell.n_active, replace=False)
    log_rate = np.zeros(design.n_samples)
    for label in active:
        block = design.blocks[labels.index(label)]
        log_rate += block.as_matrix(slice(0, design.n_samples)) @ rng.normal(0.0, COEF_SCALE, block.n_coef)
    counts = _spikes(log_rate, cell, rng)[:, None]
    return Recording(design, counts, frozenset((0, label) for label in active.tolist()))


@functools.cache
def _real_covariates():
    """Place, heading and what follows from them, while the mouse was tracked."""
    binned = load_head_direction_recording().bin(_BIN_WIDTH_S)
    tracked = binned.tracked
    place, heading, speed = binned.position[tracked], binned.head_direction[tracked], binned.speed[tracked]
    velocity = gaussian_filter1d(np.gradient(place, axis=0), 4, axis=0)
    turning = gaussian_filter1d(np.gradient(np.unwrap(heading)), 4)
    acceleration = gaussian_filter1d(np.gradient(speed), 4)
    values = (*place.T, heading, speed, np.arctan2(*velocity.T[::-1]), _ranks(turning), _ranks(acceleration))
    basis = _sum(
        [
            BSplineEval(4, label="x") * BSplineEval(4, label="y"),
            CyclicBSplineEval(12, bounds=(0.0, 2 * np.pi), label="heading"),
            BSplineEval(8, label="speed"),
            CyclicBSplineEval(12, bounds=(-np.pi, np.pi), label="direction of motion"),
            BSplineEval(8, label="turning"),
            BSplineEval(8, label="acceleration"),
        ]
    )
    return basis, values


def _ranks(values: np.ndarray) -> np.ndarray:
    return np.argsort(np.argsort(values)) / len(values)


def _sum(bases):
    return functools.reduce(lambda a, b: a + b, bases)
