"""Trained networks as files that need nothing but onnxruntime and NumPy, and what is left of them in 8 bits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from eomoo.arrays import Facts, Singles
from eomoo.checks import known_name, listed
from eomoo.errors import DataError, DataNotFoundError, EomooError, SettingError
from eomoo.files import atomic_path
from eomoo.images import ImageData, ImageSet, read_batch
from eomoo.images.splits import spaced
from eomoo.live.assessment import assess
from eomoo.live.classifier import epochs_in, index_of, load_classifier, onnx_session, open_onnx, run_onnx
from eomoo.live.metrics import Accuracy
from eomoo.live.onnx_graph import finished, onnx_bytes
from eomoo.live.profile import measure_memory
from eomoo.live.results import weights_of
from eomoo.live.store import Result
from eomoo.live.tasks import DataSource
from eomoo.live.training import network_of
from eomoo.live.weights import load_state, save_safetensors
from eomoo.packages import torch
from eomoo.plots import percent
from eomoo.version import versions_of

if TYPE_CHECKING:
    from eomoo.live.campaign import Campaign
    from eomoo.live.modules import CellNetwork

FORMS = {
    "onnx": ("float32", ".onnx"),
    "fp16": ("float16", "-fp16.onnx"),
    "int8": ("int8", "-int8.onnx"),
    "weights": ("float32", ".safetensors"),
}
"""What a network can be written as: precision, and the end of the file's name."""
TOLERANCE = 1e-4
"""Largest difference of logits by the largest of them; single precision leaves 1e-6 in deep networks."""

# Real images that a file is checked on: enough to go through every layer, and to export in a moment.
CHECKED_IMAGES = 32
# Training images that ranges of feature maps are found on; a choice.
CALIBRATION_IMAGES = 256
# A choice: of so many images one may lie on the edge between two classes.
_AGREEMENT = 0.95
# Logits that differ by less, by the largest of them, say the same in single precision.
_TIE = 1e-5
# Logits that differ by less change no probability by more than that.
_NOTHING = 1e-6


@dataclass(frozen=True, kw_only=True)
class Exported:
    """An exported network.

    Attributes:
        path: The file.
        precision: That it computes in.
        file_size: Bytes.
        parameters: Bytes of weights and batch norm statistics in PyTorch.
        peak_activations: Bytes of feature maps alive at once in PyTorch, for one image.
        difference: Largest difference from PyTorch's logits, by the largest of them, on random and on real images.
        agreement: Share of the real images whose class is PyTorch's; None without any.
        before, after: Accuracy on the validation images of the weights and of the file, where its precision is lower.
    """

    path: Path
    precision: str
    file_size: int
    parameters: int
    peak_activations: int
    difference: float = 0.0
    agreement: float | None = None
    before: Accuracy | None = None
    after: Accuracy | None = None


def export_onnx(
    weights: str | Path,
    path: str | Path,
    *,
    images: Singles | None = None,
    metadata: Mapping[str, object] | None = None,
    precision: str = "float32",
    logits: bool = False,
    calibration: Singles | None = None,
) -> Exported:
    """Write a trained network as ONNX, after checking that it says what PyTorch says.

    The file takes ``image`` (n, bands, height, width) float32 in the sensor's own values and gives ``probabilities``
    (n, classes) float32; normalisation is inside. Its metadata, as JSON, name the classes (``eomoo.class_names``) and
    bands (``eomoo.band_names``) and say what it is: ``eomoo.input`` ("raw"), ``eomoo.output``, ``eomoo.precision``,
    ``eomoo.index`` and ``eomoo.cell``, ``eomoo.skeleton``, ``eomoo.epochs``, ``eomoo.image_size``.

    Args:
        weights: Of a training (``weights-EPOCHS.pt`` in its folder).
        path: The file to write.
        images: Real images (n, bands, height, width), not normalised, to check on too.
        metadata: More entries, such as the accuracy.
        precision: "float32", "float16", or "int8" (static quantisation of weights and feature maps).
        logits: Give ``logits`` instead.
        calibration: Training images for int8, as ``images``.

    Raises:
        MissingPackageError: (an ImportError) onnx or onnxruntime is not installed.
        SettingError: (a ValueError) There is no such precision, or int8 has no images.
        DataError: (a ValueError) The weights are damaged; or the file's logits are not finite; or, in float32, they
            differ from PyTorch's by more than 1e-4 of the largest, or the classes of real images do.
    """
    state = load_state(weights)
    network, described = network_of(state, weights), dict(state["images"])
    statistics = described.pop("mean"), described.pop("std")
    content = onnx_bytes(network, network.skeleton, statistics=statistics, precision=precision, calibration=calibration)
    difference, agreement = _compared(network, content, statistics, images)
    told = None
    if not np.isfinite(difference):
        told = f"its logits differ from PyTorch's by {difference:.2g}"
    elif precision == "float32" and difference > TOLERANCE:
        told = f"its logits differ from PyTorch's by {difference:.2g} of the largest, more than {TOLERANCE:g}"
    elif precision == "float32" and agreement is not None and agreement < _AGREEMENT:
        told = f"it agrees with PyTorch on the class of {percent(agreement, 1)} of the images only"
    if told:
        raise DataError(f"{path} was not written: {told}")
    kind = {"input": "raw", "output": "logits" if logits else "probabilities", "precision": precision}
    made = {"index": index_of(state["cell"]), "cell": state["cell"], "skeleton": asdict(network.skeleton)}
    # For who fills gaps of a scene or asks for its units; by names that nobody takes for an order to normalise.
    made["training_mean"], made["training_std"] = statistics
    facts = {**described, **made, "epochs": epochs_in(Path(weights)), **kind, **(metadata or {})}
    content = finished(content, facts, probabilities=not logits)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
    return replace(_exported(network, Path(path), precision), difference=difference, agreement=agreement)


def export_cells(
    source: DataSource, results: Sequence[tuple[int, Result | None]], folder: str | Path
) -> tuple[list[Path], list[str]]:
    """Write ``CELL.onnx`` for each cell with the result of its training; the files, and sentences on others.

    These are cells without a result, and cells that are none of these but have a file there, as of an earlier front.
    The accuracy is in the metadata. A cell that fails stops no other.
    """
    written, failed = [], []
    images = None
    for cell, result in results:
        weights = weights_of(result)
        if result is None or weights is None:
            failed.append(f"cell {cell} was not exported: there are no weights of it")
            continue
        accuracy = {f"{s}_{kind}": result[s][kind] for s in ("val", "test") for kind in ("micro", "macro")}
        path = Path(folder) / f"{cell}.onnx"
        try:
            if images is None:
                images = some_images(source.open().test, CHECKED_IMAGES)
            export_onnx(weights, path, images=images, metadata=accuracy)
            written.append(path)
        except EomooError as error:
            failed.append(f"cell {cell} was not exported: {error}")
    there = {int(path.stem) for path in Path(folder).glob("*.onnx") if path.stem.isdecimal()}
    if others := sorted(there - {cell for cell, _ in results}):
        failed.append(f"{folder} also has networks of cells that are not on this front: {listed(others)}")
    return written, failed


def export_as(
    form: str,
    weights: str | Path,
    path: str | Path,
    *,
    data: ImageData | None = None,
    logits: bool = False,
    before: Accuracy | None = None,
) -> Exported:
    """Write a trained network in one of ``FORMS``; what a lower precision changes is measured on the validation images.

    Args:
        form: "onnx", "fp16", "int8" or "weights".
        weights: Of a training.
        path: The file to write.
        data: The images that it was trained on: to check on, to calibrate on, to measure on.
        logits: As for ``export_onnx``.
        before: The accuracy in single precision on the validation images, where it is known.

    Raises:
        SettingError: (a ValueError) There is no such form, or one that needs images has none.
        DataError: (a ValueError) As ``export_onnx``; or the images are not those of its training.
    """
    weights, path = Path(weights), Path(path)
    precision, _ = FORMS[known_name("form of a network", form, FORMS)]
    if weights.suffix == ".onnx":
        raise DataError(
            f"{weights} is an ONNX file already, and other files are made of weights: name those of its training, or "
            "the run where they are (if that was named, they are gone, or its images have changed since)"
        )
    if form == "weights":
        state = load_state(weights)
        save_safetensors(path, state)
        return _exported(network_of(state, weights), path, precision)
    checked = None if data is None else some_images(data.test, CHECKED_IMAGES)
    if form == "onnx":
        return export_onnx(weights, path, images=checked, logits=logits)
    if data is None:
        raise SettingError(f"{form} needs the images of its training: say with --data which")
    trained = load_classifier(weights)
    trained.check_images(data)
    images = some_images(data.train, CALIBRATION_IMAGES)
    done = export_onnx(weights, path, images=checked, precision=precision, logits=logits, calibration=images)
    before = assess(trained, data.val) if before is None else before
    return replace(done, before=before, after=assess(load_classifier(path), data.val))


def read_metadata(path: str | Path) -> Facts:
    """What ``export_onnx`` wrote into a file's metadata.

    Raises:
        DataError: (a ValueError) It is no ONNX file, has changed, or is not one of eomoo's.
    """
    return open_onnx(path)[1]


def some_images(images: ImageSet, n: int) -> Singles:
    """Up to n images (n, bands, height, width) of a split, evenly spaced."""
    return read_batch(images, spaced(len(images), n))[0]


def _exported(network: CellNetwork, path: Path, precision: str) -> Exported:
    memory = asdict(measure_memory(network.cell, network.skeleton))
    return Exported(path=path, precision=precision, file_size=path.stat().st_size, **memory)


def _compared(
    network: CellNetwork, content: bytes, statistics: tuple[Sequence[float], Sequence[float]], images: Singles | None
) -> tuple[float, float | None]:
    """Largest difference of logits by the largest of them; share of real images of the same class."""
    from eomoo.live.modules import RawInput

    mean, std = (np.array(values, dtype=np.float32)[:, None, None] for values in statistics)
    size = network.skeleton.image_size
    drawn = np.random.default_rng(0).standard_normal((4, len(mean), size, size)).astype(np.float32)
    session, whole = onnx_session(content, "the exported network"), RawInput(network, statistics)

    def compared(x: Singles) -> tuple[float, float]:
        with torch.inference_mode():
            expected = whole(torch.from_numpy(x)).numpy()
        found = run_onnx(session, x)
        apart, largest = float(np.abs(found - expected).max()), float(np.abs(expected).max())
        chosen = np.take_along_axis(expected, found.argmax(axis=1)[:, None], axis=1)[:, 0]
        agreement = float((chosen >= expected.max(axis=1) - _TIE * largest).mean())
        return 0.0 if apart <= _NOTHING else apart / largest, agreement

    difference, _ = compared(drawn * std + mean)
    if images is None:
        return difference, None
    real, agreement = compared(images.astype(np.float32))
    # Not the built-in max, which would pass over a NaN.
    return float(np.maximum(difference, real)), agreement


def quantised(campaign: Campaign, result: Result | None) -> Result | None:
    """The accuracies "val" and "test" of a training's network after int8, from the store or found out now.

    None where there is no trained network, or where it cannot be quantised, which is reported.
    """
    if result is None or not result.get("weights"):
        return None
    weights = Path(result["weights"])
    # The folder's name has the training's setting in it.
    setting = {"weights": f"{weights.parent.name}/{weights.name}", "versions": versions_of("onnxruntime")}
    cell = int(weights.parent.name.partition("-")[0])

    def make(cells: list[int]) -> None:
        campaign.report(f"quantising cell {cell}")
        try:
            found = campaign.jobs.call(_accuracies, campaign.source, weights)
        except (DataError, DataNotFoundError) as error:
            campaign.report(f"cell {cell} was not quantised: {error}")
            campaign.store.put_incident("int8", setting, cell=cell, reason=str(error))
            return
        campaign.store.put("int8", setting, found, cell=cell)

    return campaign.store.obtain("int8", {cell: setting}, make).get(cell)


def _accuracies(source: DataSource, weights: Path) -> Result:
    data = source.open()
    with TemporaryDirectory(prefix="eomoo-") as folder:
        path = Path(folder) / "int8.onnx"
        export_onnx(weights, path, precision="int8", calibration=some_images(data.train, CALIBRATION_IMAGES))
        network = load_classifier(path)
        # Accuracies as those of a training, which are read alike.
        found = {split: Accuracy.to_dict(assess(network, getattr(data, split))) for split in ("val", "test")}
    return {"status": "done", "reason": "", **found}
