"""What live_search.py found: tables, a figure, and its numbers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from live_search_runs import ARMS, N_RANDOM, PLAIN, waited

from eomoo.arrays import Facts, Floats
from eomoo.files import atomic_path, write_json
from eomoo.plots import WIDTHS, line_style, look, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHARE, AT = 0.95, (6, 12, 16)
GRID = np.arange(0.0, N_RANDOM + 0.25, 0.25)
SHOWN = {
    "random": "random search",
    "known costs alone": "known costs, full trainings alone",
    "with a rung": "cost-aware search",
    "with a rung and a prior": "the same with a related prior",
}
TITLES = {"time": "error and training time", "params": "error and parameters"}


def when(run: Facts, share: float, of: Iterable[float]) -> float:
    """The first of some numbers, one a full training, by which a share is reached; infinite where it is not."""
    return min((x for x, (_, reached) in zip(of, run["curve"], strict=True) if reached >= share), default=np.inf)


def units_to(run: Facts, share: float) -> float:
    """Units spent until a share is reached."""
    return when(run, share, [spent for spent, _ in run["curve"]])


def quartiles(values: list[float]) -> list[float]:
    """Lower, middle and upper one, each of them a value that there is."""
    return [float(q) for q in np.quantile(values, [0.25, 0.5, 0.75], method="nearest")]


def over_units(run: Facts) -> Floats:
    """The share reached at each of GRID; NaN after the run's end."""
    spent, reached = (np.array(part) for part in zip(*run["curve"], strict=True))
    at = np.searchsorted(spent, GRID, side="right")
    best = np.concatenate(([0.0], np.maximum.accumulate(reached)))
    return np.where(spent[-1] >= GRID, best[at], np.nan)


def summary(runs: list[Facts]) -> dict[str, Facts]:
    """By problem the share that N_RANDOM random full trainings reach, and what each arm needs for it."""
    found: dict[str, Facts] = {}
    for problem in dict.fromkeys(run["problem"] for run in runs):
        mine = [run for run in runs if run["problem"] == problem and "curve" in run]
        random = [run["curve"][-1][1] for run in mine if run["arm"] == "random"]
        if not random:
            continue
        target = float(np.median(random))
        arms = {arm: [run for run in mine if run["arm"] == arm] for arm in dict.fromkeys(run["arm"] for run in mine)}
        found[problem] = {"target": target, "arms": {arm: _arm(arm, of, target) for arm, of in arms.items()}}
        took = [run for run in runs if run["problem"] == problem and run["arm"] == "overhead"]
        if took:
            seconds = np.concatenate([run["decisions"] for run in took])
            found[problem]["overhead"] = {
                "decisions": len(seconds), "median_s": float(np.median(seconds)), "largest_s": float(seconds.max()),
                "peak_mb": max(run["peak_mb"] for run in took),
            }  # fmt: skip
    return found


def _arm(arm: str, runs: list[Facts], target: float) -> Facts:
    # Arms of --earlier have one.
    workers = PLAIN[arm] if arm in PLAIN else ARMS[arm][3] if arm in ARMS else 1
    times = [when(run, target, run["ends"]) for run in runs]
    # The share of waiting until then, or until the end where the target is not reached.
    until = [time if np.isfinite(time) else run["ends"][-1] for time, run in zip(times, runs, strict=True)]
    waits = [waited(run["spells"], workers, end) for run, end in zip(runs, until, strict=True)]
    return {
        "seeds": len(runs),
        "workers": workers,
        "units": quartiles([units_to(run, target) for run in runs]),
        f"units_to_{SHARE}": quartiles([units_to(run, SHARE) for run in runs]),
        "spent": min(run["curve"][-1][0] for run in runs),
        "shares": {
            str(units): float(np.median([max([h for u, h in run["curve"] if u <= units], default=0.0) for run in runs]))
            for units in AT
        },
        "time": quartiles(times),
        "waiting": float(np.median(waits)),
    }


def print_tables(found: dict[str, Facts]) -> None:
    """As Markdown: units by arm, then time by workers, then what decisions take."""
    for problem, facts in found.items():
        print(f"\n{problem}: {N_RANDOM} random full trainings reach {facts['target']:.3f} of the true hypervolume")
        heads = ["search", "seeds", "units to that", f"to {SHARE}", *(f"share at {units}" for units in AT)]
        print(f"| {' | '.join(heads)} |\n|---|{'--:|' * (len(heads) - 1)}")
        alone = {arm: of for arm, of in facts["arms"].items() if of["workers"] == 1}
        for arm, of in alone.items():
            cells = [arm, str(of["seeds"]), *(_said(of[key], of["spent"]) for key in ("units", f"units_to_{SHARE}"))]
            print(f"| {' | '.join([*cells, *(f'{share:.3f}' for share in of['shares'].values())])} |")
        several = [arm for arm in facts["arms"] if arm not in alone]
        for first in ("random", "with a rung") if several else ():
            for arm in [first, *(arm for arm in several if arm.startswith(f"{first},"))]:
                of = facts["arms"].get(arm)
                if of:
                    said = _said(of["time"], of["spent"] / of["workers"])
                    print(f"{arm}: in the time of {said} trainings; workers wait {100 * of['waiting']:.1f} %")
        if took := facts.get("overhead"):
            print(
                f"a decision takes {took['median_s']:.2f} s of CPU, {took['largest_s']:.2f} s at most "
                f"({took['decisions']} of them); peak memory {took['peak_mb']:.0f} MB"
            )


def _said(values: list[float], spent: float) -> str:
    low, middle, high = values
    return f"{middle:.1f} ({low:.1f} to {high:.1f})".replace("inf", f"> {spent:.0f}")


def draw_figure(runs: list[Facts], found: dict[str, Facts], path: Path) -> None:
    """Share of the true hypervolume over units spent, medians with quartiles, and its numbers as JSON beside it."""
    problems = [name for name in TITLES if name in found]
    figure, axes = new_figure(WIDTHS["page"], 3.1, size=_LETTERS, ncols=len(problems), sharey=True, squeeze=False)
    with look(_LETTERS):
        for ax, problem in zip(axes.flat, problems, strict=True):
            _draw_problem(ax, [run for run in runs if run["problem"] == problem], found[problem])
            ax.set(title=TITLES[problem], xlim=(0, N_RANDOM), ylim=(0.4, 1.0), xlabel="spent, in full trainings")
        axes.flat[0].set_ylabel("share of the true hypervolume")
        axes.flat[-1].legend(loc="lower right")
        with atomic_path(path) as temporary:
            figure.savefig(temporary, format="png", dpi=150, facecolor="white")
    write_json(path.with_suffix(".json"), found)


def _draw_problem(ax: Axes, runs: list[Facts], facts: Facts) -> None:
    for number, (arm, label) in enumerate(SHOWN.items()):
        curves = np.array([over_units(run) for run in runs if run["arm"] == arm])
        if not len(curves):
            continue
        if arm == "random":
            # All of its trainings are made: what it has it keeps.
            curves = np.maximum.accumulate(np.nan_to_num(curves), axis=1)
        # As far as all runs go.
        there = np.isfinite(curves).all(axis=0)
        low, middle, high = np.quantile(curves[:, there], [0.25, 0.5, 0.75], axis=0)
        style = {**line_style(_PLACES[number]), "linestyle": _DASHES[number], "marker": ""}
        ax.fill_between(GRID[there], low, high, color=style["color"], alpha=0.15, linewidth=0)
        ax.plot(GRID[there], middle, **style, linewidth=1.6, label=label)
    target, units = facts["target"], facts["arms"]["with a rung"]["units"][1]
    ax.axhline(target, color="0.35", linewidth=0.8, linestyle=(0, (4, 3)))
    ax.plot([units, N_RANDOM], [target] * 2, "o", color="0.15", markersize=4, zorder=5, clip_on=False)
    from matplotlib.patheffects import withStroke

    # In white, so that curves behind a number leave it to be read.
    around = {"textcoords": "offset points", "path_effects": [withStroke(linewidth=3, foreground="white")], "zorder": 6}
    ax.annotate(f"{units:.1f}", (units, target), (8, -13), **around)
    ax.annotate(f"{N_RANDOM}", (N_RANDOM, target), (-4, 5), ha="right", **around)


# Points of the letters; of the looks of eomoo's lines those in grey, green, blue and orange.
_LETTERS, _PLACES, _DASHES = 9.5, (10, 2, 0, 1), ("-.", ":", "-", "--")
