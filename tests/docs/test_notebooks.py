"""The notebooks are kept small and without outputs; `.ci/notebooks` runs them."""

import ast
import json

import pytest
from pages import PAGES, ROOT

import eomoo

NOTEBOOKS = sorted((ROOT / "examples" / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_has_no_outputs_and_names_what_there_is(path):
    assert path.stat().st_size < 20_000
    book = json.loads(path.read_text(encoding="utf-8"))
    assert book["metadata"]["kernelspec"]["name"] == "python3"
    code = [cell for cell in book["cells"] if cell["cell_type"] == "code"]
    for cell in code:
        assert cell["outputs"] == []
        assert cell["execution_count"] is None
    tree = ast.parse("\n".join("".join(cell["source"]) for cell in code))
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "eomoo"
    }
    assert used
    assert used <= set(eomoo.__all__)


def test_pages_point_to_every_notebook():
    written = "".join(page.read_text(encoding="utf-8") for page in (PAGES / "tutorials").glob("*.md"))
    assert len(NOTEBOOKS) == 3
    for path in NOTEBOOKS:
        assert f"examples/notebooks/{path.name}" in written
