"""A trained network as it is used: from images in the sensor's own values to probabilities, whatever file it is in."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from eomoo.arrays import Facts, Floats, Singles
from eomoo.checks import explained, positive, text
from eomoo.errors import DataError, SettingError
from eomoo.files import read_bytes
from eomoo.images import ImageData
from eomoo.live.devices import resolve_device
from eomoo.live.onnx_graph import PREFIX, is_sealed
from eomoo.live.recipes import format_epochs
from eomoo.live.training import network_of
from eomoo.live.weights import load_state
from eomoo.packages import require, torch
from eomoo.space import Cell, Skeleton, load_space

# A protobuf has at most 2 GiB.
_MOST_BYTES = 2**31
# A file that says nothing of these is of 0.1.0 or 0.2: it takes normalised images and gives logits.
_OLD = {"input": "normalised", "output": "logits", "precision": "float32"}


@dataclass(frozen=True, kw_only=True)
class Classifier:
    """A trained network that takes images as they are and gives logarithms of probabilities.

    Attributes:
        path: Its file.
        described: What the images were that it was trained on: ``name``, ``class_names``, ``band_names``,
            ``image_size``, ``fingerprint``.
        cell: Index; None where the file does not tell.
        skeleton: The network around the cell; None where the file does not tell.
        epochs: Stretches of its training, as in "4+8"; "" where the file does not tell.
        precision: That it computes in.
        log_probabilities: From images (n, bands, height, width) to (n, classes).
    """

    path: Path
    described: Facts
    cell: int | None
    skeleton: Skeleton | None
    epochs: str
    precision: str = "float32"
    log_probabilities: Callable[[Singles], Floats] = field(repr=False)

    def __post_init__(self) -> None:
        for told in (self.described.get("name", ""), *self.described["class_names"]):
            text(f"{self.path}: the name of images or a class", told, error=DataError)

    def check_images(self, data: ImageData) -> None:
        """Raise DataError (a ValueError) unless these are the images, split for split, that it was trained on."""
        known = self.described.get("fingerprint")
        if known != data.fingerprint:
            raise DataError(
                f"{self.path} was trained on other images than these of {data.name}: the fingerprints "
                f"{str(known)[:8]} and {data.fingerprint[:8]} differ, so that test images may have been "
                "trained on; give the images and the options (--images) of its training"
            )

    def __str__(self) -> str:
        around, parts = self.skeleton, [f"cell {'unknown' if self.cell is None else self.cell}"]
        if around is not None:
            parts.append(f"{around.stem_channels} channels, {around.n_stacks} x {around.cells_per_stack} cells")
        epochs = f" for {self.epochs} epoch{'' if self.epochs == '1' else 's'}" if self.epochs else ""
        parts.append(f"trained on {self.described.get('name', 'images')}{epochs}")
        return ", ".join([*parts, *([] if self.precision == "float32" else [self.precision])])


def load_classifier(path: str | Path, *, device: str = "cpu") -> Classifier:
    """The network of a file of weights or of an ONNX file that eomoo wrote, in any precision.

    Args:
        path: The file.
        device: Of weights, as for ``resolve_device``; an ONNX file computes on the CPU.

    Raises:
        DataNotFoundError: (a FileNotFoundError) There is no such file.
        SettingError: (a ValueError) An ONNX file is asked to compute elsewhere.
        DataError: (a ValueError) It is damaged, or not one of eomoo's.
        MissingPackageError: (an ImportError) torch or onnxruntime is not installed.
    """
    path = Path(path)
    if path.suffix != ".onnx":
        return _from_weights(path, device)
    if device not in ("auto", "cpu"):
        raise SettingError(f"{path} is an ONNX file, which computes on the CPU; only weights are run on {device}")
    return _from_onnx(path)


def index_of(cell: Facts) -> int:
    """The index of a cell as it is kept with weights; DataError (a ValueError) where it is none."""
    try:
        return int(load_space().index(Cell(cell["matrix"], cell["ops"])))
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"what is kept of the cell is no cell: {error}") from error


def epochs_in(path: Path) -> str:
    """The epochs in the name of a file of weights, as "4+8" in weights-4+8.pt; "" where there are none."""
    found = re.fullmatch(r"weights-(\d+(?:\+\d+)*)", path.stem)
    return format_epochs([int(k) for k in found[1].split("+")]) if found else ""


def _from_weights(path: Path, device: str) -> Classifier:
    from eomoo.live.modules import RawInput

    state, place = load_state(path), resolve_device(device)
    network, described = network_of(state, path), state["images"]
    whole = RawInput(network, (described["mean"], described["std"])).to(place).eval()

    def log_probabilities(images: Singles) -> Floats:
        with torch.inference_mode():
            x = torch.from_numpy(np.ascontiguousarray(images)).to(place, memory_format=torch.channels_last)
            found: Floats = whole(x).double().log_softmax(dim=1).cpu().numpy()
        return found

    return Classifier(
        path=path,
        described=described,
        cell=index_of(state["cell"]),
        skeleton=network.skeleton,
        epochs=epochs_in(path),
        log_probabilities=log_probabilities,
    )


def _from_onnx(path: Path) -> Classifier:
    session, told = open_onnx(path)
    how = {key: told.get(key, before) for key, before in _OLD.items()}
    try:
        mean, std = (np.array(told.get(key, 1), dtype=np.float32).reshape(-1, 1, 1) for key in ("mean", "std"))
        # Only a map needs to be told bands and size.
        n_classes, n_bands = len([*told["class_names"]]), len([*told.get("band_names", mean)])
        known = {key: told.get(f"training_{key}", told.get(key)) for key in ("mean", "std")}
        arrays = {key: np.array(value, dtype=np.float64) for key, value in known.items() if value is not None}
        trained = {key: np.broadcast_to(array, n_bands).tolist() for key, array in arrays.items()}
        positive("image_size", told.get("image_size", 1))
        around = Skeleton(**told["skeleton"]) if "skeleton" in told else None
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"the metadata of {path} are damaged: {error}") from error

    def log_probabilities(images: Singles) -> Floats:
        with explained(path, f"does not take images of {images.shape[1:]}"):
            found = run_onnx(session, images if how["input"] == "raw" else (images - mean) / std).astype(np.float64)
        if found.shape != (len(images), n_classes):
            raise DataError(f"{path} names {n_classes} classes and gives {found.shape} for {len(images)} images")
        if how["output"] == "probabilities":
            # What is too small for single precision is no impossibility.
            return np.log(np.maximum(found, np.finfo(np.float32).tiny))
        with np.errstate(invalid="ignore"):  # of values too large for the network
            return found - np.logaddexp.reduce(found, axis=1, keepdims=True)

    return Classifier(
        path=path,
        # By another name in a file that normalises, so that nobody does it twice.
        described={**told, "mean": [0.0] * n_bands, **trained},
        cell=told.get("index"),
        skeleton=around,
        epochs=str(told.get("epochs", "")),
        precision=how["precision"],
        log_probabilities=log_probabilities,
    )


def onnx_session(model: bytes | str, name: str) -> Any:
    """onnxruntime's session of a file's content or path; DataError (a ValueError) where it is no ONNX file."""
    runtime = require("onnxruntime", purpose="to run an ONNX file")
    with explained(name, "is no readable ONNX file"):
        return runtime.InferenceSession(model, providers=["CPUExecutionProvider"])


def open_onnx(path: str | Path) -> tuple[Any, Facts]:
    """onnxruntime's session of a file that eomoo wrote, and its metadata.

    Raises:
        DataNotFoundError: (a FileNotFoundError) There is no such file.
        DataError: (a ValueError) It is damaged, has changed since it was written, or is not one of eomoo's.
    """
    content = read_bytes(path, max_size=_MOST_BYTES)
    try:
        sealed = is_sealed(content)
    except DataError as error:
        raise DataError(f"{path} {error}") from None
    session = onnx_session(content, str(path))
    try:
        entries = session.get_modelmeta().custom_metadata_map
        told = {k.removeprefix(PREFIX): json.loads(v) for k, v in entries.items() if k.startswith(PREFIX)}
    except ValueError as error:
        raise DataError(f"the metadata of {path} are damaged: {error}") from error
    if "class_names" not in told:
        raise DataError(f"{path} was not exported by eomoo: it has no class names")
    if not sealed and "input" in told:
        raise DataError(f"{path} has changed since it was written: its digest is gone; export it again")
    if not sealed:
        warnings.warn(f"{path} is of an earlier version, without a digest: it is unverified", stacklevel=3)
    return session, told


def run_onnx(session: Any, images: Singles) -> Singles:
    """What a file gives for images (n, bands, height, width): (n, classes)."""
    found: Singles = session.run(None, {session.get_inputs()[0].name: images})[0]
    return found
