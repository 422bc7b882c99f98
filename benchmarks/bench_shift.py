"""Calibration and power of shift nulls, beside the textbook tests that they replace.

    python benchmarks/bench_shift.py [recordings per cell] [name of one cell]

Each recording has covariates like those of `workload`, two of which drive the cell weakly; the other two are null.
Printed per cell and test: shares of null covariates with p at most 0.1, 0.05, 0.01 and 0.001 (to be compared with these
numbers), and the share of true ones with p at most 0.01. The tests:

    chi2       score test given the others, chi-squared
    fixed      circular shifts of the score, with the variance of the true alignment for all of them
    no trend   efficient score studentised at every shift, as `Shift(trend_functions=0)`
    shift      the same with a slow trend among the covariates: `Shift()`
    rank       the same, p-value from ranks alone: `Shift(tail=False)`
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.special import ndtr
from scipy.stats import chi2

from spikesieve.basis import BSplineEval, CyclicBSplineEval
from spikesieve.datasets import load_head_direction_recording
from spikesieve.design import as_design
from spikesieve.observation_models import PoissonObservations
from spikesieve.selection import Shift
from spikesieve.selection._aligned_moments import aligned_moments, memory
from spikesieve.selection._alignments import Epochs, circular_shifts
from spikesieve.selection._efficient_score import studentised_scores
from spikesieve.selection._prior_fit import AllCovariates
from spikesieve.selection._shift import FORGOTTEN, GRID_PER_SHIFT, N_SAMPLED
from spikesieve.selection._shift_p_values import ShiftNull, independent_shifts
from spikesieve.selection._working_model import SampledRows, WorkingModel
from spikesieve.solver import Sample

N_FUNCTIONS, N_ACTIVE, N_NULL, N_SHIFTS = 10, 2, 2, Shift().n_shifts
TESTS = ("chi2", "fixed", "no trend", "shift", "rank")


@dataclass(frozen=True)
class Cell:
    """One kind of recording.

    Attributes
    ----------
    smoothing
        Gaussian widths of the covariates' own noise [bins], one for the true and one for the null ones.
    shared
        Width of the noise that they share.
    correlation
        Between covariates before they are mapped to [0, 1].
    n_spikes
        Expected in the recording.
    drift, drift_width
        Standard deviation of a slow drift of the log rate, and its width as a share of the recording.
    coef_scale
        Standard deviation of the true coefficients.
    """

    n_bins: int = 20_000
    smoothing: tuple[float, float] = (20.0, 20.0)
    shared: float = 20.0
    correlation: float = 0.3
    n_spikes: float = 1000.0
    drift: float = 0.0
    drift_width: float = 0.1
    coef_scale: float = 0.2


def draw(cell: Cell, rng: np.random.Generator, number: int) -> tuple[Sample, int]:
    """A recording, true covariates first, and its number of true covariates."""
    del number
    shared = smooth_noise(rng, cell.n_bins, cell.shared)
    values = []
    for width in [cell.smoothing[0]] * N_ACTIVE + [cell.smoothing[1]] * N_NULL:
        own = smooth_noise(rng, cell.n_bins, width)
        values.append(ndtr(np.sqrt(cell.correlation) * shared + np.sqrt(1 - cell.correlation) * own))
    bases = [BSplineEval(N_FUNCTIONS, bounds=(0, 1), label=f"c{i}") for i in range(len(values))]
    design = sum(bases[1:], start=bases[0]).design(*values)
    coef = np.zeros(design.n_coef)
    coef[: N_ACTIVE * N_FUNCTIONS] = rng.normal(0.0, cell.coef_scale, N_ACTIVE * N_FUNCTIONS)
    log_mean = design.linear_predictor(coef)
    log_mean += cell.drift * smooth_noise(rng, cell.n_bins, cell.drift_width * cell.n_bins)
    log_mean += np.log(cell.n_spikes / np.exp(log_mean).sum())
    return Sample(design, rng.poisson(np.exp(log_mean)).astype(float)), N_ACTIVE


def draw_half_real(drift: float, rng: np.random.Generator, number: int) -> tuple[Sample, int]:
    """Real covariates, head direction first, and spikes drawn at the rate that it alone gives a recorded cell."""
    cell = number % 7
    binned = load_head_direction_recording().bin(0.025)
    place = BSplineEval(4, label="x") * BSplineEval(4, label="y")
    place.label = "position"
    heading = CyclicBSplineEval(16, bounds=(0.0, 2.0 * np.pi), label="head direction")
    basis = heading + place + BSplineEval(16, label="speed")
    design = basis.design(binned.head_direction, *binned.position.T, binned.speed)
    design = design.only(["head direction", "position", "speed"])
    alone = Sample(design.only(["head direction"]), binned.counts[:, cell].astype(float))
    fit = AllCovariates(alone, PoissonObservations()).fit
    log_mean = fit.columns.linear_predictor(fit.theta)
    rate = np.exp(log_mean + drift * smooth_noise(rng, len(log_mean), 0.05 * len(log_mean)))
    return Sample(design, rng.poisson(rate * alone.y.sum() / rate.sum()).astype(float)), 1


def draw_one_of_many(width: float, correlation: float, rng: np.random.Generator, number: int) -> tuple[Sample, int]:
    """A covariate of 30 columns of which one acts, and a null one that correlates with that."""
    del number
    many = np.stack([smooth_noise(rng, 8000, width) for _ in range(30)], axis=1)
    like_it = correlation * many[:, 0] + np.sqrt(1 - correlation**2) * smooth_noise(rng, 8000, width)
    counts = rng.poisson(0.1 * np.exp(0.3 * many[:, 0])).astype(float)
    return Sample(as_design({"a": many, "b": like_it[:, None]}), counts), 1


def draw_place_field(rng: np.random.Generator, number: int) -> tuple[Sample, int]:
    """One field among 8 x 8 splines of the plane, and licks near the field, which do nothing."""
    del number
    x, y = ndtr([smooth_noise(rng, 8000, 20), smooth_noise(rng, 8000, 20)])
    field = np.exp(-0.5 * np.sum((np.stack([x, y]).T - rng.uniform(0.25, 0.75, 2)) ** 2, axis=1) / 0.1**2)
    licks = gaussian_filter1d((rng.random(8000) < 0.4 * field).astype(float), 3)
    place = BSplineEval(8, bounds=(0, 1), label="x") * BSplineEval(8, bounds=(0, 1), label="y")
    columns = place.design(x, y).blocks[0].as_matrix(slice(0, 8000))
    return Sample(
        as_design({"a": columns, "b": licks[:, None]}), rng.poisson(0.05 * np.exp(1.5 * field)).astype(float)
    ), 1


def smooth_noise(rng: np.random.Generator, n_bins: int, width: float) -> np.ndarray:
    """Gaussian noise of unit variance, not periodic."""
    noise = gaussian_filter1d(rng.standard_normal(n_bins), width, mode="reflect")
    return (noise - noise.mean()) / noise.std()


SLOW = {"smoothing": (200.0, 200.0), "shared": 200.0}
MANY_SPLINES = {"correlation": 0.7, "coef_scale": 0.8}
CELLS = {
    "fast": partial(draw, Cell()),
    "fast, drift": partial(draw, Cell(drift=1.0)),
    "slow": partial(draw, Cell(**SLOW)),
    "slow, drift": partial(draw, Cell(**SLOW, drift=1.0)),
    "slow, faster drift": partial(draw, Cell(**SLOW, drift=1.0, drift_width=0.02)),
    "slow null, drift": partial(draw, Cell(smoothing=(20.0, 300.0), drift=0.7, drift_width=0.03)),
    "correlation 0.7": partial(draw, Cell(**MANY_SPLINES)),
    "200 spikes": partial(draw, Cell(**MANY_SPLINES, n_spikes=200.0)),
    "10 000 spikes": partial(draw, Cell(**MANY_SPLINES, n_spikes=10_000.0)),
    "fluctuations": partial(draw, Cell(drift=1.0, drift_width=0.001)),
    "one of 30 columns": partial(draw_one_of_many, 10.0, 0.7),
    "one of 30 slow columns": partial(draw_one_of_many, 60.0, 0.7),
    "a place field": draw_place_field,
    "half-real": partial(draw_half_real, 0.0),
    "half-real, drift": partial(draw_half_real, 0.5),
}
METHODS = {"no trend": Shift(trend_functions=0), "shift": Shift(), "rank": Shift(tail=False)}


def p_values(sample: Sample, covariates: list[int], rng: np.random.Generator) -> list[dict[str, float]]:
    """P-values of some covariates by every test; NaN where too few shifts are independent."""
    found = textbook_p_values(sample, covariates, rng)
    for name, method in METHODS.items():
        tested = method.assess(sample, PoissonObservations(), rng).p_value
        for of_covariate, number in zip(found, covariates, strict=True):
            of_covariate[name] = tested[number]
    return found


def textbook_p_values(sample: Sample, covariates: list[int], rng: np.random.Generator) -> list[dict[str, float]]:
    """P-values by the tests that do without a trend, or without a variance of each shift."""
    epochs = Epochs.of_labels(np.zeros(len(sample.y), dtype=int), int(GRID_PER_SHIFT * N_SHIFTS))
    everything, found = AllCovariates(sample, PoissonObservations()), []
    model = WorkingModel.of(everything.fit, SampledRows.drawn(epochs, N_SAMPLED, rng))
    for number in covariates:
        columns, without = everything.columns.rows_of_block(number), model.without(everything.spans[number])
        shifts = circular_shifts(epochs, N_SHIFTS, memory(columns, epochs, FORGOTTEN), rng)
        moments = aligned_moments(columns, without, shifts)
        scores = studentised_scores(moments, without.score)
        n_independent = min(shifts.n_independent, independent_shifts(scores[1:]))
        fixed = replace(moments, information=_first(moments.information), cross=_first(moments.cross))
        of_fixed = np.sum(studentised_scores(fixed, 0.0 * without.score) ** 2, axis=1)
        found.append(
            {
                "chi2": float(chi2.sf(np.sum(scores[0] ** 2), scores.shape[1] - 1)),
                "fixed": ShiftNull(of_fixed[1:], n_independent).tail_p_value(float(of_fixed[0])),
                "n": n_independent,
            }
        )
    return found


def _first(values: np.ndarray) -> np.ndarray:
    """The first of `values` in the place of all of them."""
    return np.broadcast_to(values[0], values.shape)


def measure(simulate: Callable, n_recordings: int) -> tuple[list[dict], list[dict]]:
    """P-values of true and of null covariates."""
    true, false = [], []
    for seed in range(n_recordings):
        rng = np.random.default_rng(seed)
        sample, n_true = simulate(rng, seed)
        found = p_values(sample, list(range(n_true - 1, len(sample.design.blocks))), rng)
        true.append(found[0])
        false += found[1:]
    return true, false


def main(n_recordings: int = 20, names=tuple(CELLS)) -> None:
    """Print the table."""
    for name in names:
        start = time.perf_counter()
        true, false = measure(CELLS[name], n_recordings)
        print(
            f"{name}: {len(false)} null covariates, {time.perf_counter() - start:.0f} s, "
            f"{np.mean([p['n'] for p in false]):.0f} independent shifts"
        )
        for test in TESTS:
            of_null, of_true = (np.array([p[test] for p in group]) for group in (false, true))
            shares = "  ".join(f"{np.mean(of_null <= level):6.3f}" for level in (0.1, 0.05, 0.01, 0.001))
            print(f"  {test:9s} {shares}  power {np.mean(of_true <= 0.01):.2f}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20, sys.argv[2:] or tuple(CELLS))
