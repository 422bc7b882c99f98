import matplotlib
import pytest

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def close_figures():
    """Matplotlib warns when many figures stay open."""
    yield
    import matplotlib.pyplot as plt

    plt.close("all")
