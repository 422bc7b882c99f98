"""`Knockoffs`: keep a covariate if it beats copies of itself that the neuron cannot know."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from spikesieve._types import Index, PerSample
from spikesieve.design import Block, Design, as_design
from spikesieve.observation_models import ObservationModel
from spikesieve.regularizer import Ridge
from spikesieve.selection._faithful_copies import forgets, is_less_related
from spikesieve.selection._gaussian_series import GaussianSeries
from spikesieve.selection._method import (
    Assessment,
    EvidenceStatus,
    NotEnoughData,
    SelectionMethod,
    decide_by_e_values,
)
from spikesieve.selection._path_model import PathModel
from spikesieve.selection._spectral_knockoffs import SpectralModel
from spikesieve.solver import Sample

_STATISTICS = ("refit", "entry")
_REMEMBERED_BYTES = 2**28
_CHUNK_ROWS = 65_536
_ROWS_COMPARED, _ROWS_EXPLAINED, _COPIES_COMPARED = 100_000, 20_000, 4


@dataclass(frozen=True)
class Knockoffs(SelectionMethod):
    """Model-X group knockoffs of autocorrelated covariates: several copies at once, several draws, e-values.

    Copies of all covariates are drawn that have the auto- and cross-spectra of the originals and know nothing of the
    spikes (`_spectral_knockoffs` says how, and why rows must not be taken to be independent). A covariate that the
    neuron does not depend on is then as likely to be the strongest of its ``n_copies + 1`` versions as any copy. What
    the rate does for other reasons (slow drift, other cells) does not matter: the copies are as slow as the originals.

    A covariate of which no faithful copies can be made is marked as unsuitable and not tested: copies of places on a
    plane forget their past too fast, those of an animal's speed are less related than it is to how it turns.

    Assumed: covariates are stationary, and Gaussian once each has been mapped to a normal distribution by its ranks
    (circles and planes: as two series); the spectra are well estimated, so the recording is long compared with the
    covariates' correlation times. None of it holds exactly, and none of it concerns the spikes. A neuron's own spike
    history is not such a covariate: it is made of what is to be explained; nor may an offset be made of a covariate.
    Gaps left by missing rows are ignored.

    Within a neuron, one copy could select nothing before ``1 / fdr`` covariates pass, so 10 covariates with 3 true
    ones would never give an answer; `n_copies` copies bring that down to ``1 / (fdr n_copies)``. The evidence of a
    draw is an e-value; e-values are averaged over draws, which makes the answer depend less on chance, and decided on
    by e-BH over all neurons and covariates, which holds whatever the dependence between neurons that saw the same
    animal. Many neurons with hardly any covariate between them cost power.

    Parameters
    ----------
    n_copies
        Copies drawn jointly.
    n_draws
        Independent draws to average over. Copies are drawn once for all neurons of a recording.
    statistic
        ``"refit"``: how much deviance a copy would take off, to second order, from a model that knows all
        covariates only by the average of their versions; fast whatever `n_copies`. ``"entry"``: strength at which it
        enters the group lasso path of all copies and originals; for few copies.
    rate
        Rate of the threshold within a draw. None is the selector's rate for one draw and half of it for several, as Ren
        & Barber advise.

    Raises
    ------
    ValueError
        If a number is out of range or `statistic` is unknown.

    References
    ----------
    Candes, E., Fan, Y., Janson, L. & Lv, J. (2018). doi:10.1111/rssb.12265
    Gimenez, J. R. & Zou, J. (2019). Proc. AISTATS, PMLR 89, 2184-2192: several copies, their threshold.
    Ren, Z., Wei, Y. & Candes, E. (2023). Derandomizing knockoffs. J. Am. Stat. Assoc. 118, 948-958.
    doi:10.1080/01621459.2021.1962720
    Ren, Z. & Barber, R. F. (2024). doi:10.1093/jrsssb/qkad085: e-values.
    """

    n_copies: int = 20
    n_draws: int = 3
    statistic: str = "refit"
    rate: float | None = None

    def __post_init__(self):
        for name in ("n_copies", "n_draws"):
            if not isinstance(getattr(self, name), int | np.integer) or getattr(self, name) < 1:
                raise ValueError(f"{name} must be a positive whole number; got {getattr(self, name)!r}.")
        if self.statistic not in _STATISTICS:
            raise ValueError(f"statistic must be one of {', '.join(map(repr, _STATISTICS))}; got {self.statistic!r}.")
        if self.rate is not None and not 0 < self.rate < 1:
            raise ValueError(f"rate must lie between 0 and 1; got {self.rate!r}.")

    def with_defaults(self, folds, fdr):
        del folds
        if self.rate is not None:
            return self
        return replace(self, rate=fdr if self.n_draws == 1 else fdr / 2)

    def prepared(self, design, kept, rng):
        del kept
        copies = CopiesOfDesign.planned(design, self, rng)
        # Looked at here, once for all neurons, before any is handed to another process.
        return KnockoffsOfDesign(self, copies, copies.suitable)

    def assess(self, sample, family, rng):
        return self.prepared(sample.design, np.ones(len(sample.y), dtype=bool), rng).assess(sample, family, rng)

    def decide(self, assessments, fdr):
        return decide_by_e_values(assessments, fdr)


@dataclass(frozen=True)
class Draw:
    """One draw of all copies, as orders of rows.

    Attributes
    ----------
    orders
        Per covariate, ``(n_copies, n_samples)``: where the rows go, in the order of the covariate's `rows`.
    middle
        Per covariate, the same for the average of the original and its copies, ``(n_samples,)``.
    """

    orders: tuple[np.ndarray, ...] = field(repr=False)
    middle: tuple[Index, ...] = field(repr=False)


@dataclass(frozen=True)
class CopiesOfDesign:
    """Draws of one design, remembered if they are small, else made anew from their seeds each time."""

    design: Design
    series: tuple[GaussianSeries, ...]
    model: SpectralModel
    seeds: tuple[int, ...]

    @classmethod
    def planned(cls, design: Design, method: Knockoffs, rng: np.random.Generator) -> "CopiesOfDesign":
        """Estimate the spectra of the design's covariates; nothing is drawn yet."""
        series = tuple(
            GaussianSeries.of_block(block, design.basis_of(label))
            for label, block in zip(design.labels, design.blocks, strict=True)
        )
        covariate = np.repeat(np.arange(len(series)), [one.series.shape[1] for one in series])
        model = SpectralModel.estimated(np.hstack([one.series for one in series]), covariate, method.n_copies)
        return cls(design, series, model, tuple(int(seed) for seed in rng.integers(2**62, size=method.n_draws)))

    @property
    def suitable(self) -> np.ndarray:
        """Whether copies of each covariate can pass for it, ``(n_covariates,)``."""
        return np.array([not fault for fault in self.faults])

    @functools.cached_property
    def faults(self) -> tuple[str, ...]:
        """What is wrong with the copies of each covariate, as the end of a sentence; empty if nothing."""
        rows = slice(0, min(self.design.n_samples, _ROWS_COMPARED))
        some = slice(0, rows.stop, max(1, rows.stop // _ROWS_EXPLAINED))
        on_some, found = [block.as_matrix(some) for block in self.design.blocks], []
        for number, (one, orders) in enumerate(zip(self.series, next(iter(self)).orders, strict=True)):
            block, others = self.design.blocks[number], on_some[:number] + on_some[number + 1 :]
            copies = [block.take(one.rows_of(order)[rows]).as_matrix(rows) for order in orders[:_COPIES_COMPARED]]
            if forgets(block.as_matrix(rows), copies):
                found.append("forget their past faster than it does")
            elif others and is_less_related(on_some[number], [copy[some] for copy in copies], np.hstack(others)):
                found.append("are less related to the other covariates than it is")
            else:
                found.append("")
        return tuple(found)

    def __iter__(self) -> Iterator[Draw]:
        n_bytes = 4 * self.model.n_samples * (self.model.n_copies + 1) * len(self.series) * len(self.seeds)
        return iter(self._remembered) if n_bytes <= _REMEMBERED_BYTES else map(self._drawn, self.seeds)

    @functools.cached_property
    def _remembered(self) -> tuple[Draw, ...]:
        return tuple(map(self._drawn, self.seeds))

    def _drawn(self, seed: int) -> Draw:
        copies = self.model.draw(np.random.default_rng(seed))
        orders, middle, start = [], [], 0
        for one in self.series:
            mine = copies[:, :, start : start + one.series.shape[1]]
            start += one.series.shape[1]
            orders.append(np.stack([one.order(copy) for copy in mine]))
            middle.append(one.order((one.series + mine.sum(axis=0)) / (len(mine) + 1)))
        return Draw(tuple(orders), tuple(middle))


@dataclass(frozen=True)
class KnockoffsOfDesign(SelectionMethod):
    """`Knockoffs` with the copies of one design at hand."""

    method: Knockoffs
    copies: CopiesOfDesign = field(repr=False)
    suitable: np.ndarray = field(repr=False)

    def assess(self, sample, family, rng):
        del rng
        rate, labels = self.method.rate, sample.design.labels
        if rate is None:
            raise ValueError("Knockoffs(rate=...) must be given where no selector gives it.")
        needed = int(np.ceil(1.0 / (rate * self.method.n_copies) - 1e-9))
        suitable, n_tested = self.suitable, int(self.suitable.sum())
        if n_tested == 0:
            return Assessment.untested(labels, EvidenceStatus.UNSUITABLE, _told(labels, self.copies.faults))
        if needed > n_tested:
            raise NotEnoughData(
                f"{self.method.n_copies} copies at a rate of {rate:g} per draw cannot select fewer than {needed} "
                f"covariates at once, and there are {n_tested} to test: use more copies, or another method."
            )
        statistics = np.array([self._statistics(sample, family, draw) for draw in self.copies])
        e_values = np.zeros((len(statistics), len(labels)))
        e_values[:, suitable] = [copy_e_values(of_draw[:, suitable], rate) for of_draw in statistics]
        found = Assessment.tested(
            labels,
            statistic=(statistics[:, 0] - np.median(statistics[:, 1:], axis=1)).mean(axis=0),
            selection_probability=(e_values > 0).mean(axis=0),
            e_value=e_values.mean(axis=0),
        )
        return found if suitable.all() else _without_unsuitable(found, self.copies.faults)

    def decide(self, assessments, fdr):
        return self.method.decide(assessments, fdr)

    def _statistics(self, sample: Sample, family: ObservationModel, draw: Draw) -> np.ndarray:
        compute = _refit_gains if self.method.statistic == "refit" else _entry_strengths
        return compute(sample, family, self.copies.series, draw)


def _without_unsuitable(found: Assessment, faults: tuple[str, ...]) -> Assessment:
    status = tuple(EvidenceStatus.UNSUITABLE if fault else EvidenceStatus.TESTED for fault in faults)
    return replace(found, status=status, note=_told(found.labels, faults))


def _told(labels: tuple[str, ...], faults: tuple[str, ...]) -> str:
    told = [f"copies of {label!r} {fault}" for label, fault in zip(labels, faults, strict=True) if fault]
    return f"Not comparable: {'; '.join(told)}. Use another method there."


def copy_e_values(statistics: np.ndarray, rate: float) -> np.ndarray:
    """E-values of one draw: ``p K 1{original wins, by at least T} / (1 + #{copies win by at least T})``.

    By how much the best version wins is measured from the median of the others; `T` is the smallest margin at which
    ``(1 + copies' wins) / K`` is at most `rate` times the originals' wins (Gimenez & Zou 2019). Of the ``K + 1``
    versions of a null covariate each wins with the same probability, so among nulls the originals' wins over ``1 +``
    the copies' wins has mean at most ``1 / K``: the e-values of the nulls add up to at most `p` on average, which is
    what e-BH asks for (Ren & Barber 2024).

    Parameters
    ----------
    statistics
        ``(n_copies + 1, n_covariates)``, the originals first.
    rate
        Of the threshold.

    Examples
    --------
    >>> copy_e_values(np.array([[9.0, 8.0, 1.0], [1.0, 2.0, 3.0], [2.0, 1.0, 1.5]]), rate=0.3)
    array([6., 6., 0.])
    """
    n_copies, n_covariates = len(statistics) - 1, statistics.shape[1]
    ranked = np.sort(statistics, axis=0)
    margin = ranked[-1] - np.median(ranked[:-1], axis=0)
    # Versions that tie for the best place say nothing about which of them it is.
    margin[ranked[-1] == ranked[-2]] = 0.0
    original = statistics.argmax(axis=0) == 0
    for threshold in np.unique(margin[margin > 0]):
        passing = margin >= threshold
        n_against = np.count_nonzero(passing & ~original)
        if 1 + n_against <= rate * n_copies * max(1, np.count_nonzero(passing & original)) * (1 + 1e-12):
            return n_covariates * n_copies * (passing & original) / (1.0 + n_against)
    return np.zeros(n_covariates)


def _refit_gains(sample: Sample, family: ObservationModel, series, draw: Draw) -> np.ndarray:
    """Score statistic of every version against a model that no exchange of versions changes.

    That model has each covariate at the average of its versions. ``U_k = X_k' r`` with its residuals `r`; the gain is
    ``(U_k - mean U)' V^+ (U_k - mean U)`` with ``V`` the weighted Gram matrix of the features averaged over versions:
    twice the gain in log-likelihood of adding version `k`, to second order and up to what the versions share.
    """
    middle = _design_of([b.take(one.rows_of(order)) for b, one, order in _each(sample, series, draw.middle)])
    middle = middle.with_offset(sample.offset).with_weight(sample.weight)
    fitted = PathModel(family, Ridge()).fit_path(middle, sample.y, np.array([1.0 / sample.design.n_samples]))
    predictor = replace(sample, design=middle).linear_predictor(fitted.coef_matrix[0], fitted.intercept[0])
    residual = sample.relative_weight * family.derivative(predictor, sample.y)
    weight = sample.relative_weight * family.curvature(predictor)
    columns = []
    for block, one, orders in _each(sample, series, draw.orders):
        scores = np.array([_transposed(block, values) for values in _on_rows(one, orders, residual)])
        metric = _weighted_covariance(block, np.mean(list(_on_rows(one, orders, weight)), axis=0))
        scores -= scores.mean(axis=0)
        columns.append(np.einsum("ki,ij,kj->k", scores, np.linalg.pinv(metric, rcond=1e-6, hermitian=True), scores))
    return np.array(columns).T


def _entry_strengths(sample: Sample, family: ObservationModel, series, draw: Draw) -> np.ndarray:
    """Strength at which every version enters the group lasso path of all of them."""
    versions = [
        block if order is None else block.take(one.rows_of(order))
        for block, one, orders in _each(sample, series, draw.orders)
        for order in (None, *orders)
    ]
    design = _design_of(versions).with_offset(sample.offset).with_weight(sample.weight)
    path = PathModel(family).fit_path(design, sample.y, n_strengths=60, min_ratio=0.02)
    entered = np.array(list(path.entry_strengths().values()))
    return entered.reshape(len(series), -1).T


def _each(sample: Sample, series, orders):
    return zip(sample.design.blocks, series, orders, strict=True)


def _design_of(blocks: list[Block]) -> Design:
    return as_design({f"{number:06d}": block for number, block in enumerate(blocks)})


def _on_rows(one: GaussianSeries, orders: np.ndarray, values: PerSample) -> Iterator[PerSample]:
    """Values per time, moved to the rows of the original that stand there: themselves, then for every copy.

    ``sum_t X_k(t) v(t)`` is then a sum over the original's rows, and no copy is ever made.
    """
    yield values
    for order in orders:
        moved = np.empty_like(values)
        moved[one.rows] = values[order]
        yield moved


def _transposed(block: Block, values: PerSample) -> np.ndarray:
    return block.finish_gradient(block.partial_gradient(slice(0, block.n_samples), values))


def _weighted_covariance(block: Block, weight: PerSample) -> np.ndarray:
    """``X' W X`` about the weighted mean of the columns."""
    gram, total = np.zeros((block.n_coef, block.n_coef)), np.zeros(block.n_coef)
    for start in range(0, block.n_samples, _CHUNK_ROWS):
        rows = slice(start, min(start + _CHUNK_ROWS, block.n_samples))
        features = block.as_matrix(rows)
        weighted = features * weight[rows, None]
        gram += features.T @ weighted
        total += weighted.sum(axis=0)
    return gram - np.outer(total, total) / weight.sum()
