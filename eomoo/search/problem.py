"""The NAS-Bench-101 space with a card's objectives, as a discrete pymoo problem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy, deepcopy
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from pymoo.core.individual import Individual
from pymoo.core.problem import Problem

from eomoo import notebook
from eomoo.arrays import Bools, Facts, Floats, Ints
from eomoo.checks import several
from eomoo.errors import CardError, HoursOverError, SettingError
from eomoo.fronts import PENALTY
from eomoo.objectives import OWN_IMAGES, Card, Constraint, load_card, parse_constraint, with_images
from eomoo.objectives.latency_from import check_one_skeleton, with_latency_from
from eomoo.search.cell_values import CellValues
from eomoo.search.hours import heeding_hours
from eomoo.space.cell import N_GENES
from eomoo.space.tables import HIGHEST_GENES


def get_problem(
    name_or_path: str | Path,
    *,
    noise: int | None = None,
    constraints: str | Sequence[str | Constraint] | None = (),
    latency_from: str | Path | None = None,
    **options: object,
) -> CellProblem:
    """The problem that a card names.

    Args:
        name_or_path: Name of a shipped card (see ``list_problems``), or path to one of your own.
        noise: A seed: every value is drawn once from its mean and standard deviation, which makes
            another, fixed landscape. None: the means.
        constraints: Limits beside the card's, such as "latency<=10" or "params<=5e6".
        latency_from: A folder of models that predict the latency on another device, in place of the card's; see
            ``with_latency_from``.
        options: Settings of the card's backends to override, such as ``epochs`` of a live card, or one value of
            a table of settings, as in ``**{"latency.batch_size": 8}``. ``data`` of a live card takes other
            images, and of the card's own options of images only those that the new ones have too.

    Raises:
        UnknownNameError: (a KeyError) No such card.
        CardError: (a ValueError) The card, a constraint or an option cannot be.

    Examples:
        >>> eomoo.get_problem("eo-macro-params", constraints="params<=5e6").constraints[-1].quantity
        'params'
    """
    card = load_card(name_or_path)
    if options.get("data") is not None and card.live:
        card = with_images(card, str(options["data"]))
        # As the run's settings are kept, whatever the folder it was started in.
        options["data"] = card.backends["live"]["data"]
    if latency_from is not None:
        card = with_latency_from(card, latency_from)
    problem = CellProblem(card, noise=noise, constraints=_limits(constraints, card), options=options)
    if latency_from is not None:
        check_one_skeleton(card, problem.backends)
    return problem


def _limits(given: str | Sequence[str | Constraint] | None, card: Card) -> list[Constraint]:
    """The limits that are asked beside the card's own; what a run's settings say names those too."""
    own, found = [str(c) for c in card.constraints], []
    for limit in several(given):
        if isinstance(limit, str) and limit not in own:
            limit = parse_constraint(limit, card)
        if not isinstance(limit, str | Constraint):
            raise CardError(f"a constraint reads like 'latency<=10'; got {limit!r}")
        if isinstance(limit, Constraint) and str(limit) not in own:
            found.append(limit)
    return found


def live_card(name: str | Path | None = None) -> Card:
    """A live card, by default that for images of one's own; SettingError (a ValueError) where it is not live."""
    known = load_card(OWN_IMAGES if name is None else name)
    if not known.live:
        sources = " and ".join(dict.fromkeys(part.source for part in known.parts))
        raise SettingError(
            f"{known.name} takes no images: its values come from {sources}; with images give a live card, "
            f"such as {OWN_IMAGES}"
        )
    return known


class CellProblem(CellValues, Problem):
    """Cells as genotypes (n, 26), a card's objectives, minimised.

    ``values`` are raw (see ``CellValues``), ``F`` is what pymoo minimises, as ``objectives`` turns the one into the
    other. ``out["G"]`` has one column that says how far a genotype is from a cell that has values, and one for each
    limit of the card: feasible where <= 0. An infeasible genotype has ``F`` = inf where it has no values. Evaluated
    individuals carry ``index`` (int64, -1 where invalid) and the raw value of each objective under its name.

    Args:
        card: The card, as ``eomoo.get_problem`` reads it.
        noise, constraints, options: As for ``eomoo.get_problem``.
        constrained: Whether what is no cell, or breaks a limit, is a constraint (see ``unconstrained``).

    Examples:
        >>> problem.objective_names, problem.values([5, 76119]).shape
        (['val_macro_error', 'latency'], (2, 2))
        >>> problem.evaluate(problem.space.genotype([5]), return_values_of=["F"]).shape
        (1, 2)
    """

    def __init__(
        self,
        card: Card,
        *,
        noise: int | None = None,
        constraints: Sequence[Constraint] = (),
        options: Mapping[str, object] | None = None,
        constrained: bool = True,
    ) -> None:
        CellValues.__init__(self, card, noise=noise, constraints=constraints, options=options)
        self.constrained = constrained
        Problem.__init__(
            self,
            n_var=N_GENES,
            n_obj=len(self.objectives),
            n_ieq_constr=1 + sum(c.n_limits for c in self.constraints) if constrained else 0,
            xl=np.zeros(N_GENES),
            xu=HIGHEST_GENES,
            vtype=int,
        )

    def _evaluate(self, X: Ints, out: dict[str, object], *args: object, **kwargs: object) -> None:
        index, violation = self.space.decode(X)
        raw = np.full((len(X), len(self._columns)), np.nan)
        wanted = index >= 0
        if self.domain is not None:
            wanted &= self.domain[index]
        try:
            raw[wanted] = self._all_values(index[wanted])
        except HoursOverError:
            for backend in self.backends.values():
                backend.until = -np.inf
            for k in np.flatnonzero(wanted).tolist():
                try:
                    raw[k] = self._all_values(index[k])
                except HoursOverError:
                    # It was not evaluated, which is no failure.
                    index[k] = -1
        values = raw[:, : len(self.objectives)]
        F = self._minimised(values)
        G = self._constraint_values(raw, violation)
        if self.constrained:
            out["G"] = G
        else:
            excess = np.maximum(G, 0.0).sum(axis=1, keepdims=True)
            F = np.where(excess > 0, PENALTY * (1.0 + excess), F)
        out["F"], out["index"] = F, index
        for k, name in enumerate(self.objective_names):
            out[name] = values[:, k]

    def evaluate(self, X: ArrayLike, *args: object, **kwargs: object) -> Any:
        """As pymoo's; in a dictionary, as evaluators take it, ``index`` stays an integer, the one currency of eomoo."""
        with heeding_hours(self.backends.values(), kwargs.get("algorithm"), len(X)):  # type: ignore[arg-type]
            out = super().evaluate(X, *args, **kwargs)
        if isinstance(out, dict) and "index" in out:
            out["index"] = out["index"].astype(np.int64)
        return out

    def do(self, X: Ints, return_values_of: list[str], *args: object, **kwargs: object) -> Facts:
        """As pymoo's; what ``_evaluate`` of a subclass gives that is not finite is an evaluation that failed."""
        out: Facts = super().do(X, return_values_of, *args, **kwargs)
        if out.get("index") is None:
            raise SettingError(
                f"{type(self).__name__}._evaluate tells no cells: begin it with super()._evaluate(X, out)"
            )
        F, G, H = (np.array(out.get(name, np.empty((len(X), 0))), dtype=float) for name in "FGH")
        failed = mark_failed(F, G, H)
        if not failed.any():
            return out
        if not self.constrained:
            F[failed] = 2.0 * PENALTY
        told = {name: np.ravel(out[name]) for name in self.objective_names if name in out}
        # What fails in one objective keeps what is known of the others; a subclass may not have told that it fails.
        unsaid = failed & np.isfinite([np.zeros(len(X)), *told.values()]).all(axis=0)
        told = {name: np.where(unsaid, np.nan, values) for name, values in told.items()}
        return {**out, "F": F, "G": G, "H": H, **told}

    def name(self) -> str:
        """The card's name."""
        return self.card.name

    def __repr__(self) -> str:
        return f"CellProblem({self.name()}: {', '.join(self.objective_names)}; {self.n_cells:,} cells)"

    def _repr_html_(self) -> str:
        point = self.objectives.reference_point or ("-",) * self.n_obj
        rows = [(o.name, o.title, o.unit, o.direction, r) for o, r in zip(self.objectives, point, strict=True)]
        values = "predicted" if self.predicted else "measured or counted"
        limits = f"; limits: {', '.join(map(str, self.constraints))}" if self.constraints else ""
        return notebook.to_html(
            notebook.element("b", self.card.title or self.name()),
            f"{self.name()}: {self.n_cells:,} cells, {values}{limits}; by default {self.card.budget:,} are evaluated",
            notebook.table(["objective", "what it is", "unit", "better", "reference point"], rows),
        )

    def _calc_pareto_front(self, *args: object, **kwargs: object) -> Floats | None:
        # None where nothing is feasible too: pymoo takes the extremes of whatever it is given. And a wrapper of pymoo's
        # that makes fewer objectives of these has another front.
        found = self.enumerable and self.n_obj >= len(self.objectives) and len(self.pareto_indices()) > 0
        return self.objectives_at(self.pareto_indices()) if found else None

    def _calc_pareto_set(self, *args: object, **kwargs: object) -> Ints | None:
        found = self.enumerable and len(self.pareto_indices()) > 0
        return self.space.genotype(self.pareto_indices()) if found else None

    def close(self) -> None:
        """Let go of the backends; the last of a problem, its copies and its views closes them.

        A problem that is no longer used lets go by itself. One that is used again opens them again.
        """
        self._let_go()

    def unconstrained(self) -> CellProblem:
        """A view for algorithms without constraints: an infeasible genotype has a huge ``F``."""
        view = copy(self)
        view.constrained, view.n_ieq_constr = False, 0
        return view

    def __copy__(self) -> CellProblem:
        twin: CellProblem = object.__new__(type(self))
        twin.__dict__.update(vars(self))
        twin._let_go = self._shared.hold(twin)
        return twin

    def __deepcopy__(self, memo: dict[int, object]) -> CellProblem:
        twin = copy(self)
        memo[id(self)] = twin
        for name in vars(self).keys() - _SHARED:
            twin.__dict__[name] = deepcopy(vars(self)[name], memo)
        return twin

    def __reduce__(self) -> tuple[object, ...]:
        arguments: Facts = {
            "noise": self.noise,
            "constraints": self.constraints[len(self.card.constraints) :],
            "options": self.options,
            "constrained": self.constrained,
        }
        return partial(type(self), **arguments), (self.card,)


def check_cells(who: str, problem: object) -> None:
    """Raise SettingError (a ValueError) where what is given is no ``CellProblem``, nor wraps one."""
    if not hasattr(problem, "neighbor_lists"):
        raise SettingError(f"{who} takes a CellProblem (see get_problem); got {type(problem).__name__}")


def mark_failed(F: Floats, G: Floats, H: Floats) -> Bools:
    """Make rows of F (n, m), G (n, g), H (n, h) that are no numbers those of cells without values, in place; which."""
    failed: Bools = np.asarray(~np.isfinite(F).all(axis=1) | np.isnan(G).any(axis=1) | np.isnan(H).any(axis=1))
    F[failed], G[failed, 1:], H[failed] = np.inf, 1.0, 1.0
    # An invalid genotype stays as far from a cell as it is.
    G[failed, :1] = np.fmax(G[failed, :1], 1.0)
    return failed


def limits_of(G: Floats, H: Floats) -> Floats:
    """Constraint values (n, g + h), kept where <= 0, of G (n, g) and H (n, h), which pymoo lets be near 0."""
    return np.concatenate((G, np.abs(H) - Individual.default_config()["cv_eq"]["eps"]), axis=1)


# What no copy has of its own: it is either never changed, or meant to be the same for all of them.
_SHARED = frozenset(("card", "constraints", "objectives", "space", "domain", "_columns", "_shared", "_let_go"))
