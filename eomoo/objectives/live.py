"""Backend of networks that are really trained and really timed, on the device at hand."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eomoo.errors import CardError, SettingError
from eomoo.objectives.base import Backend, Quantity, objectives_of
from eomoo.space import Skeleton, load_space

if TYPE_CHECKING:
    from eomoo.jobs import Jobs
    from eomoo.live.latency import LatencySetting
    from eomoo.live.screening import Screening
    from eomoo.live.store import LiveStore
    from eomoo.live.tasks import DataSource, TrainingTask

__all__ = ["LIVE_QUANTITIES", "LIVE_SETTINGS", "LiveBackend"]

_ERRORS = {
    f"{split}_{kind}_error": Quantity(title=f"{words} {kind} error after training", unit="%", direction="min")
    for split, words in (("val", "validation"), ("test", "test"))
    for kind in ("micro", "macro")
}
_TRAINED = {
    **_ERRORS,
    "train_time": Quantity(title="training time on this device", unit="s", direction="min"),
}
_TIMED = {
    "latency": Quantity(title="latency on this device", unit="ms", direction="min"),
    "latency_raw": Quantity(title="latency on this device, as timed", unit="ms", direction="min"),
    "energy": Quantity(title="energy of a forward pass on this device", unit="J", direction="min"),
}
_COUNTED = {
    "params": Quantity(title="parameters", unit="", direction="min"),
    "macs": Quantity(title="multiply-accumulates of an image", unit="", direction="min"),
}
LIVE_QUANTITIES: Mapping[str, Quantity] = {**_TRAINED, **_TIMED, **_COUNTED}

_SETTINGS = {
    "data": str, "images": dict, "skeleton": dict, "recipe": str, "recipe_settings": dict,
    "epochs": (int, str), "seed": int, "device": str, "latency": dict, "folder": str, "workers": int,
    "threads": int, "readers": int, "cluster": str, "screen": int, "screen_quantile": (int, float),
}  # fmt: skip
LIVE_SETTINGS = frozenset(_SETTINGS)


class LiveBackend(Backend):
    """Error after training, latency, energy and size of networks.

    Each result goes into a SQLite store in ``folder`` the moment it exists, keyed by everything that
    it depends on, and is read from there when it is asked for again. A training that diverged,
    failed or ran out of memory is kept with its reason; its errors are NaN. All cells of one call are
    handed out together; latencies are measured before, while nothing trains.

    ``latency`` is the time by that of a reference cell in the same rounds, times what the reference
    took when it was first timed under the same conditions, so that a machine which is slower today
    does not change a ranking; ``latency_raw`` is the plain median.

    Args:
        source: Images.
        skeleton: Width and depth: ``stem_channels``, ``n_stacks``, ``cells_per_stack``.
        recipe: Name of a recipe.
        recipe_settings: What is changed of it.
        epochs: A number or stretches, as in "4+8"; by default the recipe's.
        seed: Of trainings.
        device: As for ``eomoo.live.devices.resolve_device``.
        latency: How latency is measured.
        folder: Store, checkpoints and weights.
        workers: Candidates trained at once.
        threads: Of torch for each on a CPU; by default the processors shared among the workers.
        readers: Processes that read images ahead, for each candidate.
        cluster: "local", a Dask scheduler's address, or a TOML file for SLURM.
        screen: Train all candidates for so many epochs, and fully only those that may then be better
            than every fully trained one; the others keep their error after the few epochs. 0: none.
        screen_quantile: Of the gains seen so far, what is hoped for in screening.
    """

    name = "live"
    quantities = LIVE_QUANTITIES
    enumerable = False

    def __init__(
        self,
        source: DataSource,
        *,
        skeleton: Mapping[str, int] | None = None,
        recipe: str = "nasbench",
        recipe_settings: Mapping[str, Any] | None = None,
        epochs: int | str | None = None,
        seed: int = 0,
        device: str = "auto",
        latency: LatencySetting | None = None,
        folder: str | Path,
        workers: int = 1,
        threads: int | None = None,
        readers: int = 0,
        cluster: str = "local",
        screen: int = 0,
        screen_quantile: float = 0.75,
    ) -> None:
        from eomoo.live.recipes import get_recipe

        self.source, self.seed, self.device = source, seed, device
        self.shape = dict(skeleton or {})
        self.recipe = get_recipe(recipe, **(recipe_settings or {}))
        self.epochs = _stretches(self.recipe.stretches(epochs), screen)
        self.short = (screen,) if screen else ()
        self.timing, self.folder = latency, Path(folder).expanduser()
        self.workers, self.threads, self.readers = workers, threads, readers
        self.cluster, self.quantile = cluster, screen_quantile
        self._engine: Jobs | None = None
        self._store: LiveStore | None = None
        self._skeleton: Skeleton | None = None
        self._settings: dict[tuple[int, tuple[int, ...]], dict[str, Any]] = {}
        self._screenings: dict[tuple[str, ...], Screening] = {}

    @classmethod
    def from_card(
        cls, settings: Mapping[str, Any], *, base: Path | None = None, **overrides: Any
    ) -> LiveBackend:
        """The backend of a card's ``[backend.live]`` table.

        Args:
            settings: ``data`` (a source as for ``eomoo.images.open_data``), the tables
                ``images`` (its options), ``skeleton``, ``recipe_settings`` and ``latency``, and what
                else the class takes.
            base: The card's folder, which a folder of images may be relative to.
            overrides: Replace settings; None leaves a setting as it is.

        Raises:
            CardError: (a ValueError) A setting that there is not, or one of the wrong kind.
        """
        from eomoo.files import cache_folder
        from eomoo.live.latency import LatencySetting
        from eomoo.live.tasks import DataSource

        merged = {**settings, **{k: v for k, v in overrides.items() if v is not None}}
        _check_settings(merged)
        data, options = merged.pop("data", None), merged.pop("images", {})
        if data is None:
            raise CardError('the live backend needs data = "...", such as "landsat-nc" or a folder')
        if base is not None and (base / data).is_dir():
            data = str(base / data)
        timing = {"device": merged.get("device", "auto"), **merged.pop("latency", {})}
        folder = merged.pop("folder", None) or cache_folder() / "live"
        try:
            return cls(
                DataSource(name=data, options=options),
                latency=LatencySetting(**timing),
                folder=folder,
                **merged,
            )
        except TypeError as error:
            raise CardError(f"the live backend's settings: {str(error).partition('() ')[2]}") from None

    # -- values --------------------------------------------------------------------------------

    def _values(self, indices: NDArray[np.int64], names: Sequence[str]) -> NDArray[np.float64]:
        """NaN where a training did not end well.

        Raises:
            SettingError, DataError: The images, the device or the folder cannot be used.
            MissingPackageError: (an ImportError) The extra "live" is not installed.
        """
        cells = [int(k) for k in np.unique(indices)]
        known: dict[str, dict[int, float]] = {name: {} for name in names}
        self._count(cells, known)
        if any(name in _TIMED for name in names):
            self._time(cells, known)
        if any(name in _TRAINED for name in names):
            self._train(cells, known)
        return np.array([[known[name][int(k)] for name in names] for k in indices], dtype=np.float64).reshape(
            len(indices), len(names)
        )

    def fingerprint(self) -> str:
        """The fingerprint of the images."""
        return str(self.engine.call(_fingerprint_of, self.source))

    def training(self, index: int) -> dict[str, Any] | None:
        """The stored result of a cell's longest training; None where there is none."""
        result = self._stored("training", self._setting(index, self.epochs))
        if result is None and self.short:
            # Screened out: it is not on a front, but it was trained for a few epochs.
            result = self._stored("training", self._setting(index, self.short))
        return result

    def weights(self, index: int) -> Path | None:
        """File of a cell's trained weights; None where there is none."""
        result = self.training(index)
        path = Path(result["weights"]) if result and result["weights"] else None
        return path if path is not None and path.is_file() else None

    def export(self, cells: Sequence[int], folder: str | Path) -> list[Path]:
        """Write ``CELL.onnx`` for each of the cells that was trained, with its accuracy in the metadata."""
        from eomoo.images import read_batch
        from eomoo.live.export import export_onnx

        images, _ = read_batch(self.source.open().test, np.arange(8))
        paths = []
        for k in map(int, cells):
            weights, result = self.weights(k), self.training(k)
            if weights is not None and result is not None:
                accuracy = {
                    f"{s}_{kind}": result[s][kind] for s in ("val", "test") for kind in ("micro", "macro")
                }
                path = Path(folder) / f"{k}.onnx"
                export_onnx(weights, path, images=images, metadata={"index": k, **accuracy})
                paths.append(path)
        return paths

    def close(self) -> None:
        """Let go of the workers."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    @property
    def engine(self) -> Jobs:
        """Where candidates are trained; started when it is first needed."""
        from eomoo.jobs import make_jobs

        if self._engine is None:
            resource = "GPU" if self.device.startswith("cuda") else "CANDIDATE"
            self._engine = make_jobs(self.workers, cluster=self.cluster, resource=resource)
        return self._engine

    @property
    def store(self) -> LiveStore:
        """Where results are kept."""
        from eomoo.live.store import LiveStore

        if self._store is None:
            self._store = LiveStore(self.folder / "live.sqlite")
        return self._store

    def __getstate__(self) -> dict[str, Any]:
        # Workers and files stay with the process that opened them.
        kept = {k: v for k, v in self.__dict__.items() if k != "report"}
        return {**kept, "_engine": None, "_store": None}

    # -- counted -------------------------------------------------------------------------------

    def _count(self, cells: list[int], known: dict[str, dict[int, float]]) -> None:
        space = load_space()
        for name in _COUNTED.keys() & known.keys():
            counts = getattr(space, name)(np.array(cells, dtype=np.int64), self.skeleton)
            known[name] = dict(zip(cells, map(float, counts), strict=True))

    @property
    def skeleton(self) -> Skeleton:
        """The network around the cells: bands and classes of the images, width and depth as set."""
        if self._skeleton is None:
            self._skeleton = self.engine.call(_skeleton_of, self.source, self.shape)
        return self._skeleton

    # -- timed ---------------------------------------------------------------------------------

    def _time(self, cells: list[int], known: dict[str, dict[int, float]]) -> None:
        from eomoo.live.latency import LatencySetting, latency_conditions

        how = self.timing or LatencySetting(device=self.device)
        skeleton = self.skeleton
        conditions = self.engine.call(latency_conditions, skeleton, how)
        found = {k: self._stored("latency", {"cell": k, **conditions}) for k in cells}
        missing = [k for k, result in found.items() if result is None]
        if missing:
            self.report(f"timing {len(missing)} networks")
            for k, result in zip(missing, self.engine.call(_measure, missing, skeleton, how), strict=True):
                found[k] = result
                self.store.put("latency", {"cell": k, **conditions}, result, cell=k)
        baseline = self._baseline(conditions, how.reference, next(iter(found.values())))
        for k, result in found.items():
            assert result is not None
            raw = result["mean"] if how.protocol == "published" else result["median"]
            row = {"latency": result["relative"] * baseline, "latency_raw": raw, "energy": result["energy"]}
            for name in _TIMED.keys() & known.keys():
                known[name][k] = math.nan if row[name] is None else float(row[name])

    def _baseline(self, conditions: dict[str, Any], reference: int, result: dict[str, Any] | None) -> float:
        """What the reference cell took when it was first timed under these conditions."""
        assert result is not None
        self.store.put("reference", conditions, {"median": result["reference_median"]}, cell=reference)
        first = self._stored("reference", conditions)
        assert first is not None
        return float(first["median"])

    # -- trained -------------------------------------------------------------------------------

    def _train(self, cells: list[int], known: dict[str, dict[int, float]]) -> None:
        wanted = [name for name in known if name in _TRAINED]
        if not self.short:
            self._fill(known, wanted, self._results(cells, self.epochs))
            return
        self._fill(known, wanted, self._results(cells, self.short))
        screening = self._screenings.setdefault(tuple(known), _screening(list(known), self.quantile))
        rest = cells
        # Full training may disappoint; then others become promising, until none is left.
        while rest:
            before = _table(rest, known)
            chosen = screening.choose(before)
            promoted = [k for k, yes in zip(rest, chosen, strict=True) if yes]
            if not promoted:
                break
            self._fill(known, wanted, self._results(promoted, self.epochs))
            screening.remember(before[chosen], _table(promoted, known))
            rest = [k for k in rest if k not in promoted]

    def _fill(
        self, known: dict[str, dict[int, float]], names: list[str], results: dict[int, dict[str, Any]]
    ) -> None:
        for name in names:
            known[name].update({k: _number(result, name) for k, result in results.items()})

    def _results(self, cells: list[int], epochs: tuple[int, ...]) -> dict[int, dict[str, Any]]:
        """Results of trainings, read where they are stored, trained where they are not."""
        from eomoo.live.store import RESULT_STATES
        from eomoo.live.tasks import run_task

        found: dict[int, dict[str, Any]] = {}
        tasks = []
        self._learn_settings(cells, epochs)
        for k in cells:
            result = self._stored("training", self._setting(k, epochs))
            if result is None:
                tasks.append(self._task(k, epochs))
            else:
                found[k] = result
        if tasks:
            self.report(f"training {len(tasks)} networks for {'+'.join(map(str, epochs))} epochs")

        def keep(position: int, result: dict[str, Any]) -> None:
            cell = tasks[position].cell
            found[cell] = result
            setting = self._setting(cell, epochs)
            status, reason = result["status"], result["reason"]
            if status in RESULT_STATES:
                self.store.put("training", setting, result, cell=cell, status=status, reason=reason)
            else:
                done = max((point["epoch"] for point in result["curve"]), default=0)
                self.store.put_incident("training", setting, cell=cell, reason=reason, progress=done)
            self.report(f"cell {cell}: {_summary(result)}")

        def note(position: int, reason: str) -> None:
            keep(position, {"status": "failed", "reason": reason, "curve": []})

        if tasks:
            self.engine.run(run_task, tasks, keep, on_incident=note)
        return found

    def _task(self, cell: int, epochs: tuple[int, ...]) -> TrainingTask:
        from eomoo.live.tasks import TrainingTask

        return TrainingTask(
            cell=cell,
            source=self.source,
            skeleton=self.skeleton,
            recipe=self.recipe,
            epochs=epochs,
            seed=self.seed,
            device=self.device,
            folder=str(self.folder.resolve()),
            workers=self.readers,
            threads=self.threads or _threads(self.workers, self.cluster),
        )

    def _setting(self, cell: int, epochs: tuple[int, ...]) -> dict[str, Any]:
        self._learn_settings([cell], epochs)
        return self._settings[cell, epochs]

    def _learn_settings(self, cells: list[int], epochs: tuple[int, ...]) -> None:
        """Ask once, where candidates are trained, what their results depend on."""
        new = [k for k in cells if (k, epochs) not in self._settings]
        if new:
            tasks = [self._task(k, epochs) for k in new]
            for k, setting in zip(new, self.engine.call(_settings_of, tasks), strict=True):
                self._settings[k, epochs] = setting

    def _stored(self, kind: str, setting: dict[str, Any]) -> dict[str, Any] | None:
        return self.store.get(kind, setting)


def _table(cells: list[int], known: Mapping[str, Mapping[int, float]]) -> NDArray[np.float64]:
    return np.array([[column[k] for column in known.values()] for k in cells])


def _screening(names: list[str], quantile: float) -> Screening:
    from eomoo.live.screening import Screening

    trained = [name in _ERRORS for name in names]
    return Screening(objectives_of(LIVE_QUANTITIES, names), np.array(trained), quantile=quantile)


def _settings_of(tasks: list[TrainingTask]) -> list[dict[str, Any]]:
    return [task.setting() for task in tasks]


def _skeleton_of(source: DataSource, shape: Mapping[str, int]) -> Any:
    return source.open().skeleton(**shape)


def _fingerprint_of(source: DataSource) -> str:
    return source.open().fingerprint


def _measure(cells: list[int], skeleton: Any, how: LatencySetting) -> list[dict[str, Any]]:
    from eomoo.live.latency import measure_latency

    return [result.to_dict() for result in measure_latency(cells, skeleton=skeleton, setting=how)]


def _number(result: Mapping[str, Any], name: str) -> float:
    if result["status"] != "done":
        return math.nan
    if name == "train_time":
        return float(result["seconds"])
    split, kind, _ = name.split("_")
    return 100.0 * (1.0 - float(result[split][kind]))


def _summary(result: Mapping[str, Any]) -> str:
    if result["status"] != "done":
        return f"{result['status']} ({result['reason']})"
    return f"validation error {_number(result, 'val_micro_error'):.1f} %, {result['seconds']:.0f} s"


def _stretches(epochs: tuple[int, ...], screen: int) -> tuple[int, ...]:
    """The epochs with a first stretch that is as long as the screening."""
    if screen == 0 or (epochs[0] == screen and len(epochs) > 1):
        return epochs
    if screen < 0 or len(epochs) > 1 or screen >= epochs[0]:
        raise SettingError(f"screen must be fewer epochs than a full training; got {screen} of {epochs}")
    return screen, epochs[0] - screen


def _threads(workers: int, cluster: str) -> int | None:
    """On one machine, the processors shared among the workers; None leaves it to torch."""
    import os

    if cluster != "local" or workers == 1:
        return None
    return max(1, (os.cpu_count() or 1) // workers)


def _check_settings(settings: Mapping[str, Any]) -> None:
    for name, value in settings.items():
        if name not in _SETTINGS:
            known = ", ".join(_SETTINGS)
            raise CardError(f"the live backend has no setting {name!r}; known are {known}")
        if isinstance(value, bool) or not isinstance(value, _SETTINGS[name]):  # type: ignore[arg-type]
            raise CardError(f"the live backend: {name} cannot be {value!r}")
