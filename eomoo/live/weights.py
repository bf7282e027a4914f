"""Files of tensors and numbers, as torch saves them, with a digest that is checked when they are read."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eomoo.arrays import Facts
from eomoo.checks import explained
from eomoo.errors import DataError
from eomoo.files import atomic_path, read_bytes
from eomoo.packages import require, torch

_FORMAT = 2
_SAFETENSORS = ".safetensors"
# 0.1.0 wrote no format and no digest; its files are told by these keys.
_UNVERIFIED = (
    {"cell", "skeleton", "images", "model"},
    {"epochs", "free", "epoch", "step", "seconds", "running", "curve", "model", "optimizer", "scaler", "random"},
)
# The largest network of the space has 50 million parameters: 200 MB, thrice that with momentum in a
# checkpoint. Skeletons may be wider.
_MOST_BYTES = 2**34


def save_state(path: str | Path, state: Mapping[str, object]) -> None:
    """Write tensors and plain data, whole or not at all, with a digest of all of them.

    Raises:
        DataError: (a ValueError) The file cannot be written.
    """
    content = {**state, "format": _FORMAT}
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        try:
            torch.save({**content, "sha256": _digest(content)}, file)
        except RuntimeError as error:
            # torch hides what kept its file from being written.
            raise error.__context__ if isinstance(error.__context__, OSError) else error from None


def load_state(path: str | Path) -> Facts:
    """What ``save_state`` wrote; nothing in a file is executed.

    A file of 0.1.0 has no digest: it is read with a warning.

    Raises:
        DataNotFoundError: (a FileNotFoundError) There is no such file.
        DataError: (a ValueError) The file has changed since it was written, or holds something else.
    """
    import io

    content = read_bytes(path, max_size=_MOST_BYTES)
    with explained(path, "is damaged or is no file of weights"):
        if Path(path).suffix == _SAFETENSORS:
            state = _from_safetensors(content)
        else:
            state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    if not isinstance(state, dict):
        raise DataError(f"{path} is no file of weights")
    if set(state) in _UNVERIFIED:
        warnings.warn(f"{path} is of eomoo 0.1.0, without a digest: it is unverified", stacklevel=2)
        return state
    digest = state.pop("sha256", None)
    if state.get("format") != _FORMAT or digest is None:
        raise DataError(f"{path} is no file of weights by this version of eomoo")
    if digest != _digest(state):
        raise DataError(f"{path} has changed since it was written; take it from a copy, or train again")
    del state["format"]
    return state


def save_safetensors(path: str | Path, state: Mapping[str, Any]) -> None:
    """Write trained weights (a state that ``load_state`` gave) as safetensors, which ``load_state`` reads too.

    The tensors are the network's ``state_dict``; all else is JSON in the entry "eomoo" of the file's metadata.

    Raises:
        MissingPackageError: (an ImportError) safetensors is not installed.
        DataError: (a ValueError) The file cannot be written.
    """
    safetensors = require("safetensors.torch", purpose="to write safetensors")
    # In an order that the file gives back: the digest is of what is read.
    told = {**{key: value for key, value in state.items() if key != "model"}, "format": _FORMAT}
    model = {name: state["model"][name].contiguous() for name in sorted(state["model"])}
    facts = json.dumps({**told, "sha256": _digest({**told, "model": model})})
    with atomic_path(path) as temporary:
        temporary.write_bytes(safetensors.save(model, metadata={"eomoo": facts}))


def _from_safetensors(content: bytes) -> Facts:
    safetensors = require("safetensors.torch", purpose="to read safetensors")
    model = safetensors.load(content)
    # Eight bytes of the header's length, then the header, which safetensors has found to be right.
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return {**json.loads(header["__metadata__"]["eomoo"]), "model": {name: model[name] for name in sorted(model)}}


def _digest(value: object) -> str:
    """SHA-256 of nested plain data and tensors."""
    digest = hashlib.sha256()
    _update(digest, value)
    return digest.hexdigest()


def _update(digest: hashlib._Hash, value: object) -> None:
    if isinstance(value, Mapping):
        digest.update(f"record {len(value)}".encode())
        for key, item in value.items():
            _update(digest, key)
            _update(digest, item)
    elif isinstance(value, list | tuple):
        digest.update(f"list {len(value)}".encode())
        for item in value:
            _update(digest, item)
    elif isinstance(value, torch.Tensor):
        digest.update(f"{value.dtype} {tuple(value.shape)}".encode())
        # As bytes, whatever the type: NumPy has no bfloat16.
        flat = value.detach().cpu().contiguous().reshape(-1)
        digest.update(flat.view(torch.uint8).numpy().data)
    else:
        digest.update(repr(value).encode())
