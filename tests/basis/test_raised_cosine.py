"""Raised cosine bumps against their formula."""

import numpy as np
import pytest

from spikesieve.basis import RaisedCosineLinearEval


def by_formula(u, n, width):
    peaks = np.linspace(0, 1, n)
    values = np.zeros((len(u), n))
    for row, coordinate in enumerate(u):
        for column, peak in enumerate(peaks):
            phase = np.pi * (coordinate - peak) / (width / (n - 1))
            values[row, column] = (1 + np.cos(phase)) / 2 if abs(phase) < np.pi else 0
    return values


@pytest.mark.parametrize("n", [2, 3, 10])
@pytest.mark.parametrize("width", [1.5, 2.0, 3.0])
def test_features_follow_the_formula(n, width):
    u = np.linspace(0, 1, 57)
    features = RaisedCosineLinearEval(n, width=width).compute_features(u)
    np.testing.assert_allclose(features, by_formula(u, n, width), atol=1e-15)


@pytest.mark.parametrize("width", [1.5, 2.0, 2.5])
def test_bumps_add_up_to_a_constant_away_from_the_ends(width):
    u = np.linspace(0.35, 0.65, 50)
    features = RaisedCosineLinearEval(12, width=width, bounds=(0, 1)).compute_features(u)
    np.testing.assert_allclose(features.sum(axis=1), width, rtol=1e-13)


@pytest.mark.parametrize("width", [1.0, 0.5, 1.2, -2.0])
def test_widths_that_do_not_tile_are_refused(width):
    with pytest.raises(ValueError, match="above 1 and a multiple of one half"):
        RaisedCosineLinearEval(5, width=width)


def test_one_bump_is_refused():
    with pytest.raises(ValueError, match="at least 2"):
        RaisedCosineLinearEval(1)
