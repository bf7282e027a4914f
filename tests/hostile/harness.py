"""Feed every reader with changed and invented files, and see what it does.

    python tests/hostile/harness.py [--inputs 10000] [--seed 1] [--only KIND,...]

Each input is read in a process of its own, which is watched: it may be refused in one sentence, or be
accepted. It must not end in a traceback, execute anything, take over 1 GB or 30 s of computing, leave files behind, or,
where the file is one of eomoo's own, be believed though it was changed.
"""

import argparse
import contextlib
import gc
import os
import pickle
import resource
import select
import signal
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path
from traceback import extract_tb

sys.path.insert(0, str(Path(__file__).parent))
sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "data")]

from mutations import generator, make_special, mutated  # noqa: E402 - lies beside, wherever this is called from
from readers import KINDS  # noqa: E402

MOST_BYTES = 1 << 30
MOST_SECONDS = 30
# Of a process that waits, for something that never comes or for its turn on a busy machine.
MOST_WAITING = 120
FINE = ("refused", "accepted", "same")
# What a payload would make, were it executed.
CANARY = "executed"
# What is changed of a file that is given its full size again.
HEAD = 1 << 12
# Of the inputs, how many are no changed file but a link, a pipe, a device, a folder or endless.
SPECIAL = 0.05


def judged(kind, folder, expected):
    """What reading the file comes to, in words; called in a process of its own."""
    from eomoo.errors import EomooError

    # A dead file system or a broken library may warn; a warning is no result.
    warnings.simplefilter("ignore")
    try:
        found = kind.read(folder)
    except EomooError as error:
        sentence = str(error)
        if not sentence or "\n" in sentence.strip() or len(sentence) > 2000:
            return "no sentence", sentence[:300]
        return "refused", sentence
    except BaseException as error:
        steps = reversed(extract_tb(error.__traceback__))
        where = " <- ".join(f"{Path(step.filename).name}:{step.lineno}" for step in steps)
        return "traceback", f"{type(error).__name__}: {error}"[:200] + f" at {where}"[:200]
    if not kind.own:
        return "accepted", ""
    same = kind.same(found, expected) if kind.same else found == expected
    return ("same", "") if same else ("believed", str(found)[:200])


def in_a_process(function):
    """The result of a function in a forked process, and its growth in bytes; or why there is none."""
    into, out = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(into)
        # Address space beyond what is there already: a runaway ends here rather than in swap.
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + 4 * MOST_BYTES, used + 4 * MOST_BYTES))
        resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS + 1))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with open(os.devnull, "w") as sink:
            os.dup2(sink.fileno(), 1)
            os.dup2(sink.fileno(), 2)
        result = function()
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
        with contextlib.suppress(BrokenPipeError), open(out, "wb") as file:
            file.write(pickle.dumps((result, grown)))
        os._exit(0)
    os.close(out)
    with open(into, "rb") as file:
        ready, _, _ = select.select([file], [], [], MOST_WAITING)
        if not ready:
            os.kill(child, signal.SIGKILL)
        data = file.read()
    _, status = os.waitpid(child, 0)
    if not ready or (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU):
        return ("too long", ""), 0
    if not data:
        return ("died", f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else "no result"), 0
    return pickle.loads(data)


def try_one(kind, sample, number, seed):
    """What becomes of input ``number`` of a kind: (outcome, what was said)."""
    rng = generator(seed, kind.name, number)
    with tempfile.TemporaryDirectory(prefix="hostile-") as place:
        folder = Path(place)
        for name, content in sample.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        targets = kind.targets(sample.files)
        what = ""
        if kind.invent is not None:
            given = kind.invent(rng)
            what = f"eomoo {' '.join(given)}"[:300] + ": "
        else:
            given = folder
            target = targets[int(rng.integers(len(targets)))]
            if rng.random() < SPECIAL:
                what = f"{make_special(folder / target, rng)}: "
            else:
                content = mutated(sample.files[target], rng, text=kind.text)
                (folder / target).write_bytes(content)
                if content == sample.files[target]:
                    return "same", ""
            if kind.head and (folder / target).is_file() and not (folder / target).is_symlink():
                os.truncate(folder / target, max(sample.size, (folder / target).stat().st_size))
        before = set(folder.rglob("*"))
        cwd = os.getcwd()
        os.chdir(folder)
        try:
            (outcome, said), grown = in_a_process(lambda: judged(kind, given, sample.expected))
        finally:
            os.chdir(cwd)
        said = what + said
        if any(p.name == CANARY for p in folder.rglob("*")):
            return "executed", said
        if grown > MOST_BYTES:
            return "over 1 GB", f"{grown / 1e9:.2f} GB, {outcome}: {said}"
        left = set(folder.rglob("*")) - before - {folder / name for name in kind.may_leave}
        if kind.invent is not None:
            # A command that ends early may leave what it was asked to write, but nothing half-written.
            left = {path for path in left if path.name.startswith(".")}
        if left and outcome == "refused":
            return "left behind", ", ".join(map(str, left))
        return outcome, said


class Sample:
    """A good file of a kind, with what is read from it."""

    def __init__(self, kind):
        with tempfile.TemporaryDirectory(prefix="sample-") as place:
            folder = Path(place)
            kind.make(folder)
            files = [path for path in folder.rglob("*") if path.is_file()]
            self.size = max(path.stat().st_size for path in files)
            self.files = {
                str(path.relative_to(folder)): path.read_bytes()[: HEAD if kind.head else None] for path in files
            }
            self.expected = None if kind.invent else kind.read(folder)


def run(inputs, seed, only=()):
    """Outcomes by kind, and the sentences of what is not fine."""
    kinds = [kind for kind in KINDS if (not only or kind.name in only) and not kind.lacking()]
    counts, bad = {}, []
    gc.freeze()
    for kind in kinds:
        sample, outcomes = Sample(kind), Counter()
        for number in range(-(-inputs // len(kinds))):
            outcome, said = try_one(kind, sample, number, seed)
            outcomes[outcome] += 1
            if outcome not in FINE:
                bad.append((kind.name, number, outcome, said))
                print(*bad[-1], sep=": ", file=sys.stderr, flush=True)
        counts[kind.name] = outcomes
    return counts, bad


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    counts, bad = run(given.inputs, given.seed, [name for name in given.only.split(",") if name])
    columns = [*FINE, *sorted({outcome for c in counts.values() for outcome in c} - set(FINE))]
    print("| kind | inputs | " + " | ".join(columns) + " |\n|---|" + "--:|" * (len(columns) + 1))
    for name, outcomes in counts.items():
        print(f"| {name} | {outcomes.total()} | " + " | ".join(str(outcomes[c]) for c in columns) + " |")
    total = sum(counts.values(), Counter())
    print(f"| all | {total.total()} | " + " | ".join(str(total[c]) for c in columns) + " |")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
