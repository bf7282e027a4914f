"""What may tell something of dear quantities before they are measured: models, tables and runs of other tasks."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from eomoo.arrays import Floats, Ints
from eomoo.checks import counted, several, short
from eomoo.data import read_user_table
from eomoo.data.measured_table import TABLE_FILE
from eomoo.data.user_table import read_frame, target_columns
from eomoo.errors import DataNotFoundError, SettingError
from eomoo.files import expanded, sha256_of
from eomoo.models import SHIPPED, fit, recipe_for, shipped_folder
from eomoo.models.record import RECORD_FILE
from eomoo.objectives import SurrogateBackend
from eomoo.search.costs import Costs
from eomoo.search.trainings import Log
from eomoo.space import load_space

# Where quantities have other names. More of them say the same once more, and each weight has to be learnt.
_TELLING, _MOST = ("accuracy", "error", "micro", "macro"), 2
# What `eomoo run --out` writes of its evaluations.
_TRACE_FILE = "trace.csv"
# Of a place in a setting what was in it: as many digits as nobody meets twice.
_PROVED, _DIGITS = re.compile(r"(.*) \(sha256 ([0-9a-f]+)\)", re.DOTALL), 16
# Cells that a model of values needs, and settings of earlier trainings that are taken: each weight has to be learnt.
_LEAST_RELATED, _MOST_RELATED = 10, 2


@dataclass(frozen=True, kw_only=True)
class Prior:
    """Numbers of all cells that may go with a dear quantity; how much and with which sign is learnt.

    Attributes:
        name: What reports call it.
        tell: Cells (n,) -> numbers (n,), finite, of any unit and direction.
    """

    name: str
    tell: Callable[[Ints], Floats]

    def __call__(self, cells: Ints) -> Floats:
        """Its numbers for cells (n,).

        Raises:
            SettingError: (a ValueError) They have another shape, or are not finite.
        """
        found = np.asarray(self.tell(cells), dtype=np.float64)
        if found.shape != cells.shape or not np.isfinite(found).all():
            raise SettingError(f"the prior {self.name} must tell a finite number of each cell; got {found.shape}")
        return found


def prior_of_measured(name: str, cells: Ints, values: Floats, *, seed: int = 0) -> Prior:
    """A prior of what was measured of some cells (n,), in a table or by an earlier run: a model of these values (n,).

    Raises:
        SettingError: (a ValueError) Fewer than ten values are finite.
    """
    fine = np.isfinite(values)
    space, recipe = load_space(), recipe_for(name, values[fine])
    model = fit(recipe, space.features(cells[fine], recipe.encoding), values[fine][:, None], seed=seed)
    return Prior(name=name, tell=lambda asked: model.predict(space.features(asked, recipe.encoding))[0][:, 0])


def prior_option(places: str | Path | Sequence[str | Path] | None) -> dict[str, list[str]]:
    """Priors as a setting of a search, by place and content, wherever it is read again; empty for none.

    Raises:
        DataNotFoundError: (a FileNotFoundError) There is nothing in a place that tells of cells.
        SettingError: (a ValueError) It is no place.
    """
    found = [_kept_place(place) for place in several(places)]
    return {"priors": found} if found else {}


def _kept_place(place: object) -> str:
    if not isinstance(place, str | Path):
        raise SettingError(f"a prior is a file, a folder, or shipped ({', '.join(SHIPPED)}); got {short(place)}")
    # Unlike ``Path.resolve`` it takes a link that leads to itself.
    return str(place) if place in SHIPPED else _with_digest(Path(os.path.realpath(expanded(place))))


def prior_place(text: str) -> str:
    """The place of a prior, without what is said of its content."""
    found = _PROVED.fullmatch(text)
    return found[1] if found else text


def _with_digest(place: Path) -> str:
    return f"{place} (sha256 {sha256_of(_content(place))[:_DIGITS]})"


def _content(place: Path) -> Path:
    """The file that tells what a place tells: a record of models has the digests of all its files."""
    if not place.exists():
        raise DataNotFoundError(f"there is no prior {place}; shipped are {' and '.join(SHIPPED)}")
    found = next((place / name for name in (RECORD_FILE, TABLE_FILE, _TRACE_FILE) if (place / name).is_file()), place)
    if not found.is_file():
        raise DataNotFoundError(f"{place} is no prior: neither models, nor a table, nor the folder of a run")
    return found


def related_priors(costs: Costs, log: Log) -> list[Prior]:
    """Priors of trainings in the store that were made otherwise, as they were when the search was first begun."""
    seen = log.recall("related", 0)
    if seen is None:
        found = costs.related(least=_LEAST_RELATED, most=_MOST_RELATED)
        seen = {"found": [[name, what, list(cells), list(cells.values())] for name, what, cells in found]}
        log.note("related", 0, seen)
    return [
        replace(prior_of_measured(name, np.array(cells), np.array(values)), name=f"{name} of earlier trainings, {what}")
        for name, what, cells, values in seen["found"]
    ]


def checked_priors(given: Sequence[Prior | str]) -> tuple[Prior | str, ...]:
    """Priors, and places of priors as texts.

    Raises:
        SettingError: (a ValueError) One is neither.
        DataNotFoundError: (a FileNotFoundError) There is nothing in a place.
    """
    listed = [given] if isinstance(given, Prior | str) else given
    if not isinstance(listed, Sequence) or not all(isinstance(one, Prior | str) for one in listed):
        raise SettingError(
            f"priors are a list of places, such as {SHIPPED[0]}, or of Prior objects; got {short(given)}"
        )
    for one in listed:
        if isinstance(one, str) and one not in SHIPPED:
            _content(Path(prior_place(one)))
    return tuple(listed)


def open_priors(given: Sequence[Prior | str], wanted: Sequence[str]) -> list[Prior]:
    """The priors of places: folders of models, tables, or folders of runs; "eo-hwnas" for models that are shipped.

    Of what a place tells, that is taken which has the name of a wanted quantity, an accuracy being as good as its
    error; where there is none, the first two accuracies or errors.

    Raises:
        DataNotFoundError, DataError: There is nothing in a place that tells of cells.
        SettingError: (a ValueError) What is there tells of no accuracy or error.
    """
    return [prior for one in given for prior in ([one] if isinstance(one, Prior) else _open(one, wanted))]


def _open(text: str, wanted: Sequence[str]) -> list[Prior]:
    place = prior_place(text)
    folder = shipped_folder(place) if place in SHIPPED else Path(place)
    content = _content(folder)
    if place != text and _with_digest(folder) != text:
        raise SettingError(f"the prior {place} has changed since it was given; begin another run with it")
    if content.name == RECORD_FILE:
        models = SurrogateBackend(folder)
        names = _telling(place, list(models.quantities), wanted)
        found = [Prior(name=name, tell=partial(_predicted, models, name)) for name in names]
    else:
        names = _telling(place, target_columns(read_frame(content), where=content), wanted)
        rows = read_user_table(content, names)
        for name in names:
            n = len(np.unique(rows.indices[np.isfinite(rows.columns[name])]))
            if n < _LEAST_RELATED:
                raise SettingError(f"{place} tells {name} of {counted(n, 'cell')}; a prior needs {_LEAST_RELATED}")
        found = [prior_of_measured(name, rows.indices, rows.columns[name]) for name in names]
    return [replace(prior, name=f"{prior.name} of {Path(place).name}") for prior in found]


def _telling(place: str, there: Sequence[str], wanted: Sequence[str]) -> list[str]:
    stems = {name.removesuffix("_error") for name in wanted}
    # Beside an accuracy its error says nothing new.
    each = {name.removesuffix("_error"): name for name in reversed(there)}
    same = [name for stem, name in each.items() if stem in stems]
    found = same or [name for name in reversed(each.values()) if any(word in name for word in _TELLING)][:_MOST]
    if not found:
        raise SettingError(f"{place} tells of no accuracy or error, and so is no prior; it has {', '.join(there)}")
    return found


def _predicted(models: SurrogateBackend, name: str, cells: Ints) -> Floats:
    return np.asarray(models.values(cells, [name])[:, 0])
