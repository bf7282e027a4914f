"""What can be trained, timed and counted of a network, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from eomoo.fronts import Quantity
from eomoo.objectives.base import with_errors


def _smaller(title: str, unit: str = "") -> Quantity:
    return Quantity(title=title, unit=unit, direction="min")


ACCURACIES = {
    f"{split}_{kind}": Quantity(title=f"{words} {kind} accuracy after training", unit="fraction", direction="max")
    for split, words in (("train", "training"), ("val", "validation"), ("test", "test"))
    for kind in ("micro", "macro")
}
TRAINED = {
    **ACCURACIES,
    "train_time": _smaller("training time on this device", "s"),
    "train_time_disturbed": _smaller("whether something disturbed the training"),
    "file_size": _smaller("size of the file of weights", "bytes"),
}
QUANTISED = {
    f"{name}_int8": replace(quantity, title=quantity.title.replace("after training", "in int8"))
    for name, quantity in ACCURACIES.items()
    if not name.startswith("train")
}
DEAR = {**TRAINED, **QUANTISED}
TIMED = {
    "latency": _smaller("latency on this device", "ms"),
    "latency_lower": _smaller("lower quartile of the latency on this device", "ms"),
    "latency_upper": _smaller("upper quartile of the latency on this device", "ms"),
    "latency_std": _smaller("standard deviation of the latency on this device", "ms"),
    "latency_raw": _smaller("latency on this device, as timed", "ms"),
    "latency_disturbed": _smaller("whether something disturbed the timing"),
    "energy": _smaller("energy of a forward pass on this device", "J"),
}
COUNTED = {
    "params": _smaller("parameters"),
    "macs": _smaller("multiply-accumulates of an image"),
    "thop_macs": _smaller("multiply-accumulates of an image as thop counts them"),
    "activation_memory": _smaller("feature maps of an image alive at once, at most", "bytes"),
}
OWN = {**DEAR, **TIMED, **COUNTED}
LIVE_KINDS: Mapping[str, str] = {
    **dict.fromkeys(TRAINED, "trained"),
    **dict.fromkeys(QUANTISED, "quantised"),
    **dict.fromkeys(TIMED, "timed"),
    **dict.fromkeys(("latency_disturbed", "train_time_disturbed"), "mark"),
    **dict.fromkeys(COUNTED, "counted"),
}
"""Whence the values of each quantity, errors left out."""
LIVE_QUANTITIES: Mapping[str, Quantity] = with_errors(OWN)
"""What can be trained, timed and counted of a network. Training accuracies are those of the last epoch's own steps."""
