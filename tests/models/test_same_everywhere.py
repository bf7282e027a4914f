"""The same answer on every processor and with any number of threads, bit for bit."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

CPU = Path("/proc/cpuinfo")
FLAGS = CPU.read_text() if CPU.exists() else ""
# Kernels of the linear algebra library that this processor can run; the last, for any x86, with two threads.
NEEDS = {"SkylakeX": "avx512f", "Haswell": "avx2", "Prescott": "sse3"}
KERNELS = [kernel for kernel, flag in NEEDS.items() if flag in FLAGS or (flag == "sse3" and "pni" in FLAGS)]
pytestmark = pytest.mark.skipif(len(KERNELS) < 2, reason="this processor has one kernel of linear algebra")

ANSWER = """
import sys, numpy as np, eomoo
from pymoo.optimize import minimize
from eomoo.models import Measurements, START, fit, load_models, shipped_folder
from eomoo.models.cell_models import fit_parts
from eomoo.models.device import fit_device
from eomoo.models.recipes import device_recipe
space = eomoo.load_space()
problem = eomoo.get_problem("eo-macro-latency")
found = [problem.objectives_at(np.arange(len(space)))]
cells = np.arange(0, len(space), 50)
found += [*load_models(shipped_folder()).predict(cells)]
found.append(problem.joint_draws(cells[::10], 20, seed=0))
rng = np.random.default_rng(3)
some = rng.choice(len(space), 150, replace=False)
data = Measurements.of(some, {"acc": rng.standard_normal(150), "cost": 1.0 + space.macs(some) / 1e9})
for part in fit_parts(data):
    found += [part.model.weights, *part.model.predict(space.features(cells))]
device = fit_device(device_recipe(eomoo.SO2SAT), space.features(some[:20]), 1.0 + space.macs(some[:20]) / 1e9)
mean, std = device.predict(space.features(cells))
found += [mean, std]
for seed in (0, 1):
    algorithm = minimize(problem, eomoo.SurrogatePLS(), ("n_eval", 150), seed=seed).algorithm
    found.append(algorithm.trace.index)
np.savez(sys.argv[1], *found)

from typer.testing import CliRunner
from eomoo.cli import app
study = ["--problems", "eo-macro-latency,eo-micro-macro-latency", "--algorithms", "pls,surrogate-pls"]
study += ["--seeds", "3", "--budget", "50", "--jobs", "1", "--out", sys.argv[2]]
for words in (["run", *study], ["show", sys.argv[2], "--json"]):
    done = CliRunner().invoke(app, ["study", *words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
print(done.stdout)
"""


def answer(folder, kernel, threads):
    """Arrays by name, and a small study's tables as text."""
    env = {**os.environ, "OPENBLAS_CORETYPE": kernel}
    env |= {name: str(threads) for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")}

    command = [sys.executable, "-c", ANSWER, folder / "arrays.npz", folder / "study"]
    tables = subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout
    with np.load(folder / "arrays.npz") as archive:
        return {name: archive[name] for name in archive.files}, tables


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    return answer(tmp_path_factory.mktemp("first"), KERNELS[0], 1)


@pytest.mark.parametrize("kernel", KERNELS[1:])
def test_fronts_models_searches_and_tables_are_the_same(first, tmp_path, kernel):
    arrays, tables = first
    others, other_tables = answer(tmp_path, kernel, 2 if kernel == "Prescott" else 1)
    assert len(arrays) == len(others) == 1 + 2 + 1 + 2 * 3 + 2 + 2
    for name, values in arrays.items():
        np.testing.assert_array_equal(values, others[name], err_msg=name)
    assert "surrogate-pls" in tables
    assert other_tables == tables
