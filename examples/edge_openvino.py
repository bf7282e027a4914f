"""Classify patches with OpenVINO: python edge_openvino.py FILE.onnx PATCHES.npy [DEVICE]

It needs openvino and NumPy, nothing else. FILE.onnx is what `eomoo export` writes, with or without --int8.
PATCHES.npy holds (n, bands, height, width) in the sensor's own values; DEVICE is CPU, GPU or NPU.
"""

import json
import sys
import time

import numpy as np
import openvino


def load(path: str, device: str = "CPU") -> tuple[openvino.CompiledModel, list[str]]:
    """The network on a device, and the names of its classes."""
    core = openvino.Core()
    model = core.read_model(path)
    names = model.get_rt_info(["framework", "eomoo.class_names"]).astype(str)
    return core.compile_model(model, device), json.loads(names)


def classify(network: openvino.CompiledModel, patches: np.ndarray) -> np.ndarray:
    """Probabilities (n, classes) of raw patches (n, bands, height, width)."""
    return network(patches.astype(np.float32))["probabilities"]


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit("usage: python edge_openvino.py FILE.onnx PATCHES.npy [DEVICE]")
    try:
        network, names = load(sys.argv[1], *sys.argv[3:])
        patches = np.load(sys.argv[2])
        start = time.perf_counter()
        probabilities = classify(network, patches)
    except Exception as error:
        # Each library has errors of its own for files that are not there, and for images that do not fit.
        sys.exit(f"error: {type(error).__name__}: {error}")
    took = (time.perf_counter() - start) * 1e3
    for number, shares in enumerate(probabilities):
        print(f"{number}: {names[shares.argmax()]} ({100 * shares.max():.0f} %)")
    print(f"{took / max(1, len(patches)):.2f} ms a patch", file=sys.stderr)
