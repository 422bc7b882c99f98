"""Which of two covariates drives a cell? A group lasso, fitted at ten strengths.

Written for NeMoS's interface: replace the import to run it there. Usage: how_to_group_lasso.py [FIGURE.png]
"""

import sys

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

import spikesieve as nmo

# A cell that cares about position only. Its basis comes before the seed: NeMoS draws random numbers of its own when
# its bases are first touched, and the counts would differ.
place_tuning = nmo.basis.BSplineEval(5)
np.random.seed(123)
position = np.random.normal(size=100)
speed = np.random.normal(size=100)
features = place_tuning.compute_features(position)
counts = np.random.poisson(np.exp(features @ np.random.normal(size=5)))

# One group of coefficients per covariate.
basis = nmo.basis.RaisedCosineLinearEval(6, label="position") + nmo.basis.RaisedCosineLinearEval(6, label="speed")
design = basis.compute_features(position, speed)
print(design.shape)
predictors = basis.split_by_feature(design)
print(*predictors)

model = nmo.glm.GLM(regularizer="GroupLasso", solver_kwargs={"maxiter": 5000})
strengths = np.geomspace(1e-4, 1, 10)
norms = {"position": [], "speed": []}
for strength in strengths:
    model.regularizer_strength = strength
    model.fit(predictors, counts)
    for covariate in norms:
        norms[covariate].append(np.linalg.norm(model.coef_[covariate]))

print("strength  position     speed")
for strength, position_norm, speed_norm in zip(strengths, norms["position"], norms["speed"], strict=True):
    print(f"{strength:8.1e}  {position_norm:8.4f}  {speed_norm:8.4f}")

figure, axes = plt.subplots(layout="constrained")
for covariate, values in norms.items():
    axes.plot(strengths, values, "o-", label=covariate)
axes.set(xscale="log", xlabel="regularizer strength", ylabel="norm of the coefficients")
axes.legend()
figure.savefig(sys.argv[1] if len(sys.argv) > 1 else "how_to_group_lasso.png")
