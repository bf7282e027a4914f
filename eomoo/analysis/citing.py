"""Whom to cite: sentences for reports, BibTeX for papers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

from eomoo.arrays import Facts
from eomoo.files import read_toml
from eomoo.objectives.card import Card
from eomoo.search.algorithms import ALGORITHMS
from eomoo.study.rows import ProblemRow, RunRow
from eomoo.version import __version__

_ACCENTS = {"\u0301": "'", "\u0300": "`", "\u0308": '"', "\u0303": "~", "\u0302": "^", "\u030c": "v "}


def references(problems: Iterable[Card | ProblemRow], runs: Iterable[RunRow], *, study: bool) -> list[str]:
    """What to cite, in sentences: the problems' data, the algorithms, the measures."""
    problems, works = list(problems), _sources()["works"]
    found = [f"Data of {p.name}: {p.citation}" for p in problems if p.citation]
    for what, keys in _cited(problems, list(runs), study=study):
        found.append(f"{what}: {'; '.join(_sentence(works[key]) for key in keys)}")
    return list(dict.fromkeys(found))


def bibtex(problems: Iterable[Card | ProblemRow], runs: Iterable[RunRow], *, study: bool) -> str:
    """What to cite, as BibTeX."""
    return "\n".join(_entry(key, work) for key, work in cited_works(problems, runs, study=study).items())


def cited_works(
    problems: Iterable[Card | ProblemRow], runs: Iterable[RunRow], *, study: bool
) -> dict[str, dict[str, str]]:
    """What to cite, by key: eomoo, the problems' data, the algorithms, the measures; keys never change.

    Each has BibTeX's fields, and its "kind".
    """
    sources, problems = _sources(), list(problems)
    title = "eomoo: Multi-objective neural architecture search for {Earth} observation"
    entries: dict[str, dict[str, str]] = {"eomoo": {"kind": "misc", "author": "{The eomoo developers}", "title": title}}
    entries["eomoo"]["note"] = f"Version {__version__}"
    for p in problems:
        known = [key for words, key in sources["data"].items() if words in p.citation]
        entries |= {key: sources["works"][key] for key in known}
        if p.citation and not known:
            entries[p.name] = {"kind": "misc", "title": _plain(p.title or p.name), "note": _plain(p.citation)}
    for _, keys in _cited(problems, list(runs), study=study):
        entries |= {key: sources["works"][key] for key in keys}
    return {key: {name: str(value) for name, value in work.items()} for key, work in entries.items()}


def _sources() -> Facts:
    return read_toml(Path(__file__).with_name("sources.toml"))


def _cited(problems: list[Card | ProblemRow], runs: list[RunRow], *, study: bool) -> Iterator[tuple[str, list[str]]]:
    """What is cited for what: a sentence's beginning, and keys of works."""
    sources = _sources()
    measures, starts = sources["measures"], [run.settings.get("init", "random") for run in runs]
    for run in runs:
        if run.algorithm in sources["algorithms"]:
            yield ALGORITHMS[run.algorithm].title, sources["algorithms"][run.algorithm]
    surrogates = any(str(start).startswith("surrogate") for start in starts)
    wanted = {"surrogate_start": surrogates, "trees": surrogates or any(p.predicted for p in problems), "always": True,
              "certain": any("uncertainty" in run.extra for run in runs), "compared": study}  # fmt: skip
    for name in (name for name, is_wanted in wanted.items() if is_wanted):
        yield from ((what, keys) for what, *keys in measures[name])


def _sentence(work: Facts) -> str:
    """Surnames: title. Where, when."""
    names = ", ".join(name.partition(",")[0] for name in work["author"].split(" and "))
    report = f"{work.get('type', '')} {work.get('number', '')}, {work.get('institution', '')}"
    place = work.get("journal") or work.get("booktitle") or report
    if "journal" in work:
        place += f" {work['volume']}" + (f"({work['number']})" if "number" in work else "")
    title = re.sub("[{}]", "", work["title"]).replace("``", '"').replace("''", '"')
    return f"{names}: {title}. {place}, {work['year']}"


def _entry(key: str, work: Facts) -> str:
    lines = [f"  {name} = {{{_accented(str(value))}}}" for name, value in work.items() if name != "kind"]
    return f"@{work['kind']}{{{re.sub(r'[^A-Za-z0-9:._-]+', '-', key)},\n" + ",\n".join(lines) + "\n}\n"


def _plain(text: str) -> str:
    """A text of anybody's that LaTeX shows as it is, braces left out, since BibTeX counts them."""
    return re.sub(r"([&%$#_])", r"\\\1", re.sub(r"[{}\\~^]", "", " ".join(text.split())))


def _accented(text: str) -> str:
    """Letters with accents as LaTeX writes them, for a BibTeX that knows ASCII alone."""
    marks = re.compile(r"(\w)([\u0300-\u036f])")
    found = marks.sub(lambda m: f"{{\\{_ACCENTS.get(m[2], '')}{m[1]}}}", unicodedata.normalize("NFD", text))
    return unicodedata.normalize("NFC", found)
