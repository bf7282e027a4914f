"""Draws the fronts of the shipped cards, so that no user waits for them: python benchmarks/shipped_fronts.py."""

from __future__ import annotations

from pathlib import Path

from eomoo.errors import DataNotFoundError
from eomoo.objectives import list_problems, load_card
from eomoo.search.problem import CellProblem, get_problem
from eomoo.search.uncertainty import SHIPPED, draw_fronts, keep_fronts, kept_name


def predicted_problems() -> list[CellProblem]:
    """The problems of the shipped cards whose values are predicted."""
    found = []
    for name in list_problems():
        # Live values are measured as they are asked for, of images that a user may have to name.
        if any(o.source == "live" for o in load_card(name).objectives):
            continue
        try:
            problem = get_problem(name)
        except DataNotFoundError:
            # Measured values, which are fetched and need no draws.
            continue
        if problem.predicted:
            found.append(problem)
    return found


def write_shipped(folder: Path = SHIPPED, *, n_draws: int = 200) -> list[Path]:
    """Write the fronts of all shipped cards with predictions; those of models as they were are removed.

    Returns:
        The files.
    """
    written = []
    for problem in predicted_problems():
        written.append(folder / kept_name(problem, n_draws, 0))
        keep_fronts(written[-1], *draw_fronts(problem, n_draws, 0))
    for path in folder.glob("*.npz"):
        if path not in written:
            path.unlink()
    return written


if __name__ == "__main__":
    for path in write_shipped():
        print(f"{path} ({path.stat().st_size / 1e6:.2f} MB)")
