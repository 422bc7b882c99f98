"""``solver_name`` and ``solver_kwargs``, as the solver takes them."""

import numpy as np

_SOLVER_OPTIONS = {"maxiter": int, "tol": float}
# Solver names of NeMoS: accepted so that programs move unchanged, but one solver serves all penalties here.
_FOREIGN_SOLVERS = (
    "ProximalGradient",
    "ProxSVRG",
    "LBFGS",
    "GradientDescent",
    "BFGS",
    "NonlinearCG",
    "SVRG",
)


def solver_options(solver_name, solver_kwargs) -> dict:
    """Tolerance and step limit for the solver, checked."""
    if solver_name is not None and solver_name.split("[")[0] not in _FOREIGN_SOLVERS:
        raise ValueError(
            f"Unknown solver_name {solver_name!r}. Leave it None: one solver serves every penalty; "
            f"accepted for compatibility: {', '.join(_FOREIGN_SOLVERS)}."
        )
    options = dict(solver_kwargs or {})
    unknown = sorted(set(options) - set(_SOLVER_OPTIONS))
    if unknown:
        raise ValueError(
            f"Unknown solver_kwargs {unknown}; known are 'maxiter' (Newton steps per strength) and "
            "'tol' (optimality residual, relative to the largest strength)."
        )
    for name, kind in _SOLVER_OPTIONS.items():
        value = options.get(name, 1)
        if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not value > 0:
            raise ValueError(f"solver_kwargs[{name!r}] must be a positive number, got {value!r}.")
        if kind is int and value != int(value):
            raise ValueError(f"solver_kwargs[{name!r}] must be a whole number, got {value!r}.")
    renamed = {"tolerance": options.get("tol"), "maxiter": options.get("maxiter")}
    return {name: value for name, value in renamed.items() if value is not None}
