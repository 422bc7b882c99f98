"""scikit-learn's estimator protocol without importing scikit-learn.

Inheriting from its BaseEstimator would make every program wait for scikit-learn's import, measured at 0.7 s of the
1.2 s that the how-to program took as a whole process. Its functions (clone, GridSearchCV, Pipeline) ask only for what
is here; they are imported by then, so what needs its classes imports them late.
"""

import inspect


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
            getattr(self, name).set_params(**inner_params)
        return self

    def unfitted_copy(self):
        """Return the same estimator without anything that a fit stored."""
        return type(self)(**self.get_params(deep=False))

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
            if name != "self" and getattr(self, name) is not defaults[name].default
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
