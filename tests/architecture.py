"""Reads syntax trees and reports what breaks the rules of ``docs/map.md`` and CONTRIBUTING.

Every check takes source text and returns sentences, so that `test_architecture` can feed it both the library
and small sources that break one rule each.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

PACKAGE = "spikesieve"
LAYERS = {
    "_types": 0,
    "_errors": 0,
    "_arguments": 0,
    "_tree": 0,
    "_jax": 0,
    "_progress": 0,
    "_randomness": 0,
    "basis": 1,
    "observation_models": 1,
    "regularizer": 1,
    "design": 2,
    "solver": 3,
    "selection": 4,
    "glm": 5,
    "simulation": 6,
    "convolve": 6,
    "identifiability_constraints": 6,
    "io": 6,
    "datasets": 6,
    "report": 7,
    "cli": 7,
}
# Draws the records of any layer, so it knows none of them; they import it late, to offer .plot().
PLOTTING = "plotting"
# Prints and writes what reports say, so it may import them although both are on top.
COMMAND_LINE = "cli"
TOP = max(LAYERS.values())

MAX_FILE_LINES = 400
MAX_BODY_LINES = 40
VAGUE_NAMES = {"utils", "helpers", "common", "misc"}

# Costly to import: a program that never plots, or has no registered containers, should not pay.
LATE_ONLY = {"matplotlib", "jax"}
OPTIONAL = {
    "pynapple", "pynwb", "h5py", "pandas", "xarray", "dask", "distributed",
    "adelie", "skglm", "celer", "nemos", "statsmodels",
}  # fmt: skip
OPTIONAL_ALLOWED_IN = {"io", "report"}


@dataclass(frozen=True)
class Import:
    """One imported module, absolute, and whether the import waits for a function to be called."""

    module: str
    line: int
    late: bool
    type_only: bool


def unit_of(module: str) -> str:
    """``spikesieve.basis._range`` to ``basis``: the folder or file of the package that a layer is made of."""
    return module.split(".")[1] if "." in module else ""


def imports(tree: ast.AST) -> Iterator[Import]:
    """Every import of `tree`, inside functions too, ``import_module("...")`` included."""
    yield from _imports(tree, late=False, type_only=False)


def _imports(node: ast.AST, late: bool, type_only: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        for module in _modules_of(child):
            yield Import(module, child.lineno, late, type_only)
        is_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        guards_types = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
        yield from _imports(child, late or is_function, type_only or guards_types)


def _modules_of(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        if node.level:
            return ["." * node.level + (node.module or "")]
        # "from spikesieve import basis" is an import of spikesieve.basis by way of spikesieve's __init__.
        return [node.module or ""]
    if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
        return [arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant)]
    return []


def import_faults(module: str, source: str, is_init: bool = False) -> list[str]:
    """What `module` may not import.

    The package's own ``__init__``, which names every subpackage for `import spikesieve`, is not to be passed.
    """
    faults = []
    for found in imports(ast.parse(source)):
        where = f"{module}:{found.line} imports {found.module}"
        if found.module.startswith("."):
            faults.append(f"{where}: write imports in full")
        elif found.module.split(".")[0] == PACKAGE:
            reason = _layer_fault(module, found, is_init)
            if reason:
                faults.append(f"{where}: {reason}")
        else:
            reason = _foreign_fault(module, found)
            if reason:
                faults.append(f"{where}: {reason}")
    return faults


def _layer_fault(module: str, found: Import, is_init: bool) -> str | None:
    importer, imported = unit_of(module), unit_of(found.module)
    parent = module if is_init else module.rpartition(".")[0]
    if not imported or found.module == parent:
        return "a file does not import its own package's __init__"
    if importer not in LAYERS and importer != PLOTTING:
        return f"{importer} has no layer; add it to LAYERS"
    if imported not in LAYERS and imported != PLOTTING:
        return f"{imported} has no layer; add it to LAYERS"
    if importer == imported:
        return None
    if importer == PLOTTING:
        return None if LAYERS[imported] == 0 else "plotting draws records and imports layer 0 only"
    if imported == PLOTTING:
        late = found.late or found.type_only or LAYERS[importer] == TOP
        return None if late else "plotting is imported late, in the function that draws"
    within_layer = LAYERS[importer] == 0 or importer == COMMAND_LINE
    allowed = LAYERS[imported] < LAYERS[importer] or (LAYERS[imported] == LAYERS[importer] and within_layer)
    return None if allowed else f"layer {LAYERS[importer]} does not import layer {LAYERS[imported]}"


def _foreign_fault(module: str, found: Import) -> str | None:
    name, importer = found.module.split(".")[0], unit_of(module)
    if name == "jax" and importer not in ("_tree", "_jax"):
        return "_tree and _jax are the only files that know JAX"
    if name in LATE_ONLY and not (found.late or found.type_only):
        return f"{name} is imported late, in the function that needs it"
    if name in OPTIONAL and importer not in OPTIONAL_ALLOWED_IN:
        return f"{name} is optional and stays inside {' and '.join(sorted(OPTIONAL_ALLOWED_IN))}"
    if found.module == "__future__":
        return "annotations are evaluated, for jaxtyping's sake"
    return None


def size_faults(name: str, source: str) -> list[str]:
    """Files and function bodies that are too long to be read in one go; `name` is a path for the message."""
    faults = []
    n_lines = len(source.splitlines())
    if n_lines > MAX_FILE_LINES:
        faults.append(f"{name}: {n_lines} lines, more than {MAX_FILE_LINES}")
    for qualified, length in body_lengths(source).items():
        if length > MAX_BODY_LINES:
            faults.append(f"{name}::{qualified}: a body of {length} lines, more than {MAX_BODY_LINES}")
    return faults


def body_lengths(source: str) -> dict[str, int]:
    """Lines of every function's body without its docstring, by qualified name."""
    return dict(_body_lengths(ast.parse(source), ""))


def _body_lengths(node: ast.AST, prefix: str) -> Iterator[tuple[str, int]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            body = child.body[1:] if ast.get_docstring(child, clean=False) is not None else child.body
            if body:
                yield prefix + child.name, body[-1].end_lineno - body[0].lineno + 1
        named = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        yield from _body_lengths(child, f"{prefix}{child.name}." if named else prefix)


def name_faults(name: str) -> list[str]:
    """File names that say nothing about what is inside."""
    stem = name.rpartition("/")[2].removesuffix(".py").strip("_")
    return [f"{name}: name a file after the idea it holds"] if stem in VAGUE_NAMES else []
