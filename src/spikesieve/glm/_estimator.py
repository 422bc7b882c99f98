"""scikit-learn's estimator protocol without importing scikit-learn.

Inheriting from its BaseEstimator would make every program wait for scikit-learn's import, measured at 0.7 s of the
1.2 s that the how-to program took as a whole process. Its functions (clone, GridSearchCV, Pipeline) ask only for what
is here; they are imported by then, so what needs its classes imports them late.
"""

import inspect

from spikesieve._arguments import shown


class Estimator:
    """Constructor arguments as parameters; subclasses' ``__init__`` only stores them under their own names."""

    @classmethod
    def _parameter_names(cls) -> list[str]:
        return sorted(name for name in inspect.signature(cls.__init__).parameters if name != "self")

    def get_params(self, deep: bool = True) -> dict:
        """Constructor arguments; with `deep`, also those of arguments that have parameters, as ``name__inner``."""
        params = {}
        for name in self._parameter_names():
            value = getattr(self, name)
            if deep and hasattr(value, "get_params") and not isinstance(value, type):
                params.update({f"{name}__{inner}": item for inner, item in value.get_params().items()})
            params[name] = value
        return params

    def set_params(self, **params):
        """Change constructor arguments, ``name__inner`` those of an argument; returns the estimator itself."""
        own = self._parameter_names()
        nested: dict[str, dict] = {}
        for key, value in params.items():
            name, _, inner = key.partition("__")
            if name not in own:
                raise ValueError(f"Invalid parameter {name!r} for estimator {self}. Valid parameters are: {own}.")
            if inner:
                nested.setdefault(name, {})[inner] = value
            else:
                setattr(self, name, value)
        for name, inner_params in nested.items():
            inner = getattr(self, name)
            if not hasattr(inner, "set_params"):
                raise ValueError(
                    f"{name} is {shown(inner)}, which has no parameters to set: pass an instance as {name} first."
                )
            inner.set_params(**inner_params)
        return self

    def unfitted_copy(self):
        """Return the same estimator without anything that a fit stored."""
        return type(self)(**self.get_params(deep=False))

    def save(self, filename) -> None:
        """Write parameters, coefficients and certificate to one ``.npz`` file, for `spikesieve.load_model`.

        Parameters
        ----------
        filename
            Path; ``.npz`` is appended where it is missing. An existing file is replaced, at once and as a whole.

        Raises
        ------
        TypeError
            If a parameter is neither data nor made by this package. Functions of your own are saved by name only, and
            handed over again when the file is read.
        """
        from spikesieve.glm._saving import save_model

        save_model(self, filename)

    def save_params(self, filename) -> None:
        """Do as ``save``, under the name of NeMoS."""
        self.save(filename)

    def check_is_fitted(self) -> None:
        """Raise scikit-learn's NotFittedError before the first ``fit``."""
        if hasattr(self, "coef_"):
            return
        from sklearn.exceptions import NotFittedError

        raise NotFittedError(
            f"This {type(self).__name__} instance is not fitted yet. Call 'fit' with appropriate arguments before "
            "using this estimator."
        )

    def __repr__(self):
        defaults = inspect.signature(type(self).__init__).parameters
        shown = [
            f"{name}={getattr(self, name)!r}"
            for name in defaults
            if name != "self" and not _is_default(getattr(self, name), defaults[name].default)
        ]
        return f"{type(self).__name__}({', '.join(shown)})"

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "coef_")

    def __sklearn_tags__(self):
        from sklearn.utils import InputTags, RegressorTags, Tags, TargetTags

        family = getattr(self, "family", None)
        return Tags(
            estimator_type="regressor",
            target_tags=TargetTags(required=True, positive_only=family is not None and family.mean_range[0] >= 0),
            # scikit-learn's words for "score is not an R2": it is a log-likelihood.
            regressor_tags=RegressorTags(poor_score=True),
            input_tags=InputTags(allow_nan=True, sparse=True),
        )


def _is_default(value, default) -> bool:
    """Whether an argument needs no mention: defaults are None, numbers or words, and arrays do not compare to those."""
    is_simple = type(value) is type(default) and isinstance(value, str | int | float)
    return value is default or (is_simple and value == default)
