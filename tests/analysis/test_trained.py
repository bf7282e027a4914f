"""The file of a trained network that a path stands for."""

import pytest

import eomoo
from eomoo.analysis.trained import find_trained
from eomoo.live import LiveStore


def test_the_longest_training_of_a_cell_is_found_wherever_the_folder_was_moved(tmp_path):
    store = LiveStore(tmp_path / "live.sqlite")
    for cell, epochs in ((7, "2"), (7, "2+10"), (7, "9"), (8, "30")):
        path = tmp_path / "runs" / f"{cell}-abc" / f"weights-{epochs}.pt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        known = {"weights": f"/gone/runs/{cell}-abc/weights-{epochs}.pt", "epochs": epochs}
        store.put("training", {"cell": cell, "epochs": epochs}, known, cell=cell)
    assert find_trained(tmp_path, 7) == tmp_path / "runs" / "7-abc" / "weights-2+10.pt"
    assert find_trained(tmp_path / "runs" / "7-abc") == tmp_path / "runs" / "7-abc" / "weights-2+10.pt"
    assert find_trained(path) == path
    for place, cell in ((tmp_path, 9), (tmp_path / "runs", 7), (tmp_path / "none", None)):
        with pytest.raises(FileNotFoundError, match=r"no weights (in|of cell 9)"):
            find_trained(place, cell)
    with pytest.raises(FileNotFoundError, match=r"there is no file .*none\.onnx"):
        find_trained(tmp_path / "none.onnx")


def test_of_a_search_that_trained_nothing_that_is_told(pose, tmp_path):
    run = eomoo.run(pose("err", "lat"), algorithm="random", budget=20, out=tmp_path)
    for cell, named in ((None, "CELL"), (int(run.front["index"][0]), run.front["index"][0])):
        with pytest.raises(FileNotFoundError, match=f"trained none; train .* `eomoo train {named} --data IMAGES`"):
            find_trained(tmp_path, cell)


def test_a_folder_of_exported_files_alone_has_those(tmp_path):
    (tmp_path / "7.onnx").touch()
    assert find_trained(tmp_path) == find_trained(tmp_path, 7) == tmp_path / "7.onnx"
    (tmp_path / "7-int8.onnx").touch()
    assert find_trained(tmp_path, 7) == tmp_path / "7.onnx"
    for cell in (None, 8):
        with pytest.raises(ValueError, match=r"has 2 ONNX files; name one of them, such as .*7-int8\.onnx"):
            find_trained(tmp_path, cell)
