"""The documents: links lead somewhere, and the example in the text is the file that the tests run."""

import re
from pathlib import Path

import pytest

from maco_tf import transforms

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


def test_the_table_of_transforms_is_complete():
    text = (ROOT / "notebooks/guides/methods.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| `(\w+)\(([^)]*)\)` \|", text, re.MULTILINE))
    public = {name: getattr(transforms, name) for name in transforms.__all__}
    kinds = {name: kind for name, kind in public.items() if isinstance(kind, type) and hasattr(kind, "apply")}
    assert set(listed) == set(kinds) - {"Transform"}
    for name, arguments in listed.items():
        assert set(arguments.split(", ")) <= set(kinds[name].__dataclass_fields__), name
