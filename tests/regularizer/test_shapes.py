"""Shapes of penalties: slopes are derivatives, flat ends are flat, impossible gammas are refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikesieve._tree import CoefLayout, flatten
from spikesieve.regularizer import MCP, SCAD, GroupMCP, GroupSCAD, Norm

LAYOUT = CoefLayout.of(flatten({"a": 0, "b": 0})[1], [2, 3])
SHAPES = [Norm(), MCP(3.0), MCP(0.5, 7.0), SCAD(4.0), SCAD(1.5, 0.2)]


@pytest.mark.parametrize("shape", SHAPES, ids=repr)
@given(norm=st.floats(0.0, 20.0), strength=st.floats(0.05, 3.0))
def test_slope_is_the_derivative(shape, norm, strength):
    step = 1e-6
    ends = shape.value(np.array([norm, norm + step]), np.full(2, strength))
    slope = shape.slope(np.array([norm, norm + step]), np.full(2, strength))
    assert slope[1] - 1e-8 <= np.diff(ends)[0] / step <= slope[0] + 1e-8  # concave: the slope falls
    assert 0.0 <= slope[1] <= slope[0] <= strength
    assert shape.slope(np.zeros(1), np.array([strength]))[0] == strength
    assert shape.value(np.zeros(1), np.array([strength]))[0] == 0.0


@pytest.mark.parametrize(
    ("shape", "plateau"), [(MCP(3.0), 3.0 * 0.25 / 2), (SCAD(4.0), 5 * 0.25 / 2), (MCP(3.0, 2.0), 3.0 * 0.25 / 4)]
)
def test_the_plateau_is_where_the_papers_put_it(shape, plateau):
    values = shape.value(np.array([5.0, 50.0]), np.full(2, 0.5))
    np.testing.assert_allclose(values, plateau)
    assert not shape.slope(np.array([5.0, 50.0]), np.full(2, 0.5)).any()


def test_groups_carry_their_strength_into_the_shape():
    penalty, strength = GroupMCP(relative=False).bind(LAYOUT, {"a": 1.0, "b": 2.0})
    assert strength == 1.0 and not penalty.awaits_curvature
    weights = np.array([np.sqrt(2), 2 * np.sqrt(3)])
    np.testing.assert_allclose(penalty.thresholds(np.array([1.0, 1.0]), 0.5), 0.5 * weights - 1 / 3)
    assert penalty.convex().shape.is_convex and penalty.convex().groups == penalty.groups


def test_a_relative_gamma_waits_for_the_data():
    penalty, _ = GroupSCAD().bind(LAYOUT, 1.0)
    assert penalty.awaits_curvature and not penalty.at_curvature(np.ones(2)).awaits_curvature


@pytest.mark.parametrize(
    "regularizer",
    [GroupMCP(0.0), GroupMCP(-1.0), GroupSCAD(1.0), GroupMCP(np.nan), GroupMCP([3.0, 3.0]), GroupMCP("3x")],
)
def test_impossible_gammas_are_one_sentence(regularizer):
    with pytest.raises(ValueError, match="gamma") as caught:
        regularizer.bind(LAYOUT, 1.0)
    assert len(str(caught.value).splitlines()) == 1
