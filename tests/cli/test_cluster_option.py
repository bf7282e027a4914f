"""``--cluster`` of every command that computes: one option, told in one sentence what cannot be reached."""

import pytest
from typer.testing import CliRunner

from eomoo.cli import app
from eomoo.errors import DataNotFoundError, SettingError, StoreError

COMMANDS = (
    ["run", "live-scene"],
    ["measure", "live-scene", "--spread", "2"],
    ["study", "run", "--problems", "eo-macro-latency", "--algorithms", "random", "--seeds", "1", "--budget", "5"],
)


# The scene's images are opened first, where they are on this machine.
@pytest.mark.filterwarnings("ignore:.*no test images of sediment")
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_cluster_that_is_not_there_is_one_sentence(command, tmp_path, monkeypatch):
    pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")
    pytest.importorskip("torch", reason="the extra 'live' is not installed")
    monkeypatch.setattr("eomoo.jobs.dask._ANSWER", "0.2s")
    asked = {"tcp://127.0.0.1:9": "no Dask scheduler answers at tcp://127.0.0.1:9", "slurm": "or a .toml file; got"}
    asked["missing.toml"] = "there is no file missing.toml"
    for cluster, sentence in asked.items():
        done = CliRunner().invoke(app, [*command, "--out", str(tmp_path / "out"), "--cluster", cluster])
        assert isinstance(done.exception, StoreError | SettingError | DataNotFoundError), done.output
        assert sentence in str(done.exception)
        assert "\n" not in str(done.exception)
        assert not (tmp_path / "out").exists()
