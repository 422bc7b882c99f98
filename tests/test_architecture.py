"""The rules of docs/map.md and CONTRIBUTING hold, and the checker can tell when they do not."""

import ast
from pathlib import Path

import pytest

from tests.architecture import body_lengths, import_faults, imports, name_faults, size_faults

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src"
LIBRARY = sorted(SOURCE.rglob("*.py"))
EVERYTHING = [
    *LIBRARY,
    *(
        path
        for folder in ("tests", "benchmarks", "examples", "tools")
        for path in sorted((ROOT / folder).rglob("*.py"))
    ),
]

# Numerical loops that are clearer in one piece, "path::function": why.
LONG_BODIES: dict[str, str] = {}
# Faults that are meant, "package imports other": why.
MEANT_IMPORTS = {
    "spikesieve.basis imports spikesieve.design": "basis.design(...), the one door upward, where users look for it",
    "spikesieve.basis imports pynapple": "only when handed one of its objects",
    "spikesieve.selection imports pandas": "only in to_pandas, which returns one of its objects",
}


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def module_of(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def by_package(fault: str) -> str:
    """``a.b._c:12 imports d: reason`` to ``a.b imports d``."""
    where, _, rest = fault.partition(" imports ")
    return f"{'.'.join(where.rpartition(':')[0].split('.')[:2])} imports {rest.partition(':')[0]}"


def library_import_faults() -> list[str]:
    paths = [path for path in LIBRARY if module_of(path) != "spikesieve"]
    return [
        fault
        for path in paths
        for fault in import_faults(module_of(path), path.read_text(), path.name == "__init__.py")
    ]


def test_every_file_of_the_library_is_read():
    assert len(LIBRARY) > 10
    assert "spikesieve.solver._record" in map(module_of, LIBRARY)


def test_layers_import_only_lower_layers():
    assert [fault for fault in library_import_faults() if by_package(fault) not in MEANT_IMPORTS] == []


def test_meant_imports_still_exist():
    assert set(MEANT_IMPORTS) <= {by_package(fault) for fault in library_import_faults()}


def test_importing_the_package_imports_no_subpackage():
    eager = [
        found.module
        for found in imports(ast.parse((SOURCE / "spikesieve/__init__.py").read_text()))
        if not (found.late or found.type_only)
    ]
    assert not any(module.startswith("spikesieve") for module in eager), eager


@pytest.mark.parametrize("path", EVERYTHING, ids=relative)
def test_files_and_functions_can_be_read_in_one_go(path):
    faults = size_faults(relative(path), path.read_text()) + name_faults(relative(path))
    assert [fault for fault in faults if fault.partition(": ")[0] not in LONG_BODIES] == []


def test_every_long_body_on_the_list_is_still_long():
    for entry in LONG_BODIES:
        path, _, function = entry.partition("::")
        assert body_lengths((ROOT / path).read_text()).get(function, 0) > 40, entry


# ---- The checker itself ----------------------------------------------------


@pytest.mark.parametrize(
    ("module", "source", "reason"),
    [
        ("basis._a", "import spikesieve.glm", "layer 1 does not import layer 5"),
        ("basis._a", "from spikesieve.regularizer import Ridge", "layer 1 does not import layer 1"),
        ("_tree", "from spikesieve.design._block import Block", "layer 0 does not import layer 2"),
        ("solver._a", "def f():\n    from spikesieve.glm import GLM", "layer 3 does not import layer 5"),
        ("solver._a", "class A:\n    def f(self):\n        import spikesieve.cli", "does not import layer 7"),
        (
            "solver._a",
            "import importlib\nimportlib.import_module('spikesieve.glm')",
            "does not import layer 5",
        ),
        ("solver._a", "if TYPE_CHECKING:\n    from spikesieve.glm import GLM", "does not import layer 5"),
        ("datasets._a", "import spikesieve.convolve", "layer 6 does not import layer 6"),
        ("report._a", "import spikesieve.cli", "layer 7 does not import layer 7"),
        ("basis._a", "from spikesieve.basis import BSplineEval", "its own package's __init__"),
        ("basis._a", "from spikesieve import basis", "its own package's __init__"),
        ("basis._a", "from . import _range", "write imports in full"),
        ("plotting._a", "from spikesieve.solver._record import Path", "imports layer 0 only"),
        ("solver._a", "from spikesieve.plotting import plot_path", "imported late"),
        ("novelty._a", "import spikesieve._types", "novelty has no layer"),
        ("solver._a", "import spikesieve.novelty", "novelty has no layer"),
        ("plotting._a", "import matplotlib.pyplot as plt", "matplotlib is imported late"),
        ("_tree", "import jax", "jax is imported late"),
        ("glm._a", "def f():\n    import jax.numpy as jnp", "JAX"),
        ("glm._a", "def f():\n    import pandas", "pandas is optional"),
        ("glm._a", "from __future__ import annotations", "annotations are evaluated"),
    ],
)
def test_checker_finds_a_forbidden_import(module, source, reason):
    (fault,) = import_faults(f"spikesieve.{module}", source)
    assert reason in fault and fault.startswith(f"spikesieve.{module}:")


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("glm._a", "from spikesieve.solver import path\nfrom spikesieve._types import PerSample"),
        ("_errors", "from spikesieve._types import PerSample"),
        ("solver._a", "from spikesieve.solver._record import Path"),
        ("solver._a", "def plot():\n    from spikesieve.plotting import plot_path"),
        ("plotting._a", "if TYPE_CHECKING:\n    from matplotlib.axes import Axes\nimport spikesieve._types"),
        ("_tree", "def f():\n    import jax"),
        ("io._nwb", "import pynwb"),
        ("cli", "import spikesieve.plotting\nimport spikesieve.glm"),
        ("cli", "import spikesieve.report"),
        ("basis._a", "text = 'import spikesieve.glm'\n# import spikesieve.glm"),
    ],
)
def test_checker_lets_a_good_import_pass(module, source):
    assert import_faults(f"spikesieve.{module}", source) == []


def test_a_package_gathers_its_files_in_its_init():
    source = "from spikesieve.basis._bspline import BSplineEval"
    assert import_faults("spikesieve.basis", source, is_init=True) == []


def test_checker_measures_bodies_without_docstrings():
    docstring = '"""One.\n\n        Two.\n        """'
    source = f"class A:\n    def f(self):\n        {docstring}\n        a = 1\n        return a\n"
    assert body_lengths(source) == {"A.f": 2}


def test_checker_finds_long_files_and_long_functions():
    long_function = "def f():\n" + "    a = 1\n" * 41
    assert size_faults("x.py", long_function) == ["x.py::f: a body of 41 lines, more than 40"]
    assert size_faults("x.py", "a = 1\n" * 401) == ["x.py: 401 lines, more than 400"]
    assert size_faults("x.py", "a = 1\n" * 400) == []


def test_checker_finds_files_named_after_nothing():
    assert name_faults("src/spikesieve/_utils.py") and name_faults("tests/helpers.py")
    assert not name_faults("src/spikesieve/_tree.py")
