"""The same answer on every processor and with any number of threads, bit for bit."""

import os
import subprocess
import sys

import numpy as np
import pytest

# Kernels of the linear algebra library for processors of three generations, the last for any.
KERNELS = ("Haswell", "SkylakeX", "Prescott")

ANSWER = """
import sys, numpy as np, eomoo
from pymoo.optimize import minimize
from eomoo.models import Measurements, START, fit, load_models, shipped_folder
from eomoo.models.cell_models import fit_parts
space = eomoo.load_space()
problem = eomoo.get_problem("eo-macro-latency")
found = [problem.objectives_at(np.arange(len(space)))]
cells = np.arange(0, len(space), 50)
found += [*load_models(shipped_folder()).predict(cells)]
rng = np.random.default_rng(3)
some = rng.choice(len(space), 150, replace=False)
data = Measurements.of(some, {"acc": rng.standard_normal(150), "cost": 1.0 + space.macs(some) / 1e9})
for part in fit_parts(data):
    found += [part.model.weights, *part.model.predict(space.features(cells))]
for seed in (0, 1):
    algorithm = minimize(problem, eomoo.SurrogatePLS(), ("n_eval", 150), seed=seed).algorithm
    found.append(algorithm.trace.index)
np.savez(sys.argv[1], *found)
"""


def answer(path, kernel, threads):
    env = {**os.environ, "OPENBLAS_CORETYPE": kernel}
    env |= {name: str(threads) for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    subprocess.run([sys.executable, "-c", ANSWER, str(path)], env=env, check=True)
    with np.load(path) as archive:
        return {name: archive[name] for name in archive.files}


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    return answer(tmp_path_factory.mktemp("first") / "a.npz", KERNELS[0], 1)


@pytest.mark.parametrize(("kernel", "threads"), [(KERNELS[1], 1), (KERNELS[2], 2)])
def test_fronts_models_and_searches_are_the_same(first, tmp_path, kernel, threads):
    other = answer(tmp_path / "a.npz", kernel, threads)
    assert len(first) == len(other) == 1 + 2 + 2 * 3 + 2
    for name, values in first.items():
        np.testing.assert_array_equal(values, other[name], err_msg=name)
