"""What every block must satisfy: each verb gives what the dense matrix of its columns gives.

Every check takes a block and its matrix. Rows with NaN are NaN in a linear predictor; what they add to a gradient
is left open, since a fit drops them.
"""

import numpy as np

from spikesieve.design import Block

RELATIVE = 1e-12

# Some BLAS kernels multiply infinite entries by the zeros that they pad small matrices with, and raise the flag for
# "invalid" although the result is right (OpenBLAS 0.3.31 on AMD EPYC).
infinities_allowed = np.errstate(invalid="ignore")


def row_slices(n_samples: int) -> list[slice]:
    """Chunks as solvers ask for them: long, short, strided, empty."""
    middle = n_samples // 2
    chunks = [(0, n_samples), (0, 0), (middle, middle), (0, 1), (n_samples - 1, n_samples), (3, middle + 3)]
    strided = [(0, n_samples, 3), (1, n_samples, 7), (middle, n_samples, 50), (2, middle, 2)]
    return [slice(min(a, n_samples), min(b, n_samples), *step) for a, b, *step in chunks + strided]


def row_choices(n_samples: int, seed: int = 0) -> dict[str, slice | np.ndarray]:
    """What `take` is asked for."""
    rng = np.random.default_rng(seed)
    return {
        "all": slice(None),
        "slice": slice(4, n_samples - 3),
        "strided slice": slice(2, n_samples, 3),
        "backward slice": slice(None, None, -1),
        "mask": rng.random(n_samples) < 0.5,
        "mask of long stretches": np.arange(n_samples) // 40 % 2 == 0,
        "index": np.sort(rng.choice(n_samples, n_samples // 3, replace=False)),
        "index in any order, with repeats": rng.integers(0, n_samples, n_samples),
        "index from the end": -np.arange(1, n_samples // 4),
        "strided index": np.arange(1, n_samples, 5),
        "no rows": np.zeros(0, dtype=int),
    }


def check_all(block: Block, matrix: np.ndarray) -> None:
    """Every check on the block itself."""
    assert (block.n_samples, block.n_coef) == matrix.shape
    check_finite_rows(block, matrix)
    for rows in row_slices(len(matrix)):
        check_matrix(block, matrix, rows)
        for n_neurons in (None, 1, 3):
            check_linear_predictor(block, matrix, rows, n_neurons)
            check_gradient(block, matrix, rows, n_neurons)
    for n_neurons in (None, 3):
        check_passes(block, matrix, n_neurons)


def check_takes(block: Block, matrix: np.ndarray) -> None:
    """Every check on some rows of the block, and on some rows of those."""
    for rows in row_choices(len(matrix)).values():
        once, rows_once = block.take(rows), matrix[rows]
        check_all(once, rows_once)
        if len(rows_once) < 30:
            continue
        for again in (slice(5, 25), slice(1, None, 4), np.array([7, 3, 3]), np.arange(len(rows_once)) % 3 > 0):
            check_all(once.take(again), rows_once[again])


def check_finite_rows(block, matrix):
    np.testing.assert_array_equal(block.finite_rows(), np.isfinite(matrix).all(axis=1))


def check_matrix(block, matrix, rows):
    expected = matrix[rows]
    scale = _largest(matrix)
    values = np.asarray(block.as_matrix(rows))
    assert values.dtype == float and values.shape == expected.shape
    np.testing.assert_allclose(values, expected, rtol=0, atol=RELATIVE * scale)
    wide = np.full((len(expected), matrix.shape[1] + 2), 7.0)
    block.write_matrix(rows, wide[:, 1:-1])
    np.testing.assert_allclose(wide[:, 1:-1], expected, rtol=0, atol=RELATIVE * scale)
    if np.isfinite(expected).all():
        squares = block.column_squares(rows)
        np.testing.assert_allclose(squares, (expected**2).sum(axis=0), rtol=1e-9, atol=RELATIVE * scale**2)
    assert (wide[:, [0, -1]] == 7.0).all()


@infinities_allowed
def check_linear_predictor(block, matrix, rows, n_neurons=None):
    coef = _numbers(matrix.shape[1], n_neurons)
    before = _numbers(len(matrix[rows]), n_neurons, seed=1)
    expected = before + matrix[rows] @ coef
    for given, out in ((coef, before.copy()), (_scattered(coef), _scattered(before))):
        given.setflags(write=False)
        kept = given.copy()
        block.add_linear_predictor(rows, given, out)
        np.testing.assert_array_equal(given, kept)
        scale = _largest(matrix) * np.abs(coef).sum() + 2
        np.testing.assert_allclose(out, expected, rtol=0, atol=RELATIVE * scale)


def check_gradient(block, matrix, rows, n_neurons=None):
    if not np.isfinite(matrix[rows]).all():
        return
    residual = _numbers(len(matrix[rows]), n_neurons)
    before = _numbers(matrix.shape[1], n_neurons, seed=1)
    expected = before + matrix[rows].T @ residual
    for given, out in ((residual, before.copy()), (_scattered(residual), _scattered(before))):
        given.setflags(write=False)
        kept = given.copy()
        block.add_gradient(rows, given, out)
        np.testing.assert_array_equal(given, kept)
        scale = _largest(matrix) * np.abs(residual).sum() + 2
        np.testing.assert_allclose(out, expected, rtol=0, atol=RELATIVE * scale)


@infinities_allowed
def check_passes(block, matrix, n_neurons=None):
    """A pass in chunks, with what is done once per pass done once, adds up to the whole."""
    chunks = [slice(a, min(a + 30, len(matrix))) for a in range(0, len(matrix), 30)]
    coef = _numbers(matrix.shape[1], n_neurons)
    add = block.predictor(coef)
    out = np.zeros((len(matrix), *coef.shape[1:]))
    for rows in chunks:
        add(rows, out[rows])
    scale = _largest(matrix) * np.abs(coef).sum() + 1
    np.testing.assert_allclose(out, matrix @ coef, rtol=0, atol=RELATIVE * scale)
    if not chunks or not np.isfinite(matrix).all():
        return
    residual = _numbers(len(matrix), n_neurons)
    total, in_place = sum(block.partial_gradient(rows, residual[rows]) for rows in chunks), None
    for rows in chunks:
        in_place = block.partial_gradient(rows, residual[rows], in_place)
    scale = _largest(matrix) * np.abs(residual).sum() + 1
    for partial in (total, in_place):
        gradient = block.finish_gradient(partial)
        assert gradient.shape == coef.shape
        np.testing.assert_allclose(gradient, matrix.T @ residual, rtol=0, atol=RELATIVE * scale)


def _numbers(n, n_neurons=None, seed=0):
    return np.random.default_rng([seed, n]).normal(size=n if n_neurons is None else (n, n_neurons))


def _scattered(array):
    """The same numbers as a view of a larger array, contiguous in no axis."""
    larger = np.zeros((*array.shape, 2))
    larger[..., 0] = array
    return larger[..., 0]


def _largest(matrix):
    finite = np.abs(matrix[np.isfinite(matrix)])
    return finite.max(initial=0.0)
