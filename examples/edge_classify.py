"""Classify patches with an exported network: python edge_classify.py FILE.onnx PATCHES.npy

It needs onnxruntime and NumPy, nothing else; `eomoo export RUN CELL --int8` writes a file for small devices.
PATCHES.npy holds (n, bands, height, width) in the sensor's own values, as the network was trained on.
"""

import json
import sys
import time

import numpy as np
import onnxruntime


def load(path: str) -> tuple[onnxruntime.InferenceSession, dict]:
    """The network, and what its file says of it."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    entries = session.get_modelmeta().custom_metadata_map
    return session, {key.removeprefix("eomoo."): json.loads(value) for key, value in entries.items()}


def classify(session: onnxruntime.InferenceSession, patches: np.ndarray) -> np.ndarray:
    """Probabilities (n, classes) of raw patches (n, bands, height, width)."""
    return session.run(["probabilities"], {"image": patches.astype(np.float32)})[0]


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python edge_classify.py FILE.onnx PATCHES.npy")
    try:
        network, told = load(sys.argv[1])
        names, patches = told["class_names"], np.load(sys.argv[2])
        start = time.perf_counter()
        probabilities = classify(network, patches)
    except Exception as error:
        # Each library has errors of its own for files that are not there, and for images that do not fit.
        sys.exit(f"error: {type(error).__name__}: {error}")
    took = (time.perf_counter() - start) * 1e3
    for number, shares in enumerate(probabilities):
        print(f"{number}: {names[shares.argmax()]} ({100 * shares.max():.0f} %)")
    print(f"{told['precision']}, {took / max(1, len(patches)):.2f} ms a patch", file=sys.stderr)
