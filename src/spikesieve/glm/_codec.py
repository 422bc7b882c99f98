"""Estimators, and what they are made of, as JSON and plain arrays, and back.

Nothing in a file is executed: classes are looked up among the package's own, and everything else that is not data
has to be handed over when the file is read.
"""

import dataclasses
import inspect
import math
from typing import Any

import numpy as np

import spikesieve.observation_models as observation_models
import spikesieve.regularizer as regularizer
import spikesieve.selection as selection
from spikesieve._errors import Status
from spikesieve._tree import Axis, CoefLayout, Structure, flatten
from spikesieve.glm._estimator import Estimator
from spikesieve.glm._fitted_at import FittedAt
from spikesieve.observation_models import InverseLink, ObservationModel, resolve_observation_model
from spikesieve.solver import Path

# What class labels may be, in arrays of objects.
_LABELS = str | int | float | tuple
_PACKAGES = (observation_models, regularizer, selection)
_RECORDS = {kind.__name__: kind for kind in (Axis, CoefLayout, Path, selection.CrossValidation)}


class Unreadable(ValueError):
    """The file's content is not what this version writes."""


# ---- Writing ---------------------------------------------------------------------------------------------------------


class Encoder:
    """Turns values into JSON; arrays are put aside in `arrays`, under the names by which the JSON refers to them."""

    def __init__(self):
        self.arrays: dict[str, np.ndarray] = {}

    def encode(self, value: Any, where: str) -> Any:
        """JSON of `value`; `where` is what an error calls it, and its key in a mapping of what cannot be saved.

        Raises
        ------
        TypeError
            If it, or something in it, is neither data nor made by this package.
        """
        if value is None or isinstance(value, bool | str):
            return value
        if isinstance(value, Status):
            return {"status": int(value)}
        if isinstance(value, int | float | np.integer | np.floating | np.bool_):
            return _encode_number(value.item() if isinstance(value, np.generic) else value)
        if isinstance(value, slice):
            return {"slice": [value.start, value.stop, value.step]}
        if type(value) in (dict, list, tuple):
            return self._encode_container(value, where)
        if hasattr(value, "__array__") and not isinstance(value, type):
            return self._encode_array(np.asarray(value), where)
        return self._encode_object(value, where)

    def _encode_array(self, array: np.ndarray, where: str) -> dict:
        if array.dtype == object and array.ndim == 1 and all(isinstance(item, _LABELS) for item in array):
            return {"labels": [self.encode(item, f"{where}[{i}]") for i, item in enumerate(array)]}
        if array.dtype.kind not in "biufcU":
            raise TypeError(f"{where} cannot be saved: it is an array of {array.dtype}, and not of numbers or text.")
        name = f"array{len(self.arrays)}"
        self.arrays[name] = array
        return {"array": name}

    def _encode_container(self, value, where: str) -> dict:
        if isinstance(value, dict):
            pairs = [[self.encode(k, f"a key of {where}"), self.encode(v, f"{where}[{k!r}]")] for k, v in value.items()]
            return {"dict": pairs}
        return {type(value).__name__: [self.encode(item, f"{where}[{i}]") for i, item in enumerate(value)]}

    def _encode_object(self, value, where: str) -> dict | None:
        if isinstance(value, FittedAt):
            return None  # it holds the recording
        if isinstance(value, Structure):
            return {"structure": self.encode(value.unflatten(range(len(value.labels))), f"the containers of {where}")}
        kind = type(value)
        if _RECORDS.get(kind.__name__) is kind:
            fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
            return {"record": kind.__name__, "fields": self._encode_each(fields, f"{where}.")}
        if kind in _own_classes().values():
            return self._encode_own(value, where)
        if callable(value) and not isinstance(value, type):
            return self._encode_function(value, where)
        if isinstance(value, ObservationModel | InverseLink | regularizer.Regularizer) or hasattr(value, "split"):
            return {"custom": f"{kind.__module__}.{kind.__qualname__}", "key": where}
        raise TypeError(
            f"{where} cannot be saved: it is a {kind.__name__}. Numbers, text, arrays, dicts, lists, tuples and "
            "what this package makes can be."
        )

    def _encode_own(self, value, where: str) -> dict:
        prefix = f"{where}__" if where else ""
        arguments = {name: getattr(value, name) for name in _arguments_of(type(value))}
        encoded = {"class": type(value).__name__, "arguments": self._encode_each(arguments, prefix)}
        if isinstance(value, Estimator):
            fitted = {name: item for name, item in vars(value).items() if name not in arguments}
            encoded["fitted"] = self._encode_each(fitted, prefix)
        return encoded

    def _encode_each(self, values: dict[str, Any], prefix: str) -> dict:
        return {name: self.encode(item, prefix + name) for name, item in values.items()}

    def _encode_function(self, function, where: str) -> dict:
        link = function if isinstance(function, InverseLink) else _link_of(function)
        if link is not None:
            return self._encode_own(link, where)
        name = f"{getattr(function, '__module__', '?')}.{getattr(function, '__qualname__', repr(function))}"
        return {"custom": name, "key": where}


def _encode_number(value):
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}
    return value


def _link_of(function) -> InverseLink | None:
    """The known link that `function` computes, if it is one: that needs no function in the file."""
    try:
        link = resolve_observation_model("Gaussian", function).inverse_link
    except (TypeError, ValueError):
        return None
    return link if type(link) in _own_classes().values() else None


# ---- Reading ---------------------------------------------------------------------------------------------------------


class Decoder:
    """Turns JSON and arrays back into values; `given` holds what could not be saved, by its key."""

    def __init__(self, arrays: Any, given: dict[str, Any]):
        self.arrays, self.given = arrays, given

    def decode(self, encoded: Any) -> Any:
        """Value that `Encoder.encode` wrote.

        Raises
        ------
        Unreadable
            If it is nothing that this version writes.
        ValueError
            If something that could not be saved was not given.
        """
        if encoded is None or isinstance(encoded, bool | str | int | float):
            return encoded
        if not isinstance(encoded, dict) or not encoded:
            raise Unreadable(f"unexpected {encoded!r}")
        kind, content = next(iter(encoded.items()))
        if kind == "class":
            return self._decode_own(encoded)
        if kind == "record":
            return _known(_RECORDS, content)(**self._decode_each(encoded["fields"]))
        if kind == "custom":
            return self._given(encoded)
        return self._decode_data(kind, content)

    def _decode_data(self, kind: str, content):
        if kind == "array":
            return self.arrays[content]
        if kind == "dict":
            return {self.decode(key): self.decode(value) for key, value in content}
        if kind in ("list", "tuple", "labels"):
            items = [self.decode(item) for item in content]
            return _objects(items) if kind == "labels" else items if kind == "list" else tuple(items)
        if kind == "structure":
            return flatten(self.decode(content))[1]
        simple = {"status": Status, "float": float, "slice": lambda limits: slice(*limits)}
        return _known(simple, kind)(content)

    def _decode_own(self, encoded: dict):
        kind = _known(_own_classes(), encoded["class"])
        value = kind(**self._decode_each(encoded["arguments"]))
        for name, item in self._decode_each(encoded.get("fitted", {})).items():
            setattr(value, name, item)
        return value

    def _decode_each(self, encoded: dict) -> dict:
        return {name: self.decode(item) for name, item in encoded.items()}

    def _given(self, encoded: dict):
        key = encoded["key"]
        if key not in self.given:
            raise ValueError(
                f"The file names {encoded['custom']}, which is not part of spikesieve and was not saved. Hand it over: "
                f"load_model(..., mapping_dict={{{key!r}: ...}})."
            )
        return self.given[key]


def _objects(items: list) -> np.ndarray:
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


def _known(table: dict, name: str):
    if name not in table:
        raise Unreadable(f"{name!r} is unknown to this version")
    return table[name]


def _own_classes() -> dict[str, type]:
    """Every class that a file may name: estimators, and the public ones of lower layers that are made of arguments."""
    public = {name: kind for package in _PACKAGES for name, kind in vars(package).items() if inspect.isclass(kind)}
    return {kind.__name__: kind for kind in _subclasses(Estimator)} | public


def _subclasses(kind: type) -> set[type]:
    own = {sub for sub in kind.__subclasses__() if sub.__module__.startswith("spikesieve.")}
    return own.union(*(_subclasses(sub) for sub in own))


def _arguments_of(kind: type) -> list[str]:
    return [name for name in inspect.signature(kind).parameters]
