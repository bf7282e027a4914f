"""Backend of networks that are really trained and really timed, on the device at hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import asdict, replace
from itertools import accumulate, count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eomoo.arrays import Facts, Floats, Ints
from eomoo.checks import counted, known_keys, short
from eomoo.errors import CardError, SettingError
from eomoo.files import cache_folder, expanded
from eomoo.images import absolute_source, options_of
from eomoo.live import Campaign, CurveSetting, DataSource, LatencySetting, get_recipe
from eomoo.live.export import export_cells, quantised
from eomoo.live.profile import measure_memory, profile_network
from eomoo.live.recipes import RECIPES, format_epochs, ladder
from eomoo.live.repeats import Repeats, mean_deviation, mean_value
from eomoo.live.results import (
    disturbed_deviation,
    learnt_nothing,
    related_trainings,
    timed_deviation,
    trained_deviation,
    weights_of,
)
from eomoo.live.store import Result
from eomoo.models import some_of
from eomoo.objectives.base import Backend, Cost, cost_by_name, errors_of
from eomoo.objectives.card import Card, load_card
from eomoo.objectives.live_quantities import ACCURACIES, DEAR, LIVE_QUANTITIES, OWN, QUANTISED, TIMED
from eomoo.progress import doing
from eomoo.space import Skeleton, load_space

_SETTINGS = {
    "data": str, "images": dict, "skeleton": dict, "recipe": str, "recipe_settings": dict,
    "epochs": (int, str), "curve": dict, "seed": int, "device": str, "latency": dict, "folder": str, "workers": int,
    "threads": int, "readers": int, "cluster": str, "gpus_per_candidate": int, "rungs": (str, list),
}  # fmt: skip
LIVE_SETTINGS = frozenset(_SETTINGS)
OWN_IMAGES = "live-data"
"""The shipped card for images of a user's own."""


def with_images(card: Card, source: str | Path) -> Card:
    """A live card with another source of images, as for ``eomoo.images.open_data``.

    Of the card's own options of images those stay that the new source has too; but not numbers of bands
    and classes of the card's own files. Title and citation no longer speak of the card's images.

    Raises:
        DataNotFoundError: (a FileNotFoundError) There is no such source.
    """
    settings, place = card.backends.get("live", {}), absolute_source(source)
    if settings.get("data") == place:
        return card
    known = set(options_of(place)) - {"bands", "merge", "nodata"}
    kept = {name: value for name, value in settings.get("images", {}).items() if name in known}
    what = " and ".join(o.title or o.name for o in card.objectives)
    return replace(
        card,
        title=f"{what}, images of {Path(place).name}",
        citation=load_card(OWN_IMAGES).citation,
        backends={**card.backends, "live": {**settings, "data": place, "images": kept}},
    )


class LiveBackend(Backend):
    """Error after training, latency, energy and size of networks.

    Each result goes into a SQLite store in ``folder`` the moment it exists, keyed by everything that it depends on, and
    is read from there when it is asked for again. A training that diverged or is too big for the device is kept with
    its reason; its errors are NaN. A fault of the machine is no result: its errors are NaN in this run, and the next
    one tries again. All cells of one call are handed out together; latencies are measured before, while nothing trains.

    ``latency`` is the time by that of a reference cell in the same rounds, times what the reference
    takes in a quiet round under the same conditions, so that a machine which is slower today does not
    change a ranking; so are its quartiles and deviation. ``latency_raw`` is the plain median.

    Deviations of accuracies and errors are those of a share of finitely many images (binomial), and of another
    seed, pooled in parts of what is wrong over the cells that the store has several trainings of; where it has none, of
    the images alone.
    That of ``latency`` is its standard error over the rounds. What was disturbed is off by a tenth, as are then
    ``energy`` and ``train_time``, which have none else.

    Args:
        campaign: What is trained and timed, how, where and on what.
        epochs: A number or stretches, as in "4+8"; by default the recipe's.
        rungs: Epochs of trainings that may come before a full one, and of that at last, as [1, 3, 9] or "1,3,9";
            "all" there is ``epochs``. By default the stretches, of one stretch a ninth, then all. A longer one goes
            on from a shorter one where the recipe's schedule does not depend on the epochs, or they are stretches.

    Raises:
        SettingError: (a ValueError) Epochs, rungs or those of the curve cannot be.
    """

    name = "live"
    quantities = LIVE_QUANTITIES
    enumerable = False
    _accuracy_of = errors_of(OWN)

    def __init__(
        self, campaign: Campaign, *, epochs: int | str | None = None, rungs: str | Sequence[int | str] | None = None
    ) -> None:
        self.campaign, recipe = campaign, campaign.recipe
        lengths = ladder(recipe.stretches(epochs), rungs)
        if late := [k for k in campaign.curve.at if k > lengths[-1]]:
            raise SettingError(f"curve: at has {late[0]}, beyond the last of {counted(lengths[-1], 'epoch')}")
        # Stretches stay stretches, where they are as long as all.
        self.epochs = recipe.stretches(epochs if sum(recipe.stretches(epochs)) == lengths[-1] else lengths[-1])
        passed = dict(zip(accumulate(self.epochs), (self.epochs[:k] for k in count(1)), strict=False))
        self._trained_for = {n / lengths[-1]: passed.get(n, recipe.stretches(n)) for n in lengths}
        self.rungs = tuple(self._trained_for)
        self.continues = recipe.continues or all(n in passed for n in lengths)
        self._twins: dict[int, LiveBackend] = {}
        self._not_exported: list[str] = []
        self._repeats = Repeats(campaign, self.epochs)

    @classmethod
    def from_card(cls, settings: Mapping[str, Any], *, base: Path | None = None, **overrides: Any) -> LiveBackend:
        """The backend of a card's ``[backend.live]`` table.

        Args:
            settings: ``data`` (a source as for ``eomoo.images.open_data``), the tables
                ``images`` (its options), ``skeleton``, ``recipe_settings``, ``curve`` and ``latency``, the name
                of a ``recipe``, and what else ``Campaign`` and this class take.
            base: The card's folder, which a folder of images may be relative to.
            overrides: Replace settings; None leaves a setting as it is.
        """
        merged = {**settings, **{k: v for k, v in overrides.items() if v is not None}}
        if "screen" in merged:
            raise CardError(f'the live backend: screen has become rungs, as in rungs = "{merged["screen"]},all"')
        known_keys("the live backend", merged, _SETTINGS, error=CardError)
        for name, value in merged.items():
            if isinstance(value, bool) or not isinstance(value, _SETTINGS[name]):  # type: ignore[arg-type]
                raise CardError(f"the live backend: {name} cannot be {short(value)}")
        data = merged.pop("data", None)
        if data is None:
            raise CardError(
                "the live backend needs images: --data FOLDER, or data = in the card, such as landsat-nc or a folder"
            )
        if base is not None and (base / data).exists():
            data = str(base / data)
        timing = {"device": merged.get("device", "auto"), **merged.pop("latency", {})}
        known_keys("latency", timing, LatencySetting.__dataclass_fields__, error=CardError)
        curve = merged.pop("curve", {})
        known_keys("curve", curve, CurveSetting.__dataclass_fields__, error=CardError)
        own = {name: merged.pop(name) for name in ("epochs", "rungs") if name in merged}
        campaign = Campaign(
            source=DataSource(name=data, options=merged.pop("images", {})),
            folder=expanded(merged.pop("folder", None) or cache_folder() / "live"),
            shape=merged.pop("skeleton", {}),
            recipe=get_recipe(merged.pop("recipe", "nasbench"), **merged.pop("recipe_settings", {})),
            curve=CurveSetting(**curve),
            timing=LatencySetting(**timing),
            **merged,
        )
        return cls(campaign, **own)

    @property
    def skeleton(self) -> Skeleton:
        """The network around the cells: bands and classes of the images, width and depth as set."""
        return self.campaign.skeleton

    def _values(self, indices: Ints, names: Sequence[str]) -> Floats:
        """NaN where a training did not end well; StoreError where none comes to an end."""
        return self._at_rung(indices, names, share=1.0)

    def _at_rung(self, indices: Ints, names: Sequence[str], *, share: float) -> Floats:
        self.campaign.report, self.campaign.retry_failed = self.report, self.retry_failed
        self.campaign.until = self.until
        cells, back = np.unique(indices, return_inverse=True)
        told = {**self._counted(cells, names), **self._timed(cells.tolist(), names)}
        chosen, dear = cells.tolist(), any(name in DEAR for name in names)
        first = self.campaign.trainings(chosen, self._trained_for[share]) if dear else {}
        single = share < 1.0 or self.repeats == 1
        results = {k: [first.get(k)] if single else self._results(k) for k in chosen} if dear else {}
        columns = [
            told[name] if name in told else [mean_value([self._found(r, name) for r in results[k]]) for k in chosen]
            for name in names
        ]
        return np.array(columns, dtype=np.float64).T[back]

    @property
    def workers(self) -> int:  # type: ignore[override]  # told by the campaign
        """Candidates trained at once."""
        return self.campaign.workers

    def worker(self, number: int) -> LiveBackend:
        """The same for one of several threads, which trains on a process of its own."""
        if self.workers == 1:
            return self
        if number not in self._twins:
            self._twins[number] = copy(self)
            self._twins[number].campaign = self.campaign.worker(number)
        self._twins[number].report, self._twins[number].retry_failed = self.report, self.retry_failed
        return self._twins[number]

    def related(self, quantity: str, *, least: int, most: int) -> list[tuple[str, dict[int, float]]]:
        """What the store tells of a quantity by trainings of other epochs, seeds, images; see ``related_trainings``."""
        own = [self.campaign.setting(0, epochs) for epochs in self._trained_for.values()]
        name = self._accuracy_of.get(quantity, quantity).removesuffix("_int8")
        return related_trainings(self.campaign.store, own, name, least=least, most=most)

    def recall(self, what: Facts) -> Facts | None:
        """What a search noted, in the store of the trainings."""
        return self.campaign.store.get("search", what)

    def note(self, what: Facts, fact: Facts) -> None:
        """Keep a fact in the store of the trainings."""
        self.campaign.store.put("search", what, fact, cell=-1, replace=True)

    def _deviations(self, cells: Ints, names: Sequence[str]) -> Floats:
        chosen = cells.tolist()
        timings = self.campaign.stored_timings(chosen) if {"latency", "energy"} & {*names} else []
        columns = np.zeros((len(names), len(cells)))
        for column, name in zip(columns, names, strict=True):
            if name in ACCURACIES or name in QUANTISED:
                by_seed = self._repeats.seed_share(name.removesuffix("_int8"))
                for k, cell in enumerate(chosen):
                    found = [self._found(result, name) for result in self._results(cell)]
                    binomial = [trained_deviation(*result) for result in found]
                    column[k] = mean_deviation(binomial, by_seed * (1.0 - mean_value(found)))
            elif name == "latency":
                column[:] = [timed_deviation(timing) * (timing["baseline"] if timing else 1.0) for timing in timings]
            elif name == "energy":
                column[:] = [disturbed_deviation(timing, name) for timing in timings]
            elif name == "train_time":
                # Of several that were disturbed all are longer.
                column[:] = [np.mean([disturbed_deviation(r, "seconds") for r in self._results(k)]) for k in chosen]
        return columns.T

    def _at_hand(self, name: str) -> tuple[Ints, Floats, Floats]:
        # Of accuracies: what a timing is off by hardly matters, and an int8 network is made when it is asked for.
        cells = some_of(self._repeats.cells() if name in ACCURACIES else np.arange(0))
        values = [mean_value([(result, name) for result in self._results(k)]) for k in cells.tolist()]
        return cells, np.array(values), self._ignorance(cells, [name])[:, 0]

    def _joint_draws(self, cells: Ints, names: Sequence[str], n: int, seed: int) -> Floats:
        # What is known is drawn from as it is: only who asks for values has them measured.
        self.campaign.accept_timings(cells.tolist())
        return super()._joint_draws(cells, names, n, seed)

    def repeat(self, indices: ArrayLike) -> None:
        """Have cells (n,) trained until each has ``repeats`` trainings; one that fails is told in ``notes``."""
        self._repeats.train(self._checked(indices, ())[0].tolist(), self.repeats)

    def time_again(self, indices: ArrayLike) -> None:
        """Time those of the cells (n,) again that something disturbed, as other trainings did on their way."""
        cells = self._checked(indices, ())[0].tolist()
        timings = zip(cells, self.campaign.stored_timings(cells), strict=True)
        if loud := [cell for cell, timing in timings if timing and timing.get("contended")]:
            self.campaign.timings(loud, again=True)

    def n_trainings(self, indices: ArrayLike) -> Ints:
        """Of how many trainings that ended well the values of cells (n,) are means, (n,)."""
        return np.array([len(self._results(k)) for k in np.atleast_1d(indices).tolist()], dtype=np.int64)

    def seed_deviations(self, names: Sequence[str]) -> Floats:
        """Of accuracies and errors, see ``Repeats.seed_deviation``."""
        tell = self._repeats.seed_deviation
        stored = [self._accuracy_of.get(name, name).removesuffix("_int8") for name in names]
        return np.array([tell(name) if name in ACCURACIES else np.nan for name in stored]) * self._factors(names)

    def _results(self, cell: int) -> Sequence[Result | None]:
        """The stored trainings that a cell's values are means of: full ones, of one seed the longest; None without."""
        found = self._repeats.results(cell, self.repeats) if self.repeats > 1 else []
        return [result for result in found if result["status"] == "done"] or [self.training(cell)]

    def marks(self, indices: ArrayLike, names: Sequence[str]) -> NDArray[np.str_]:
        """A disturbed timing or training; one that learnt nothing, did not end, or was one of a few epochs."""
        checked, names = self._checked(indices, names)
        cells = checked.tolist()
        timings = self.campaign.stored_timings(cells) if any(name in TIMED for name in names) else [None] * len(cells)
        contended = ["contended" if timing and timing.get("contended") else "" for timing in timings]
        trained = {name: [self._mark_of(k, name) for k in cells] for name in names if name in DEAR}
        columns = [contended if name in TIMED else trained.get(name, [""] * len(cells)) for name in names]
        return np.array(columns, dtype=np.str_).reshape(len(names), len(cells)).T

    def fingerprint(self) -> str:
        """The fingerprint of the images."""
        return str(self.campaign.images()["fingerprint"])

    def cost(self, quantity: str) -> Cost:
        """As the name says; but the time of a training is told by none but a whole one."""
        return "dear" if quantity in DEAR else cost_by_name(quantity)

    def conditions(self, indices: ArrayLike) -> Facts:
        """What `eomoo train` and `latency` need to do the same, where it was timed, what went wrong, and curves.

        "curves" are epochs and validation micro errors (%) of those of cells (n,) that were trained, by cell.
        """
        campaign, recipe = self.campaign, asdict(self.campaign.recipe)
        timing, timed = asdict(campaign.timing), campaign.conditions()
        usual = asdict(RECIPES[recipe["name"]]) if recipe["name"] in RECIPES else {}
        changed = {name: value for name, value in recipe.items() if usual.get(name) != value}
        train = {"data": campaign.source.name, "images": dict(campaign.source.options), "recipe": recipe["name"]}
        train |= {"set": changed, "epochs": format_epochs(self.epochs)}
        train |= {"seed": campaign.seed, "device": campaign.device}
        results = {k: self.training(k) for k in np.atleast_1d(indices).tolist()}
        return {
            "train": train,
            "latency": {
                name: value if name == "device" else timed.get(name, value)
                for name, value in timing.items()
                if name not in ("warmup", "reference")
            },
            "timed_on": str(timed.get("device_name", timing["device"])),
            "notes": self.notes(),
            "curves": {
                str(k): [[point["epoch"], round(100 * (1 - point["val_micro"]), 2)] for point in result["curve"]]
                for k, result in results.items()
                if result is not None and result["status"] == "done"
            },
        }

    def training(self, index: int) -> Result | None:
        """The stored result of a cell's longest training; None where there is none."""
        found = (self.campaign.stored(index, epochs) for epochs in reversed(self._trained_for.values()))
        return next((result for result in found if result is not None), None)

    def _found(self, result: Result | None, name: str) -> tuple[Result | None, str]:
        """What tells a quantity of a training, and the quantity's name in it."""
        if name in QUANTISED:
            return quantised(self.campaign, result), name.removesuffix("_int8")
        return result, name

    def weights(self, index: int) -> Path | None:
        """File of a cell's trained weights; None where there is none."""
        return weights_of(self.training(index))

    def export(self, cells: Sequence[int], folder: str | Path) -> list[Path]:
        """Write ``CELL.onnx`` for each of the cells that was trained; ``notes`` tells of the others."""
        results = [(int(k), self.training(int(k))) for k in cells]
        with doing(f"exporting {counted(len(results), 'network')}"):
            written, self._not_exported = export_cells(self.campaign.source, results, folder)
        return written

    def notes(self) -> list[str]:
        """Sentences on trainings that failed, timings that were disturbed and files that were not written."""
        return [*self._poor_notes(), *self.campaign.notes(), *self._repeats.notes(), *self._not_exported]

    def _poor_notes(self) -> list[str]:
        """Whether many networks learnt nothing, which leaves few for a front."""
        stored = (self.campaign.stored(k, self.epochs) for k in self.campaign.asked_for(self.epochs))
        done = [result for result in stored if result is not None and result["status"] == "done"]
        poor = sum(map(learnt_nothing, done))
        # A choice: some cells learn slowly with any recipe.
        if 4 * poor < len(done) or not poor:
            return []
        small = max(1, self.campaign.recipe.batch_size // 4)
        return [
            f"{poor} of {counted(len(done), 'network')} trained in full are no better than always naming the largest "
            "class: train for more epochs (--epochs), or with more steps in each "
            f"(--set recipe_settings.batch_size={small})"
        ]

    def close(self) -> None:
        """Let go of the workers."""
        for backend in (self, *self._twins.values()):
            backend.campaign.close()
        self._twins.clear()

    def __getstate__(self) -> Facts:
        return {**{k: v for k, v in self.__dict__.items() if k != "report"}, "_twins": {}}

    def _counted(self, cells: Ints, names: Sequence[str]) -> dict[str, Floats]:
        space, around = load_space(), self.skeleton
        count: dict[str, Callable[[], Any]] = {
            "params": lambda: space.params(cells, around),
            "macs": lambda: space.macs(cells, around),
            "thop_macs": lambda: [profile_network(int(k), around).thop_macs for k in cells],
            "activation_memory": lambda: [measure_memory(int(k), around).peak_activations for k in cells],
        }
        return {name: np.array(count[name](), dtype=np.float64) for name in names if name in count}

    def _timed(self, cells: list[int], names: Sequence[str]) -> dict[str, Floats]:
        if not any(name in TIMED for name in names):
            return {}
        found = self.campaign.timings(cells)
        rows = [found[k] for k in cells]
        raw = "mean" if self.campaign.timing.protocol == "published" else "median"
        # By the reference cell, and None, which becomes NaN, where that is not known: in results of earlier versions,
        # or where the device does not tell its energy.
        scaled = {f"latency{end}": f"relative{end}" for end in ("", "_lower", "_upper", "_std")}
        columns = {
            **{name: [_times(row.get(key), row["baseline"]) for row in rows] for name, key in scaled.items()},
            "latency_raw": [row[raw] for row in rows],
            "latency_disturbed": [row.get("contended", False) for row in rows],
            "energy": [row["energy"] for row in rows],
        }
        return {name: np.array(column, dtype=np.float64) for name, column in columns.items()}

    def _mark_of(self, cell: int, name: str) -> str:
        results = self._results(cell)
        trained = [result for result in results if result is not None and result["status"] == "done"]
        if not trained:
            return "" if results[0] is None else str(results[0]["status"])
        # How long it took says nothing of how good it is, nor the other way round.
        slow = name == "train_time" and any(result.get("contended") for result in trained)
        few = trained[0]["epochs"] != "+".join(map(str, self.epochs))
        # As most of those do that its values are means of.
        nothing = 2 * sum(map(learnt_nothing, trained)) > len(trained)
        words = "contended" if slow else "no better than the largest class" if nothing else ""
        return words or ("few epochs" if few else "")


def _times(relative: float | None, baseline: float) -> float | None:
    return None if relative is None else relative * baseline
