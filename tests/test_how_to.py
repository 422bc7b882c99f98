"""The program that NeMoS's users know runs, and says what is true of its data."""

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

PROGRAM = Path(__file__).parent.parent / "examples" / "how_to_group_lasso.py"


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    figure = tmp_path_factory.mktemp("how_to") / "norms.png"
    state = np.random.get_state()  # noqa: NPY002 (the program seeds it)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [str(PROGRAM), str(figure)])
        variables = runpy.run_path(str(PROGRAM))
    np.random.set_state(state)  # noqa: NPY002
    return variables, figure


def test_one_leaf_of_features_per_covariate(ran):
    variables, _ = ran
    assert variables["design"].shape == (100, 12)
    assert {label: leaf.shape for label, leaf in variables["predictors"].items()} == {
        "position": (100, 6),
        "speed": (100, 6),
    }


def test_speed_leaves_the_model_at_a_smaller_strength_than_position(ran):
    variables, _ = ran
    position, speed = (np.array(variables["norms"][label]) for label in ("position", "speed"))
    leaves = [variables["strengths"][np.flatnonzero(norms == 0)[0]] for norms in (position, speed)]
    assert leaves[1] < leaves[0]
    assert speed[-1] == position[-1] == 0
    assert np.all(np.diff(position) <= 0)


def test_norms_are_those_of_nemos_up_to_its_tolerance(ran):
    # NeMoS 0.2.9 in its default float32, at the strengths whose optimum it comes close to.
    norms = ran[0]["norms"]
    np.testing.assert_allclose(norms["position"][4:8], [0.9210, 0.8176, 0.6110, 0.1028], atol=1e-3)
    np.testing.assert_allclose(norms["speed"][4:8], [0.1410, 0.0700, 0.0, 0.0], atol=1e-3)


def test_it_draws_a_figure(ran):
    assert ran[1].read_bytes().startswith(b"\x89PNG")
