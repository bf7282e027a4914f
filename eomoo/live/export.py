"""ONNX files that classify images with nothing but onnxruntime and NumPy."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eomoo.arrays import Facts
from eomoo.errors import DataError, EomooError
from eomoo.files import atomic_path
from eomoo.images import read_batch
from eomoo.live.profile import measure_memory
from eomoo.live.results import weights_of
from eomoo.live.store import Result
from eomoo.live.tasks import DataSource
from eomoo.live.training import network_of
from eomoo.live.weights import load_state
from eomoo.packages import require
from eomoo.space import Skeleton

if TYPE_CHECKING:
    import torch


TOLERANCE = 1e-4
"""Largest difference of logits by the largest of them; single precision leaves 1e-6 in deep networks."""

# Images that a front's files are checked on: enough to go through every layer, and to export in a moment.
_CHECKED_IMAGES = 8
# Logits that differ by less change no probability by more than that.
_NOTHING = 1e-6
_PREFIX = "eomoo."


@dataclass(frozen=True, kw_only=True)
class Exported:
    """An exported network.

    Attributes:
        path: The file.
        difference: Largest difference from PyTorch's logits, by the largest of them, on random and on
            real images.
        file_size: Bytes.
        parameters: Bytes of weights and batch norm statistics in PyTorch.
        peak_activations: Bytes of feature maps alive at once in PyTorch, for one image.
    """

    path: Path
    difference: float
    file_size: int
    parameters: int
    peak_activations: int


def export_onnx(
    weights: str | Path,
    path: str | Path,
    *,
    images: NDArray[np.float32] | None = None,
    metadata: Mapping[str, object] | None = None,
) -> Exported:
    """Write a trained network as ONNX, after checking that it says what PyTorch says.

    The file takes normalised images ``image`` (n, bands, height, width) float32 and gives ``logits``
    (n, classes). Its metadata hold what is needed to use it: ``eomoo.mean`` and ``eomoo.std`` of the
    bands, ``eomoo.class_names``, ``eomoo.band_names``, ``eomoo.image_size``, ``eomoo.cell``, as JSON.

    Args:
        weights: Of a training (``weights-EPOCHS.pt`` in its folder).
        path: The file to write.
        images: Real images (n, bands, height, width), not normalised, to check on too.
        metadata: More entries, such as the accuracy.

    Raises:
        MissingPackageError: (an ImportError) onnx or onnxruntime is not installed.
        DataError: (a ValueError) The weights are damaged, or the file's answers differ from
            PyTorch's by more than 1e-4 of the largest logit.
    """
    state = load_state(weights)
    network, described = network_of(state, weights), state["images"]
    content = onnx_bytes(network, Skeleton(**state["skeleton"]))
    content = _with_metadata(content, {**described, "cell": state["cell"], **(metadata or {})})
    difference = _largest_difference(network, content, described, images)
    if not difference <= TOLERANCE:
        raise DataError(
            f"{path} was not written: its logits differ from PyTorch's by {difference:.2g} of the largest, "
            f"more than {TOLERANCE:g}"
        )
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
    memory = measure_memory(network.cell, network.skeleton)
    return Exported(
        path=Path(path),
        difference=difference,
        file_size=len(content),
        parameters=memory.parameters,
        peak_activations=memory.peak_activations,
    )


def export_cells(
    source: DataSource, results: Sequence[tuple[int, Result | None]], folder: str | Path
) -> tuple[list[Path], list[str]]:
    """Write ``CELL.onnx`` for each cell with the result of its training; the files, and sentences on cells without one.

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
                test = source.open().test
                images, _ = read_batch(test, np.arange(min(_CHECKED_IMAGES, len(test))))
            export_onnx(weights, path, images=images, metadata={"index": cell, **accuracy})
            written.append(path)
        except EomooError as error:
            failed.append(f"cell {cell} was not exported: {error}")
    return written, failed


def onnx_bytes(network: torch.nn.Module, skeleton: Skeleton) -> bytes:
    """A network in evaluation as an ONNX file, batch norms folded in, for any batch size."""
    require("onnx", purpose="to export a network")
    import torch

    size = skeleton.image_size
    example = torch.zeros(2, skeleton.in_channels, size, size)
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # The newer exporter takes ten times as long here and writes a second file.
        warnings.filterwarnings("ignore", message="You are using the legacy TorchScript-based ONNX export")
        warnings.filterwarnings("ignore", message="The feature will be removed", category=DeprecationWarning)
        torch.onnx.export(
            network.eval().cpu(),
            (example,),
            buffer,  # type: ignore[arg-type]
            input_names=["image"],
            output_names=["logits"],
            dynamic_axes={"image": {0: "n"}, "logits": {0: "n"}},
            opset_version=17,
            dynamo=False,
        )
    return buffer.getvalue()


def read_metadata(path: str | Path) -> Facts:
    """What ``export_onnx`` wrote into a file's metadata.

    Raises:
        DataError: (a ValueError) It is no ONNX file, or not one of eomoo's.
    """
    session = _session(str(path), str(path))
    entries = session.get_modelmeta().custom_metadata_map
    found = {k.removeprefix(_PREFIX): json.loads(v) for k, v in entries.items() if k.startswith(_PREFIX)}
    if "class_names" not in found:
        raise DataError(f"{path} was not exported by eomoo: it has no class names")
    return found


def _with_metadata(content: bytes, entries: Mapping[str, object]) -> bytes:
    onnx = require("onnx", purpose="to export a network")
    model = onnx.load_model_from_string(content)
    onnx.helper.set_model_props(model, {_PREFIX + k: json.dumps(v) for k, v in entries.items()})
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _largest_difference(
    network: torch.nn.Module, content: bytes, described: Mapping[str, Any], images: NDArray[np.float32] | None
) -> float:
    import torch

    size = described["image_size"]
    shape = (4, len(described["mean"]), size, size)
    inputs = [np.random.default_rng(0).standard_normal(shape).astype(np.float32)]
    if images is not None:
        mean, std = (np.array(described[k], dtype=np.float32)[:, None, None] for k in ("mean", "std"))
        inputs.append((images.astype(np.float32) - mean) / std)
    session, differences = _session(content, "the exported network"), []
    for x in inputs:
        with torch.inference_mode():
            expected = network(torch.from_numpy(x)).numpy()
        apart = float(np.abs(session.run(None, {"image": x})[0] - expected).max())
        differences.append(0.0 if apart <= _NOTHING else apart / float(np.abs(expected).max()))
    # Not the built-in max, which would pass over a NaN.
    return float(np.max(differences))


def _session(model: bytes | str, name: str) -> Any:
    runtime = require("onnxruntime", purpose="to run an ONNX file")
    try:
        return runtime.InferenceSession(model, providers=["CPUExecutionProvider"])
    except Exception as error:
        # onnxruntime raises its own RuntimeError kinds for damaged and for missing files.
        raise DataError(f"{name} is no readable ONNX file: {str(error).splitlines()[0][:120]}") from error
