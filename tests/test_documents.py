"""The documents: links lead somewhere, and the example in the text is the file that the tests run."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("notebooks/**/*.md"), *ROOT.glob("assets/**/*.md")])


def anchors(text):
    """The anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path):
    text = path.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?://", target):
            continue
        file, _, anchor = target.partition("#")
        found = (path.parent / file).resolve() if file else path
        assert found.exists(), target
        if anchor:
            assert anchor in anchors(found.read_text(encoding="utf-8")), target


def test_the_example_of_a_method_is_the_file_that_is_tested():
    source = (ROOT / "notebooks/examples/laplacian_pyramid.py").read_text(encoding="utf-8")
    code = source[source.index("import dataclasses") :].rstrip()
    assert f"```python\n{code}\n```" in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
