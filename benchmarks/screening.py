"""Does screening reach the same hypervolume with fewer full trainings? python benchmarks/screening.py

Runs a search on live-scene over several seeds, with and without screening, at the same budget of candidates
and the same schedule, and compares hypervolumes and the numbers of full trainings. Random search proposes the
same candidates both ways, so that it tells what screening itself loses. Trainings are kept in --folder, so
that both ways share what they have in common and a second call only reads.
"""

import argparse

import numpy as np
from moocore import hypervolume

import eomoo
from eomoo.objectives import LiveBackend
from eomoo.search import AlgorithmSpec, run_algorithm


def search(chosen: argparse.Namespace, seed: int, screen: int) -> tuple[np.ndarray, int, float]:
    """Values of the front, full trainings, and epochs spent."""
    problem = eomoo.get_problem(
        "live-scene",
        epochs=f"{chosen.screen}+{chosen.epochs - chosen.screen}",
        screen=screen or None,
        folder=chosen.folder,
        device="cpu",
        screen_quantile=chosen.quantile,
    )
    backend = problem.backends["live"]
    assert isinstance(backend, LiveBackend)
    full: set[int] = set()
    results = backend.campaign.trainings

    def counted(cells: list[int], epochs: tuple[int, ...]) -> dict:
        if sum(epochs) == chosen.epochs:
            full.update(cells)
        return results(cells, epochs)

    backend.campaign.trainings = counted  # type: ignore[method-assign]
    options = {{"nsga2": "pop_size", "random": "batch"}.get(chosen.algorithm, "batch_size"): chosen.batch}
    spec = AlgorithmSpec(label=chosen.algorithm, algorithm=chosen.algorithm, options=options)
    result = run_algorithm(problem, spec, budget=chosen.budget, seed=seed)
    spent = len(full) * chosen.epochs
    if screen:
        spent += (chosen.budget - len(full)) * screen
    return problem.values(result.front), len(full), spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--budget", type=int, default=24)
    parser.add_argument("--batch", type=int, default=6)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--screen", type=int, default=1)
    parser.add_argument("--quantile", type=float, default=0.75)
    parser.add_argument("--algorithm", default="nsga2")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--folder", default=None)
    chosen = parser.parse_args()
    pairs = [(search(chosen, seed, 0), search(chosen, seed, chosen.screen)) for seed in range(chosen.seeds)]
    reference = np.max([values.max(axis=0) for pair in pairs for values, _, _ in pair], axis=0) * 1.1
    ratios = []
    print("seed  hypervolume all / screened  ratio   full trainings  epochs")
    for seed, (everything, screened) in enumerate(pairs):
        volumes = [hypervolume(values, ref=reference) for values, _, _ in (everything, screened)]
        ratios.append(volumes[1] / volumes[0])
        print(
            f"{seed:4d}  {volumes[0]:12.4f} / {volumes[1]:.4f}  {ratios[-1]:.3f}   "
            f"{everything[1]} / {screened[1]}  {everything[2]} / {screened[2]}"
        )
    saved = 1 - sum(s[1] for _, s in pairs) / sum(a[1] for a, _ in pairs)
    epochs = 1 - sum(s[2] for _, s in pairs) / sum(a[2] for a, _ in pairs)
    print(f"median ratio {np.median(ratios):.3f}; {saved:.0%} fewer full trainings, {epochs:.0%} fewer epochs")


if __name__ == "__main__":
    main()
