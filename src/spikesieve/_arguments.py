"""Arguments as a user passes them: numbers as float64, words and flags, each checked once."""

import numbers

import numpy as np


def as_floats(values, name: str) -> np.ndarray:
    """Return an array of float64; `name` is what an error calls it.

    Raises
    ------
    TypeError
        If the values are not numbers.
    ValueError
        If they are complex, or lists of unequal lengths.
    """
    if isinstance(values, np.ma.MaskedArray):
        values = np.ma.filled(values.astype(np.float64), np.nan)  # masked means missing
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{name} must be an array of numbers, got lists of unequal lengths.") from error
    if array.dtype.kind == "O" and hasattr(values, "to_numpy"):
        array = _without_missing(values, array)
    if array.dtype.kind in "USMm":
        raise TypeError(f"{name} must be numeric, got an array of {array.dtype}.")
    if np.iscomplexobj(array):
        raise ValueError(f"Complex data not supported: {name} is complex.")
    try:
        return array.astype(np.float64, copy=False)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} must be numeric, got an array of {array.dtype}: {error}.") from error


def _without_missing(values, array: np.ndarray) -> np.ndarray:
    """Nullable columns of pandas with NaN for what they mark as missing; `array` if that is not what they are."""
    try:
        return values.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError):
        return array


def is_real(value) -> bool:
    """Whether `value` is one real number, of Python or NumPy: True and False are none, NaN is."""
    if isinstance(value, np.ndarray):
        return value.ndim == 0 and value.dtype.kind in "iuf"
    return isinstance(value, numbers.Real) and not is_flag(value)


def is_flag(value) -> bool:
    """Whether `value` is True or False, of Python or NumPy."""
    return isinstance(value, bool | np.bool_)


def check_flag(value, name: str) -> bool:
    """Return `value` if it is True or False.

    Raises
    ------
    ValueError
        If it is anything else, as a word that would count as true.
    """
    if not is_flag(value):
        raise ValueError(f"{name} must be True or False, got {shown(value)}.")
    return bool(value)


def is_word(value, words) -> bool:
    """Whether `value` is one of some words; arrays, which compare entry by entry, are none."""
    return isinstance(value, str) and value in words


def shown(value, size: int = 80) -> str:
    """Return `value` as an error shows it: in one line, and not too long a one.

    Examples
    --------
    >>> shown("speed"), shown(np.arange(100), 20)
    ("'speed'", 'array([ 0, 1, 2, ...')
    """
    text = " ".join(repr(value).split())
    return text if len(text) <= size else text[: size - 4] + " ..."
