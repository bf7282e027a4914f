"""A module imports only leftwards, and nothing heavy until it is used."""

import ast
import os
import pkgutil
import subprocess
import sys
from collections import Counter
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import eomoo

LAYERS = [
    *[
        "errors",
        "version",
        "arrays",
        "packages",
        "checks",
        "plots",
        "notebook",
        "progress",
        "files",
        "jobs",
        "space",
        "fronts",
        "models",
        "data",
    ],
    *["images", "live", "objectives", "search", "measuring", "study", "landscape", "analysis", "esann2024"],
    *["api", "cli"],
]
ALLOWED = {layer: set(LAYERS[: k + 1]) for k, layer in enumerate(LAYERS)}
# Classes of torch's modules cannot be defined without torch; only functions import this file.
NEEDS_TORCH = "eomoo.live.modules"
ROOT = Path(eomoo.__file__).parent
MODULES = sorted(path.relative_to(ROOT) for path in ROOT.rglob("*.py"))


def imported(path):
    """Dotted names of all that a file imports, within functions too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_imports_go_leftwards(module):
    layer = module.parts[0].removesuffix(".py")
    if len(module.parts) == 1 and layer in ("__init__", "__main__"):
        return
    assert layer in ALLOWED
    names = [name.split(".") for name in imported(ROOT / module)]
    found = {name[1] for name in names if name[0] == "eomoo"}
    assert found <= ALLOWED[layer]


def name_of(module):
    """Dotted name of a file of the package."""
    return ".".join(("eomoo", *module.with_suffix("").parts)).removesuffix(".__init__")


def test_no_file_imports_itself_by_way_of_others():
    known = {name_of(module) for module in MODULES}
    graph = {}
    for module in MODULES:
        names = imported(ROOT / module)
        # What is imported is a module, or a name in one.
        found = {name if name in known else name.rpartition(".")[0] for name in names}
        graph[name_of(module)] = found & known
    TopologicalSorter(graph).prepare()


def bound(body):
    """Names that the statements of a module or class bind, once for each time; branches are alternatives."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            # Of overloads, or a property with its setter, each says more of the same.
            if not node.decorator_list:
                yield node.name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.If):
            yield from {*bound(node.body), *bound(node.orelse)}
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [name for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)]
            yield from (name.id for name in names if isinstance(name.ctx, ast.Store))


def test_no_name_of_a_module_or_class_is_bound_twice():
    for module in MODULES:
        tree = ast.parse((ROOT / module).read_text())
        for place in (tree, *(node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))):
            twice = [name for name, n in Counter(bound(place.body)).items() if n > 1]
            assert not twice, f"{module}, {getattr(place, 'name', 'module')}: {twice} twice"


def loaded_after(statement):
    """Names of the top-level packages in memory after a statement in a fresh process."""
    code = f"{statement}\nimport sys\nprint(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    env = {**os.environ, "PYTHONPATH": str(ROOT.parent)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_no_module_imports_anything_heavy():
    found = {m.name for m in pkgutil.walk_packages(eomoo.__path__, "eomoo.")}
    names = sorted(found - {"eomoo.__main__", NEEDS_TORCH})
    assert len(names) > 50
    loaded = loaded_after("\n".join(f"import {name}" for name in names))
    assert "pymoo" in loaded
    assert not loaded & {"torch", "xgboost", "onnx", "onnxruntime", "matplotlib", "dask", "distributed", "h5py"}


def test_the_package_itself_imports_next_to_nothing():
    loaded = loaded_after("import eomoo")
    assert not loaded & {"numpy", "pandas", "pymoo", "scipy", "moocore", "sklearn", "typer", "rich"}
