"""What measuring needs."""

import pytest

for package in ("torch", "onnxruntime", "thop"):
    pytest.importorskip(package, reason="the extra 'live' is not installed")
