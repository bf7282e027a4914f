"""A network in ONNX Runtime, ready to be timed; NumPy and onnxruntime alone, for a kit carries this file to boards."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray


class OnnxNetwork:
    """A network and an input, both where the provider computes, so that no copy is timed.

    Args:
        model: An ONNX file's content, or its path.
        image: (n, bands, height, width).
        threads: Of a CPU.
        provider: Of ONNX Runtime, with its options where it has some.
        device, number: Where input and output lie.
    """

    beside: Any = None

    def __init__(
        self,
        model: bytes | str,
        image: NDArray[np.float32],
        *,
        threads: int,
        provider: Any = "CPUExecutionProvider",
        device: str = "cpu",
        number: int = 0,
    ) -> None:
        import onnxruntime as runtime

        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Spinning threads would count as work of the process and disturb what is timed next.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self.session = runtime.InferenceSession(model, options, providers=[provider])
        name = provider if isinstance(provider, str) else provider[0]
        if self.session.get_providers()[0] != name:
            # ONNX Runtime takes the CPU then, and says so on the screen only.
            raise RuntimeError(f"{name} does not start; do its versions of CUDA and cuDNN lie here?")
        self.binding = self.session.io_binding()
        self.image = runtime.OrtValue.ortvalue_from_numpy(image, device, number)
        self.binding.bind_ortvalue_input("image", self.image)
        self.binding.bind_output("logits", device, number)

    def times(self, repetitions: int) -> NDArray[np.float64]:
        """Milliseconds (repetitions,) of one forward pass each."""

        def run() -> None:
            self.session.run_with_iobinding(self.binding)
            self.binding.synchronize_outputs()

        return clocked(run, repetitions)


def clocked(run: Callable[[], object], repetitions: int) -> NDArray[np.float64]:
    """Milliseconds (repetitions,) of each run, by the clock."""
    clock = np.empty(repetitions + 1)
    clock[0] = time.perf_counter()
    for k in range(repetitions):
        run()
        clock[k + 1] = time.perf_counter()
    return np.diff(clock) * 1e3


def timed_image(batch_size: int, bands: int, size: int) -> NDArray[np.float64]:
    """The images (batch_size, bands, size, size) that every network is timed on."""
    return np.random.default_rng(0).standard_normal((batch_size, bands, size, size))
