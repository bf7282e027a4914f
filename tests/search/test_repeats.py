"""What a search trained is trained again with other seeds: means stand in its front, and its decisions stay."""

import re

import numpy as np
import pytest
from synthetic import SyntheticBackend, all_values, brute_front

import eomoo
from eomoo.analysis import repeat_words
from eomoo.objectives.base import standard_normal

NOISE, OF_IMAGES = 1.5, 1.2


def trained(cell, seed):
    return float(all_values()["err"][cell] + NOISE * standard_normal(np.array([cell]), seed)[0])


class Trainings(SyntheticBackend):
    """Errors of trainings with seeds; latencies are known. ``kept`` is what a store is, ``log`` what was trained."""

    enumerable = False

    def __init__(self, kept, patience=None):
        super().__init__()
        self.kept, self.log, self.patience = kept, [], patience

    def cost(self, quantity):
        return "free" if quantity == "lat" else "dear"

    def train(self, cell, seed):
        if (cell, seed) in self.kept:
            return
        if seed and self.patience is not None:
            self.patience -= 1
            if self.patience < 0:
                raise KeyboardInterrupt
        self.log.append((cell, seed))
        self.kept[cell, seed] = trained(cell, seed)

    def repeat(self, indices):
        for seed in range(1, self.repeats):
            for cell in indices.tolist():
                self.train(cell, seed)

    def n_trainings(self, indices):
        there = [[(cell, seed) in self.kept for seed in range(self.repeats)] for cell in np.atleast_1d(indices)]
        return np.array([sum(row) for row in there])

    def seed_deviations(self, names):
        several = any(seed for key in self.kept if isinstance(key, tuple) for seed in key[1:])
        return np.array([NOISE if name == "err" and several else np.nan for name in names])

    def _values(self, cells, names):
        return np.stack([self.errors(cells) if name == "err" else all_values()[name][cells] for name in names], axis=1)

    def errors(self, cells):
        for cell in cells.tolist():
            self.train(cell, 0)
        seeds = range(self.repeats)
        return np.array([np.mean([self.kept[c, s] for s in seeds if (c, s) in self.kept]) for c in cells.tolist()])

    def _deviations(self, cells, names):
        # Repeats tell what another seed does, so that more cells are rivals than before.
        by_seed = float(np.nan_to_num(self.seed_deviations(["err"])[0]))
        spread = np.hypot(OF_IMAGES, by_seed / np.sqrt(self.n_trainings(cells)))
        return np.stack([spread if name == "err" else 0.0 * spread for name in names], axis=1)

    def recall(self, what):
        return self.kept.get(str(what))

    def note(self, what, fact):
        self.kept[str(what)] = fact


class Timings(Trainings):
    """Latencies are timed, a tenth too long as long as something is trained, and then marked."""

    def marks(self, indices, names):
        loud = ~np.isin(indices, list(self.kept.get("quiet", ())))
        return np.where(loud[:, None] & (np.array(names) == "lat"), "contended", "")

    def cost(self, quantity):
        return "cheap" if quantity == "lat" else "dear"

    def time_again(self, indices):
        self.kept["quiet"] = {*self.kept.get("quiet", ()), *indices.tolist()}

    def _values(self, cells, names):
        values = super()._values(cells, names)
        loud = ~np.isin(cells, list(self.kept.get("quiet", ())))
        return values * np.where(loud[:, None] & (np.array(names) == "lat"), 1.1, 1.0)


@pytest.fixture
def search(pose):
    def run(kept, patience=None, problem=None, kind=Trainings, **how):
        problem = problem or pose("err", "lat", stem="repeats")
        problem._shared.backends = {"synthetic": kind(kept, patience)}
        return eomoo.run(problem, options={"n_candidates": 300}, algorithm="cost-aware", **{"budget": 9, **how})

    return run


def values_of(run):
    return dict(zip(run.trace["index"].tolist(), run.trace["err"].tolist(), strict=True))


def test_a_front_with_repeats_is_of_means_and_all_its_cells_were_repeated(search):
    plain, run = search({}), search({}, repeats=3)
    assert run.trace["index"].tolist() == plain.trace["index"].tolist()
    trainings, values = run.stored.run.trainings, values_of(run)
    assert set(trainings.values()) == {3}
    assert 0 < len(trainings) < len(values)
    for cell, value in values.items():
        assert value == pytest.approx(np.mean([trained(cell, seed) for seed in range(trainings.get(cell, 1))]))
    front = run.front["index"].tolist()
    assert set(front) <= set(trainings)
    expected = brute_front(run.trace[["err", "lat"]].to_numpy())
    assert sorted(front) == sorted(run.trace["index"][expected].tolist())
    assert run.front["trainings"].tolist() == [3] * len(front)
    assert run.front["err_std"].to_numpy() == pytest.approx(np.hypot(OF_IMAGES, NOISE / np.sqrt(3)))
    assert (run.uncertainty(n_draws=500).unknown[:, 0] < NOISE + 0.2).all()
    assert repeat_words(run.stored.problem, run.stored.run) == [
        f"Values of {len(trainings)} cells are means of 3 trainings each.",
        "Another seed changes values by 1.5 points of error (one deviation, pooled over repeats).",
    ]


class Sure(Trainings):
    """Nothing is said of how uncertain values are, so that there are no rivals beforehand."""

    def _deviations(self, cells, names):
        return np.zeros((len(cells), len(names)))


def test_whoever_comes_onto_the_front_by_repeats_is_repeated_too(search):
    run = search({}, kind=Sure, seed=2, repeats=3)
    front, trainings = run.front["index"].tolist(), run.stored.run.trainings
    first = search({}, kind=Sure, seed=2).front["index"].tolist()
    assert set(front) - set(first)
    assert set(front) <= set(trainings)
    assert sorted(trainings) == sorted(run.stored.run.repeats["contenders"])


def test_rivals_are_repeated_too_and_are_suggested_where_nothing_is(search):
    run = search({})
    facts, front = run.stored.run.repeats, run.front["index"].tolist()
    assert set(front) < set(facts["contenders"]) < set(run.trace["index"].tolist())
    told = run.uncertainty()
    rivals = np.setdiff1d(facts["contenders"], front)
    others = np.setdiff1d(run.trace["index"], facts["contenders"])
    least, most = told.fronts.counts(rivals).min(), told.fronts.counts(others).max()
    assert least > 0.05 * told.n_draws >= most
    alone, words = repeat_words(run.stored.problem, run.stored.run, "mine")
    assert alone == "Deviations are of finitely many images alone: nothing was repeated that tells of other seeds."
    assert re.search(rf"apart; {len(facts['contenders'])} cells x 2 more trainings: eomoo run \S*repeats\.toml ", words)
    assert words.endswith("--repeats 3 --out mine")


@pytest.mark.parametrize("patience", [1, 6])
def test_repeats_that_were_interrupted_go_on_to_what_they_would_have_been(search, tmp_path, patience):
    kept = {}
    part = search(kept, patience, repeats=3, out=tmp_path / "out")
    assert not part.stored.run.complete
    assert part.stored.run.trainings == {}
    assert part.problem.backends["synthetic"].repeats == 1
    before = {key: value for key, value in kept.items() if isinstance(key, tuple)}
    assert sum(seed > 0 for _, seed in before) == patience
    whole, once = search(kept, repeats=3, out=tmp_path / "out"), search({}, repeats=3)
    assert not set(before) & set(whole.problem.backends["synthetic"].log)
    assert whole.stored.run.extra == once.stored.run.extra
    assert whole.trace.equals(once.trace)
    assert whole.front.equals(once.front)
    again = search(kept, repeats=2, out=tmp_path / "out")
    assert again.repeated
    assert again.uncertainty().unknown == pytest.approx(whole.uncertainty().unknown)


def test_a_larger_budget_goes_on_as_if_nothing_had_been_repeated_and_repeats_what_is_best_then(search, pose, tmp_path):
    kept, problem = {}, pose("err", "lat", stem="repeats")
    search(kept, problem=problem, budget=6, repeats=2, out=tmp_path)
    more = search(kept, problem=problem, budget=9, out=tmp_path)
    once = search({}, budget=9, repeats=2)
    assert more.n_earlier == 6
    assert more.trace["index"].tolist() == once.trace["index"].tolist()
    assert set(more.front["trainings"]) == {2}
    # The same problem searched again sees single trainings again.
    backend = problem.backends["synthetic"]
    assert values_of(eomoo.run(problem, algorithm="cost-aware", options={"n_candidates": 300}, budget=9)) == {
        cell: trained(cell, 0) for cell in more.trace["index"]
    }
    assert backend.repeats == 1


def test_what_trainings_disturbed_is_timed_again_at_the_end_and_changes_no_decision(search, tmp_path):
    kept = {}
    search(kept, kind=Timings, budget=4, out=tmp_path)
    run, once = search(kept, kind=Timings, budget=7, out=tmp_path), search({}, kind=Timings, budget=7)
    cells = run.trace["index"].to_numpy()
    assert run.n_earlier == 4
    assert run.trace["lat"].tolist() == all_values()["lat"][cells].tolist()
    assert run.trace.equals(once.trace)
    assert run.front.equals(once.front)
    expected = brute_front(run.trace[["err", "lat"]].to_numpy())
    assert sorted(run.front["index"]) == sorted(cells[expected].tolist())


def limited(pose, most):
    return pose("err", "lat", stem="repeats", constraints=[f"err<={most}"])


def test_a_limit_on_a_trained_quantity_is_one_on_its_means(search, pose):
    most = float(search({}).trace["err"].median())
    run = search({}, problem=limited(pose, most), repeats=3)
    errors, front = run.trace["err"], run.front
    assert run.trace["feasible"].tolist() == (errors <= most).tolist()
    assert 0 < run.trace["feasible"].sum() < len(errors)
    assert front["err"].max() <= most
    kept = run.trace[errors <= most].reset_index(drop=True)
    assert sorted(front["index"]) == sorted(kept["index"][brute_front(kept[["err", "lat"]].to_numpy())])


class Busy(Timings):
    """Something else uses the device all the time, at last but for every other cell."""

    def time_again(self, indices):
        super().time_again(np.array(indices)[::2])


@pytest.mark.parametrize("kind", [Timings, Busy])
def test_no_member_of_a_front_has_a_disturbed_timing_without_a_mark(search, kind):
    kept = {}
    run = search(kept, kind=kind)
    front = run.front
    loud = ~front["index"].isin(kept["quiet"])
    assert loud.any() == (kind is Busy)
    said = front["marks"] if "marks" in front else np.full(len(front), "")
    assert (np.array(["contended" in text for text in said]) == loud).all()


@pytest.mark.parametrize("predicted", [False, True])
def test_a_disturbed_timing_is_told_where_it_is_limited_or_stands_beside_predictions(pose, predicted):
    problem = pose("err", "lat") if predicted else pose("err", "size", constraints=["lat<=22"])
    source = problem.backends["synthetic"]
    source.marks = lambda cells, names: np.where(np.array(names) == "lat", "contended", "")[None].repeat(len(cells), 0)
    if predicted:
        models = SyntheticBackend()
        models.predicts = True
        problem._shared.backends = {"synthetic": source, "models": models}
        problem._columns = [("models", "err"), ("synthetic", "lat")]
    assert problem.basis([5, 7]) == ["contended" if predicted else "measured, contended"] * 2


def test_an_interrupted_search_marks_its_disturbed_timings_too(search):
    run = search({}, kind=Timings, repeats=2, patience=0)
    assert not run.stored.run.complete
    assert run.front["marks"].str.contains("contended").all()


@pytest.mark.parametrize(("repeats", "sentence"), [(0, "repeats"), (1001, "repeats"), (2, "trains no networks")])
def test_what_cannot_be_repeated_is_one_sentence(card, repeats, sentence):
    with pytest.raises(ValueError, match=sentence):
        eomoo.run(card("err", "lat"), budget=3, repeats=repeats)
