"""A problem of one's own: write a card, search it, and keep to a limit."""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

from pymoo.optimize import minimize

import eomoo

CARD = """
title = "Test error against multiply-accumulates, for three-band images of 64 pixels"
budget = 400
reference_point = [70.0, 3.0e10]

[[objectives]]
name = "test_macro_error"
unit = "%"
direction = "min"
source = "surrogate"

[[objectives]]
name = "macs"
unit = ""
direction = "min"
source = "analytic"

[backend.analytic.skeleton]
in_channels = 3
n_classes = 17
image_size = 64

[[constraints]]
quantity = "latency"
source = "surrogate"
max = 12.0
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--budget", type=int, default=400)
    options = parser.parse_args()

    with TemporaryDirectory() as folder:
        path = Path(folder) / "small-and-quick.toml"
        path.write_text(CARD)
        problem = eomoo.get_problem(path)

    result = minimize(problem, eomoo.PLS(restart="random"), ("n_eval", options.budget), seed=1)
    print(f"{problem.card.title}, latency at most 12 ms/batch:")
    for index, values in zip(result.opt.get("index"), problem.raw(result.F), strict=True):
        print(f"cell {index:6d}   error {values[0]:5.2f} %   {values[1] / 1e9:6.2f} GMACs")


if __name__ == "__main__":
    main()
