"""A recording that does not fit the memory allowed is fitted from disk, with the answer that it has in memory."""

import subprocess
import sys

import numpy as np
import pytest

from spikesieve.glm import GLM

N, N_COVARIATES, N_COLUMNS = 100_000, 10, 10
# All columns as float64 take 80 MB.
ROOM_MB = 40
GRID = {"n_strengths": 6, "min_ratio": 0.1}

PROGRAM = """
import resource, sys
import h5py, numpy as np
from spikesieve.glm import GLM

rng = np.random.default_rng(0)
warm = {label: rng.normal(size=(300, 3)) for label in "ab"}
model = GLM(regularizer="GroupLasso", n_jobs=1)
model.fit_path(warm, rng.poisson(1.0, 300), n_strengths=3)  # what is loaded once is not the recording's
file = h5py.File(sys.argv[1])
pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * resource.getpagesize() + int(sys.argv[3]) * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
X = {label: data_set for label, data_set in file["X"].items()}
try:
    held = {label: data_set[:].astype(float) for label, data_set in X.items()}
except MemoryError:
    pass
else:
    sys.exit("the limit leaves room for the dense design")
path = model.fit_path(X, file["y"][:], n_strengths=int(sys.argv[4]), min_ratio=float(sys.argv[5]))
np.savez(sys.argv[2], coef=path.coef_matrix, objective=path.objective, converged=path.converged)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux holds a process to a limit of its address space")
def test_a_path_from_disk_within_half_the_memory_of_the_dense_design(tmp_path):
    h5py = pytest.importorskip("h5py", reason="h5py is a test extra")
    rng = np.random.default_rng(0)
    X = {f"x{i}": rng.integers(-3, 4, (N, N_COLUMNS)).astype(np.int8) for i in range(N_COVARIATES)}
    y = rng.poisson(np.exp(0.2 * X["x0"][:, 0] - 0.3 * X["x4"][:, 2] - 1)).astype(float)
    with h5py.File(tmp_path / "recording.h5", "w") as file:
        for label, columns in X.items():
            file.create_dataset(f"X/{label}", data=columns, chunks=(8192, N_COLUMNS))
        file["y"] = y
    arguments = [tmp_path / "recording.h5", tmp_path / "path.npz", ROOM_MB, GRID["n_strengths"], GRID["min_ratio"]]
    done = subprocess.run([sys.executable, "-c", PROGRAM, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = np.load(tmp_path / "path.npz")
    expected = GLM(regularizer="GroupLasso").fit_path(X, y, **GRID)
    assert found["converged"].all()
    np.testing.assert_allclose(found["objective"], expected.objective, rtol=1e-10)
    np.testing.assert_allclose(found["coef"], expected.coef_matrix, atol=1e-5)
