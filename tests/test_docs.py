"""What the pages under docs/ show is what a reader gets."""

import doctest
from pathlib import Path

import pytest

PAGES = sorted((Path(__file__).parent.parent / "docs").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_of_a_page_run(page):
    if "import h5py" in page.read_text():
        pytest.importorskip("h5py", reason="h5py is a test extra")
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    # A fence right behind an example's output would count as output: pages leave a line between them.
    failed, _ = doctest.testfile(str(page), module_relative=False, optionflags=flags)
    assert failed == 0


def test_pages_with_examples_are_found():
    assert {"designs.md", "penalties.md"} <= {page.name for page in PAGES}
