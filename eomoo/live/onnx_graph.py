"""Networks as ONNX graphs: in single or half precision, or quantised to 8 bits, with no node that does nothing."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

from eomoo.arrays import Singles, blocks
from eomoo.checks import choice
from eomoo.errors import DataError, SettingError
from eomoo.files import writing
from eomoo.packages import require, torch
from eomoo.space import Skeleton

GRAPH_PRECISIONS = ("float32", "float16", "int8")
"""Precisions that a graph may compute in."""
PREFIX = "eomoo."
"""What the names of eomoo's metadata in a file begin with."""
_DIGEST = f"{PREFIX}sha256"
# Normalisation, pooling over the whole image and probabilities stay in single precision: they cost nothing.
_QUANTISED = ("Conv", "Relu", "Gemm", "Add", "MaxPool", "Concat")
# Images of a batch while ranges of feature maps are found.
_BATCH = 16


def onnx_bytes(
    network: torch.nn.Module,
    skeleton: Skeleton,
    *,
    statistics: tuple[Sequence[float], Sequence[float]] | None = None,
    precision: str = "float32",
    calibration: Singles | None = None,
) -> bytes:
    """A network in evaluation as an ONNX file from ``image`` to ``logits``, batch norms folded in, for any batch size.

    Args:
        network: From normalised images to logits.
        skeleton: Of its input.
        statistics: Mean and deviation of each band, for a file that takes raw images; None: normalised ones.
        precision: One of ``GRAPH_PRECISIONS``; input and logits are float32 in all of them. "int8" is static: by
            channel in weights, with ranges of feature maps as they are on images.
        calibration: Those images (n, bands, height, width), as the file takes them.

    Raises:
        MissingPackageError: (an ImportError) onnx or onnxruntime is not installed.
        SettingError: (a ValueError) There is no such precision, or nothing to calibrate on.
    """
    onnx = require("onnx", purpose="to export a network")
    from eomoo.live.modules import RawInput

    choice("precision of an ONNX file", precision, GRAPH_PRECISIONS)
    if precision == "int8" and calibration is None:
        raise SettingError("int8 is calibrated on training images: say with --data which")
    own = deepcopy(network).eval().cpu()
    whole = RawInput(own.half() if precision == "float16" else own, statistics).eval()
    size = skeleton.image_size
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # The newer exporter takes ten times as long here and writes a second file.
        warnings.filterwarnings("ignore", message="You are using the legacy TorchScript-based ONNX export")
        warnings.filterwarnings("ignore", message="The feature will be removed", category=DeprecationWarning)
        torch.onnx.export(
            whole,
            (torch.zeros(2, skeleton.in_channels, size, size),),
            buffer,  # type: ignore[arg-type]
            input_names=["image"],
            output_names=["logits"],
            dynamic_axes={"image": {0: "n"}, "logits": {0: "n"}},
            opset_version=17,
            dynamo=False,
        )
    model = onnx.load_model_from_string(buffer.getvalue())
    _drop_identities(model.graph)
    if calibration is not None and precision == "int8":
        model = _quantised(model, calibration)
    return bytes(model.SerializeToString())


def finished(content: bytes, metadata: Mapping[str, object], *, probabilities: bool) -> bytes:
    """A file of ``onnx_bytes`` with metadata, and with ``probabilities`` in place of ``logits`` where asked for."""
    onnx = require("onnx", purpose="to export a network")
    model = onnx.load_model_from_string(content)
    if probabilities:
        model.graph.node.append(onnx.helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1))
        model.graph.output[0].name = "probabilities"
    onnx.helper.set_model_props(model, {PREFIX + key: json.dumps(value) for key, value in metadata.items()})
    onnx.checker.check_model(model)
    content = bytes(model.SerializeToString())
    return content + _seal(content)


def is_sealed(content: bytes) -> bool:
    """Whether a file has a digest; DataError (a ValueError) where it has changed since it was written."""
    size = len(_seal(b""))
    if _DIGEST.encode() not in content[-size:]:
        return False
    if content[-size:] != _seal(content[:-size]):
        raise DataError("has changed since it was written; take it from a copy, or export it again")
    return True


def _seal(content: bytes) -> bytes:
    """The last entry of a file's metadata, as protobuf has it: the digest of all that is before it."""
    key, value = _DIGEST.encode(), json.dumps(hashlib.sha256(content).hexdigest()).encode()
    # Fields 1 and 2 of an entry of field 14 of the model, each a text with its length.
    entry = b"\x0a" + bytes([len(key)]) + key + b"\x12" + bytes([len(value)]) + value
    return b"\x72" + bytes([len(entry)]) + entry


def _drop_identities(graph: Any) -> None:
    """Leave out nodes that only give an equal tensor another name."""
    same = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "Identity"}
    kept = [node for node in graph.node if node.op_type != "Identity"]
    for node in kept:
        for k, name in enumerate(node.input):
            while name in same:
                name = same[name]
            node.input[k] = name
    del graph.node[:]
    graph.node.extend(kept)


def _quantised(model: Any, images: Singles) -> Any:
    onnx = require("onnx", purpose="to export a network")
    quantization = require("onnxruntime.quantization", purpose="to quantise a network")
    parts = ({"image": images[here]} for here in blocks(len(images), _BATCH))
    with TemporaryDirectory(prefix="eomoo-") as folder, _quiet(), writing(f"{folder} (see TMPDIR)"):
        path = Path(folder) / "int8.onnx"
        quantization.quantize_static(
            model,
            str(path),
            SimpleNamespace(get_next=lambda: next(parts, None)),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=list(_QUANTISED),
            per_channel=True,
            # Measured on x86: four times as fast as with a sign.
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            # 7 bits of weights: products of 8 overflow on CPUs without VNNI, where the file would say something else.
            reduce_range=True,
        )
        return onnx.load(str(path))


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the advice that onnxruntime logs to prepare a graph which is prepared already."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
