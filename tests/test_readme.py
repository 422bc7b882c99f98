"""What the README shows runs and says what it shows, and what it links to exists."""

import re
from pathlib import Path

import matplotlib
import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()

(EXAMPLE,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
LINKS = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)


@pytest.fixture
def headless():
    """Draw nowhere, and leave no figure open."""
    backend = matplotlib.get_backend()
    matplotlib.use("Agg")
    yield
    import matplotlib.pyplot as plt

    plt.close("all")
    matplotlib.use(backend)


def test_the_example_runs_and_prints_what_it_says(headless, capsys):
    exec(compile(EXAMPLE, "README.md", "exec"), {})
    selected, entries = capsys.readouterr().out.splitlines()
    assert entries.startswith("{'head_direction': ") and "'speed': " in entries
    (promised,) = re.findall(r"print\(result\.labels_.*?#\s*(.*)", EXAMPLE)
    assert selected == promised


@pytest.mark.parametrize("link", LINKS)
def test_what_the_readme_links_to_exists(link):
    assert (ROOT / link).exists()


def test_the_picture_is_light_enough_for_a_page():
    assert 10_000 < (ROOT / "docs" / "images" / "demo.png").stat().st_size < 400_000


@pytest.mark.parametrize("target", re.findall(r"^make (\w+)", README, flags=re.MULTILINE))
def test_the_commands_are_targets_of_the_makefile(target):
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
