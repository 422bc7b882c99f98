"""The pages for people run: what they show is what happens."""

import doctest
from pathlib import Path

import pytest

PAGES = sorted(page for page in (Path(__file__).parent.parent / "docs").glob("*.md") if ">>> " in page.read_text())


def test_there_are_pages_to_run():
    assert "designs.md" in {page.name for page in PAGES}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_shows_what_happens(page):
    pytest.importorskip("h5py", reason="h5py is a test extra")
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    # A fence right behind an example's output would count as output: pages leave a line between them.
    failed, tried = doctest.testfile(str(page), module_relative=False, optionflags=flags)
    assert tried > 5 and failed == 0
