"""A benchmark of one's own: cells trained on one's images and timed here, models of them, a card, a front.

The images are made up; `eomoo.measure(data="FOLDER", ...)` takes real ones, a folder for each class.
"""

import argparse
from pathlib import Path

import numpy as np

import eomoo
from eomoo.images import ArrayImages, ImageData
from eomoo.landscape import analyse_sample
from eomoo.objectives import write_card

# A network so small that training it takes a moment.
SMALL = {"epochs": 4, "threads": 1, "skeleton.stem_channels": 8, "skeleton.n_stacks": 2}
TIMING = {"runtime": "eager", "seconds": 0.1}


def made_up_images(n: int = 96) -> ImageData:
    """Three splits of n images of 12x12 pixels: what grows there shows in the bands and in their grain."""
    rng, splits = np.random.default_rng(0), []
    for _ in range(3):
        labels = rng.choice(3, n, p=[0.2, 0.3, 0.5])
        pixels = rng.normal(0, 1 + 0.2 * labels[:, None, None, None], (n, 4, 12, 12))
        splits.append(ArrayImages((pixels + 0.3 * labels[:, None, None, None]).astype(np.float32), labels))
    return ImageData.from_datasets(*splits, class_names=["water", "field", "town"], name="made-up images")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--budget", type=int, default=500, help="cells that the search may look at")
    parser.add_argument("--spread", type=int, default=4, help="cells to measure beside two walks of four")
    parser.add_argument("--out", type=Path, default=Path("own_benchmark"), help="folder for everything")
    options = parser.parse_args()

    folder = options.out
    cells = {"walks": 2, "length": 4, "spread": options.spread}
    table = eomoo.measure(made_up_images(), **cells, latency=TIMING, out=folder / "table", **SMALL)
    mean = table.mean()
    print(mean[["index", "val_macro", "latency", "train_time", "macs"]].to_string(index=False))
    print(analyse_sample(table).numbers["sample"]["says"])

    # What a machine that does something else meanwhile timed is no cost; of fewer than 12 cells there is no model.
    quiet = {name: (mean[f"{name}_disturbed"] == 0).sum() >= 12 for name in ("latency", "train_time")}
    cost = [name for name in quiet if quiet[name]][:1]
    models = eomoo.fit_models(table, ["val_macro", *cost])
    models.save(folder / "models")
    run = eomoo.run(write_card(models, folder / "models"), budget=options.budget, out=folder / "front")
    print(f"{run}, by models of {len(table.cells)} measured cells:")
    print(run.front[["index", "val_macro_error", *cost, "params"]].to_string(index=False))


if __name__ == "__main__":
    main()
