"""Odd command lines: every option of every command with numbers and texts that nobody should need."""

import contextlib
import io
import sys

# Each command, complete but for what it is given here, quick where it succeeds. FOLDER is empty.
COMMANDS = {
    "run": ["eo-macro-params", "--budget", "10", "--algorithm", "nsga2", "--out", "out"],
    "problems": [],
    "show": ["5"],
    "report": ["."],
    "landscape": ["card.toml", "--out", "out"],
    "train": ["3", "--data", ".", "--out", "out"],
    "evaluate": ["card.toml", "--data", "."],
    "latency": ["3", "--rounds", "1", "--repetitions", "1"],
    "export": ["3", "--out", "out"],
    "study run": ["study.toml", "--out", "out"],
    "study show": ["."],
    "study verdict": [".", "--out", "out"],
    "surrogate fit": ["table.csv", "--out", "out"],
    "surrogate check": ["."],
    "data where": ["eo-hwnas"],
    "data get": ["eo-hwnas", "--from", ".", "--to", "out"],
    "data verify": ["--from", "."],
    "data convert": ["table.csv", "--out", "out"],
}
VALUES = [
    *("-1", "0", "-5.5", "nan", "inf", "1e999", "1e-320", "4000000000", "100000000000", "9" * 26, "9" * 5000),
    *("", " ", "x", "-", "--", "=", "x=", "=1", "\u0661", "a" * 300, "a/" * 2000 + "a", "\N{SNOWMAN}"),
    *("~nouser/x", "/dev/zero", "/dev/null/x", "/dev/full", ".", "..", "card.toml", "[1, 2]", "{}", "None"),
]
SETTINGS = [
    *("pop_size", "n_starts", "n_train", "n_model_cells", "n_neighbors", "refit", "epochs", "seed", "patch_size"),
    *("gap", "blocks", "image_size", "batch_size", "learning_rate", "walk_length", "n_offsprings", "unknown"),
]
ALGORITHMS = ["pls", "surrogate-pls", "nsga2", "memetic", "random", "moead", "unknown"]


def options_of(command):
    """The options of a command that take a value."""
    from typer.main import get_command

    from eomoo.cli import app

    found = get_command(app)
    for part in command.split():
        found = found.commands[part]
    return [p.opts[-1] for p in found.params if p.opts[-1].startswith("-") and not getattr(p, "is_flag", False)]


def invent(rng):
    """The words of one command line."""
    name = list(COMMANDS)[int(rng.integers(len(COMMANDS)))]
    words, options = list(COMMANDS[name]), options_of(name)
    for _ in range(int(rng.integers(1, 3))):
        value = VALUES[int(rng.integers(len(VALUES)))]
        if not options or rng.random() < 0.1:
            words[:1] = [value]
            continue
        option = options[int(rng.integers(len(options)))]
        if option in ("--option", "-o", "--set"):
            value = f"{SETTINGS[int(rng.integers(len(SETTINGS)))]}={value}"
            words += ["--algorithm", ALGORITHMS[int(rng.integers(len(ALGORITHMS)))]] if name == "run" else []
        words += [option, value]
    return [*name.split(), *words]


def call(words):
    """Run a command line in this process; an EomooError with what it says where its code is not 0."""
    from eomoo.cli import main
    from eomoo.errors import EomooError

    sys.argv = ["eomoo", *words]
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            main()
    except SystemExit as end:
        if end.code not in (None, 0):
            lines = said.getvalue().strip().split("\n")
            raise EomooError(f"{end.code}: {lines[-1][:1500]}") from None
    return "ended well"
