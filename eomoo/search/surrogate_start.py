"""Starts drawn from the Pareto front that surrogates predict."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pymoo.core.evaluator import Evaluator
from pymoo.core.population import Population
from pymoo.core.sampling import Sampling

from eomoo.errors import SettingError
from eomoo.search.budget import remaining_evaluations
from eomoo.search.dominance import non_dominated
from eomoo.search.operators import check_positive
from eomoo.space import load_space

__all__ = ["SurrogateParetoSampling", "predicted_fronts"]

_FILLS = ("next-front", "random", "none")


class Regressors(Protocol):
    """One model an objective, fitted together."""

    def predict(self, features: NDArray[Any]) -> NDArray[np.float64]:
        """Predictions (n, m) for features (n, d)."""
        ...


Fit = Callable[..., Regressors]


class SurrogateParetoSampling(Sampling):
    """Cells drawn from the Pareto front that surrogates predict for the whole space.

    Random cells are evaluated through the algorithm's evaluator, so that they count in its budget; one
    XGBoost model an objective is fitted to them and predicts every cell; the sample is drawn from the
    predicted non-dominated cells. Called without an algorithm, it evaluates all the same, and says by
    a warning and by ``n_evaluated`` how many cells that cost.

    Args:
        n_train: Random cells that train the surrogates.
        model: Function (features (n, d), Y (n, m), seed=int) -> object with ``predict(features)``; by
            default gradient-boosted trees on structural features.
        fill: What to do when the predicted front has fewer cells than asked for: "next-front" goes
            on to the following fronts, "random" adds random cells, "none" returns fewer (published).
        keep_trained: Whether the training cells that are non-dominated join the sample.

    Attributes:
        models: The fitted models, after a call.
        spearman: Held-out rank correlation of each objective's model; NaN where unknown.
        n_evaluated: Cells that the last call evaluated.

    Source: Demir, Traoré, Camero, ESANN 2024, data-centric initialisation.
    """

    def __init__(
        self,
        n_train: int = 2000,
        *,
        model: Fit | None = None,
        fill: str = "next-front",
        keep_trained: bool = False,
    ) -> None:
        super().__init__()
        self.n_train = check_positive("n_train", n_train)
        if fill not in _FILLS:
            raise SettingError(f"fill must be one of {', '.join(_FILLS)}; got {fill!r}")
        self.model = model
        self.fill = fill
        self.keep_trained = keep_trained
        self.models: Regressors | None = None
        self.spearman: list[float] = []
        self.n_evaluated = 0

    def __deepcopy__(self, memo: dict[int, Any]) -> SurrogateParetoSampling:
        # A history of a run would hold the models once an iteration.
        return self

    def do(
        self,
        problem: Any,
        n_samples: int,
        *args: Any,
        random_state: np.random.Generator | None = None,
        algorithm: Any = None,
        **kwargs: Any,
    ) -> Population:
        """As pymoo calls it: a population of up to ``n_samples`` cells, not evaluated, with their trained."""
        rng = random_state if random_state is not None else np.random.default_rng()
        trained = self._train(problem, algorithm, rng)
        cells = self._draw(problem, n_samples, rng)
        known = {int(individual.get("index")): individual for individual in trained}
        starts = Population.new("X", load_space().genotype(cells))
        for k, cell in enumerate(cells.tolist()):
            # A training cell on the predicted front has its values already.
            if cell in known:
                starts[k] = known[cell]
        if self.keep_trained:
            best = trained[_front_of(trained)]
            extra = [
                individual for individual in best if int(individual.get("index")) not in set(cells.tolist())
            ]
            starts = Population.merge(starts, Population.create(*extra)) if extra else starts
        return starts

    def _do(self, problem: Any, n_samples: int, *args: Any, **kwargs: Any) -> NDArray[np.int64]:
        X: NDArray[np.int64] = self.do(problem, n_samples, *args, **kwargs).get("X")
        return X

    def _train(self, problem: Any, algorithm: Any, rng: np.random.Generator) -> Population:
        left = remaining_evaluations(algorithm) if algorithm is not None else None
        if left is not None and left < self.n_train:
            raise SettingError(
                f"a surrogate-pareto start evaluates {self.n_train} training cells, but the budget leaves "
                f"{left}; choose a smaller n_train or a larger budget"
            )
        cells = problem.random_cells(self.n_train, rng)
        pop = Population.new("X", load_space().genotype(cells))
        evaluator = Evaluator() if algorithm is None else algorithm.evaluator
        evaluator.eval(problem, pop, algorithm=algorithm)
        self.n_evaluated = len(pop)
        if algorithm is None:
            warnings.warn(
                f"the surrogates' {len(pop):,} training cells were evaluated outside any budget", stacklevel=4
            )
        elif hasattr(algorithm, "remember"):
            algorithm.remember(pop)
        F = pop.get("F")
        usable = np.isfinite(F).all(axis=1)
        if usable.sum() < 10:
            raise SettingError(
                f"surrogates need at least 10 training cells with values; {int(usable.sum())} of "
                f"{len(pop)} have some; choose a larger n_train"
            )
        fit = self.model or _default_fit
        features = load_space().features(cells[usable], "structural")
        self.models = fit(features, F[usable], seed=int(rng.integers(2**31)))
        self.spearman = [float(rho) for rho in getattr(self.models, "spearman", [])]
        return pop

    def _draw(self, problem: Any, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
        space = load_space()
        cells = np.arange(len(space)) if problem.domain is None else np.flatnonzero(problem.domain)
        assert self.models is not None
        predicted = self.models.predict(space.features(cells, "structural"))
        drawn: list[NDArray[np.int64]] = []
        missing = n
        for front in predicted_fronts(predicted):
            chosen = rng.choice(front, size=min(missing, len(front)), replace=False)
            drawn.append(cells[chosen])
            missing -= len(chosen)
            if missing == 0 or self.fill != "next-front":
                break
        sample = np.concatenate(drawn)
        if missing and self.fill == "random":
            others = problem.random_cells(n + missing, rng)
            sample = np.concatenate((sample, others[~np.isin(others, sample)][:missing]))
        return sample


def predicted_fronts(F: NDArray[np.float64]) -> Any:
    """Positions of the first non-dominated front of points (n, m), then of the next, and so on."""
    left = np.arange(len(F))
    while len(left):
        best = non_dominated(F[left])
        yield left[best]
        left = left[~best]


def _front_of(pop: Population) -> NDArray[np.int64]:
    """Positions of the feasible non-dominated individuals."""
    feasible = np.flatnonzero([(individual.G <= 0).all() for individual in pop])
    F = np.stack([pop[k].F for k in feasible]) if len(feasible) else np.empty((0, 1))
    return feasible[non_dominated(F)]


def _default_fit(features: NDArray[Any], Y: NDArray[np.float64], *, seed: int) -> Regressors:
    from eomoo.objectives.fitting import fit_regressors

    fitted: Regressors = fit_regressors(features, Y, seed=seed)
    return fitted
