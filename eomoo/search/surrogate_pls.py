"""Pareto Local Search that asks a model which neighbours to evaluate."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pymoo.core.population import Population
from pymoo.core.sampling import Sampling

from eomoo.errors import SettingError
from eomoo.search.acquisition import Frame, choose_batch, directions, reach
from eomoo.search.cell_model import CellModel, fit_cell_model
from eomoo.search.cell_search import CellSearch, in_order
from eomoo.search.dominance import PENALTY, FrontArchive
from eomoo.search.operators import check_positive
from eomoo.search.strategies import recombined, walked
from eomoo.search.surrogate_start import Fit, Regressors
from eomoo.search.trace import Trace
from eomoo.space.features import FEATURE_KINDS

__all__ = ["SurrogatePLS"]

_Array = NDArray[np.float64]

_Advice = Callable[[NDArray[np.int64]], tuple[_Array, _Array]]

_ACQUISITIONS = {"sample": 1, "expected": 16}
_LEAST = 10
_LEAST_BATCH = 5
_SHARE = 8
_MOST_BATCH = 2000
_KEPT = 20_000
_BEHIND = -1e3
_N_RAYS = 192
_FEW_RAYS = 48
_N_ERRORS = (20, 200)
_FIRST_ERROR = 0.3
_FIRST = 50
_GLOBAL = 2.0
_BLIND_FROM = 1000
_BLIND = 0.5
_PARENTS = 100
_PRIOR = 0.5


class SurrogatePLS(CellSearch):
    """Pareto Local Search guided by a model, for evaluations that cost more than a model's advice.

    A model of all objectives and limits is fitted to what was evaluated, and again as evaluations come.
    In each iteration it predicts the unevaluated neighbours of the front's members, children of pairs of
    them, and cells a few steps away; a batch of those is evaluated that promise the largest gain of
    hypervolume, given how wrong the model has been so far. From 1,000 evaluations on, half of a batch are
    children of the cells nearest the front, whatever the model says of them. The search ends with its
    budget, or with the last cell of its problem. No cell is evaluated twice; a failed evaluation (NaN) is
    learnt from.

    Args:
        sampling: Where the first cells come from; random cells by default.
        n_starts: Number of first cells.
        batch_size: Cells evaluated together, such as the number of devices; by default 5, and from 40
            evaluations on an eighth of what was evaluated, at most 2,000, so that the model costs little
            in long runs.
        neighborhood: "hamming", "symmetric" or "published" (see ``Catalogue.neighbors``).
        acquisition: "sample": candidates are ranked by one draw of the predictive distribution (Thompson
            sampling). "expected": by the gain of hypervolume expected over it.
        model: Function (features (n, d), Y (n, m), seed=int) -> object with ``predict(features)``; by
            default a Gaussian process and boosted trees (see ``cell_model``).
        n_candidates: Candidates that the model ranks at least, where there are as many.
        n_train: Evaluated cells that the model is fitted to at most: those nearest the front, and
            others at random.
        features: Encoding that the model sees (see ``Catalogue.features``).
        kwargs: As for any pymoo ``Algorithm``.

    Attributes ``trace``, ``starts`` and ``first_starts`` are those of :class:`~eomoo.search.pls.PLS`;
    ``deviation`` (m,) holds the model's root mean squared error at the last cells that it proposed.

    Source: Paquete, Chiarandini, Stützle 2004 (local search); Zhang, Golovin, ICML 2020 (hypervolume as
    a mean over random directions); Bradford, Schweidtmann, Lapkin, J. Global Optimization 71, 2018
    (Thompson sampling with hypervolume).
    """

    def __init__(
        self,
        *,
        sampling: Sampling | Population | NDArray[np.int64] | None = None,
        n_starts: int = 20,
        batch_size: int | None = None,
        neighborhood: str = "symmetric",
        acquisition: str = "expected",
        model: Fit | None = None,
        n_candidates: int = 1000,
        n_train: int = 500,
        features: str = "structural",
        **kwargs: Any,
    ) -> None:
        super().__init__(sampling=sampling, n_starts=n_starts, neighborhood=neighborhood, **kwargs)
        self.batch_size = None if batch_size is None else check_positive("batch_size", batch_size)
        if acquisition not in _ACQUISITIONS:
            raise SettingError(f"acquisition must be one of {', '.join(_ACQUISITIONS)}; got {acquisition!r}")
        self.acquisition = acquisition
        self.model = model
        self.n_candidates = check_positive("n_candidates", n_candidates)
        self.n_train = check_positive("n_train", n_train)
        if features not in FEATURE_KINDS:
            raise SettingError(f"features must be one of {', '.join(FEATURE_KINDS)}; got {features!r}")
        self.features = features

    def _setup(self, problem: Any, **kwargs: Any) -> None:
        super()._setup(problem, **kwargs)
        self._postponed = False
        self._looked_at = 0
        self._kept: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._failed = self._kept
        self._limits: list[_Array] = []
        self._predicted: _Array = np.empty((0, 0))
        self._doubt: _Array = np.empty(0)
        self._doubts: _Array = np.empty(0)
        self._errors: _Array = np.empty((0, problem.n_obj + max(problem.n_ieq_constr, 1)))
        self.deviation: _Array = np.full(problem.n_obj, np.nan)

    def _plan_first(self) -> None:
        self._propose()

    def _plan_next(self) -> None:
        self._learn_from_errors()
        self._postponed = self._remaining() == 0
        if not self._postponed:
            self._propose()

    def _infill(self) -> Population:
        if self._postponed and self._remaining() != 0:
            # The budget was used up, and has been raised since.
            self._postponed = False
            self._propose()
        return super()._infill()

    def _note(self, F: _Array, G: _Array) -> None:
        self._limits.append(G)

    # -- steps ---------------------------------------------------------------------------------

    def _propose(self) -> None:
        """Plan the next batch; end when every cell of the problem has been evaluated."""
        wanted = self.batch_size or min(max(_LEAST_BATCH, len(self._trace()) // _SHARE), _MOST_BATCH)
        measured = self._measured()
        if len(measured) < _LEAST:
            self._batch, self._predicted = self._unseen_cells(wanted), np.empty((0, 0))
        else:
            self._limits = [np.concatenate(self._limits)]
            view = _View(
                self._trace(), measured, self._front, self.problem.reference_point, self.random_state
            )
            self._kept = view.keep(_KEPT, self.random_state)
            cells = self._candidates(self._trace().index[view.nearest], wanted)
            rows = view.lesson(self.n_train, self.random_state)
            if len(cells):
                blind = int(_BLIND * wanted) if len(self._trace()) >= _BLIND_FROM else 0
                with _one_thread():
                    advice = self._fit(rows)
                    self._choose(cells, advice, view, wanted - blind)
                if blind:
                    self._add_children(self._trace().index[view.nearest[:_PARENTS]], blind)
            else:
                self._batch = cells
        if not len(self._batch):
            self.termination.force_termination = True

    def _measured(self) -> NDArray[np.int64]:
        """Positions in the trace of what has values: what was kept, and all since."""
        since = np.arange(self._looked_at, len(self._trace()))
        self._looked_at = len(self._trace())
        fine = (np.abs(self._trace().F[since]) < PENALTY).all(axis=1)
        self._failed = np.concatenate((self._failed, since[~fine]))[-self.n_train :]
        self._kept = np.concatenate((self._kept, since[fine]))
        return self._kept

    def _candidates(self, nearest: NDArray[np.int64], wanted: int) -> NDArray[np.int64]:
        """Cells that were never evaluated, from about the front; at least ``wanted`` where there are.

        Args:
            nearest: Evaluated cells, those nearest the front first.
            wanted: Size of the batch to be chosen.
        """
        rng, problem, kind = self.random_state, self.problem, self.neighborhood
        least = max(self.n_candidates, 4 * wanted)
        elite = nearest[: len(self._front) + 10]
        pairs = rng.choice(elite, size=(2, least // 16 + 1))
        parts = [
            self._unseen_around(self._front.index, 2 * least),
            recombined(problem, pairs[0], pairs[1], rng),
            walked(problem, rng.choice(elite, size=least // 8 + 1), 2, kind, rng),
            problem.random_cells(int(least * _GLOBAL) + 1, rng),
        ]
        asked = 0
        while sum(map(len, parts)) < least and asked < len(nearest):
            parts.append(self._unseen_around(nearest[asked : 2 * asked + 16], least))
            asked = 2 * asked + 16
        cells = np.concatenate(parts)
        cells = np.unique(cells[~self._seen(cells)])
        return cells if len(cells) >= wanted else self._unseen_cells(wanted)

    def _unseen_around(self, cells: NDArray[np.int64], most: int) -> NDArray[np.int64]:
        near = self.problem.neighbor_lists(cells, kind=self.neighborhood)[1]
        near = np.unique(near[~self._seen(near)])
        rng: np.random.Generator = self.random_state
        return near if len(near) <= most else rng.choice(near, most, replace=False)

    def _fit(self, rows: NDArray[np.int64]) -> _Advice:
        """A function from cells (c,) to predicted objectives, then limits (c, m + g), and doubts (c,).

        The first limit is whether the evaluation fails, where any did.
        """
        fit: Fit = self.model or fit_cell_model
        seed = int(self.random_state.integers(2**31))
        F, G, index = self._trace().F, self._limits[0], self._trace().index
        values = np.concatenate((F[rows], G[rows, 1:]), axis=1)
        model = fit(self.space.features(index[rows], self.features), values, seed=seed)
        failed = self._failed
        classifier = None
        if len(failed):
            both = np.concatenate((rows, failed))
            label = np.repeat([[0.0], [1.0]], [len(rows), len(failed)], axis=0)
            classifier = fit(self.space.features(index[both], self.features), label, seed=seed)

        def advice(cells: NDArray[np.int64]) -> tuple[_Array, _Array]:
            asked = self.space.features(cells, self.features)
            predicted, doubt = _with_doubt(model, asked)
            fails = classifier.predict(asked)[:, 0] - 0.5 if classifier is not None else -1.0
            return np.insert(predicted, F.shape[1], fails, axis=1), doubt

        return advice

    def _choose(
        self,
        cells: NDArray[np.int64],
        advice: _Advice,
        view: _View,
        wanted: int,
    ) -> None:
        """Choose the batch among cells (c,)."""
        predicted, doubt = advice(cells)
        spread = self._spread(view, doubt)
        length = self._lengths(predicted, spread, view, _ACQUISITIONS[self.acquisition])
        chosen = choose_batch(length, view.best, min(wanted, len(cells)), self.problem.n_obj)
        self._batch, self._predicted, self._doubt = cells[chosen], predicted[chosen], doubt[chosen]

    def _add_children(self, parents: NDArray[np.int64], n: int) -> None:
        """Add up to n children of the parents, one step on, to the batch, whatever the model says of them.

        After a thousand evaluations a model has found what it can; what is left are cells that are better
        than it thinks, or than anything could tell.
        """
        pairs = self.random_state.choice(parents, size=(2, n))
        cells = recombined(self.problem, pairs[0], pairs[1], self.random_state)
        cells = walked(self.problem, cells, 1, self.neighborhood, self.random_state)
        cells = cells[~self._seen(cells) & ~np.isin(cells, self._batch)]
        self._batch = np.concatenate((self._batch, in_order(cells)[:n]))

    def _lengths(self, predicted: _Array, spread: _Array, view: _View, n_samples: int) -> _Array:
        """Reach (c, r) of draws around what is predicted (c, m + g), a draw for each group of rays."""
        m, rng = self.problem.n_obj, self.random_state
        length = np.empty((len(predicted), _N_RAYS))
        for rays in np.array_split(np.arange(_N_RAYS), n_samples):
            drawn = predicted + spread * rng.standard_normal(predicted.shape)
            length[:, rays] = reach(drawn[:, :m], view.rays[rays], view.frame)
            violation = np.maximum(drawn[:, m:], 0.0).sum(axis=1)
            bad = violation > 0
            length[np.ix_(bad, rays)] = _BEHIND * (1.0 + violation[bad, None])
        return length

    def _spread(self, view: _View, doubt: _Array) -> _Array:
        """Standard deviations (c, m + g) of the model's errors at cells of such doubts (c,)."""
        m = self.problem.n_obj
        least, most = _N_ERRORS
        last = slice(-min(max(len(self._trace()) // 4, least), most), None)
        if len(self._errors) < _LEAST:
            limits = self._limits[0][:, 1:].std(axis=0)
            overall = _FIRST_ERROR * np.concatenate((view.F.std(axis=0), [0.0], limits))
            self.deviation = overall[:m]
            return doubt[:, None] * overall
        squares = np.square(self._errors[last])
        self.deviation = np.sqrt(squares.mean(axis=0))[:m]
        constant, slope = _error_law(squares, np.square(self._doubts[last]))
        return np.sqrt(constant + slope * np.square(doubt)[:, None])

    def _learn_from_errors(self) -> None:
        """Compare what was evaluated with what was predicted of it."""
        n = len(self._predicted)
        known = self._seen(self._batch[:n])
        if not known.any():
            return
        places = self._trace().rank_of(self._batch[:n][known])
        F, G = self._trace().F[places], np.concatenate(self._limits)[places]
        G[:, 0] = 0.0
        predicted = self._predicted[known].copy()
        predicted[:, F.shape[1]] = 0.0
        measured = (np.abs(F) < PENALTY).all(axis=1)
        errors = (np.concatenate((F, G), axis=1) - predicted)[measured]
        self._errors = np.concatenate((self._errors, errors))[-_N_ERRORS[1] :]
        self._doubts = np.concatenate((self._doubts, self._doubt[known][measured]))[-_N_ERRORS[1] :]


def _error_law(squares: _Array, doubt: _Array) -> tuple[_Array, _Array]:
    """Constant and slope (k,), not negative, of squared errors (n, k) over squared doubts (n,).

    The constant is what noise there is in the values; the slope is what the model does not know. Between
    the line fitted and one without a constant, halfway, since few squares say little.
    """
    mean, middle = squares.mean(axis=0), doubt.mean()
    through = mean / middle
    variance = float(np.var(doubt))
    slope = ((doubt - middle) @ squares) / len(doubt) / max(variance, 1e-12)
    slope = (1.0 - _PRIOR) * np.clip(slope, 0.0, through) + _PRIOR * through
    return mean - slope * middle, slope


def _with_doubt(model: Regressors, features: NDArray[Any]) -> tuple[_Array, _Array]:
    """Predictions (c, m) and doubts (c,), which are 1 where the model knows none."""
    if isinstance(model, CellModel):
        return model.predict_with_doubt(features)
    return np.asarray(model.predict(features), dtype=np.float64), np.ones(len(features))


class _View:
    """What was measured, seen from the front.

    Args:
        trace: All that was evaluated.
        measured: (n,) positions of what has values.
        front: The non-dominated cells.
        reference: (m,) the problem's reference point, minimised, or None.
        rng: Source of randomness.

    Attributes:
        F: (n, m) values.
        frame, rays, best: For ``acquisition.reach``: the box, directions (r, m), reach of the front (r,).
        nearest: (n,) positions of what was measured, nearest the front first.
    """

    def __init__(
        self,
        trace: Trace,
        measured: NDArray[np.int64],
        front: FrontArchive,
        reference: _Array | None,
        rng: np.random.Generator,
    ) -> None:
        self.F = trace.F[measured]
        self.rays = directions(_N_RAYS, self.F.shape[1], rng)
        if len(front) and front.violation[0] == 0:
            self.frame = Frame.around(front.F, self.F[:_FIRST], reference)
            self.best = reach(front.F, self.rays, self.frame).max(axis=0)
        else:
            self.frame = Frame.around(self.F, self.F[:_FIRST], reference)
            self.best = np.zeros(_N_RAYS)
        few = slice(_FEW_RAYS)
        ahead = (reach(self.F, self.rays[few], self.frame) - self.best[few]).max(axis=1)
        # What is feasible is nearer than what is not.
        self.nearest = measured[np.lexsort((-ahead, trace.violation[measured]))]

    def keep(self, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Positions, in order, of at most n measured cells that are worth a look again.

        Half of them are the nearest, half any others, and the first few stay, which tell the extent.
        """
        if len(self.nearest) <= n:
            return np.sort(self.nearest)
        few = np.sort(self.nearest)[:_FIRST]
        return np.union1d(few, self.lesson(n - _FIRST, rng))

    def lesson(self, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Positions of at most n measured cells: half of them the nearest, half any others."""
        if len(self.nearest) <= n:
            return np.sort(self.nearest)
        near, far = np.split(self.nearest, [n // 2])
        return np.sort(np.concatenate((near, rng.choice(far, n - n // 2, replace=False))))


@lru_cache(maxsize=1)
def _threads() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _one_thread() -> AbstractContextManager[Any]:
    """One thread of linear algebra: sums in another order would choose other cells."""
    limit: AbstractContextManager[Any] = _threads().limit(limits=1)
    return limit
