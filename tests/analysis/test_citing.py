"""What is cited: everything used, once, under keys that stay, in BibTeX that LaTeX reads."""

import json
import re
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

import eomoo
from eomoo.analysis import bibtex
from eomoo.analysis.citing import _sources
from eomoo.cli import app
from eomoo.objectives.card import list_problems, load_card
from eomoo.search import ALGORITHMS
from eomoo.version import __version__

ROOT = Path(eomoo.__file__).parents[1]


def run_of(algorithm, **settings):
    return SimpleNamespace(algorithm=algorithm, settings=settings, extra={})


def keys_of(text):
    assert text.count("{") == text.count("}")
    assert text.isascii()
    found = re.findall(r"^@[a-z]+\{([^,]+),$", text, flags=re.M)
    assert len(set(found)) == len(found)
    return found


@pytest.mark.parametrize("name", list_problems())
def test_every_shipped_card_names_works_that_are_known(name):
    card = load_card(name)
    keys = keys_of(bibtex([card], [], study=False))
    assert keys[0] == "eomoo"
    assert {"ying2019nasbench", "blank2020pymoo"} <= set(keys)
    assert name not in keys
    assert ("zhu2020so2sat" in keys) == ("So2Sat" in card.citation)
    assert ("chen2016xgboost" in keys) == any(o.source == "surrogate" for o in card.objectives)


@pytest.mark.parametrize("name", sorted(set(ALGORITHMS) - {"random"}))
def test_every_search_is_cited(name):
    works, without = _sources()["algorithms"][name], set(keys_of(bibtex([], [], study=False)))
    assert set(keys_of(bibtex([], [run_of(name)], study=False))) - without == set(works)


def test_starts_and_comparisons_add_their_sources():
    keys = keys_of(bibtex([], [run_of("pls", init="surrogate-pareto"), run_of("pls")], study=True))
    assert {"demir2024leveraging", "chen2016xgboost", "dubois2012pls", "holm1979", "demsar2006"} <= set(keys)


def test_the_citation_of_ones_own_card_is_kept_as_it_is():
    mine = SimpleNamespace(name="my card", title="Fields & forests", citation="Müller, 50 % {draft}", predicted=False)
    text = bibtex([mine], [], study=False)
    assert "my-card" in keys_of(text)
    assert r"Fields \& forests" in text
    assert r"M{\"u}ller, 50 \% draft" in text


def test_works_are_whole_and_all_are_used():
    sources = _sources()
    needed = {"article": {"journal", "volume"}, "inproceedings": {"booktitle"}, "incollection": {"booktitle"},
              "techreport": {"institution"}, "misc": {"howpublished"}}  # fmt: skip
    for key, work in sources["works"].items():
        assert needed[work["kind"]] <= set(work), key
        assert work["kind"] == "misc" or {"author", "title", "year"} <= set(work), key
        assert work["kind"] == "misc" or str(work["year"]) in key, key
    named = {key for keys in sources["algorithms"].values() for key in keys} | set(sources["data"].values())
    named |= {key for rows in sources["measures"].values() for _, *keys in rows for key in keys}
    assert named == set(sources["works"])


def test_the_command_prints_or_writes(tmp_path):
    printed = CliRunner().invoke(app, ["cite", "eo-macro-latency"])
    assert printed.exit_code == 0
    done = CliRunner().invoke(app, ["cite", "eo-macro-latency", "--out", str(tmp_path / "refs.bib")])
    assert done.exit_code == 0
    assert (tmp_path / "refs.bib").read_text(encoding="utf-8") == printed.stdout
    assert "no results" in str(CliRunner().invoke(app, ["cite", str(tmp_path)]).exception)


def test_what_is_neither_a_card_nor_a_folder_is_told():
    told = CliRunner().invoke(app, ["cite", "nothing"])
    assert "nothing is neither a problem card" in str(told.exception)


def test_a_run_is_cited_with_what_it_used(card, tmp_path):
    eomoo.run(card("err", "lat", source="ball"), algorithm="nsga2", budget=20, out=tmp_path)
    result = CliRunner().invoke(app, ["cite", str(tmp_path)])
    assert result.exit_code == 0, result.exception
    assert {"deb2002nsga2", "ying2019nasbench"} <= set(keys_of(result.stdout))
    assert "holm1979" not in result.stdout


@pytest.mark.skipif(not (ROOT / "CITATION.cff").is_file(), reason="an installed eomoo has no CITATION.cff")
def test_the_citation_file_says_what_the_package_says():
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f"\nversion: {__version__}\n" in text
    assert f"\nlicense: {project['license']}\n" in text
    assert f'abstract: "{project["description"]}"' in text
    assert re.findall(r'- name: "(.*)"', text) == [author["name"] for author in project["authors"]]
    assert re.findall(r"^  - ([^:\n]+)$", text, flags=re.M) == project["keywords"]


def test_works_are_told_to_other_programs_as_to_bibtex():
    found = json.loads(CliRunner().invoke(app, ["cite", "eo-macro-latency", "--json"]).stdout)
    text = bibtex([load_card("eo-macro-latency")], [], study=False)
    assert list(found) == keys_of(text)
    assert found["eomoo"]["note"] == f"Version {__version__}"
    assert {"kind", "title"} <= set.intersection(*(set(work) for work in found.values()))
