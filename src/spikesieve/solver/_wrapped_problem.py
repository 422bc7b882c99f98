"""A problem around another one: what does not concern its coefficients is the inner problem's."""

from dataclasses import dataclass

from spikesieve._tree import CoefLayout
from spikesieve._types import Intercepts
from spikesieve.solver._protocol import Problem


@dataclass(frozen=True)
class WrappedProblem(Problem):
    """`inner` with its coefficients seen otherwise; subclasses say how."""

    inner: Problem

    @property
    def n_threads(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.inner.n_threads

    @property
    def n_samples(self) -> int:
        return self.inner.n_samples

    @property
    def layout(self) -> CoefLayout:
        return self.inner.layout

    @property
    def n_intercepts(self) -> int:
        return self.inner.n_intercepts

    @property
    def n_blocks(self) -> int:
        return self.inner.n_blocks

    @property
    def is_convex(self) -> bool:
        return self.inner.is_convex

    @property
    def is_quadratic(self) -> bool:
        return self.inner.is_quadratic

    @property
    def has_boundary(self) -> bool:
        return self.inner.has_boundary

    @property
    def has_offset(self) -> bool:
        return self.inner.has_offset

    def null_intercept(self) -> Intercepts:
        return self.inner.null_intercept()

    def has_finite_null(self) -> bool:
        return self.inner.has_finite_null()

    def response_size(self, intercept: Intercepts) -> float:
        return self.inner.response_size(intercept)

    def saturated_loss(self) -> float:
        return self.inner.saturated_loss()

    def chunks(self, stride: int = 1) -> list[slice]:
        return self.inner.chunks(stride)
