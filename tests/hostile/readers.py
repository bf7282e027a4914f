"""Every reader of files with a good file to spoil: how it is made, and how it is read."""

import gzip
import os
import pickle
import shutil
import warnings
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import numpy as np

CELLS = [3, 76119, 100434, 2, 400000, 17, 99999, 123456]
CARD = """
title = "mine"
budget = 5
reference_point = [1.0, 9.0]

[[objectives]]
name = "err"
unit = "fraction"
direction = "min"
source = "table"

[[objectives]]
name = "lat"
unit = "ms"
direction = "min"
source = "table"

[[constraints]]
quantity = "params"
source = "analytic"
max = 5000000

[backend.table]
file = "table.csv"
"""
STUDY = """
title = "a study"
problems = ["eo-macro-latency"]
budget = 20
seeds = 3

[[algorithms]]
algorithm = "pls"
options = { n_starts = 5 }

[[algorithms]]
label = "mine"
algorithm = "nsga2"
"""
CLUSTER = """
queue = "gpu"
cores = 4
memory = "16GB"
walltime = "01:00:00"
job_extra_directives = ["--exclusive"]
gpus = 1
"""
SCENE = """
bands = ["bands.tif"]
labels = "labels.tif"
nodata = -9999
band_names = ["red", "green"]

[classes]
1 = "water"
2 = "forest"
"""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of files: what writes good ones into a folder, and what reads them."""

    name: str
    make: object
    read: object
    text: bool = False
    own: bool = False
    same: object = None
    packages: tuple = ()
    spoil: tuple = ()
    may_leave: tuple = field(default=())
    eo: bool = False
    # What is read instead of changed files, of a generator: the words of a command line.
    invent: object = None
    # Whether only the head of the file is changed, and the rest is zeros.
    head: bool = False

    def lacking(self):
        """What this machine lacks, in words; None where nothing."""
        missing = [name for name in self.packages if find_spec(name) is None]
        if missing:
            return f"needs {', '.join(missing)}"
        return "needs the EO HW-NAS table: set EOMOO_DATA" if self.eo and not has_eo_table() else None

    def targets(self, files):
        return [name for name in files if not self.spoil or any(part in name for part in self.spoil)]


def has_eo_table():
    from eomoo.data import find
    from eomoo.errors import DataNotFoundError

    try:
        return find("eo-hwnas") is not None
    except DataNotFoundError:
        return False


def table():
    import pandas as pd

    import eomoo

    rng = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "hash": eomoo.load_space().hash(np.array(CELLS)),
            "err": rng.random(len(CELLS)).round(4),
            "lat": (1 + 7 * rng.random(len(CELLS))).round(3),
        }
    )


def problem_of(path):
    import eomoo

    problem = eomoo.get_problem(path)
    return str((problem.values(np.array(CELLS)).tolist(), problem.pareto_indices().tolist()))


def make_card(folder):
    (folder / "card.toml").write_text(CARD)
    table().to_csv(folder / "table.csv", index=False)


def make_packed_table(folder):
    (folder / "card.toml").write_text(CARD.replace("table.csv", "table.csv.gz"))
    (folder / "table.csv.gz").write_bytes(gzip.compress(table().to_csv(index=False).encode(), mtime=0))


def make_parquet(folder):
    (folder / "card.toml").write_text(CARD.replace("table.csv", "table.parquet"))
    table().to_parquet(folder / "table.parquet")


def make_walks(folder):
    walks = table().assign(walk=np.arange(len(CELLS)) // 4, step=np.arange(len(CELLS)) % 4)
    walks.assign(status="done").to_csv(folder / "walks.csv", index=False)


def read_walks(folder):
    from eomoo.data.published_tables import open_table
    from eomoo.landscape import analyse_sample

    return str(analyse_sample(open_table(folder / "walks.csv")).numbers)


def make_measured(folder):
    from eomoo.data.measured_table import write_measured
    from eomoo.data.published_tables import open_table

    make_walks(folder)
    write_measured(open_table(folder / "walks.csv"), folder)


def read_measured_folder(folder):
    from eomoo.data.published_tables import open_table
    from eomoo.landscape import analyse_sample

    return str(analyse_sample(open_table(folder)).numbers)


def make_study(folder):
    (folder / "study.toml").write_text(STUDY)


def read_study(folder):
    from eomoo.study.plan import load_study

    return len(load_study(folder / "study.toml").tasks)


def make_tfrecord(folder):
    from nasbench_files import encode_record, some_records, write_records

    with open(folder / "nasbench.tfrecord", "wb") as file:
        write_records(file, [encode_record(record) for record in some_records(epochs=(4, 108))])


def read_tfrecord(folder):
    from eomoo.data.nasbench_convert import convert_nasbench101

    # The target, a table of the whole space, is of no interest here.
    return convert_nasbench101(folder / "nasbench.tfrecord", folder / "table.npy", complete=False)


def make_json(folder):
    (folder / "walks.json").write_text('{"a": [1, 2.5, {"b": "c"}], "d": null, "e": [true, -3e5]}')


def read_plain_json(folder):
    from eomoo.files import read_json

    return str(read_json(folder / "walks.json"))


def make_pickle(folder):
    value = {"11df": ({"ops": ["a", "b"], "m": [[0, 1], [0, 0]]}, {108: [{"acc": np.float64(0.5), "t": 3.0}]})}
    (folder / "database.pickle").write_bytes(pickle.dumps(value, protocol=4))


def read_plain_pickle(folder):
    from eomoo.data import read_pickle

    return str(read_pickle(folder / "database.pickle"))


def rasters(folder):
    import rasterio
    from rasterio.transform import Affine

    rng = np.random.default_rng(2)
    where = {"crs": "EPSG:32617", "transform": Affine(30, 0, 500_000, 0, -30, 4_000_000)}
    labels = np.repeat(np.repeat(rng.integers(1, 3, (6, 6)), 16, 0), 16, 1).astype(np.uint8)
    bands = (labels * 50 + rng.normal(0, 5, (2, 96, 96))).astype(np.float32)
    for name, values in (("bands.tif", bands), ("labels.tif", labels[None])):
        with rasterio.open(
            folder / name, "w", driver="GTiff", width=96, height=96, count=len(values), dtype=values.dtype, **where
        ) as file:
            file.write(values)


def make_scene(folder):
    (folder / "scene.toml").write_text(SCENE)
    rasters(folder)


def images_of(source, **options):
    from eomoo.images import open_data, read_batch

    data = open_data(source, **options)
    found = []
    for split in (data.train, data.val, data.test):
        images, labels = read_batch(split, np.arange(min(3, len(split))))
        found += [images.shape, labels.tolist()]
    return str(found)


def read_scene_folder(folder):
    return images_of(folder, patch_size=8, gap=0, blocks=3, seed=1)


def make_class_folders(folder):
    import rasterio

    warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
    rng = np.random.default_rng(3)
    for k, name in enumerate(("forest", "water")):
        (folder / "images" / name).mkdir(parents=True)
        for number in range(10):
            values = rng.integers(0, 200, (3, 8, 8)).astype(np.uint8) + np.uint8(40 * k)
            path = folder / "images" / name / f"{number}.png"
            with rasterio.open(path, "w", driver="PNG", width=8, height=8, count=3, dtype="uint8") as file:
                file.write(values)
            Path(f"{path}.aux.xml").unlink(missing_ok=True)


def read_class_folders(folder):
    return images_of(folder / "images", seed=1)


def make_so2sat(folder):
    from so2sat_files import write_so2sat

    write_so2sat(folder, n_train=6, n_val=4, n_test=4)


def read_so2sat(folder):
    return images_of(f"so2sat:{folder}")


def small_run(folder):
    import eomoo

    eomoo.run("eo-macro-params", algorithm="random", budget=40, seed=1, out=folder)


def read_store(folder):
    from eomoo.analysis import load_run
    from eomoo.study.store import Store

    with Store(folder / "results.sqlite") as store:
        runs = [load_run(store, run) for run in store.runs()]
    return str([(r.run.seed, r.run.settings, r.front_cells.tolist(), r.trace.values.tolist()) for r in runs])


def make_store(folder):
    small_run(folder)
    for path in folder.iterdir():
        if path.name != "results.sqlite":
            path.unlink()


def make_live_store(folder):
    from eomoo.live.store import LiveStore

    store = LiveStore(folder / "live.sqlite")
    for cell in CELLS:
        store.put("latency", {"cell": cell, "device": "cpu"}, {"median": cell / 7, "contended": False}, cell=cell)


def read_live_store(folder):
    from eomoo.live.store import LiveStore

    store = LiveStore(folder / "live.sqlite")
    return [store.get("latency", {"cell": cell, "device": "cpu"}) for cell in CELLS]


def none_changed(found, expected):
    """What is gone is measured again; only another value would be believed."""
    return all(a is None or a == b for a, b in zip(found, expected, strict=True))


def make_cluster(folder):
    (folder / "cluster.toml").write_text(CLUSTER)


def read_cluster(folder):
    from eomoo.jobs.slurm import _read_cluster

    return str(_read_cluster(folder / "cluster.toml"))


def make_training(folder):
    from tiny_images import make_data

    import eomoo
    from eomoo.live.training import train

    skeleton = eomoo.Skeleton(in_channels=2, n_classes=3, stem_channels=5, n_stacks=1, cells_per_stack=1, image_size=8)
    train(3, make_data(), skeleton=skeleton, epochs=1, folder=folder, device="cpu")


def read_training(folder):
    from eomoo.live import load_trained

    network = load_trained(next(iter(sorted(folder.glob("weights-*.pt")))))
    return str([float(value.double().sum()) for value in network.state_dict().values()])


def read_checkpoint(folder):
    from eomoo.live.runs import RunFolder

    state = RunFolder(folder, {}).load_checkpoint((1,))
    if state is None:
        return [None]
    sums = [float(value.double().sum()) for value in state["model"].values()]
    return [str((state["step"], state["curve"], state["optimizer"], sums))]


def read_run_file(folder):
    from eomoo.live.runs import RunFolder

    result = RunFolder(folder, {}).result((1,))
    return [None if result is None else str(result.to_dict())]


def make_nasbench_table(folder):
    from eomoo.data.nasbench_convert import METRICS, STAGES, column_name

    names = [column_name(metric, 108, stage) for stage in STAGES for metric in METRICS]
    table = np.zeros(1, dtype=[(name, "<f4", (423_624, 3)) for name in names])
    np.save(folder / "nasbench_only108.npy", table)


def read_nasbench_table(folder):
    from eomoo.data import NASBench101Table

    table = NASBench101Table(folder / "nasbench_only108.npy")
    return str(table.query([5, 423_623], metric=["training_time", "test_accuracy"]).tolist())


def make_hashes(folder):
    import eomoo.space

    shutil.copyfile(Path(eomoo.space.__file__).with_name("hashes.npy"), folder / "hashes.npy")


def read_hashes(folder):
    from eomoo.space.tables import read_hashes

    return read_hashes(folder / "hashes.npy")[::1000].tolist()


def make_eo(folder):
    from eomoo.data import find

    for path in find("eo-hwnas").iterdir():
        shutil.copyfile(path, folder / path.name)


def read_eo(folder):
    from eomoo.data import load_eo_table

    return load_eo_table(folder).to_csv()


def make_command_line(folder):
    from typer.testing import CliRunner

    from eomoo.cli import app

    make_card(folder)
    make_study(folder)
    # What the commands import is imported once, and not by each of thousands of processes.
    small_run(folder / "warm")
    shutil.rmtree(folder / "warm")
    CliRunner().invoke(app, ["problems"])


def call_command(words):
    from commands import call

    return call(words)


def invent_command(rng):
    from commands import invent

    return invent(rng)


def make_models(folder):
    import eomoo.models

    for path in (Path(eomoo.models.__file__).parent / "eo_hwnas").iterdir():
        if path.is_file():
            shutil.copyfile(path, folder / path.name)


def read_models(folder):
    from eomoo.models import load_models
    from eomoo.models.predictions import whole_space
    from eomoo.models.record import read_record

    mean, std = load_models(folder).predict(np.array(CELLS))
    record = read_record(folder)
    shipped = whole_space(folder, record)
    return str([mean.round(3).tolist(), std.round(3).tolist(), [shipped.mean(n)[CELLS] for n in record.targets]])


RUN_FILES = ("front.csv", "settings.json", "trace.csv")


def read_run_files(folder):
    from eomoo.files import check_digests

    check_digests(folder)
    paths = [folder / name for name in RUN_FILES]
    return [path.read_bytes() if path.is_file() else None for path in paths]


def read_report(folder):
    from eomoo.analysis.report import render_report

    return len(render_report(folder)) > 0


def of_card(folder):
    return problem_of(folder / "card.toml")


RASTERS = ("rasterio",)
TORCH = ("torch", "sklearn")
KINDS = [
    Kind(name="card", make=make_card, read=of_card, text=True, spoil=("card",)),
    Kind(name="csv", make=make_card, read=of_card, text=True, spoil=("table",)),
    Kind(name="csv.gz", make=make_packed_table, read=of_card, spoil=("table",)),
    Kind(name="parquet", make=make_parquet, read=of_card, spoil=("table",), packages=("pyarrow",)),
    Kind(name="walks", make=make_walks, read=read_walks, text=True),
    Kind(name="measured", make=make_measured, read=read_measured_folder, own=True, spoil=("table.csv",)),
    Kind(name="facts", make=make_measured, read=read_measured_folder, text=True, spoil=("benchmark",)),
    Kind(name="study", make=make_study, read=read_study, text=True),
    Kind(name="tfrecord", make=make_tfrecord, read=read_tfrecord, may_leave=("table.npy",)),
    Kind(name="json", make=make_json, read=read_plain_json, text=True),
    Kind(name="pickle", make=make_pickle, read=read_plain_pickle),
    Kind(name="scene", make=make_scene, read=read_scene_folder, text=True, spoil=("scene",), packages=RASTERS),
    Kind(name="tiff", make=make_scene, read=read_scene_folder, spoil=(".tif",), packages=RASTERS),
    Kind(name="png", make=make_class_folders, read=read_class_folders, packages=RASTERS),
    Kind(name="hdf5", make=make_so2sat, read=read_so2sat, packages=("h5py",)),
    Kind(name="store", make=make_store, read=read_store, own=True),
    Kind(name="run files", make=small_run, read=read_run_files, own=True, same=none_changed, spoil=RUN_FILES),
    Kind(name="report", make=small_run, read=read_report),
    Kind(name="live store", make=make_live_store, read=read_live_store, own=True, same=none_changed),
    Kind(name="weights", make=make_training, read=read_training, own=True, spoil=("weights",), packages=TORCH),
    Kind(
        name="checkpoint",
        make=make_training,
        read=read_checkpoint,
        own=True,
        same=none_changed,
        spoil=("checkpoint",),
        packages=TORCH,
    ),
    Kind(
        name="run file",
        make=make_training,
        read=read_run_file,
        own=True,
        same=none_changed,
        text=True,
        spoil=("run.json",),
        packages=TORCH,
    ),
    Kind(name="cluster", make=make_cluster, read=read_cluster, text=True),
    Kind(name="npy", make=make_nasbench_table, read=read_nasbench_table, head=True),
    Kind(name="hashes", make=make_hashes, read=read_hashes, own=True),
    Kind(name="eo", make=make_eo, read=read_eo, own=True, eo=True),
    Kind(name="command", make=make_command_line, read=call_command, invent=invent_command),
    Kind(name="models", make=make_models, read=read_models, own=True, packages=("xgboost",)),
]
os.environ.setdefault("OMP_NUM_THREADS", "1")
