"""Whether columns of data frames bear the names that they had in the fit, in scikit-learn's words."""

import warnings

from spikesieve._errors import callers_level
from spikesieve._tree import CoefLayout

_NAMES_LISTED = 5


def check_column_names(given: CoefLayout, known: CoefLayout, model: str) -> None:
    """Warn where only one of two features with the same leaves has names of columns, raise where these differ.

    Raises
    ------
    ValueError
        If names differ, or come in another order.
    """
    for label in known.labels:
        new, old, where = given.names_of(label), known.names_of(label), f"X[{label!r}]" if label else "X"
        if old is None and new is not None:
            warnings.warn(
                f"{where} has feature names, but {model} was fitted without feature names", stacklevel=callers_level()
            )
        elif old is not None and new is None:
            message = f"{where} does not have valid feature names, but {model} was fitted with feature names"
            warnings.warn(message, stacklevel=callers_level())
        elif old is not None and new is not None and old != new:
            raise ValueError(_difference(new, old, where))


def _difference(new: tuple[str, ...], old: tuple[str, ...], where: str) -> str:
    message = "The feature names should match those that were passed during fit.\n"
    unseen, missing = sorted(set(new) - set(old)), sorted(set(old) - set(new))
    if unseen:
        message += "Feature names unseen at fit time:\n" + _listed(unseen)
    if missing:
        message += "Feature names seen at fit time, yet now missing:\n" + _listed(missing)
    if not unseen and not missing:
        message += "Feature names must be in the same order as they were in fit.\n"
    return message + f"They are the columns of {where}."


def _listed(names: list[str]) -> str:
    rest = "- ...\n" if len(names) > _NAMES_LISTED else ""
    return "".join(f"- {name}\n" for name in names[:_NAMES_LISTED]) + rest
