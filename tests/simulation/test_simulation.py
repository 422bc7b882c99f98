"""Simulated populations follow their equations, and their couplings are found again."""

import numpy as np
import pytest
from scipy.stats import gamma

from spikesieve.basis import HistoryConv
from spikesieve.glm import GLM
from spikesieve.observation_models import resolve_observation_model
from spikesieve.simulation import _recurrent, difference_of_gammas, regress_filter, simulate_recurrent

WINDOW, N_BASIS = 7, 3


def population(n_neurons=3, n_samples=200, strength=0.1, base=0.0, seed=0):
    """Arguments of `simulate_recurrent` up to the initial activity."""
    rng = np.random.default_rng(seed)
    return {
        "coupling_coef": strength * rng.normal(size=(n_neurons, n_neurons, N_BASIS)),
        "feedforward_coef": strength * rng.normal(size=(n_neurons, 2)),
        "intercepts": np.full(n_neurons, base),
        "feedforward_input": rng.normal(size=(n_samples, n_neurons, 2)),
        "coupling_basis_matrix": np.abs(rng.normal(size=(WINDOW, N_BASIS))) / WINDOW,
        "init_y": rng.poisson(1.0, size=(WINDOW, n_neurons)).astype(float),
    }


def rates_by_hand(p, counts, mean):
    """The definition: convolve everybody's last bins with the basis, newest bin with row 0."""
    activity = np.vstack([p["init_y"], counts])
    rates = np.zeros_like(counts)
    for t in range(len(counts)):
        newest_first = activity[t : t + WINDOW][::-1]
        convolved = np.einsum("kb,kj->jb", p["coupling_basis_matrix"], newest_first)
        drive = (p["feedforward_coef"] * p["feedforward_input"][t]).sum(axis=1) + p["intercepts"]
        rates[t] = mean(drive + np.einsum("ijb,jb->i", p["coupling_coef"], convolved))
    return rates


MEANS = {
    "exp": np.exp,
    "softplus": lambda x: np.log1p(np.exp(x)),
    "identity": lambda x: x,
    "logistic": lambda x: 1 / (1 + np.exp(-x)),
}


@pytest.mark.parametrize("family", ["Poisson", "Bernoulli", "NegativeBinomial"])
@pytest.mark.parametrize("link", MEANS)
def test_rates_are_those_of_the_definition(family, link):
    base = {"identity": 0.5}.get(link, -1.0)
    p = population(base=base, strength=0.02 if link == "identity" else 0.1)
    counts, rates = simulate_recurrent(
        **p, random_key=1, inverse_link_function=link, observation_model=family, scale=0.5
    )
    np.testing.assert_allclose(rates, rates_by_hand(p, counts, MEANS[link]), rtol=1e-9)
    assert counts.sum() > 20


@pytest.mark.parametrize("family", ["Poisson", "Bernoulli", "NegativeBinomial"])
@pytest.mark.parametrize("link", ["exp", "softplus", "logistic"])
def test_the_compiled_loop_draws_what_numpy_draws(family, link):
    p = population(base=-1.0)
    counts, rates = simulate_recurrent(
        **p, random_key=5, inverse_link_function=link, observation_model=family, scale=0.7
    )
    model = resolve_observation_model(family, link).with_scale(0.7)
    checked = _recurrent._checked_population(*p.values())
    slow_counts, slow_rates, failed = _recurrent._run(checked, model, np.random.default_rng(5), 0.7)
    assert failed == -1
    np.testing.assert_array_equal(counts, slow_counts)
    np.testing.assert_allclose(rates, slow_rates, rtol=1e-12)


@pytest.mark.parametrize(("family", "link"), [("Gaussian", None), ("Poisson", lambda x: np.exp(0.5 * x) + 0.1)])
def test_other_families_and_functions_as_links_run_too(family, link):
    p = population(n_samples=50)
    counts, rates = simulate_recurrent(**p, random_key=2, inverse_link_function=link, observation_model=family)
    mean = (lambda x: x) if link is None else link
    np.testing.assert_allclose(rates, rates_by_hand(p, counts, mean), rtol=1e-9)


def test_counts_vary_around_their_rates():
    p = population(n_samples=20_000)
    counts, rates = simulate_recurrent(**p, random_key=np.random.default_rng(0))
    z = (counts - rates) / np.sqrt(rates)
    assert abs(z.mean()) < 0.02 and abs(z.var() - 1) < 0.03


def test_couplings_are_found_again():
    basis = HistoryConv(3)
    coupling = np.array([[[-1.0, -0.5, 0.0], [0.8, 0.4, 0.0]], [[0.0, 0.0, 0.0], [-1.0, 0.0, 0.0]]])
    silence = np.zeros((30_000, 2, 1))
    counts, _ = simulate_recurrent(
        coupling, np.zeros((2, 1)), np.array([-1.0, -1.0]), 0, silence, np.eye(3), np.zeros((3, 2)), "exp"
    )
    history = {f"from {j}": basis.compute_features(counts[:, j]) for j in range(2)}
    model = GLM(regularizer="GroupLasso", regularizer_strength=0.004).fit(history, counts[:, 0])
    np.testing.assert_allclose(model.coef_["from 1"], coupling[0, 1], atol=0.1)
    np.testing.assert_allclose(model.coef_["from 0"], coupling[0, 0], atol=0.2)
    other = GLM(regularizer="GroupLasso", regularizer_strength=0.01).fit(history, counts[:, 1])
    assert not other.coef_["from 0"].any() and other.coef_["from 1"][0] < -0.3


def test_random_keys_of_every_kind():
    jax = pytest.importorskip("jax")
    p = population(n_samples=30)
    by_seed = simulate_recurrent(**p, random_key=3)[0]
    np.testing.assert_array_equal(by_seed, simulate_recurrent(**p, random_key=np.random.default_rng(3))[0])
    keys = jax.random.PRNGKey(3), jax.random.key(3)
    np.testing.assert_array_equal(*(simulate_recurrent(**p, random_key=key)[0] for key in keys))


@pytest.mark.parametrize("run", ["compiled", "python"])
def test_runaway_and_impossible_rates_are_refused(run):
    p = population(strength=0.0, n_samples=200)
    link = np.exp if run == "compiled" else (lambda x: np.exp(x) + 1e-9)
    runaway = p | {"coupling_coef": np.full((3, 3, N_BASIS), 5.0)}
    with pytest.raises(ValueError, match="run away: in bin .* Weaken the coupling"):
        simulate_recurrent(**runaway, random_key=0, inverse_link_function=link)
    link = "identity" if run == "compiled" else (lambda x: x + 0 * x**2)
    negative = p | {"intercepts": np.array([1.0, -1.0, 1.0])}
    with pytest.raises(ValueError, match="In bin 0 the means are .* which PoissonObservations cannot have"):
        simulate_recurrent(**negative, random_key=0, inverse_link_function=link)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"coupling_coef": np.zeros((3, 2, 3))}, r"coupling_coef has shape \(3, 2, 3\), expected \(3, 3, 3\)"),
        ({"init_y": np.zeros((3, 3))}, r"init_y has shape \(3, 3\), expected \(7, 3\)"),
        ({"intercepts": np.array([0.0, np.nan, 0.0])}, "intercepts has a NaN"),
        ({"feedforward_input": np.zeros((10, 3))}, "feedforward_input must be"),
    ],
)
def test_impossible_populations(change, message):
    with pytest.raises(ValueError, match=message):
        simulate_recurrent(**(population() | change), random_key=0)


# ---- Filters ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ws", "options"),
    [
        (30, {}),
        (5, {"upper_percentile": 0.9, "inhib_a": 1.2, "excit_a": 2.5, "inhib_b": 1.1, "excit_b": 0.7}),
        (100, {"inhib_a": 2.0, "excit_a": 2.0, "excit_b": 3.0}),
    ],
)
def test_difference_of_gammas_is_that_of_scipys_densities(ws, options):
    o = {"upper_percentile": 0.99, "inhib_a": 1.0, "excit_a": 2.0, "inhib_b": 1.0, "excit_b": 2.0} | options
    inhibition, excitation = gamma(o["inhib_a"], scale=1 / o["inhib_b"]), gamma(o["excit_a"], scale=1 / o["excit_b"])
    x = np.linspace(0, max(f.ppf(o["upper_percentile"]) for f in (inhibition, excitation)), ws)
    expected = excitation.pdf(x) - inhibition.pdf(x)
    np.testing.assert_allclose(difference_of_gammas(ws, **options), expected / np.linalg.norm(expected), atol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"ws": 0}, "ws must be a whole number of at least 1"),
        ({"ws": 5, "upper_percentile": 1.0}, r"upper_percentile must be in \[0, 1\)"),
        ({"ws": 5, "inhib_a": 0.5}, "inhib_a must be at least 1"),
        ({"ws": 5, "excit_b": 0.0}, "excit_b positive"),
        ({"ws": 5, "inhib_a": 2.0, "inhib_b": 2.0}, "do not differ"),
    ],
)
def test_impossible_filters(arguments, message):
    with pytest.raises(ValueError, match=message):
        difference_of_gammas(**arguments)


def test_filters_in_the_span_of_a_basis_are_regressed_exactly():
    rng = np.random.default_rng(0)
    basis, weights = rng.normal(size=(20, 4)), rng.normal(size=(2, 3, 4))
    np.testing.assert_allclose(regress_filter(np.einsum("kb,ijb->kij", basis, weights), basis), weights, atol=1e-12)
    with pytest.raises(ValueError, match=r"eval_basis must be \(20, n_basis_funcs\)"):
        regress_filter(np.zeros((20, 2, 3)), basis[:5])
    with pytest.raises(ValueError, match="coupling_filters must be"):
        regress_filter(np.zeros((20, 2)), basis)


def test_nemos_gives_the_same_filters_and_rates():
    nemos = pytest.importorskip("nemos", reason="NeMoS needs an environment of its own, see make bench")
    import jax

    jax.config.update("jax_enable_x64", True)
    np.testing.assert_allclose(difference_of_gammas(30), nemos.simulation.difference_of_gammas(30), atol=1e-12)
    p = population(n_samples=40)
    drawn = nemos.simulation.simulate_recurrent(**p, random_key=jax.random.PRNGKey(0))
    counts, rates = (np.asarray(values, dtype=float) for values in drawn)
    np.testing.assert_allclose(rates, rates_by_hand(p, counts, MEANS["softplus"]), rtol=1e-9)
