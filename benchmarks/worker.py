"""Run one library on one workload in a process of its own, so that its memory and its threads are its own.

Usage: worker.py LIBRARY N_BINS N_COVARIATES N_REPEATS TOLERANCE STRENGTHS.npy OUTPUT.npz
"""

import resource
import sys

import numpy as np
from competitors import FIT
from workload import simulate


def main(library, n_bins, n_covariates, n_repeats, tolerance, strengths_path, output_path) -> None:
    workload = simulate(int(n_bins), int(n_covariates))
    # Peak memory of what every library is handed: the dense features exist once before the fit.
    workload.matrix()
    before = _peak_bytes()
    found = FIT[library](workload, np.load(strengths_path), int(n_repeats), tolerance)
    np.savez(
        output_path,
        intercept=found.intercept,
        coef=found.coef,
        seconds=found.seconds,
        detail=found.detail,
        peak_bytes=_peak_bytes(),
        extra_bytes=_peak_bytes() - before,
    )


def _peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    main(*sys.argv[1:])
