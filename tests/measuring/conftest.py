"""What measuring needs."""

import pytest

for package in ("torch", "thop"):
    pytest.importorskip(package, reason="the extra 'live' is not installed")
