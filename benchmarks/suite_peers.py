"""The default search beside peers from outside, at equal distinct evaluations: two of Optuna, one of BoTorch.

    pip install "eomoo[peers]"
    python benchmarks/suite_peers.py [--out peer-results] [--seeds 10] [--problems TEXT] [--report FILE]

Optuna chooses 26 categorical genes; what is no cell, or one that it had before, costs it no evaluation; the former
is told as breaking a constraint. BoTorch's
acquisition function chooses among candidates, random cells and neighbours of the front, over eomoo's features.
"""

import argparse
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray
from suite_problems import PROBLEMS, SuiteProblem
from suite_report import half_width, table
from suite_runs import DEFAULT, ENTRANTS, Scorer, path_of

from eomoo.files import read_json, write_json, write_text
from eomoo.fronts import non_dominated
from eomoo.search import CellProblem

HERE = Path(__file__).resolve().parent
AT = (50, 100, 200)
# Without noise, limits or gaps, which the peers treat in ways of their own.
CHOSEN = "eo-macro-latency;eo-micro-macro-latency;network, easy, 2 objectives;hashed, middle, 2 objectives"
_FIRST_SEED = 1001
# Proposals that are no new cell, after which Optuna is given a random one: its TPE may propose the same for ever.
_STALL = 50
# As eomoo's default has it; BoTorch's batches are as large as its first ones, its candidates as many.
_N_STARTS, _BATCH, _N_CANDIDATES = 10, 7, 1_000
# Samples of the posterior at which an acquisition function is averaged: BoTorch's tutorials take 128.
_N_SAMPLES = 128

Peer = Callable[[CellProblem, int, int], NDArray[np.int64]]


def optuna_peer(make_sampler: Callable[[int], object]) -> Peer:
    """Cells in the order of their first evaluation, as a sampler of Optuna proposes them."""

    def search(problem: CellProblem, budget: int, seed: int) -> NDArray[np.int64]:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        study = optuna.create_study(directions=["minimize"] * problem.n_obj, sampler=make_sampler(seed))
        found: dict[int, list[float]] = {}
        idle, rng = 0, np.random.default_rng(seed)
        while len(found) < budget:
            if idle == _STALL:
                genes = problem.space.genotype(problem.random_cells(1, rng))[0].tolist()
                study.enqueue_trial({f"gene {k}": gene for k, gene in enumerate(genes)})
                idle = 0
            trial = study.ask()
            genes = [trial.suggest_categorical(f"gene {k}", range(int(most) + 1)) for k, most in enumerate(problem.xu)]
            index, violation = problem.space.decode(np.array([genes]))
            cell = int(index[0])
            idle = idle + 1 if cell < 0 or cell in found else 0
            if cell >= 0 and cell not in found:
                found[cell] = problem.objectives_at(index)[0].tolist()
            # What is no cell is known as such: its values do not matter.
            trial.set_user_attr("violation", float(violation[0]))
            study.tell(trial, found.get(cell, [0.0] * problem.n_obj))
        return np.array(list(found))

    return search


def _violation(trial) -> tuple[float, ...]:
    return (trial.user_attrs["violation"],)


def tpe(seed: int) -> object:
    """Optuna's tree-structured Parzen estimator with its defaults."""
    from optuna.samplers import TPESampler

    return TPESampler(seed=seed, constraints_func=_violation)


def optuna_nsga2(seed: int) -> object:
    """Optuna's NSGA-II with its default population."""
    from optuna.samplers import NSGAIISampler

    return NSGAIISampler(seed=seed, constraints_func=_violation)


def qlognehvi(problem: CellProblem, budget: int, seed: int) -> NDArray[np.int64]:
    """Cells in the order of their evaluation, by BoTorch's noisy expected hypervolume improvement.

    Source: Daulton, Balandat, Bakshy, NeurIPS 2021; Ament et al., NeurIPS 2023 (its logarithm).
    """
    import torch
    from botorch import fit_gpytorch_mll
    from botorch.acquisition.multi_objective.logei import qLogNoisyExpectedHypervolumeImprovement
    from botorch.models import ModelListGP, SingleTaskGP
    from botorch.models.transforms import Standardize
    from botorch.optim import optimize_acqf_discrete
    from botorch.sampling import SobolQMCNormalSampler
    from gpytorch.mlls import SumMarginalLogLikelihood

    torch.manual_seed(seed)
    torch.set_num_threads(1)
    rng = np.random.default_rng(seed)
    cells = problem.random_cells(_N_STARTS, rng)
    while len(cells) < budget:
        F = problem.objectives_at(cells)
        near = problem.neighbor_lists(cells[non_dominated(F)], kind="symmetric")[1]
        near = np.setdiff1d(near, cells)
        near = rng.permutation(near)[: _N_CANDIDATES // 2]
        others = problem.random_cells(_N_CANDIDATES - len(near), rng)
        choices = np.setdiff1d(np.concatenate((near, others)), cells)
        features = problem.space.features(np.concatenate((cells, choices))).astype(float)
        span = np.ptp(features, axis=0)
        unit = torch.tensor((features - features.min(axis=0))[:, span > 0] / span[span > 0])
        X, C, Y = unit[: len(cells)], unit[len(cells) :], -torch.tensor((F - F.mean(axis=0)) / F.std(axis=0))
        model = ModelListGP(*(SingleTaskGP(X, Y[:, [k]], outcome_transform=Standardize(1)) for k in range(Y.shape[1])))
        fit_gpytorch_mll(SumMarginalLogLikelihood(model.likelihood, model))
        reference = Y.min(dim=0).values - 0.1 * (Y.max(dim=0).values - Y.min(dim=0).values)
        acquisition = qLogNoisyExpectedHypervolumeImprovement(
            model=model,
            ref_point=reference,
            X_baseline=X,
            prune_baseline=True,
            sampler=SobolQMCNormalSampler(torch.Size([_N_SAMPLES]), seed=seed),
        )
        chosen, _ = optimize_acqf_discrete(acquisition, q=min(_BATCH, budget - len(cells)), choices=C, unique=True)
        places = [int((C - row).abs().sum(dim=1).argmin()) for row in chosen]
        cells = np.concatenate((cells, choices[np.unique(places)]))
    return cells


PEERS: dict[str, Peer] = {
    "Optuna's TPE": optuna_peer(tpe),
    "Optuna's NSGA-II": optuna_peer(optuna_nsga2),
    "BoTorch's qLogNEHVI": qlognehvi,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("peer-results"))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--problems", default=CHOSEN, help="names, split by ;")
    parser.add_argument("--report", type=Path, default=HERE / "suite-peers.md")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    options.out.mkdir(parents=True, exist_ok=True)
    seeds = range(_FIRST_SEED, _FIRST_SEED + options.seeds)
    parts = [
        "# The default search beside peers from outside",
        f"{options.seeds} seeds, mean share of the true front's hypervolume in per cent with 95 % intervals, at equal "
        "numbers of distinct cells, and seconds of CPU for 200 of them. Made by `python benchmarks/suite_peers.py`; "
        "too few runs for more than intervals.",
    ]
    for name in options.problems.split(";"):
        parts += [f"## {name}", compare(options.out, PROBLEMS[name], seeds)]
    write_text(options.report, "\n\n".join(parts) + "\n")


def compare(folder: Path, problem: SuiteProblem, seeds: range) -> str:
    """A table of the default and its peers; what the folder holds is not run again."""
    scorer = Scorer(problem.make())
    rows = []
    for label in (DEFAULT, *PEERS):
        found = []
        for seed in seeds:
            path = path_of(folder, problem.name, label, seed)
            if not path.is_file():
                write_json(path, measure(scorer, label, seed))
                print(path.stem, read_json(path), flush=True)
            found.append(read_json(path))
        shares = 100.0 * np.array([result["shares"] for result in found])
        means = [f"{column.mean():.1f} ± {half_width(column):.1f}" for column in shares.T]
        rows.append([label, *means, f"{np.median([result['seconds'] for result in found]):.1f}"])
    return table(["", *map(str, AT), "s"], rows)


def measure(scorer: Scorer, label: str, seed: int) -> dict[str, object]:
    """Shares at 50, 100 and 200 distinct cells, and CPU seconds."""
    started = time.process_time()
    cells = default_cells(scorer.problem, seed) if label == DEFAULT else PEERS[label](scorer.problem, AT[-1], seed)
    seconds = time.process_time() - started
    F = scorer.problem.objectives_at(cells)
    shares = [scorer.share(cells[:n], F[:n], np.zeros(len(cells[:n]))) for n in AT]
    return {"shares": np.round(shares, 6).tolist(), "n": len(cells), "seconds": round(seconds, 3)}


def default_cells(problem: CellProblem, seed: int) -> NDArray[np.int64]:
    """Cells in the order of their evaluation by eomoo's default."""
    algorithm = ENTRANTS[DEFAULT].spec.build(problem.n_obj)
    algorithm.setup(problem, termination=("n_eval", AT[-1]), seed=seed)
    while algorithm.has_next():
        algorithm.next()
    return algorithm.trace.index


if __name__ == "__main__":
    main()
