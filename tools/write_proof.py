"""Write docs/proof.md: which combinations are fitted and judged by tests/test_combinations.py.

The page is made from the very lists that the test runs over, and the test fails if it is out of date.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.combinations import ESTIMATORS, INPUTS, MEANINGLESS, PENALTIES, reason_against  # noqa: E402
from tests.observation_models.combinations import FAMILIES  # noqa: E402

PAGE = ROOT / "docs" / "proof.md"

HEADER = """# What is proven, and by which test

Made by `tools/write_proof.py` from the lists that the tests run over; a test fails when this page is out of date.

Every mark below is a family, a penalty and an estimator that are fitted together to a small recording, once for each
kind of input: {inputs}.
All kinds must give the same coefficients. Each fit must say that it has converged, and is then judged without the
library: the gradient of the loss by JAX from the loss written in the mean, the penalty from its formula; no direction
may be left in which their sum falls (`tests/test_combinations.py::test_combination`). That this check can tell points a
thousandth away is tested too.
"""

OTHERS = [
    (
        "losses and derivatives of every family and link",
        "JAX, differences",
        "observation_models/test_contract.py",
    ),
    ("conjugates, on which duality gaps rest", "numerical maximisation", "observation_models/test_contract.py"),
    ("unpenalised fits of every family and link", "statsmodels, SciPy", "observation_models/test_fits.py"),
    ("group lasso paths", "a slow FISTA in NumPy", "solver/test_path_answers.py"),
    ("latent overlaps, hierarchies, roughness, standardized groups", "CVXPY", "solver/test_expansions.py"),
    ("sparse groups, overlapping norms", "CVXPY", "solver/test_norm_sums.py"),
    ("every argument of every estimator, regularizer and family", "nonsense", "glm/test_bad_arguments.py"),
    ("populations, masked features", "single fits", "glm/test_population.py"),
    ("neurons joined by a penalty", "optimality conditions in NumPy; one neuron alone", "glm/test_population.py"),
    ("penalties over several outputs", "single fits", "glm/test_population_penalties.py"),
    ("classifiers", "scikit-learn, statsmodels, optimality conditions", "glm/test_classifier.py"),
    ("populations of classifiers", "single classifiers", "glm/test_classifier_population.py"),
    (
        "neurons of classifiers joined by a penalty",
        "CVXPY; optimality conditions in NumPy; one neuron alone",
        "glm/test_classifier_population.py",
    ),
    ("scikit-learn's conventions", "its own checks", "glm/test_scikit_learn.py"),
    ("saved models", "what they were, damaged and foreign files", "glm/test_saving.py"),
    ("simulated populations", "the definition, written slowly; NeMoS", "simulation/test_simulation.py"),
    ("identifiability constraints", "one rank per column; NeMoS", "test_identifiability_constraints.py"),
    ("bases", "NeMoS", "basis/test_against_nemos.py"),
]


def proof_page() -> str:
    """Text of docs/proof.md."""
    inputs = ", ".join(f"`{kind}`" for kind in INPUTS)
    parts = [HEADER.format(inputs=inputs)]
    for estimator in ESTIMATORS:
        rows = [
            [f"`{penalty}`", *("✓" if reason_against(f, penalty, estimator) is None else "–" for f in FAMILIES)]
            for penalty in PENALTIES
        ]
        parts.append(f"## {estimator}\n\n{_table(['penalty', *FAMILIES], rows)}")
    reasons = [f"- {' x '.join(p for p in pattern if p != '*')}: {why}." for pattern, why in MEANINGLESS.items()]
    labelled = ", ".join(f"`{penalty}`" for penalty, case in PENALTIES.items() if case.needs_labels)
    parts.append(f"Penalties that speak of covariates by label take no plain array: {labelled}.\n")
    parts.append("Marked with –, because there is nothing to fit:\n\n" + "\n".join(reasons) + "\n")
    others = [[claim, judge, f"`tests/{test}`"] for claim, judge, test in OTHERS]
    parts.append(f"## Other ground\n\n{_table(['claim', 'judged by', 'test'], others)}")
    return "\n".join(parts)


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    PAGE.write_text(proof_page())
