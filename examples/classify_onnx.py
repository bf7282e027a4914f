"""Classify patches with an exported network: python classify_onnx.py FILE.onnx PATCHES.npy

It needs onnxruntime and NumPy, nothing else.
PATCHES.npy holds (n, bands, height, width) in the sensor's own values, as the network was trained on.
"""

import json
import sys

import numpy as np
import onnxruntime


def classify(network: str, patches: np.ndarray) -> list[tuple[str, float]]:
    """Class name and probability of each patch."""
    session = onnxruntime.InferenceSession(network, providers=["CPUExecutionProvider"])
    metadata = {k: json.loads(v) for k, v in session.get_modelmeta().custom_metadata_map.items()}
    mean, std = (np.array(metadata[f"eomoo.{k}"], dtype=np.float32)[:, None, None] for k in ("mean", "std"))
    (logits,) = session.run(None, {"image": (patches.astype(np.float32) - mean) / std})
    probability = np.exp(logits - logits.max(axis=1, keepdims=True))
    probability /= probability.sum(axis=1, keepdims=True)
    best = probability.argmax(axis=1)
    names = metadata["eomoo.class_names"]
    return [(names[k], float(p[k])) for k, p in zip(best, probability, strict=True)]


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python classify_onnx.py FILE.onnx PATCHES.npy")
    for number, (name, share) in enumerate(classify(sys.argv[1], np.load(sys.argv[2]))):
        print(f"{number}: {name} ({share:.0%})")
