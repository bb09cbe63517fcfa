"""What the documents tell people to type exists, and their links lead somewhere."""

import re
from pathlib import Path

import pytest

from sfv.cli import COMMANDS

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_exist(page):
    text = page.read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for words in re.findall(
        r"(?:^    |`|bin/|-m )sfv ((?:bench |character |tracker )?[a-z][a-z-]*)", text, re.MULTILINE
    ):
        assert words in COMMANDS or words in ("bench", "character"), f"sfv {words}"
    for target in re.findall(r"(?:^    |`)make ([a-z-]+)", text, re.MULTILINE):
        assert target in targets, f"make {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if not link.startswith(("http://", "https://")):
            assert (page.parent / link).exists(), link


def test_files_of_code_that_are_cited_are_there():
    """In documents, docstrings and comments alike: whoever moves a module moves what is said of it."""
    cited = re.compile(r"(?<![\w/.-])(?:pose|reconstruct|imitate|sfv|examples|assets|tests)/[\w/]+\.py\b")
    folders = ("pose", "reconstruct", "imitate", "sfv", "assets", "examples")
    texts = [
        *PAGES,
        *(p for folder in folders for p in (ROOT / folder).rglob("*.py")),
    ]
    gone = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in texts
        for name in cited.findall(path.read_text(encoding="utf-8"))
        if not (ROOT / name).is_file() and not (ROOT / "tests" / name).is_file()
    }
    assert gone == set()


def test_the_index_lists_every_page():
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in PAGES[2:] if page.name != "README.md" and f"({page.name})" not in index] == []
