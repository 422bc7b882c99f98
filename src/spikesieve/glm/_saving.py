"""Models in one ``.npz`` file: a JSON header with a format version, and plain arrays. Nothing is pickled."""

import io
import json
import os
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from spikesieve.glm._estimator import Estimator

FORMAT, VERSION = "spikesieve model", 1
_HEADER = "header"
# What reading a damaged zip file, or an array in it, raises.
_DAMAGE = (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error, struct.error)


def save_model(model: Estimator, filename: str | os.PathLike) -> None:
    """Write `model` to a file, whole or not at all; documented at ``GLM.save``."""
    from spikesieve.glm._codec import Encoder

    path = _with_suffix(filename)
    encoder = Encoder()
    header = {"format": FORMAT, "version": VERSION, "model": encoder.encode(model, "")}
    text = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        with open(unfinished, "xb") as file:
            _write_arrays(file, {_HEADER: text, **encoder.arrays})
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def load_model(filename: str | os.PathLike, mapping_dict: dict[str, Any] | None = None) -> Estimator:
    """Read a model that ``save`` wrote: parameters, coefficients, certificate.

    Parameters
    ----------
    filename
        Path of the ``.npz`` file.
    mapping_dict
        What could not be saved, by the name of the parameter: a function of your own as
        ``{"inverse_link_function": my_function}``.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, was not written by ``save``, or by a newer version, or `mapping_dict` lacks something.

    Notes
    -----
    Nothing in the file is executed, so that files of strangers can be read.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from spikesieve.glm import GLM
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> model = GLM().fit(X, np.arange(100) % 3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model.save(f"{folder}/neuron.npz")
    ...     same = load_model(f"{folder}/neuron.npz")
    >>> bool(np.all(same.predict(X) == model.predict(X)))
    True
    """
    from spikesieve.glm._codec import Decoder, Unreadable

    path = _existing(filename)
    header, arrays = _read(path)
    try:
        model = Decoder(arrays, dict(mapping_dict or {})).decode(header["model"])
    except (Unreadable, KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(f"{path} is damaged: its content makes no sense ({error}).") from error
    if not isinstance(model, Estimator):
        raise ValueError(f"{path} is damaged: it holds a {type(model).__name__} and no model.")
    return model


def inspect_npz(filename: str | os.PathLike) -> None:
    """Print what a file of ``save`` holds: format, class, parameters, and the fitted attributes.

    Raises
    ------
    FileNotFoundError, ValueError
        As `load_model`.
    """
    path = _existing(filename)
    header, arrays = _read(path)
    model = header["model"]
    print(f"{path}: {header['format']}, format version {header['version']}\n\n{model['class']}")
    for title, part in (("Parameters", model["arguments"]), ("Fitted attributes", model.get("fitted", {}))):
        shown = {name: item for name, item in part.items() if not name.startswith("_")}
        width = max(map(len, shown), default=0)
        print(f"\n{title}")
        print("\n".join(f"  {name:<{width}}  {_described(item, arrays)}" for name, item in shown.items()) or "  none")


def _described(encoded, arrays) -> str:
    if not isinstance(encoded, dict):
        return repr(encoded)
    kind, content = next(iter(encoded.items()))
    if kind == "array":
        array = arrays[content]
        return str(array) if array.size <= 8 else f"array {array.shape}"
    if kind == "dict":
        inner = ", ".join(f"{key!r}: {_described(value, arrays)}" for key, value in content)
        return f"{{{inner}}}"
    if kind in ("list", "tuple"):
        return f"{kind} of {', '.join(_described(item, arrays) for item in content)}"
    if kind == "class":
        given = {name: item for name, item in encoded["arguments"].items() if item is not None}
        return f"{content}({', '.join(f'{name}={_described(item, arrays)}' for name, item in given.items())})"
    return str(content)


def _with_suffix(filename) -> Path:
    path = Path(filename)
    return path if path.suffix == ".npz" else path.with_name(path.name + ".npz")


def _existing(filename) -> Path:
    path = Path(filename)
    return path if path.exists() else _with_suffix(filename)


def _read(path: Path) -> tuple[dict, dict[str, np.ndarray]]:
    """Header and arrays of a file of ours that this version can read."""
    if not path.exists():
        raise FileNotFoundError(f"There is no file {path}.")
    try:
        arrays = _arrays_in(path)
    except _DAMAGE as error:
        raise ValueError(f"{path} is damaged, or not a file of a saved model ({str(error)[:200]}).") from error
    header = _parsed(arrays.pop(_HEADER)) if _HEADER in arrays else None
    if header is None:
        author = "by NeMoS, not by spikesieve" if any("strkey" in name for name in arrays) else "not by spikesieve"
        raise ValueError(f"{path} holds no saved model of ours: it was written {author}.")
    if header["version"] > VERSION:
        raise ValueError(
            f"{path} has format version {header['version']}, and this spikesieve reads up to {VERSION}: "
            "it was written by a newer one. Upgrade spikesieve."
        )
    return header, arrays


def _write_arrays(file, arrays: dict[str, np.ndarray]) -> None:
    """As ``np.savez``, which would pickle what is not plain data."""
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def _arrays_in(path: Path) -> dict[str, np.ndarray]:
    """As ``np.load``, but every checksum is compared before anything is looked at."""
    with open(path, "rb") as file, zipfile.ZipFile(file) as archive:
        contents = {name.removesuffix(".npy"): io.BytesIO(archive.read(name)) for name in archive.namelist()}
    return {name: np.lib.format.read_array(content, allow_pickle=False) for name, content in contents.items()}


def _parsed(text: np.ndarray) -> dict | None:
    """Header as a dict; None if it is not one of ours."""
    try:
        header = json.loads(np.asarray(text, dtype=np.uint8).tobytes())
    except (UnicodeDecodeError, json.JSONDecodeError):
        return None
    is_ours = isinstance(header, dict) and header.get("format") == FORMAT and isinstance(header.get("version"), int)
    return header if is_ours and isinstance(header.get("model"), dict) else None
