"""One function per library: fit a workload at given strengths, in that library's own terms, and time it.

Strengths are on this library's scale throughout: mean negative log-likelihood per bin plus
``strength * Σ_g sqrt(p_g) ‖β_g‖₂``, intercept not penalised. adelie's Poisson loss carries weights 1/n and its
default penalty factors are sqrt(p_g), so its strengths are the same numbers; nemos's objective is the same by
design. `objective.py` measures all of them by one yardstick.
"""

import os
import time
import warnings
from dataclasses import dataclass

import numpy as np
from workload import N_FUNCTIONS, Workload


@dataclass(frozen=True)
class Solutions:
    """Coefficients per strength, and the seconds of each repetition of the whole path.

    `coef` has shape ``(n_strengths, n_coef)``; `detail` says with which settings, and how it ended.
    """

    intercept: np.ndarray
    coef: np.ndarray
    seconds: list[float]
    detail: str


def fit_spikesieve(workload: Workload, strengths: np.ndarray, n_repeats: int, tolerance: str) -> Solutions:
    """Whole path with `GLM.fit_path`; `tolerance` is "default" or a number for ``solver_kwargs["tol"]``."""
    from spikesieve.glm import GLM

    features = workload.features()
    kwargs = {} if tolerance == "default" else {"tol": float(tolerance)}
    model = GLM(regularizer="GroupLasso", solver_kwargs=kwargs)
    # The workload's labels sort in the order of the columns, and so does the matrix of coefficients.
    seconds, path = _timed(lambda: model.fit_path(features, workload.counts, strengths=strengths), n_repeats)
    detail = _ended(path)
    return Solutions(path.intercept, path.coef_matrix, seconds, detail)


def fit_spikesieve_design(workload: Workload, strengths: np.ndarray, n_repeats: int, tolerance: str) -> Solutions:
    """Whole path on ``basis.design(...)``: tables and codes instead of dense features, the tabulation not timed."""
    from functools import reduce
    from operator import add

    from spikesieve.basis import BSplineEval
    from spikesieve.glm import GLM

    basis = reduce(add, (BSplineEval(N_FUNCTIONS, bounds=(0.0, 1.0), label=label) for label in workload.labels))
    design = basis.design(*workload.covariates.T)
    kwargs = {} if tolerance == "default" else {"tol": float(tolerance)}
    model = GLM(regularizer="GroupLasso", solver_kwargs=kwargs)
    seconds, path = _timed(lambda: model.fit_path(design, workload.counts, strengths=strengths), n_repeats)
    detail = _ended(path)
    return Solutions(path.intercept, path.coef_matrix, seconds, detail)


def fit_adelie(workload: Workload, strengths: np.ndarray, n_repeats: int, tolerance: str) -> Solutions:
    """Whole path with `adelie.grpnet`, all cores, `tolerance` for both of its loops."""
    import adelie

    matrix = workload.matrix()
    groups = np.arange(0, matrix.shape[1], N_FUNCTIONS)
    settings = {} if tolerance == "default" else {"tol": float(tolerance), "irls_tol": float(tolerance)}

    def fit():
        return adelie.grpnet(
            matrix,
            adelie.glm.poisson(workload.counts),
            groups=groups,
            lmda_path=strengths,
            early_exit=False,
            n_threads=os.cpu_count(),
            progress_bar=False,
            **settings,
        )

    seconds, state = _timed(fit, n_repeats)
    if not np.array_equal(state.lmdas, strengths):
        raise RuntimeError(f"adelie stopped after {len(state.lmdas)} of {len(strengths)} strengths")
    return Solutions(np.asarray(state.intercepts), state.betas.toarray(), seconds, f"{len(strengths)} returned")


def fit_nemos(workload: Workload, strengths: np.ndarray, n_repeats: int, tolerance: str) -> Solutions:
    """One fit per strength with `nemos.glm.GLM`: it has no paths and no warm starts."""
    import jax

    jax.config.update("jax_enable_x64", True)
    import nemos

    features = workload.features()
    if nemos.__version__ < "0.2.9":
        features = nemos.pytrees.FeaturePytree(**features)
    settings = {} if tolerance == "default" else {"tol": float(tolerance), "maxiter": 1_000_000}

    def fit(strength):
        model = nemos.glm.GLM(regularizer="GroupLasso", regularizer_strength=strength, solver_kwargs=settings)
        return model.fit(features, workload.counts)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it did not converge is seen in the objective
        seconds, models = _timed(lambda: [fit(strength) for strength in strengths], n_repeats)
    steps = [int(model.solver_state_.stats.num_steps) for model in models]
    coef = [np.concatenate([model.coef_[label] for label in workload.labels]) for model in models]
    intercept = np.array([float(model.intercept_[0]) for model in models])
    return Solutions(intercept, np.array(coef), seconds, f"{max(steps)} steps")


def _ended(path) -> str:
    """How a path ended by its own certificate, which for a design is about its own features."""
    own = path.kkt_residual.max() / path.strength_max
    return f"{path.converged.sum()} converged, {path.n_passes.sum()} passes, own KKT {own:.1e}"


FIT = {"spikesieve": fit_spikesieve, "design": fit_spikesieve_design, "adelie": fit_adelie, "nemos": fit_nemos}


def _timed(run, n_repeats: int):
    """Seconds of each of `n_repeats` runs, and the result of the last."""
    seconds, result = [], None
    for _ in range(n_repeats):
        start = time.perf_counter()
        result = run()
        seconds.append(time.perf_counter() - start)
    return seconds, result
