"""Train networks on a real Landsat scene; show the front, a confusion matrix and a map of the land cover.

    python examples/live_scene.py --budget 12 --epochs 2 --out live-scene

Needs `pip install 'eomoo[live]'` and `eomoo data get landsat-nc`. Every training is kept in --folder: run
again, or with a larger budget, only what is new is trained.
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.colors import ListedColormap

import eomoo
from eomoo.images import Scene, open_scene
from eomoo.live import Accuracy, load_classifier, predict_scene
from eomoo.plots import WIDTHS, new_figure
from eomoo.search import AlgorithmSpec, run_algorithm

# In the order of the classes: developed, agriculture, herbaceous, shrubland, forest, water, sediment.
COVER = ("#C7522A", "#F2D16B", "#B7C97B", "#8E9B4C", "#2F6B3A", "#3A7CA5", "#C9B8A8")


def draw_front(names: list[str], values: np.ndarray, front: np.ndarray, cells: np.ndarray, path: Path) -> None:
    figure, ax = new_figure()
    best = np.isin(cells, front)
    ax.scatter(values[~best, 1], values[~best, 0], s=8, color="#B0B0B0", label="trained", zorder=2)
    order = np.argsort(values[best, 1])
    x, y = values[best, 1][order], values[best, 0][order]
    ax.plot(x, y, drawstyle="steps-post", color="#c85200", lw=1, alpha=0.6, zorder=1)
    ax.scatter(x, y, s=16, color="#c85200", label="front", zorder=3)
    for k, (a, b) in enumerate(zip(x, y, strict=True)):
        ax.annotate(str(cells[best][order][k]), (a, b), xytext=(5, 4), textcoords="offset points", fontsize=7)
    ax.set(xlabel=names[1], ylabel=names[0])
    ax.legend(frameon=False, fontsize=7)
    figure.savefig(path)


def draw_confusion(accuracy: Accuracy, names: tuple[str, ...], title: str, path: Path) -> None:
    figure, ax = new_figure(height=3.2)
    images = accuracy.confusion.sum(axis=1, keepdims=True)
    shares = accuracy.confusion / np.maximum(images, 1)
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for i, j in np.ndindex(*shares.shape):
        if accuracy.confusion[i, j]:
            color = "white" if shares[i, j] > 0.5 else "black"
            text = f"{accuracy.confusion[i, j]:,}"
            ax.text(j, i, text, ha="center", va="center", fontsize=7, color=color)
    ax.set_xticks(range(len(names)), names, rotation=35, ha="right")
    ax.set_yticks(range(len(names)), names)
    ax.set(xlabel="predicted", ylabel="land cover map")
    ax.set_title(title)
    ax.spines[:].set_visible(False)
    figure.savefig(path)


def draw_map(scene: Scene, predicted: np.ndarray, test: np.ndarray, title: str, path: Path) -> None:
    figure, axes = new_figure(WIDTHS["page"], 2.9, ncols=3)
    shown = scene.bands[[4, 3, 2]].transpose(1, 2, 0)
    low, high = np.percentile(shown[scene.valid], (2, 98), axis=0)
    image = np.clip((shown - low) / (high - low), 0, 1) * scene.valid[..., None] + ~scene.valid[..., None]
    colors = ListedColormap(COVER[: len(scene.class_names)])
    rows, columns = np.flatnonzero(scene.valid.any(axis=1)), np.flatnonzero(scene.valid.any(axis=0))
    known = np.where(scene.valid, scene.labels, -1)
    titles = ("Landsat-7, short-wave and near infrared, red", "land cover map", title)
    for ax, content, name in zip(axes, (image, known, predicted), titles, strict=True):
        if content.ndim == 2:
            content = np.ma.masked_less(content, 0)
        ax.imshow(content, cmap=colors, vmin=-0.5, vmax=len(scene.class_names) - 0.5, interpolation="nearest")
        ax.contour(test, levels=[0.5], colors="black", linewidths=0.9)
        ax.set_title(name)
        ax.set_xlim(columns[0], columns[-1])
        ax.set_ylim(rows[-1], rows[0])
        ax.set_axis_off()
    handles = [axes[0].scatter([], [], marker="s", s=25, color=color) for color in COVER]
    handles.append(axes[0].plot([], [], color="black", lw=0.9)[0])
    labels = [*scene.class_names, "held-out test region"]
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False, fontsize=7)
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--budget", type=int, default=12)
    parser.add_argument("--epochs", default="2")
    parser.add_argument("--algorithm", default="pls")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--stem-channels", type=int, default=16, help="width of the networks")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("live-scene"))
    parser.add_argument("--folder", help="where trainings are kept; default is eomoo's cache")
    chosen = parser.parse_args()
    skeleton = {"stem_channels": chosen.stem_channels, "n_stacks": 3, "cells_per_stack": 1}
    problem = eomoo.get_problem(
        "live-scene", epochs=chosen.epochs, skeleton=skeleton, workers=chosen.workers, folder=chosen.folder
    )
    backend = problem.backends["live"]
    backend.report = print
    spec = AlgorithmSpec(label=chosen.algorithm, algorithm=chosen.algorithm, options={})
    result = run_algorithm(problem, spec, budget=chosen.budget, seed=chosen.seed)
    backend.close()

    chosen.out.mkdir(parents=True, exist_ok=True)
    names = [f"{t} ({u})" for t, u in zip(problem.titles, problem.units, strict=True)]
    draw_front(names, result.values, result.front, result.cells, chosen.out / "front.png")
    for path in backend.export(result.front, chosen.out / "onnx"):
        print(f"wrote {path}")
    errors = problem.values(result.front)[:, 0]
    best = int(result.front[np.argmin(errors)])
    training = backend.training(best)
    data, scene = backend.campaign.source.open(), open_scene("landsat-nc")
    accuracy = Accuracy.from_dict(training["test"])
    title = f"cell {best} on the test region: {100 * accuracy.micro:.1f} % right"
    draw_confusion(accuracy, data.class_names, title, chosen.out / "confusion.png")
    predicted, _ = predict_scene(load_classifier(backend.weights(best)), scene)
    test = np.zeros(scene.valid.shape)
    test[data.test.rows, data.test.columns] = 1
    region = closed_region(test)
    draw_map(scene, predicted, region, f"predicted by cell {best}", chosen.out / "map.png")
    print(f"{title}; the largest class alone: {100 * accuracy.majority:.1f} %; figures in {chosen.out}")


def closed_region(pixels: np.ndarray) -> np.ndarray:
    """Close the holes between the test pixels, which were drawn from all in the region."""
    from scipy.ndimage import binary_closing

    square = np.ones((3, 3))
    return binary_closing(np.pad(pixels > 0, 9), square, iterations=4)[9:-9, 9:-9].astype(float)


if __name__ == "__main__":
    main()
