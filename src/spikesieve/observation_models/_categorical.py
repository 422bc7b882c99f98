"""Categorical observations: one of several labels per bin."""

import numpy as np

from spikesieve._types import Labels, PerOutput, PerSample

# Share of a class that was never seen, in a null model that is to stay finite.
_MARGIN = 1e-10


class CategoricalObservations:
    """Class numbers ``0 ... K - 1`` with ``log P(y = k) = log_softmax(eta)_k``, one linear predictor per class.

    Unlike other families it has several linear predictors per sample, so it is not an `ObservationModel`; the verbs
    are the same. The model is over-parametrised, as in NeMoS: adding a constant to all linear predictors of a
    sample changes nothing.

    Notes
    -----
    The loss is ``-log P(y)``, convex in the linear predictors (Agresti 2013, Categorical Data Analysis, 3rd ed., 8.1).

    Examples
    --------
    >>> import numpy as np
    >>> categorical = CategoricalObservations()
    >>> eta = np.log([[0.2, 0.3, 0.5], [0.1, 0.1, 0.8]])
    >>> np.exp(-categorical.loss(eta, np.array([1, 2]))).round(6)
    array([0.3, 0.8])
    """

    def log_probabilities(self, linear_predictor: PerOutput) -> PerOutput:
        """Log of each class's probability, rows summing to 1 when exponentiated."""
        shifted = linear_predictor - linear_predictor.max(axis=1, keepdims=True)
        return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))

    def probabilities(self, linear_predictor: PerOutput) -> PerOutput:
        """Each class's probability."""
        odds = np.exp(linear_predictor - linear_predictor.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)

    def evaluate(self, linear_predictor: PerOutput, labels: Labels) -> tuple[PerSample, PerOutput]:
        """Loss and its derivative in the linear predictors, as fresh arrays."""
        top = linear_predictor.max(axis=1)
        odds = np.exp(linear_predictor - top[:, None])
        total = odds.sum(axis=1)
        rows = np.arange(len(labels))
        loss = np.log(total) + top - linear_predictor[rows, labels]
        odds /= total[:, None]
        odds[rows, labels] -= 1.0
        return loss, odds

    def loss(self, linear_predictor: PerOutput, labels: Labels) -> PerSample:
        """Negative log-likelihood per sample."""
        return self.evaluate(linear_predictor, labels)[0]

    def derivative(self, linear_predictor: PerOutput, labels: Labels) -> PerOutput:
        """Derivative of `loss` in the linear predictors."""
        return self.evaluate(linear_predictor, labels)[1]

    def curvature(self, linear_predictor: PerOutput) -> np.ndarray:
        """Second derivative of `loss`, ``diag(p) - p p'``, shape ``(n_samples, n_classes, n_classes)``."""
        p = self.probabilities(linear_predictor)
        return p[:, :, None] * (np.eye(p.shape[1]) - p[:, None, :])

    def log_likelihood(self, linear_predictor: PerOutput, labels: Labels) -> PerSample:
        """Log-likelihood per sample [nats]."""
        return -self.loss(linear_predictor, labels)

    def deviance(self, linear_predictor: PerOutput, labels: Labels) -> PerSample:
        """Twice the log-likelihood missing to the saturated model, which is certain of every label."""
        return 2.0 * self.loss(linear_predictor, labels)

    def sample(self, rng: np.random.Generator, probabilities: PerOutput) -> Labels:
        """Draw one class number per row of `probabilities`."""
        cumulative = np.cumsum(probabilities, axis=1)
        drawn = rng.random(len(probabilities))[:, None] * cumulative[:, -1:]
        return np.minimum((drawn >= cumulative).sum(axis=1), probabilities.shape[1] - 1)

    def invalid_observation(self, y: PerSample) -> None:
        """Nothing is wrong with class numbers."""
        del y

    def null_linear_predictor(self, labels: Labels, n_classes: int, weights: PerSample | None = None) -> np.ndarray:
        """Log frequencies of the classes, centred: the model with intercepts alone, ``(n_classes,)``.

        A class that was not seen gets the frequency 1e-10, which keeps it finite.
        """
        counts = np.bincount(labels, weights=weights, minlength=n_classes)
        log_frequency = np.log(np.maximum(counts / counts.sum(), _MARGIN))
        return log_frequency - log_frequency.mean()

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))

    def __repr__(self) -> str:
        return "CategoricalObservations()"
