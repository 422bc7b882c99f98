"""Class labels of any hashable type, and the class numbers that stand for them."""

import numpy as np

from spikesieve._arguments import is_real, shown
from spikesieve._types import PerSample


def as_labels(y) -> np.ndarray:
    """Labels as a one-dimensional array; strings and numbers keep their type, anything else becomes objects.

    Raises
    ------
    ValueError
        If `y` is None or not one label per sample.
    """
    if y is None:
        raise ValueError("requires y to be passed, but the target y is None.")
    if isinstance(y, list) and any(isinstance(label, tuple | frozenset) for label in y):
        labels = np.empty(len(y), dtype=object)
        labels[:] = y
        return labels
    labels = _as_array(y)
    if labels.ndim == 2 and labels.shape[1] == 1:
        from sklearn.utils.validation import column_or_1d

        return column_or_1d(labels, warn=True)
    if labels.ndim != 1:
        raise ValueError(f"y must be 1-dimensional, one label per time bin, got shape {labels.shape}.")
    return labels


def as_labels_of_neurons(y) -> np.ndarray:
    """Labels as an array ``(n_samples, n_neurons)``.

    Raises
    ------
    ValueError
        If `y` is None or has no second axis.
    """
    if y is None:
        raise ValueError("requires y to be passed, but the target y is None.")
    labels = _as_array(y)
    if labels.ndim == 2 and labels.shape[1] == 0:
        raise ValueError(f"y has no neurons: expected one column of labels for each, got shape {labels.shape}.")
    if labels.ndim != 2:
        raise ValueError(
            f"y must be 2-dimensional, one label per time bin and neuron, got shape {labels.shape}. Labels that are "
            "sequences need an array of objects."
        )
    return labels


def _as_array(y) -> np.ndarray:
    """Labels as an array, checked to be hashable."""
    try:
        labels = np.asarray(y)
        if labels.dtype == object:
            {hash(label) for label in labels.ravel().tolist()}
    except (TypeError, ValueError) as error:
        raise ValueError(f"y must hold one label per time bin, of a hashable type: {error}.") from error
    return labels


def classes_in(labels: np.ndarray, n_classes) -> np.ndarray:
    """Distinct labels, checked to be as many as `n_classes`, or at least 2 where it is None.

    Raises
    ------
    ValueError
        If they are not, or if `n_classes` is no number of classes.
    """
    if n_classes is not None and not (is_real(n_classes) and n_classes >= 2 and n_classes % 1 == 0):
        raise ValueError(f"n_classes must be a whole number of at least 2, or None, got {shown(n_classes)}.")
    classes = distinct_labels(labels)
    if n_classes is None and classes.dtype.kind == "f" and (classes != np.floor(classes)).any():
        raise ValueError("Unknown label type: continuous. Labels that are real numbers need n_classes to be given.")
    if len(classes) != n_classes and (n_classes is not None or len(classes) < 2):
        found = "one class" if len(classes) == 1 else f"{len(classes)} classes"
        expected = "at least 2" if n_classes is None else f"n_classes={n_classes}"
        raise ValueError(f"y has labels of {found}, expected {expected}: {classes[:10].tolist()}.")
    return classes


def distinct_labels(labels: np.ndarray) -> np.ndarray:
    """Distinct labels, missing ones (None, NaN) aside: sorted, or as they come where they have no order."""
    kept = labels[~_missing(labels)]
    if kept.dtype != object:
        return np.unique(kept)
    seen = list(dict.fromkeys(kept.tolist()))
    try:
        seen.sort()
    except TypeError:  # labels of types that cannot be compared
        pass
    distinct = np.empty(len(seen), dtype=object)
    distinct[:] = seen
    return distinct


def numbers_of(labels: np.ndarray, classes: np.ndarray) -> PerSample:
    """Number of each label's class, as floats; NaN where it is missing.

    Raises
    ------
    ValueError
        If a label is none of the classes.
    """
    number = {label: k for k, label in enumerate(classes.tolist())}
    missing = _missing(labels)
    numbers = np.full(len(labels), np.nan)
    distinct, where = _inverse(labels[~missing])
    unknown = [label for label in distinct if label not in number]
    if unknown:
        raise ValueError(f"y has the label {unknown[0]!r}, which is none of the classes {classes.tolist()}.")
    numbers[~missing] = np.array([number[label] for label in distinct], dtype=float)[where]
    return numbers


def most_probable(probabilities: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Label of the largest of ``(..., n_classes)`` probabilities; where they are NaN, NaN, or None for names."""
    missing = np.isnan(probabilities).any(axis=-1)
    labels = classes[probabilities.argmax(axis=-1)]
    if missing.any():
        is_number = labels.dtype.kind in "iuf"
        labels = labels.astype(float if is_number else object)
        labels[missing] = np.nan if is_number else None
    return labels


def _inverse(labels: np.ndarray) -> tuple[list, np.ndarray]:
    """Distinct labels in some order, and which of them each label is."""
    if labels.dtype != object:
        distinct, where = np.unique(labels, return_inverse=True)
        return distinct.tolist(), where
    position: dict = {}
    where = np.array([position.setdefault(label, len(position)) for label in labels.tolist()], dtype=np.intp)
    return list(position), where


def _missing(labels: np.ndarray) -> np.ndarray:
    if labels.dtype == object:
        return np.array(
            [label is None or (isinstance(label, float) and label != label) for label in labels], dtype=bool
        )
    return np.isnan(labels) if labels.dtype.kind == "f" else np.zeros(len(labels), dtype=bool)
