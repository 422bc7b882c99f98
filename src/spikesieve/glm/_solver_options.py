"""``solver_name`` and ``solver_kwargs``, as the solver takes them."""

import warnings

import numpy as np

from spikesieve._arguments import shown

_SOLVER_OPTIONS = {"maxiter": int, "tol": float}
# Names and options of NeMoS' solvers: accepted so that programs move unchanged, but one solver serves all penalties.
_FOREIGN_SOLVERS = (
    "ProximalGradient",
    "ProxSVRG",
    "LBFGS",
    "GradientDescent",
    "BFGS",
    "NonlinearCG",
    "SVRG",
)
_FOREIGN_OPTIONS = (
    "acceleration",
    "atol",
    "batch_size",
    "decrease_factor",
    "history_size",
    "jit",
    "key",
    "linesearch",
    "linesearch_init",
    "linesearch_kwargs",
    "max_stepsize",
    "maxls",
    "memory_size",
    "norm",
    "rtol",
    "scale_init_precond",
    "stepsize",
    "throw",
    "unroll",
    "verbose",
)
_already_said: set[str] = set()


def solver_options(solver_name, solver_kwargs) -> dict:
    """Tolerance and step limit for the solver, checked."""
    _check_name(solver_name)
    if solver_kwargs is not None and not isinstance(solver_kwargs, dict):
        raise TypeError(f"solver_kwargs must be a dict, e.g. {{'tol': 1e-8}}, got {type(solver_kwargs).__name__}.")
    options = dict(solver_kwargs or {})
    unknown = sorted(str(name) for name in set(options) - set(_SOLVER_OPTIONS) - set(_FOREIGN_OPTIONS))
    if unknown:
        raise ValueError(
            f"Unknown solver_kwargs {unknown}; known are 'maxiter' (Newton steps per strength) and "
            "'tol' (optimality residual, relative to the largest strength)."
        )
    foreign = sorted(set(options) & set(_FOREIGN_OPTIONS))
    if foreign:
        _say_once(
            "solver_kwargs",
            f"solver_kwargs {foreign} belong to first-order solvers and are ignored: the one solver here takes "
            "Newton steps and certifies where they end. It knows 'tol' and 'maxiter'.",
        )
    return _checked(options)


def _checked(options: dict) -> dict:
    for name, kind in _SOLVER_OPTIONS.items():
        value = options.get(name, 1)
        if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not value > 0:
            raise ValueError(f"solver_kwargs[{name!r}] must be a positive number, got {shown(value)}.")
        if kind is int and value != int(value):
            raise ValueError(f"solver_kwargs[{name!r}] must be a whole number, got {shown(value)}.")
    renamed = {"tolerance": options.get("tol"), "maxiter": options.get("maxiter")}
    return {name: value for name, value in renamed.items() if value is not None}


def _check_name(solver_name) -> None:
    if solver_name is None:
        return
    if not isinstance(solver_name, str) or solver_name.split("[")[0] not in _FOREIGN_SOLVERS:
        raise ValueError(
            f"Unknown solver_name {shown(solver_name)}. Leave it None: one solver serves every penalty; "
            f"accepted for compatibility: {', '.join(_FOREIGN_SOLVERS)}."
        )
    _say_once(
        "solver_name",
        f"solver_name={shown(solver_name)} is ignored: one solver serves every penalty and every family, and says with "
        "each solution how far from optimal it is. Leave solver_name out.",
    )


def _say_once(topic: str, message: str) -> None:
    """Warn once per process: a program that fits a thousand neurons has one thing to learn."""
    if topic not in _already_said:
        _already_said.add(topic)
        warnings.warn(message, UserWarning, stacklevel=5)
