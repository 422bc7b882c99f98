"""What a neuroscientist is told about covariates that make no sense, one sentence each; and what is no mistake."""

import re

import numpy as np
import pytest

from spikesieve import basis as sb
from spikesieve.glm import GLM

N = 200
RNG = np.random.default_rng(0)
X, Y = RNG.random(N), RNG.poisson(1.0, N)
MIXED, WORDS = np.array([1.0, "rest"] * (N // 2), dtype=object), np.array(["left", "rest"] * (N // 2))


def design(speed, position=X, **bounds):
    basis = sb.BSplineEval(5, label="position", **bounds) + sb.BSplineEval(5, label="speed", **bounds)
    return basis.design(position, speed)


def fit(features, y=Y):
    return GLM(regularizer="GroupLasso", regularizer_strength=0.01).fit(features, y)


class Series:
    """Looks like a pynapple time series to the library, which never imports pynapple."""

    def __init__(self, t, values):
        self.t, self.values = t, values


Series.__module__ = "pynapple.core"


@pytest.mark.parametrize(
    ("speed", "error", "message"),
    [
        (X[:-1], ValueError, "(position + speed): the covariates must have the same number of samples; got [200, 199]"),
        (3.0, ValueError, "must have the same number of samples; got [200, 1]. Bring them to the same time bins first"),
        (None, TypeError, "(position + speed): covariate 2 of 2 is None"),
        (WORDS, TypeError, "speed: a covariate must be an array of real numbers; this one holds text such as 'left'"),
        (WORDS, TypeError, "Use basis.Category for labels"),
        (
            MIXED,
            TypeError,
            "speed: a covariate must be an array of real numbers; this one holds str values such as",
        ),
        (X + 1j, TypeError, "speed: a covariate must be an array of real numbers; got dtype complex128"),
        (np.arange(N).astype("datetime64[s]"), TypeError, "holds times (datetime64[s]). Convert them to seconds first"),
        ([[1, 2], [3]] * (N // 2), ValueError, "speed: a covariate must be an array of numbers, and this is none"),
        (np.full(N, np.nan), ValueError, "speed: a covariate without a single finite sample has no range. Drop it"),
    ],
)
def test_covariates_that_make_no_sense_are_named(speed, error, message):
    with pytest.raises(error, match=re.escape(message)):
        design(speed)


def test_different_time_stamps_are_told():
    t = np.arange(N) / 100.0
    first, late = Series(t, X), Series(t + 0.005, X)
    with pytest.raises(ValueError, match="pynapple objects with different time stamps. Bring them to the same time"):
        design(late, first)


def test_everything_outside_the_bounds_names_the_covariate():
    in_cm = design(100.0 * X + 50.0, bounds=(0.0, 1.0))
    with pytest.raises(ValueError, match=r"nothing is left to fit. Never finite: speed with bounds \(0.0, 1.0\)"):
        fit(in_cm)


def test_much_outside_the_bounds_is_warned_about():
    with pytest.warns(UserWarning, match=r"15\d of 200 samples .* left out: 15\d in speed with bounds \(0.0, 1.0\)"):
        fit(design(4.0 * X, bounds=(0.0, 1.0)))
    missing = np.where(np.arange(N) % 4 == 0, np.nan, Y)
    with pytest.warns(UserWarning, match="50 of 200 samples have a NaN or infinity and are left out: 50 in y"):
        fit(design(X), missing)


@pytest.mark.parametrize("missing", [None, np.nan])
def test_numbers_in_an_array_of_objects_are_numbers(missing):
    speed = X.astype(object)
    speed[5] = missing
    expected = np.where(np.arange(N) == 5, np.nan, X)
    np.testing.assert_array_equal(design(speed).to_dense(), design(expected).to_dense())


def test_columns_of_pandas_are_covariates():
    pd = pytest.importorskip("pandas", reason="pandas comes with statsmodels, a test extra")
    speed = np.where(np.arange(N) == 5, np.nan, X)
    expected = design(speed)
    objects = pd.Series([pd.NA if np.isnan(x) else x for x in speed], dtype=object)
    for column in (
        pd.Series(speed),
        pd.Series(speed).astype("Float64"),
        objects,
        pd.DataFrame({"speed": speed})["speed"],
    ):
        np.testing.assert_array_equal(design(column).to_dense(), expected.to_dense())
    counts = pd.Series(Y).astype("Int64")
    counts[7] = pd.NA
    np.testing.assert_array_equal(
        fit(expected, counts).coef_["speed"], fit(expected, np.where(np.arange(N) == 7, np.nan, Y)).coef_["speed"]
    )


def test_labels_come_in_any_text():
    pd = pytest.importorskip("pandas", reason="pandas comes with statsmodels, a test extra")
    basis = sb.Category(["left", "right"])
    expected = basis.design(WORDS).to_dense()
    for labels in (WORDS.astype(object), list(WORDS), pd.Series(WORDS), pd.Categorical(WORDS)):
        np.testing.assert_array_equal(basis.design(labels).to_dense(), expected)
    with pytest.raises(
        TypeError, match="some labels are text and 100 are not, such as None. Give bins without a label"
    ):
        basis.design(np.array(["left", None] * (N // 2), dtype=object))
    with pytest.raises(TypeError, match="the covariate has dtype float64, but the categories <U5"):
        basis.design(X)


def test_options_that_make_no_sense_are_told():
    with pytest.raises(ValueError, match=r"resolution must lie between 0 and 1 \(the largest error .*\), got 'fine'"):
        sb.BSplineEval(5).design(X, resolution="fine")
    with pytest.raises(TypeError, match="expects 2 covariates, one per input in order; got 3"):
        (sb.BSplineEval(5) + sb.BSplineEval(5)).design(X, X, X)
    with pytest.raises(TypeError, match=r"Rows are chosen by a slice or an array, got the number 3: use \[3:4\]"):
        design(X)[3]
    with pytest.raises(IndexError, match="boolean index did not match"):
        design(X)[np.ones(3, dtype=bool)]
