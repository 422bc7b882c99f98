"""Every family with every link, and the same losses written plainly: in the mean, for JAX to differentiate."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from spikesieve.observation_models import (
    BernoulliObservations,
    Exponential,
    GammaObservations,
    GaussianObservations,
    Identity,
    InverseLink,
    Logistic,
    NegativeBinomialObservations,
    NormalCdf,
    ObservationModel,
    PoissonObservations,
    Reciprocal,
    Softplus,
)
from spikesieve.observation_models._function_links import JaxFunction, NumpyFunction

NB_SCALE = 0.7
FAMILIES = {
    "Poisson": PoissonObservations(),
    "Gamma": GammaObservations(),
    "Bernoulli": BernoulliObservations(),
    "NegativeBinomial": NegativeBinomialObservations(NB_SCALE),
    "Gaussian": GaussianObservations(),
}
OBSERVATIONS = {
    "Poisson": np.array([0.0, 1.0, 2.0, 9.0]),
    "Gamma": np.array([0.02, 0.7, 1.0, 12.0]),
    "Bernoulli": np.array([0.0, 1.0]),
    "NegativeBinomial": np.array([0.0, 1.0, 3.0, 25.0]),
    "Gaussian": np.array([-2.5, 0.0, 0.4, 6.0]),
}
LINKS: dict[str, InverseLink] = {
    "exp": Exponential(),
    "softplus": Softplus(),
    "identity": Identity(),
    "logistic": Logistic(),
    "1/x": Reciprocal(),
    "norm_cdf": NormalCdf(),
    "jax function": JaxFunction(lambda x: 0.9 * jnp.exp(-jnp.exp(-x))),
    "numpy function": NumpyFunction(lambda x: np.sqrt(1 + x * x) + x),
}
PLAIN_LINKS = {
    "exp": jnp.exp,
    "softplus": lambda x: jnp.log(1 + jnp.exp(x)),
    "identity": lambda x: x,
    "logistic": lambda x: 1 / (1 + jnp.exp(-x)),
    "1/x": lambda x: 1 / x,
    "norm_cdf": jax.scipy.stats.norm.cdf,
    "jax function": lambda x: 0.9 * jnp.exp(-jnp.exp(-x)),
    "numpy function": lambda x: jnp.sqrt(1 + x * x) + x,
}
# As in NeMoS.
PLAIN_LOSSES = {
    "Poisson": lambda mu, y: mu - y * jnp.log(mu),
    "Gamma": lambda mu, y: y / mu + jnp.log(mu),
    "Bernoulli": lambda mu, y: -(y * jnp.log(mu) + (1 - y) * jnp.log1p(-mu)),
    "NegativeBinomial": lambda mu, y: (
        -(y * jnp.log(1 - 1 / (NB_SCALE * mu + 1)) + jnp.log(1 / (NB_SCALE * mu + 1)) / NB_SCALE)
    ),
    "Gaussian": lambda mu, y: (y - mu) ** 2,
}


@dataclass(frozen=True)
class Combination:
    """One family with one link."""

    family: str
    link: str

    @property
    def model(self) -> ObservationModel:
        return FAMILIES[self.family].with_inverse_link(LINKS[self.link])

    @property
    def y(self) -> np.ndarray:
        return OBSERVATIONS[self.family]

    @property
    def linear_predictors(self) -> np.ndarray:
        """Moderate ones whose mean the family can have."""
        eta = np.linspace(-4.2, 3.9, 61)
        mean = self.model.mean(eta)
        low, high = self.model.mean_range
        return eta[(mean > low + 1e-6) & (mean < high - 1e-6)]

    @property
    def grid(self) -> tuple[np.ndarray, np.ndarray]:
        """Every linear predictor with every observation."""
        eta, y = np.meshgrid(self.linear_predictors, self.y)
        return eta.ravel(), y.ravel()

    def plain_loss(self, eta, y):
        return PLAIN_LOSSES[self.family](PLAIN_LINKS[self.link](eta), y)


COMBINATIONS = [Combination(family, link) for family in FAMILIES for link in LINKS]
NAMED_COMBINATIONS = [c for c in COMBINATIONS if "function" not in c.link]


def name(value) -> str:
    return f"{value.family}-{value.link}" if isinstance(value, Combination) else str(value)


def all_subclasses(kind: type) -> set[type]:
    return {c for sub in kind.__subclasses__() for c in {sub} | all_subclasses(sub)}
