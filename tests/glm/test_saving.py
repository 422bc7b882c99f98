"""Saved models come back whole, from one file without pickles; files that are not whole are refused in one sentence."""

import io
import json
import os
import sys
import zipfile

import numpy as np
import pytest

import spikesieve
from spikesieve import glm, load_model
from spikesieve.basis import BSplineEval
from spikesieve.glm import GLM, _saving
from spikesieve.observation_models import (
    GammaObservations,
    NegativeBinomialObservations,
    PoissonObservations,
    Softplus,
)
from spikesieve.regularizer import GroupLasso, Ridge
from tests.combinations import PENALTIES, regularizer_for
from tests.solver.problems import counts, features

X = features(n_samples=120, n_groups=3, size=2)
Y = counts(X)
MATRIX = np.hstack(list(X.values()))
MASK = np.kron(np.eye(3), np.ones(2))


def fitted(model, features=X, y=Y):
    return model.fit(features, y)


def same(a, b):
    """Equal values in equal containers, and objects of equal classes and arguments."""
    assert type(a) is type(b), (a, b)
    if isinstance(a, dict):
        assert list(a) == list(b)
        return all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=True)
    if type(a).__module__.startswith("spikesieve.") and not isinstance(a, int):
        return same(vars(a), vars(b))
    return a == b


NESTED = {"outer": [X["g00"], (X["g01"],)], "z": X["g02"]}
MODELS = {
    "default": (GLM(), MATRIX),
    "names": (GLM("Gaussian", "softplus", "GroupLasso", 0.02), X),
    "nested containers": (GLM(regularizer="GroupLasso", regularizer_strength=0.02), NESTED),
    "mask": (GLM(regularizer=GroupLasso(MASK), regularizer_strength=0.02), MATRIX),
    "mask as a tree": (
        GLM(
            regularizer=GroupLasso({f"g{i:02d}": MASK[:, 2 * i : 2 * i + 2] for i in range(3)}),
            regularizer_strength=0.1,
        ),
        X,
    ),
    "strengths by leaf": (GLM(regularizer="GroupLasso", regularizer_strength={"g00": 0.1, "g01": 0.0, "g02": 0.3}), X),
    "numpy scalars": (GLM(regularizer=Ridge(), regularizer_strength=np.float32(0.5), n_jobs=np.int64(1)), X),
    "instances": (GLM(NegativeBinomialObservations(0.3, Softplus()), solver_kwargs={"tol": 1e-7}, warm_start=True), X),
    "estimated dispersion": (GLM("NegativeBinomial"), X),
    "a design": (
        GLM(regularizer="GroupLasso", regularizer_strength=0.01),
        (BSplineEval(5, label="a") + BSplineEval(6, label="b")).design(X["g00"][:, 0], X["g01"][:, 0]),
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_models_come_back_whole(name, tmp_path):
    model, features = MODELS[name]
    model = fitted(type(model)(**model.get_params(deep=False)), features)
    model.save(tmp_path / "model.npz")
    loaded = load_model(tmp_path / "model.npz")
    assert type(loaded) is type(model)
    ours, theirs = vars(model).copy(), vars(loaded).copy()
    for attributes in (ours, theirs):  # compared by what it does, below
        attributes.pop("_layout"), attributes.pop("solution_")
    for key in ours:
        if isinstance(ours[key], np.generic):
            assert ours.pop(key) == theirs.pop(key)
            break
    assert set(ours) == set(theirs)
    np.testing.assert_array_equal(loaded.predict(features), model.predict(features))
    assert same(loaded.coef_, model.coef_) and same(loaded.intercept_, model.intercept_)
    assert loaded.solution_.status == model.solution_.status
    np.testing.assert_array_equal(loaded.solution_.kkt_residual, model.solution_.kkt_residual)
    assert same(loaded.solution_.coef, model.solution_.coef)
    assert repr(loaded.get_params(deep=False)) == repr(model.get_params(deep=False)) or "numpy" in name
    refitted = fitted(loaded, features)
    np.testing.assert_allclose(refitted.predict(features), model.predict(features), rtol=1e-6)


def test_masks_and_arguments_are_equal(tmp_path):
    model = GLM(NegativeBinomialObservations(0.3, Softplus()), regularizer=GroupLasso({"a": [[1, 0]], "b": [[0, 1]]}))
    model.save(tmp_path / "m")
    loaded = load_model(tmp_path / "m")
    assert same(loaded.regularizer, model.regularizer)
    assert loaded.observation_model.scale == 0.3 and type(loaded.observation_model.inverse_link) is Softplus
    assert not hasattr(loaded, "coef_")


def test_every_estimator_is_saved(tmp_path):
    from tests.glm.test_scikit_learn import ESTIMATORS

    for estimator in ESTIMATORS:
        estimator.save(tmp_path / "unfitted.npz")
        loaded = load_model(tmp_path / "unfitted.npz")
        assert repr(loaded) == repr(estimator)
    public = {kind for kind in vars(glm).values() if isinstance(kind, type) and hasattr(kind, "fit")}
    assert public == {type(estimator) for estimator in ESTIMATORS}


@pytest.mark.parametrize("penalty", PENALTIES)
def test_every_penalty_is_saved(penalty, tmp_path):
    model = GLM(regularizer=regularizer_for(penalty, "nested"), regularizer_strength=0.1)
    model.save(tmp_path / "m.npz")
    assert same(load_model(tmp_path / "m.npz").regularizer, model.regularizer)


def test_labels_of_any_saved_type_come_back(tmp_path):
    labels = np.empty(3, dtype=object)
    labels[:] = ["left", ("right", 2), 3]
    model = fitted(GLM())
    model.classes_ = labels
    model.save(tmp_path / "m.npz")
    loaded = load_model(tmp_path / "m.npz").classes_
    assert loaded.dtype == object and loaded.tolist() == labels.tolist()


def test_functions_that_are_known_links_need_nothing(tmp_path):
    model = fitted(GLM(GammaObservations(), lambda x: np.log1p(np.exp(x))), X, Y + 0.5)
    model.save(tmp_path / "m.npz")
    loaded = load_model(tmp_path / "m.npz")
    assert isinstance(loaded.inverse_link_function, Softplus)
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))


def own_link(x):
    return np.exp(0.5 * x) + 0.1


def test_functions_of_users_are_handed_over(tmp_path):
    model = fitted(GLM(inverse_link_function=own_link))
    model.save_params(tmp_path / "m.npz")
    with pytest.raises(ValueError, match=r"names .*own_link.*mapping_dict=\{'inverse_link_function': \.\.\.\}"):
        load_model(tmp_path / "m.npz")
    loaded = load_model(tmp_path / "m.npz", mapping_dict={"inverse_link_function": own_link})
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))


class OwnPoisson(PoissonObservations):
    pass


def test_classes_of_users_are_handed_over(tmp_path):
    own = OwnPoisson()
    fitted(GLM(own)).save(tmp_path / "m.npz")
    with pytest.raises(ValueError, match="mapping_dict={'observation_model': ...}"):
        load_model(tmp_path / "m.npz")
    assert load_model(tmp_path / "m.npz", {"observation_model": own}).observation_model is own
    OwnPoisson.__module__ = __name__  # still alive, so that a registry of classes would know it


def test_what_cannot_be_saved_is_said_and_leaves_no_file(tmp_path):
    with pytest.raises(TypeError, match=r"n_jobs cannot be saved: it is a StringIO"):
        GLM(n_jobs=io.StringIO()).save(tmp_path / "m.npz")
    with pytest.raises(TypeError, match=r"regularizer__mask cannot be saved: it is an array of object"):
        GLM(regularizer=GroupLasso(np.array([[1], None], dtype=object))).save(tmp_path / "m.npz")
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_pickled(tmp_path):
    fitted(GLM()).save(tmp_path / "m.npz")
    with zipfile.ZipFile(tmp_path / "m.npz") as file:
        for name in file.namelist():
            np.lib.format.read_array(io.BytesIO(file.read(name)), allow_pickle=False)


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    fitted(GLM()).save(tmp_path / "m.npz")
    before = (tmp_path / "m.npz").read_bytes()

    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        fitted(GLM("Gaussian")).save(tmp_path / "m.npz")
    assert (tmp_path / "m.npz").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["m.npz"]


# ---- Files that are not whole, or not ours ---------------------------------------------------------------------------


@pytest.fixture
def saved(tmp_path):
    fitted(GLM(regularizer="GroupLasso", regularizer_strength=0.02)).save(tmp_path / "m.npz")
    return tmp_path / "m.npz"


def change_header(path, change):
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    header = change(json.loads(arrays[_saving._HEADER].tobytes()))
    arrays[_saving._HEADER] = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    np.savez(path, **arrays)


def test_a_damaged_file_is_told_wherever_it_is_cut(saved):
    whole = saved.read_bytes()
    for share in (0.0, 0.1, 0.5, 0.9, 0.99):
        saved.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(ValueError, match="is damaged, or not a file of a saved model"):
            load_model(saved)


def test_flipped_bits_are_told_or_harmless(saved):
    whole, expected = bytearray(saved.read_bytes()), load_model(saved).predict(X)
    n_told = 0
    for position in range(0, len(whole), 97):
        damaged = whole.copy()
        damaged[position] ^= 0b10000
        saved.write_bytes(damaged)
        try:
            np.testing.assert_array_equal(load_model(saved).predict(X), expected)
        except ValueError as error:
            n_told += "damaged" in str(error) or "no saved model of ours" in str(error)
            assert len(str(error)) < 500
    assert n_told > 20


def test_a_newer_file_is_told(saved):
    change_header(saved, lambda header: header | {"version": 2})
    with pytest.raises(ValueError, match="has format version 2, and this spikesieve reads up to 1.*Upgrade spikesieve"):
        load_model(saved)


@pytest.mark.parametrize(
    "change",
    [
        lambda model: model | {"class": "os.system"},
        lambda model: model | {"class": "GroupLasso", "arguments": {}, "fitted": {}},
        lambda model: model | {"arguments": {"unheard_of": 1}},
        lambda model: model | {"fitted": {"coef_": {"array": "array99"}}},
        lambda model: model | {"fitted": {"coef_": {"pickle": "x"}}},
        lambda model: {"unheard": "of"},
    ],
)
def test_a_header_that_makes_no_sense_is_told(saved, change):
    change_header(saved, lambda header: header | {"model": change(header["model"])})
    with pytest.raises(ValueError, match="is damaged: its content makes no sense|it holds a GroupLasso and no model"):
        load_model(saved)


def test_foreign_files_are_told(tmp_path):
    np.savez(tmp_path / "data.npz", x=np.zeros(3))
    np.savez(tmp_path / "nemos.npz", **{"item::strkey:coef_": np.zeros(3)})
    (tmp_path / "text.npz").write_text("speed,position\n1,2\n")
    np.save(tmp_path / "array.npy", np.zeros(3))
    os.replace(tmp_path / "array.npy", tmp_path / "array.npz")
    for name, message in (
        ("data.npz", "was written not by spikesieve"),
        ("nemos.npz", "was written by NeMoS, not by spikesieve"),
        ("text.npz", "is damaged, or not a file of a saved model"),
        ("array.npz", "is damaged, or not a file of a saved model"),
    ):
        with pytest.raises(ValueError, match=message):
            load_model(tmp_path / name)
    with pytest.raises(FileNotFoundError, match="missing.npz"):
        load_model(tmp_path / "missing.npz")


def test_inspecting_prints_what_is_in_a_file(saved, capsys):
    spikesieve.inspect_npz(saved)
    printed = capsys.readouterr().out
    for part in ("format version 1", "GLM", "0.02", "observation_model", "'g00': [", "scale_"):
        assert part in printed, part
    assert "_layout" not in printed


def test_loading_needs_neither_jax_nor_pickle(saved):
    import subprocess

    code = f"import sys, spikesieve; spikesieve.load_model({str(saved)!r}); assert 'jax' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
