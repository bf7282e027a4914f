import os
import runpy
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import eomoo
from eomoo.errors import DataError, SettingError
from eomoo.images import read_batch
from eomoo.live.assessment import assess
from eomoo.live.classifier import load_classifier, onnx_session, run_onnx
from eomoo.live.export import TOLERANCE, export_as, export_onnx, read_metadata, some_images
from eomoo.live.metrics import evaluate
from eomoo.live.network import build_network
from eomoo.live.onnx_graph import finished, onnx_bytes
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
    assert exported.agreement == 1
    assert exported.file_size == (tmp_path / "n.onnx").stat().st_size
    assert exported.parameters == measure_memory(100434, load_trained(trained).skeleton).parameters
    metadata = read_metadata(tmp_path / "n.onnx")
    assert metadata["class_names"] == list(tiny_data.class_names)
    assert (metadata["input"], metadata["output"], metadata["precision"]) == ("raw", "probabilities", "float32")
    assert (metadata["index"], metadata["epochs"], metadata["fingerprint"]) == (100434, "3", tiny_data.fingerprint)
    assert metadata["test_micro"] == trained.test.micro
    # Whoever normalises as earlier files asked for is told, instead of doing it twice.
    assert not {"mean", "std"} & set(metadata)
    assert load_classifier(tmp_path / "n.onnx").described["mean"] == list(tiny_data.mean)


def test_the_file_alone_classifies_a_whole_split_of_raw_images(trained, tiny_data, tmp_path):
    export_onnx(trained.weights, tmp_path / "n.onnx")
    export_onnx(trained.weights, tmp_path / "logits.onnx", logits=True)
    images, labels = read_batch(tiny_data.test, np.arange(len(tiny_data.test)))
    session, other = (onnxruntime.InferenceSession(tmp_path / f"{name}.onnx") for name in ("n", "logits"))
    (probabilities,), (logits,) = (s.run(None, {"image": images}) for s in (session, other))
    assert [output.name for s in (session, other) for output in s.get_outputs()] == ["probabilities", "logits"]
    np.testing.assert_allclose(probabilities, torch.from_numpy(logits).softmax(dim=1), atol=1e-6)
    confusion = evaluate(load_trained(trained), tiny_data.test, tiny_data).confusion
    assert (probabilities.argmax(axis=1) == labels).mean() == pytest.approx(np.trace(confusion) / confusion.sum())


def test_a_network_is_measured_alike_from_every_file(trained, tiny_data, tmp_path):
    """The file of an earlier version, which takes normalised images, among them."""
    network = load_trained(trained)
    old = onnx_bytes(network, network.skeleton)
    facts = {name: getattr(tiny_data, name) for name in ("name", "class_names", "mean", "std", "fingerprint")}
    (tmp_path / "old.onnx").write_bytes(finished(old, facts, probabilities=False))
    files = [trained.weights, tmp_path / "old.onnx"]
    for form in ("onnx", "fp16", "int8"):
        files.append(tmp_path / f"{form}.onnx")
        done = export_as(form, trained.weights, files[-1], data=tiny_data)
        if form != "onnx":
            assert done.before.micro == trained.val.micro
            assert abs(done.after.micro - done.before.micro) < 0.1
    found = [assess(load_classifier(file), tiny_data.test) for file in files]
    for one in found[:4]:
        np.testing.assert_array_equal(one.confusion, trained.test.confusion)
        assert one.loss == pytest.approx(trained.test.loss, abs=0.02)
    assert [load_classifier(file).precision for file in files[2:]] == ["float32", "float16", "int8"]
    assert str(load_classifier(files[-1])).endswith("trained on images for 3 epochs, int8")
    assert found[4].loss != found[0].loss
    # Half the bytes, and eight bits with scales of every channel, which count in so small a network.
    assert files[3].stat().st_size < files[2].stat().st_size


def test_eight_bits_are_those_of_weights_and_feature_maps(tiny_skeleton, small_disk):
    """With images of one range feature maps of others would saturate: the calibration counts."""
    import onnx

    network = build_network(100434, tiny_skeleton, seed=0)
    x = np.random.default_rng(0).normal(50, 20, (16, 2, 8, 8)).astype(np.float32)
    how = {"statistics": ([50.0] * 2, [20.0] * 2), "precision": "int8"}
    right, wrong = (onnx_bytes(network, tiny_skeleton, calibration=c, **how) for c in (x, x / 1000 + 50))
    counts = Counter(node.op_type for node in onnx.load_model_from_string(right).graph.node)
    assert counts["QuantizeLinear"] > counts["Conv"]
    assert counts["Relu"] == 0
    expected = run_onnx(onnx_session(onnx_bytes(network, tiny_skeleton, statistics=how["statistics"]), ""), x)
    near, far = (np.abs(run_onnx(onnx_session(content, ""), x) - expected).max() for content in (right, wrong))
    assert near < 0.1 * np.abs(expected).max() < far
    with small_disk(1000), pytest.raises(DataError, match=r"cannot write .*TMPDIR\): the file is larger than"):
        onnx_bytes(network, tiny_skeleton, calibration=x, **how)
    with pytest.raises(ValueError, match="calibrated on training images"):
        onnx_bytes(network, tiny_skeleton, precision="int8")


def test_no_node_does_nothing():
    """Nor any that gives an equal tensor another name."""
    import onnx

    idle = []
    # 130616's widths do not divide, so that some slices cut a channel off.
    for cell, width in ((100434, 16), (5, 16), (272739, 16), (130616, 6)):
        skeleton = eomoo.Skeleton(
            in_channels=2, n_classes=3, stem_channels=width, n_stacks=2, cells_per_stack=1, image_size=8
        )
        content = onnx_bytes(build_network(cell, skeleton, seed=0), skeleton, statistics=([1.0] * 2, [2.0] * 2))
        model = onnx.shape_inference.infer_shapes(onnx.load_model_from_string(content))
        shapes = {
            v.name: v.type.tensor_type for v in [*model.graph.value_info, *model.graph.input, *model.graph.output]
        }
        for node in model.graph.node:
            if node.op_type in ("Slice", "Cast") and shapes[node.input[0]] == shapes[node.output[0]]:
                idle.append(node)
            assert node.op_type not in ("Identity", "Dropout", "BatchNormalization")
    assert not idle


@pytest.mark.parametrize("form", ["onnx", "int8"])
def test_the_example_needs_onnxruntime_and_numpy_alone(trained, tiny_data, tmp_path, form):
    export_as(form, trained.weights, tmp_path / "n.onnx", data=tiny_data)
    images, _ = read_batch(tiny_data.test, np.arange(6))
    np.save(tmp_path / "patches.npy", images)
    script = ROOT / "examples" / "edge_classify.py"
    code = (
        "import sys, runpy\n"
        "for name in ('torch', 'eomoo', 'onnx', 'sklearn', 'scipy'): sys.modules[name] = None\n"
        f"sys.argv = ['x', {str(tmp_path / 'n.onnx')!r}, {str(tmp_path / 'patches.npy')!r}]\n"
        f"runpy.run_path({str(script)!r}, run_name='__main__')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ}, check=False)
    assert done.returncode == 0, done.stderr
    expected = load_classifier(trained.weights).log_probabilities(images).argmax(axis=1)
    lines = done.stdout.splitlines()[:6]
    assert [line.split(": ")[1].split(" (")[0] for line in lines] == [tiny_data.class_names[k] for k in expected]


@pytest.mark.parametrize(("script", "package"), [("edge_classify", "onnxruntime"), ("edge_openvino", "openvino")])
def test_the_examples_tell_files_that_are_not_there_or_do_not_fit(tmp_path, script, package):
    pytest.importorskip(package, reason=f"{package} is not installed")
    for file in ("none.onnx", str(ROOT / "README.md")):
        command = [sys.executable, str(ROOT / "examples" / f"{script}.py"), file, "patches.npy"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        assert file in done.stderr.partition("error: ")[2]


def test_the_example_with_openvino_says_the_same(trained, tiny_data, tmp_path):
    pytest.importorskip("openvino", reason="openvino is not installed: the extra 'openvino'")
    export_as("int8", trained.weights, tmp_path / "n.onnx", data=tiny_data)
    images, _ = read_batch(tiny_data.test, np.arange(30))
    script = runpy.run_path(str(ROOT / "examples" / "edge_openvino.py"))
    network, names = script["load"](str(tmp_path / "n.onnx"))
    found = script["classify"](network, images)
    assert names == list(tiny_data.class_names)
    expected = np.exp(load_classifier(tmp_path / "n.onnx").log_probabilities(images))
    np.testing.assert_allclose(found, expected, atol=0.05)


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
    monkeypatch.setattr("eomoo.live.export.onnx_bytes", lambda *_, **__: content)
    with pytest.raises(ValueError, match=r"n\.onnx was not written: its logits differ"):
        export_onnx(trained.weights, tmp_path / "n.onnx")
    assert not list(tmp_path.iterdir())


def test_real_images_are_checked_too(trained, tiny_data, tmp_path):
    images, _ = read_batch(tiny_data.test, np.arange(4))
    images[0, 0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="its logits differ from PyTorch's by nan"):
        export_onnx(trained.weights, tmp_path / "n.onnx", images=images)


@pytest.mark.parametrize(("factor", "written"), [(1e4, True), (1e-4, True), (1.0, True), (None, False)])
def test_differences_count_by_the_largest_logit(trained, tiny_data, tmp_path, monkeypatch, factor, written):
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
    content = onnx_bytes(network, network.skeleton, statistics=(tiny_data.mean, tiny_data.std))
    monkeypatch.setattr("eomoo.live.export.onnx_bytes", lambda *_, **__: content)
    with pytest.raises(ValueError, match=r"of the largest, more than 0\.0001"):
        export_onnx(tmp_path / "w.pt", tmp_path / "n.onnx")


def test_a_file_that_gives_other_classes_is_not_written(trained, tiny_data, tmp_path, monkeypatch):
    """Though its logits are near, as those of a network that tells nothing apart are."""
    state = load_state(trained.weights)
    state["model"]["classifier.weight"] *= 1e-6
    state["model"]["classifier.bias"] = 100 + torch.tensor([0.0, 0.003, 0.006])
    save_state(tmp_path / "w.pt", state)
    network = load_trained(tmp_path / "w.pt")
    with torch.no_grad():
        network.classifier.bias[0] += 0.009
    content = onnx_bytes(network, network.skeleton, statistics=(tiny_data.mean, tiny_data.std))
    images = read_batch(tiny_data.test, np.arange(8))[0]
    assert export_onnx(tmp_path / "w.pt", tmp_path / "right.onnx", images=images).agreement == 1
    monkeypatch.setattr("eomoo.live.export.onnx_bytes", lambda *_, **__: content)
    with pytest.raises(ValueError, match=r"agrees with PyTorch on the class of 0\.0 % of the images only"):
        export_onnx(tmp_path / "w.pt", tmp_path / "n.onnx", images=images)


@pytest.mark.parametrize(
    "facts",
    [
        *({"skeleton": {"depth": 3}}, {"skeleton": 5}, {"mean": "x", "std": [1]}, {"mean": [1, 2, 3]}),
        *({"class_names": 3}, {"band_names": None}, {"image_size": -8}, {"image_size": "8"}),
    ],
)
def test_metadata_that_cannot_be_are_refused(tiny_skeleton, tmp_path, facts):
    content = onnx_bytes(build_network(100434, tiny_skeleton, seed=0), tiny_skeleton)
    path, right = tmp_path / "n.onnx", {"class_names": ["a"], "band_names": ["x", "y"], "image_size": 8}
    path.write_bytes(finished(content, {**right, **facts}, probabilities=True))
    with pytest.raises(ValueError, match=r"the metadata of .*n\.onnx are damaged"):
        load_classifier(path)
    path.write_bytes(finished(content, {**right, "class_names": ["\x1b[2J"]}, probabilities=True))
    with pytest.raises(DataError, match=r"n\.onnx: the name of images or a class must be a text without control"):
        load_classifier(path)
    path.write_bytes(finished(content, {**right, "input": "raw"}, probabilities=True))
    for shape, sentence in (
        ((2, 8, 8), "names 1 classes and gives .* for 5 images"),
        ((3, 8, 8), "does not take images"),
    ):
        with pytest.raises(DataError, match=sentence):
            load_classifier(path).log_probabilities(np.zeros((5, *shape), dtype=np.float32))


def test_an_exported_file_that_has_changed_is_refused(trained, tmp_path):
    """Weights, graph or metadata; an earlier version's file, which has no digest, is read with a warning."""
    path = tmp_path / "n.onnx"
    export_onnx(trained.weights, path)
    content = path.read_bytes()
    for at in (len(content) // 3, len(content) // 2, content.index(b"class 1"), len(content) - 10):
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        with pytest.raises(ValueError, match="has changed since it was written"):
            load_classifier(path)
    import onnx

    model = onnx.load_model_from_string(content)
    del model.metadata_props[-1]
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ValueError, match="has changed since it was written: its digest is gone"):
        load_classifier(path)
    old = [entry for entry in model.metadata_props if entry.key not in ("eomoo.input", "eomoo.output")]
    onnx.helper.set_model_props(model, {entry.key: entry.value for entry in old})
    path.write_bytes(model.SerializeToString())
    with pytest.warns(UserWarning, match="without a digest: it is unverified"):
        load_classifier(path)


def test_other_files_are_refused(tmp_path):
    (tmp_path / "x.onnx").write_bytes(b"no network")
    with pytest.raises(ValueError, match="is no readable ONNX file"):
        read_metadata(tmp_path / "x.onnx")


def test_8_bits_are_calibrated_on_training_images_alone(trained, tiny_data, tmp_path, monkeypatch):
    given = []

    def told(*_, calibration, **__):
        given.append(calibration)
        raise SettingError("told")

    monkeypatch.setattr("eomoo.live.export.export_onnx", told)
    with pytest.raises(SettingError, match="told"):
        export_as("int8", trained.weights, tmp_path / "n.onnx", data=tiny_data)
    np.testing.assert_array_equal(given[0], some_images(tiny_data.train, 256))
    assert not np.array_equal(given[0], some_images(tiny_data.test, 256))
