"""What the words of a report mean on its problems: errors and times of what, parameters of which network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from eomoo.analysis.network import network_of, skeleton_words
from eomoo.analysis.results import ProblemResults
from eomoo.analysis.tables import Facts, Section
from eomoo.files import read_toml
from eomoo.plots import number


def glossary(problems: Sequence[ProblemResults]) -> Section:
    """The terms that a report of these problems uses, with what each means there."""
    found: dict[str, dict[str, str]] = {}
    for problem in problems:
        for term, text in _terms(problem):
            found.setdefault(term, {}).setdefault(text, problem.name)
    rows = [
        (term, " ".join(texts if len(texts) == 1 else (f"{name}: {text}" for text, name in texts.items())))
        for term, texts in found.items()
    ]
    return Section(id="glossary", title="What the words mean", short="Words", blocks=[Facts(title="Words", rows=rows)])


def _terms(results: ProblemResults) -> Iterator[tuple[str, str]]:
    network, row, raw = network_of(results), results.problem, results.objectives.raw(results.box.reference[None])[0]
    timing, training = network.get("latency", {}), network.get("train", {})
    known = {
        "classes": row.skeleton.n_classes,
        "chance": f"{100 - 100 / row.skeleton.n_classes:.1f}",
        "batch": f"{timing.get('batch_size')} image{'s' if timing.get('batch_size') != 1 else ''}",
        "runtime": timing.get("runtime"),
        "device": network.get("timed_on"),
        "epochs": training.get("epochs"),
        "skeleton": skeleton_words(row.skeleton),
        "reference": ", ".join(f"{o.title} {number(v)}" for o, v in zip(results.objectives, raw.tolist(), strict=True)),
        "whose": "the card's" if row.objectives.reference_point is not None else "a little beyond the worst value seen",
        "best": results.reference_name,
    }
    titles = " ".join(quantity.title for quantity in (*results.objectives, *row.limits))
    titles += " certain" if any(run.uncertainty is not None for run in results.runs) else ""
    kinds = "live" if timing else row.name.partition("-")[0].removesuffix("s"), "any"
    for term in read_toml(Path(__file__).with_name("definitions.toml"))["terms"]:
        text = next((term[kind] for kind in kinds if kind in term), None)
        if text is not None and term.get("when", "") in titles:
            yield term["term"], text.format(**known)
