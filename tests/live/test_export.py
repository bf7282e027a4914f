import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from eomoo.images import read_batch
from eomoo.live.evaluation import evaluate
from eomoo.live.export import TOLERANCE, export_onnx, onnx_bytes, read_metadata
from eomoo.live.network import build_network
from eomoo.live.profile import measure_memory
from eomoo.live.recipes import get_recipe
from eomoo.live.training import load_trained, train
from eomoo.live.weights import load_state, save_state

torch = pytest.importorskip("torch", reason="the extra 'live' is not installed")
pytest.importorskip("onnx", reason="the extra 'live' is not installed")
onnxruntime = pytest.importorskip("onnxruntime", reason="the extra 'live' is not installed")

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def trained(tiny_data, tiny_skeleton, tmp_path_factory):
    recipe = get_recipe("nasbench", batch_size=16, learning_rate=0.5)
    folder = tmp_path_factory.mktemp("run")
    return train(100434, tiny_data, skeleton=tiny_skeleton, recipe=recipe, epochs=3, folder=folder)


def test_the_file_says_what_torch_says(trained, tiny_data, tmp_path):
    images, _ = read_batch(tiny_data.test, np.arange(8))
    exported = export_onnx(
        trained.weights, tmp_path / "n.onnx", images=images, metadata={"test_micro": trained.test.micro}
    )
    assert exported.difference <= 1e-4
    assert exported.file_size == (tmp_path / "n.onnx").stat().st_size
    assert exported.parameters == measure_memory(100434, load_trained(trained).skeleton).parameters
    metadata = read_metadata(tmp_path / "n.onnx")
    assert metadata["class_names"] == list(tiny_data.class_names)
    assert metadata["mean"] == list(tiny_data.mean)
    assert metadata["test_micro"] == trained.test.micro


def test_the_file_alone_classifies_a_whole_split(trained, tiny_data, tmp_path):
    export_onnx(trained.weights, tmp_path / "n.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "n.onnx")
    properties = session.get_modelmeta().custom_metadata_map
    mean, std = (
        np.array(json.loads(properties[f"eomoo.{name}"]), dtype=np.float32)[:, None, None] for name in ("mean", "std")
    )
    images, labels = read_batch(tiny_data.test, np.arange(len(tiny_data.test)))
    (logits,) = session.run(None, {"image": (images - mean) / std})
    confusion = evaluate(load_trained(trained), tiny_data.test, tiny_data).confusion
    assert (logits.argmax(axis=1) == labels).mean() == pytest.approx(np.trace(confusion) / confusion.sum())


def test_the_example_needs_onnxruntime_and_numpy_alone(trained, tiny_data, tmp_path):
    export_onnx(trained.weights, tmp_path / "n.onnx")
    images, _ = read_batch(tiny_data.test, np.arange(6))
    np.save(tmp_path / "patches.npy", images)
    script = ROOT / "examples" / "classify_onnx.py"
    code = (
        "import sys, runpy\n"
        "for name in ('torch', 'eomoo', 'onnx', 'sklearn', 'scipy'): sys.modules[name] = None\n"
        f"sys.argv = ['x', {str(tmp_path / 'n.onnx')!r}, {str(tmp_path / 'patches.npy')!r}]\n"
        f"runpy.run_path({str(script)!r}, run_name='__main__')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ}, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 6
    network = load_trained(trained)
    x = (torch.from_numpy(images) - torch.tensor(tiny_data.mean).view(-1, 1, 1)) / torch.tensor(tiny_data.std).view(
        -1, 1, 1
    )
    with torch.no_grad():
        expected = network(x).argmax(dim=1).tolist()
    assert [tiny_data.class_names[k] in line for k, line in zip(expected, lines, strict=True)] == [True] * 6


def test_batch_norms_are_folded_and_any_batch_is_taken(tiny_skeleton):
    import onnx

    content = onnx_bytes(build_network(100434, tiny_skeleton, seed=0), tiny_skeleton)
    model = onnx.load_model_from_string(content)
    assert "BatchNormalization" not in {node.op_type for node in model.graph.node}
    session = onnxruntime.InferenceSession(content)
    for n in (1, 5):
        assert session.run(None, {"image": np.zeros((n, 2, 8, 8), dtype=np.float32)})[0].shape == (n, 3)


def test_a_file_that_differs_is_not_written(trained, tmp_path, monkeypatch):
    other = build_network(5, load_trained(trained).skeleton, seed=3)
    content = onnx_bytes(other, other.skeleton)
    monkeypatch.setattr("eomoo.live.export.onnx_bytes", lambda *_: content)
    with pytest.raises(ValueError, match=r"n\.onnx was not written: its logits differ"):
        export_onnx(trained.weights, tmp_path / "n.onnx")
    assert not list(tmp_path.iterdir())


def test_real_images_are_checked_too(trained, tiny_data, tmp_path):
    images, _ = read_batch(tiny_data.test, np.arange(4))
    images[0, 0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="its logits differ from PyTorch's by nan"):
        export_onnx(trained.weights, tmp_path / "n.onnx", images=images)


@pytest.mark.parametrize(("factor", "written"), [(1e4, True), (1e-4, True), (1.0, True), (None, False)])
def test_differences_count_by_the_largest_logit(trained, tmp_path, monkeypatch, factor, written):
    """Logits of hundreds of thousands differ by more than 1e-4 in a healthy network."""
    state = load_state(trained.weights)
    if factor is not None:
        for name in ("classifier.weight", "classifier.bias"):
            state["model"][name] = state["model"][name] * factor
    save_state(tmp_path / "w.pt", state)
    if written:
        assert export_onnx(tmp_path / "w.pt", tmp_path / "n.onnx").difference <= TOLERANCE
        return
    network = load_trained(trained)
    with torch.no_grad():
        network.classifier.bias += 1e-3 * network.classifier.bias.abs().max() + 1e-3
    content = onnx_bytes(network, network.skeleton)
    monkeypatch.setattr("eomoo.live.export.onnx_bytes", lambda *_: content)
    with pytest.raises(ValueError, match=r"of the largest, more than 0\.0001"):
        export_onnx(tmp_path / "w.pt", tmp_path / "n.onnx")


def test_other_files_are_refused(tmp_path):
    (tmp_path / "x.onnx").write_bytes(b"no network")
    with pytest.raises(ValueError, match="is no readable ONNX file"):
        read_metadata(tmp_path / "x.onnx")
