"""What `answers.py` asks of studies, landscapes, tables, trainings and surrogates."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from answers_asking import Cases, asked, columns, command, floats, ints, own_card, run, text, tree, varies
from answers_search import posed, sample

import eomoo

__all__ = ["landscape", "live", "study", "surrogate", "tables", "verdict"]

TABLE_CARDS = ("eo-table-macro-latency", "eo-table-macro-traintime", "eo-table-micro-latency")
TARGETS = ("val_micro", "val_macro", "test_micro", "test_macro", "latency", "train_time")
NB101_METRICS = ("training_time", "train_accuracy", "validation_accuracy", "test_accuracy")


def study() -> Cases:
    """A study's tables, tests and ranks."""
    ordinary = ["--problems", "eo-macro-latency,eo-micro-macro-latency",
                "--algorithms", "pls,nsga2,random,surrogate-pls", "--seeds", "3"]  # fmt: skip

    def shown(folder: str, *more: str) -> dict[str, Any]:
        found = asked("study", "show", folder, *more)
        rows: dict[str, list[Any]] = {}
        for table in ("summary", "tests"):
            for row in found[table]:
                names = [str(row[key]) for key in ("problem", "evaluations", "indicator")]
                rows.setdefault(" ".join([table, *names]), []).extend(row.values())
        flat = {
            key: {
                "numbers": floats([value for value in values if isinstance(value, float)]),
                "words": text(str(value) for value in values if not isinstance(value, float)),
            }
            for key, values in rows.items()
        }
        return {"problems": tree(found["problems"]), "ranks": tree(found["ranks"]), **flat}

    def made(folder: str, *arguments: str) -> Callable[[], dict[str, Any]]:
        def ask() -> dict[str, Any]:
            command("study", "run", *arguments, "--jobs", 1, "--out", folder)
            return shown(folder)

        return ask

    yield "two cards", made("ordinary", *ordinary, "--budget", "150")
    yield "two cards, at 60", lambda: shown("ordinary", "--at", "60")
    yield "listed", lambda: {row["name"]: row["runs"] for row in asked("study", "list")}


def landscape() -> Cases:
    """The whole space measured, and the published analysis of the EO table."""
    few = ["--walks", 50, "--walk-length", 100, "--searches", 3]
    yield "eo-macro-traintime", lambda: tree(asked("landscape", "eo-macro-traintime", *few))
    yield (
        "hamming, noise, limits",
        lambda: tree(
            asked("landscape", "eo-macro-latency", *few, "--neighborhood", "hamming", "--noise", 2, "-c", "latency<=12")
        ),
    )
    yield "eo-table-macro-latency", lambda: tree(asked("landscape", "eo-table-macro-latency"))


def verdict() -> Cases:
    """The published comparison with two seeds, as the numbers in its page's tables."""

    def page() -> dict[str, Any]:
        only = ["--problems", "eo-macro-traintime", "--seeds", "10,20"]
        command("study", "run", "data-centric", *only, "--jobs", 1, "--out", "data-centric")
        command("study", "verdict", "data-centric", "--out", "verdict.md")
        found: dict[str, Any] = {}
        heading = ""
        for line in Path("verdict.md").read_text(encoding="utf-8").splitlines():
            if line.startswith("#"):
                heading = line.lstrip("# ")
            elif line.startswith("|") and re.search(r"\d", line):
                row, *rest = [part.strip() for part in line.strip("|").split(" | ")]
                found.setdefault(f"{heading}: {row}", []).append("; ".join(rest))
        return found

    yield "page", page
    yield "surrogate starts", lambda: _starts("data-centric")


def _starts(folder: str) -> dict[str, Any]:
    """Every indicator of every run, by column, as `study show --csv` writes them."""
    command("study", "show", folder, "--csv", "tables")
    found = columns(Path("tables") / "runs.csv")
    kept = {name: values for name, values in found.items() if not varies(name)}
    result = {}
    for name, values in kept.items():
        try:
            result[name] = floats([float(value or "nan") for value in values])
        except ValueError:
            result[name] = text(values)
    return result


def tables() -> Cases:
    """Tables of one's own, the EO table and a table of NAS-Bench-101's form."""
    for card in TABLE_CARDS:
        yield card, lambda card=card: posed(eomoo.get_problem(card))
        for algorithm in ("pls", "surrogate-pls", "random", "nsga2"):
            yield f"{card} {algorithm}", lambda c=card, a=algorithm: run(c, "-a", a, "--budget", 120)
    yield ("eo-table-macro-latency, limits", lambda: run("eo-table-macro-latency", "-a", "pls", "-c", "latency<=12"))
    yield "EO table as CSV", _converted

    own = _own_table
    yield "own table", lambda: posed(eomoo.get_problem(own()))
    for algorithm in ("pls", "surrogate-pls", "memetic", "nsga2"):
        yield f"own table {algorithm}", lambda a=algorithm: run(own(), "-a", a, "--budget", 300, "--seed", 2)
    yield "own table, whole", lambda: run(own(), "-a", "pls", "--budget", 5000)
    yield "own table, noise", lambda: run(own(), "-a", "pls", "--budget", 200, "--noise", 3)

    nasbench = _nasbench
    for setting in ("mean", "random", "1"):
        more = ["--set", f"repeat={setting}", "--set", "halfway=true"] if setting == "1" else []
        more = more or ["--set", f"repeat={setting}"]
        yield f"nasbench101, {setting}", lambda m=more: run(nasbench(), "-a", "pls", "--budget", 300, *m)
    yield "nasbench101", lambda: posed(eomoo.get_problem(nasbench()))
    yield "nasbench101, noise", lambda: run(nasbench(), "-a", "nsga2", "--budget", 200, "--noise", 4)
    yield "nasbench101, queried", _queried


def _converted() -> dict[str, Any]:
    from os import environ

    folder = Path(environ.get("EOMOO_DATA", ".")) / "eo-hwnas"
    if not folder.is_dir():
        return {"skipped": "the EO table is not on this machine; set EOMOO_DATA"}
    command("data", "convert", folder, "--out", "converted")
    return {path.name: text(path.read_text(encoding="utf-8").splitlines()) for path in Path("converted").glob("*.csv")}


def _cells_near(start: int, n: int) -> np.ndarray:
    """The first n cells that are reached from one, step by step."""
    known = eomoo.load_space()
    found = wave = np.array([start])
    while len(found) < n:
        reached = np.unique(known.neighbor_lists(wave)[1])
        wave = reached[~np.isin(reached, found)]
        found = np.concatenate([found, wave])
    return found[:n]


def _own_table() -> Path:
    """3,000 cells whose made-up accuracy and energy depend on nothing but their costs."""
    known, found = eomoo.load_space(), _cells_near(100_434, 3000)
    size = np.log10(known.params(found)) - 6
    accuracy = 88 + 5 * size - 4 * size**2 - 0.3 * (7 - known.n_vertices[found]) + found % 7 / 5
    energy = 20 + 180 * known.macs(found) / 1e9 + found % 11
    rows = zip(known.hash(found), accuracy.tolist(), energy.tolist(), strict=True)
    lines = ["hash,accuracy,energy", *(f"{name},{a:.3f},{e:.3f}" for name, a, e in rows)]
    Path("energy.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    objectives = [("accuracy", "%", "max", "table"), ("energy", "mJ", "min", "table")]
    more = '[backend.table]\nfile = "energy.csv"\n'
    return own_card("own-table", objectives, more, "reference_point = [80.0, 1500.0]\n")


def _nasbench() -> Path:
    """A card on a file as `eomoo data convert` writes it, with made-up values of all cells."""
    path = Path("made.npy")
    if not path.is_file():
        known, every = eomoo.load_space(), np.arange(423_624)
        size = np.log10(known.params(every, eomoo.CIFAR10))
        hours = known.macs(every, eomoo.CIFAR10) / 1e6
        names = [f"{metric}_108_{stage}" for stage in ("halfway", "final") for metric in NB101_METRICS]
        table = np.zeros(1, dtype=[(name, "<f4", (len(every), 3)) for name in names])
        for k, name in enumerate(names):
            for repeat in range(3):
                wave = np.sin(every * (1.0 + repeat) + k) * 0.01
                made = hours * (1 + wave) if name.startswith("training") else 0.2 + 0.1 * size + wave
                # Whole thousandths, so that no mathematics library's last digit can be an answer.
                table[name][0, :, repeat] = np.round(made, 3)
        np.save(path, table)
    return own_card(
        "own-nasbench",
        [("val_accuracy_error", "%", "min", "nasbench101"), ("train_time", "s", "min", "nasbench101")],
        '[backend.nasbench101]\nfile = "made.npy"\n',
        "reference_point = [91.0, 6000.0]\n",
    )


def _queried() -> dict[str, Any]:
    _nasbench()
    table, some = eomoo.NASBench101Table("made.npy"), sample(300)
    hashes = eomoo.load_space().hash(some)
    return {
        "all": floats(table.query(some, repeat=None, metric=list(NB101_METRICS))),
        "mean": floats(table.query(hashes, repeat="mean")),
        "random": floats(table.query(some, repeat="random", metric="test_accuracy", seed=5)),
        "halfway": floats(table.query(some, repeat=2, metric="training_time", halfway=True)),
        "params": ints(table.params(some)),
        "frame": text(map(str, table.to_dataframe(some[:20]).columns)),
    }


def live() -> Cases:
    """Small trainings on made-up images, on one thread; nothing that is timed."""
    size = ["--stem-channels", 5, "--stacks", 2, "--cells-per-stack", 1]
    here = ["--device", "cpu", "--threads", 1]

    def trained(cell: int, *more: Any) -> dict[str, Any]:
        _images()
        folder = f"trained-{cell}"
        how = ["--data", "images", "--epochs", 2, "-s", "batch_size=16", "--out", folder, *size, *here]
        found = asked("train", cell, *how, *more)
        measured = asked("evaluate", folder, "--data", "images", "--split", "val", "--device", "cpu")
        return {"training": _errors(found), "evaluated": _errors(measured)}

    def searched(algorithm: str, *more: Any) -> dict[str, Any]:
        return run(_live_card(), "-a", algorithm, "--device", "cpu", "--budget", 4, *more)

    yield "network", _network
    yield "trained, 77", lambda: trained(77)
    yield "trained, 100434, published recipe", lambda: trained(100_434, "--recipe", "published")
    yield "run, random", lambda: searched("random", "--epochs", 1)
    yield "run, surrogate-pls", lambda: searched("surrogate-pls", "--epochs", 1, "-o", "n_starts=2")
    yield "run, cost-aware", lambda: searched("cost-aware", "--rungs", "1,2")


def _images() -> None:
    """A folder of images by class: 20 of 8x8 pixels in two bands for each of three classes."""
    for k, name in enumerate(("field", "lake", "town")):
        place = Path("images") / name
        if not place.is_dir():
            place.mkdir(parents=True)
            rng = np.random.default_rng(k)
            for j in range(20):
                np.save(place / f"{j}.npy", rng.normal(k, 0.5, (2, 8, 8)).astype(np.float32))


def _live_card() -> Path:
    _images()
    settings = (
        '[backend.live]\ndata = "images"\nfolder = "live"\nthreads = 1\n'
        "[backend.live.skeleton]\nstem_channels = 5\nn_stacks = 2\ncells_per_stack = 1\n"
        "[backend.live.recipe_settings]\nbatch_size = 16\n"
    )
    objectives = [("val_micro_error", "%", "min", "live"), ("test_macro_error", "%", "min", "live")]
    return own_card("own-live", [*objectives, ("params", "", "min", "live")], settings)


def _errors(found: Any) -> Any:
    """A training's accuracies, losses and confusions: what is in its JSON but for times and places."""
    if isinstance(found, dict):
        return {k: _errors(v) for k, v in found.items() if not varies(k) and "time" not in k}
    return [_errors(item) for item in found] if isinstance(found, list) else tree(found)


def _network() -> dict[str, Any]:
    import torch

    torch.set_num_threads(1)
    skeleton = eomoo.Skeleton(in_channels=2, n_classes=3, stem_channels=8, n_stacks=2, cells_per_stack=2)
    answers: dict[str, Any] = {}
    for cell in (0, 77, 100_434, 423_623):
        network = eomoo.build_network(cell, skeleton, seed=1).eval()
        image = torch.linspace(-1, 1, 2 * 2 * 32 * 32).reshape(2, 2, 32, 32)
        with torch.no_grad():
            scores = network(image).double().numpy()
        shapes = [tuple(weight.shape) for weight in network.parameters()]
        weights = np.concatenate([w.detach().double().numpy().ravel() for w in network.parameters()])
        answers[str(cell)] = {"shapes": text(map(str, shapes)), "weights": floats(weights), "scores": floats(scores)}
    return answers


def surrogate() -> Cases:
    """The shipped models: what they say of 2,000 cells, and how good they are."""

    def said(names: list[str], unit: str, direction: str, card: str) -> dict[str, Any]:
        timed = {"latency": "ms/batch", "train_time": "s"}
        objectives = [
            (name, timed.get(name, unit), "min" if name in timed else direction, "surrogate") for name in names
        ]
        problem, some = eomoo.get_problem(own_card(card, objectives)), sample(2000)
        values, deviations = problem.values(some), problem.deviations(some)
        answers: dict[str, Any] = {}
        for k, name in enumerate(names):
            answers[name] = {"values": floats(values[:, k]), "deviations": floats(deviations[:, k])}
        return {**answers, "outside": ints(problem.extrapolates(some))}

    errors = [f"{name}_error" for name in TARGETS[:4]]
    yield "targets", lambda: said(list(TARGETS), "fraction", "max", "own-targets")
    yield "errors", lambda: said(errors, "%", "min", "own-errors")
    yield "check", lambda: tree(asked("surrogate", "check"))
