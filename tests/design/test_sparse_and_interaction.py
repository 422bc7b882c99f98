"""What only sparse blocks and interactions do, and what they refuse."""

import numpy as np
import pytest
import scipy.sparse

from spikesieve.basis import BSplineEval
from spikesieve.design import DenseBlock
from spikesieve.design._interaction import InteractionBlock
from spikesieve.design._sparse import SparseBlock
from tests.design.contract import check_all

FORMATS = ["coo", "csc", "csr", "dok", "lil"]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("make", [scipy.sparse.coo_array, scipy.sparse.coo_matrix])
def test_sparse_matrices_of_every_format(form, make):
    matrix = np.random.default_rng(0).poisson(0.2, size=(60, 4))
    check_all(SparseBlock(make(matrix).asformat(form)), matrix.astype(float))


def test_rows_of_a_sparse_matrix_copy_no_entries():
    matrix = scipy.sparse.random_array((1000, 5), density=0.1, format="csr", rng=np.random.default_rng(0))
    taken = SparseBlock(matrix).take(slice(10, None)).take(np.arange(500))
    assert np.shares_memory(taken.matrix.data, matrix.data)


def test_an_interaction_has_the_columns_of_the_product_of_bases():
    rng = np.random.default_rng(0)
    x, y = rng.random((2, 80, 2))
    first, second = BSplineEval(5, label="x"), BSplineEval(4, label="y")
    blocks = [DenseBlock(first.compute_features(x)), DenseBlock(second.compute_features(y))]
    check_all(InteractionBlock(blocks, n_channels=2), (first * second).compute_features(x, y))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: SparseBlock(np.zeros((3, 2))), TypeError, "sparse matrix of SciPy"),
        (lambda: SparseBlock(scipy.sparse.eye_array(3, dtype=complex)), TypeError, "real numbers"),
        (lambda: InteractionBlock([DenseBlock(np.ones((3, 2)))]), ValueError, "two or more blocks"),
        (
            lambda: InteractionBlock([DenseBlock(np.ones((3, 2))), DenseBlock(np.ones((4, 2)))]),
            ValueError,
            r"one number of rows; got \[3, 4\]",
        ),
        (lambda: InteractionBlock([DenseBlock(np.ones((3, 3)))] * 2, n_channels=2), ValueError, "2 channels"),
    ],
)
def test_wrong_input_is_told_in_a_sentence(make, error, message):
    with pytest.raises(error, match=message):
        make()
