import itertools
import math
from contextlib import contextmanager
from importlib.metadata import version
from types import SimpleNamespace

import numpy as np
import pytest

import eomoo
from eomoo.live import latency as module
from eomoo.live import rounds, runners
from eomoo.live.devices import free_memory, resolve_device, resolve_precision
from eomoo.live.energy import energy_counter
from eomoo.live.latency import half_split_spearman, measure_latency
from eomoo.live.rounds import Turns, available_memory, disturbance
from eomoo.live.runners import REFERENCE, LatencySetting, make_runner
from eomoo.progress import being_done

torch = pytest.importorskip("torch", reason="the extra 'live' is not installed")

CELLS = [0, 5, 100434]


class FakeRunner:
    """Takes its milliseconds from a script; the machine slows down by a factor from round to round."""

    log = cells = None
    beside = None

    def __init__(self, name, base, drift):
        self.name, self.base, self.drift = name, base, drift
        self.calls = 0

    def times(self, repetitions):
        self.calls += 1
        FakeRunner.log.append(self.name)
        return np.full(repetitions, self.base * self.drift ** max(self.calls - 2, 0))


@pytest.fixture
def fakes(monkeypatch):
    """A function that lets networks take the given milliseconds, the reference's last.

    Its clocks tick by the second whenever one is read: this process has the processor to itself by them,
    whatever else goes on where the tests run.
    """
    clocks = {name: itertools.count().__next__ for name in ("perf_counter", "process_time")}
    monkeypatch.setattr(rounds, "time", SimpleNamespace(**clocks, sleep=lambda seconds: None))

    def put(*milliseconds, drift=1.0):
        FakeRunner.log, FakeRunner.cells = [], []
        numbers = itertools.count()
        made = iter([*milliseconds])

        def make(cell, *_, **__):
            FakeRunner.cells.append(cell.hash)
            return FakeRunner(next(numbers), next(made), drift)

        monkeypatch.setattr(module, "make_runner", make)

    return put


def test_rounds_are_interleaved_with_the_reference_in_each(fakes, tiny_skeleton):
    fakes(2.0, 4.0, 1.0)
    measure_latency([0, 5], skeleton=tiny_skeleton, setting=LatencySetting(rounds=20))
    turns = np.array(FakeRunner.log[-60:]).reshape(20, 3)
    assert (np.sort(turns, axis=1) == [0, 1, 2]).all()
    assert len({tuple(turn) for turn in turns.tolist()}) > 3
    assert FakeRunner.cells == eomoo.load_space().hash(np.array([0, 5, REFERENCE]))


def test_numbers_of_a_steady_machine(fakes, tiny_skeleton):
    fakes(2.0, 4.0, 1.0)
    seen = []
    first, second = measure_latency(
        [0, 5],
        skeleton=tiny_skeleton,
        setting=LatencySetting(rounds=10, repetitions=30, seconds=0.1),
        report=lambda *at: seen.append(at),
    )
    assert (first.median, first.p90, first.relative, first.reference_median) == (2.0, 2.0, 2.0, 1.0)
    assert (second.median, second.relative) == (4.0, 4.0)
    assert first.count == 50
    assert second.count == 30
    assert seen[-1] == (10, 10)


def test_drift_of_the_machine_leaves_the_ratio_and_is_marked(fakes, tiny_skeleton):
    fakes(2.0, 1.0, drift=1.1)
    (result,) = measure_latency([0], skeleton=tiny_skeleton, setting=LatencySetting(seconds=0))
    assert result.relative == pytest.approx(2.0)
    assert result.median > 2.5
    assert result.contended


def test_what_is_disturbed_is_tried_again_and_the_quietest_try_kept(fakes, tiny_skeleton, monkeypatch):
    """Network 0 is quiet, network 1 in its third try, network 2 never but least disturbed in its second."""
    setting = LatencySetting(rounds=4, repetitions=40, seconds=0)
    tried = {0: [1.0], 1: [1.5, 1.5, 1.0], 2: [1.6, 1.3, 1.5]}

    def times(self, repetitions):
        FakeRunner.log.append(self.name)
        turns = sum(name == self.name for name in FakeRunner.log) - 3
        worse = tried[self.name][max(turns, 0) // 4] if self.name in tried else 1.0
        return self.base * np.where(np.arange(repetitions) % 2 == 0, 1.0, worse)

    fakes(2.0, 3.0, 4.0, 1.0)
    monkeypatch.setattr(FakeRunner, "times", times)
    seen, far, waited = [], [], []
    turn = Turns.turn
    monkeypatch.setattr(Turns, "pause", lambda self, tried: waited.append(tried))
    monkeypatch.setattr(Turns, "turn", lambda self, chosen: (far.append(being_done()), turn(self, chosen)))
    found = measure_latency([0, 5, 77], skeleton=tiny_skeleton, setting=setting, report=lambda *at: seen.append(at))
    assert [r.tries for r in found] == [1, 3, 2]
    assert [r.contended for r in found] == [False, False, True]
    assert [r.upper for r in found] == [2.0, 3.0, pytest.approx(5.2)]
    assert [r.relative_upper for r in found] == [2.0, 3.0, pytest.approx(5.2)]
    assert found[2].relative_std == pytest.approx(0.6)
    assert seen == [(k, 4) for k in range(1, 5)]
    assert waited == [2, 3]
    assert far[0] == "timing 3 networks, round 1 of 4"
    assert far[3::4] == [
        f"timing 3 networks, {at}"
        for at in ("round 4 of 4", *(f"again (try {k}), since something else used the device" for k in (2, 3)))
    ]
    assert FakeRunner.log.count(0) == 2 + 4
    assert FakeRunner.log.count(1) == 2 + 3 * 4
    fakes(2.0, 3.0, 4.0, 1.0)
    once = measure_latency([0, 5, 77], skeleton=tiny_skeleton, setting=setting, tries=0)
    assert [r.tries for r in once] == [1, 1, 1]


def test_how_disturbed_a_timing_is_does_not_depend_on_how_long_it_takes():
    told = {"lower": 2.0, "median": 4.0, "upper": 5.0}
    for size in (1.0, 10.0):
        assert disturbance({"contended": False, **{name: size * ms for name, ms in told.items()}}) == (False, 0.75)
    assert disturbance({"contended": True, **told}) > disturbance({"contended": False, **told, "upper": 400.0})


def test_a_disturbed_reference_disturbs_all_that_is_told_by_it(fakes, tiny_skeleton, monkeypatch):
    fakes(2.0, 1.0)
    slow = iter(range(100))

    def times(self, repetitions):
        # The reference's first timed rounds take twice as long.
        late = self.name == 1 and 2 <= next(slow) < 6
        return np.full(repetitions, self.base * (2 if late else 1))

    monkeypatch.setattr(FakeRunner, "times", times)
    (result,) = measure_latency([0], skeleton=tiny_skeleton, setting=LatencySetting(seconds=0, rounds=10), tries=0)
    assert result.contended
    assert result.reference_contended
    assert (result.median, result.lower, result.upper) == (2.0, 2.0, 2.0)
    assert (result.reference_median, result.reference_quiet) == (1.0, 1.0)
    assert sorted(result.reference_rounds) == [1.0] * 6 + [2.0] * 4
    assert result.relative == 2.0


def test_as_many_networks_are_in_memory_as_fit(fakes, tiny_skeleton, monkeypatch):
    sizes = []

    class Session(module._Session):
        def __init__(self, cells, *arguments):
            sizes.append(len(cells))
            super().__init__(cells, *arguments)

    monkeypatch.setattr(module, "_Session", Session)
    for room, expected in ((None, [24, 6]), (2**40, [24, 6]), (0, [1] * 30), (150e6, [6] * 5)):
        sizes.clear()
        fakes(*[1.0] * 100)
        monkeypatch.setattr(module, "available_memory", lambda room=room: room)
        measure_latency(range(30), skeleton=tiny_skeleton, setting=LatencySetting(seconds=0, rounds=1))
        assert sizes == expected


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_limits_of_control_groups_count(tmp_path):
    assert available_memory(tmp_path) is None
    write(tmp_path / "proc/meminfo", "MemTotal: 9000 kB\nMemAvailable:    8000 kB\n")
    assert available_memory(tmp_path) == 8000 * 1024
    groups = tmp_path / "sys/fs/cgroup"
    write(tmp_path / "proc/self/cgroup", "0::/jobs/mine\n")
    write(groups / "jobs/mine/memory.max", "max\n")
    write(groups / "jobs/mine/memory.current", "100\n")
    assert available_memory(tmp_path) == 8000 * 1024
    # The limit of a group above counts too; pages of files that are not in use do not.
    write(groups / "jobs/memory.max", "5000\n")
    write(groups / "jobs/memory.current", "2000\n")
    write(groups / "jobs/memory.stat", "anon 1\ninactive_file 700\n")
    assert available_memory(tmp_path) == 3700
    write(tmp_path / "proc/self/cgroup", "5:cpu:/other\n4:hugetlb,memory:/mine\n")
    write(groups / "memory/mine/memory.limit_in_bytes", "900\n")
    write(groups / "memory/mine/memory.usage_in_bytes", "1000\n")
    assert available_memory(tmp_path) == 0


def test_a_process_that_waits_is_marked(fakes, tiny_skeleton, monkeypatch):
    clock = {"wall": 0.0, "cpu": 0.0}
    monkeypatch.setattr(rounds.time, "perf_counter", lambda: clock["wall"])
    monkeypatch.setattr(rounds.time, "process_time", lambda: clock["cpu"])
    for wall, expected in ((1.05, False), (1.15, True)):
        fakes(2.0, 1.0)

        def times(self, repetitions, wall=wall):
            clock["wall"] += wall
            clock["cpu"] += 1.0
            return np.full(repetitions, self.base)

        monkeypatch.setattr(FakeRunner, "times", times)
        (result,) = measure_latency([0], skeleton=tiny_skeleton, setting=LatencySetting(seconds=0))
        assert result.wall_by_cpu == pytest.approx(wall)
        assert result.contended is expected


def test_a_network_whose_time_is_that_of_its_launches_is_called_so(fakes, tiny_skeleton, monkeypatch):
    """On a CUDA device an eager network has a graph of the same kernels beside it."""
    for graph, bound in ((1.8, False), (1.5, True)):
        fakes(2.0, 1.0)
        make = module.make_runner

        def with_graph(*arguments, make=make, graph=graph, **named):
            runner = make(*arguments, **named)
            runner.beside = FakeRunner("graph", graph, 1.0)
            return runner

        monkeypatch.setattr(module, "make_runner", with_graph)
        (result,) = measure_latency([0], skeleton=tiny_skeleton, setting=LatencySetting(seconds=0))
        assert (result.median, result.graph_median, result.launch_bound) == (2.0, graph, bound)
    fakes(2.0, 1.0)
    (result,) = measure_latency([0], skeleton=tiny_skeleton, setting=LatencySetting(seconds=0))
    assert (result.graph_median, result.launch_bound, result.state) == (None, False, None)


def test_a_device_other_than_the_first_is_the_current_one_while_it_is_timed(fakes, tiny_skeleton, monkeypatch):
    """Events are recorded on the current device's stream, whatever device the network is on."""
    now, seen = [None], []

    @contextmanager
    def current(device):
        now[0] = str(device)
        yield
        now[0] = None

    fakes(2.0, 1.0)
    times = FakeRunner.times
    monkeypatch.setattr(FakeRunner, "times", lambda self, n: seen.append(now[0]) or times(self, n))
    for place in (module, runners):
        monkeypatch.setattr(place, "resolve_device", torch.device)
    monkeypatch.setattr(module, "device_name", lambda device: "H100")
    monkeypatch.setattr(module, "free_memory", lambda device: (2**36, 2**36))
    monkeypatch.setattr(module, "current_device", current)
    setting = LatencySetting(device="cuda:1", runtime="eager", seconds=0)
    (result,) = measure_latency([0], skeleton=tiny_skeleton, setting=setting)
    assert set(seen) == {"cuda:1"}
    assert result.setting["gpu"]["tf32"] is True


def test_a_neighbour_on_the_device_is_contention_however_steady_the_times_are(fakes, tiny_skeleton, monkeypatch):
    for busy in (False, True):
        fakes(2.0, 1.0)
        told = iter([False, busy, False])
        states = iter([{"power_W": 60}, {"power_W": 300}])
        nvml = SimpleNamespace(neighbour=lambda since, told=told: next(told, False), state=lambda s=states: next(s))
        monkeypatch.setattr(module, "open_nvml", lambda device, nvml=nvml: nvml)
        (result,) = measure_latency([0], skeleton=tiny_skeleton, setting=LatencySetting(seconds=0), tries=0)
        assert result.contended is busy
        assert result.state == {"before": {"power_W": 60}, "after": {"power_W": 300}}


def test_the_published_protocol_compares_means(fakes, tiny_skeleton, monkeypatch):
    fakes(2.0, 1.0)
    monkeypatch.setattr(FakeRunner, "times", lambda self, n: np.where(np.arange(n) % 3 == 0, 4.0, 1.0) * self.base)
    (result,) = measure_latency(
        [0], skeleton=tiny_skeleton, setting=LatencySetting(protocol="published", runtime="eager", seconds=0)
    )
    assert result.value == result.mean == pytest.approx(4.0)
    assert result.median == 2.0


def test_halves_of_rounds_agree_or_do_not(fakes, tiny_skeleton):
    fakes(1.0, 2.0, 3.0, 1.0)
    results = measure_latency(CELLS, skeleton=tiny_skeleton, setting=LatencySetting(seconds=0))
    assert half_split_spearman(results) == pytest.approx(1)


@pytest.mark.parametrize(
    ("runtime", "protocol"), [("eager", "eomoo"), ("eager", "published"), ("onnxruntime", "eomoo")]
)
def test_networks_are_really_run(runtime, protocol, tiny_skeleton):
    setting = LatencySetting(
        runtime=runtime, protocol=protocol, repetitions=2, seconds=0, rounds=2, warmup=1, batch_size=3
    )
    if runtime == "onnxruntime":
        pytest.importorskip("onnxruntime", reason="the extra 'live' is not installed")
    threads, random = torch.get_num_threads(), torch.random.get_rng_state()
    results = measure_latency(CELLS, skeleton=tiny_skeleton, setting=setting)
    assert [r.cell for r in results] == eomoo.load_space().hash(np.array(CELLS))
    for result in results:
        assert 0 < result.lower <= result.median <= result.upper
        assert result.count == 2
        conditions = result.setting
        assert conditions["batch_size"] == 3
        assert conditions["device"] == "cpu"
        assert conditions["device_name"]
        assert conditions["threads"] == 1
        assert conditions["versions"]["torch"] == version("torch")
        assert conditions["skeleton"]["stem_channels"] == 5
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.random.get_rng_state(), random)


def test_a_network_on_onnxruntime_answers_as_in_torch(tiny_skeleton):
    pytest.importorskip("onnxruntime", reason="the extra 'live' is not installed")
    from eomoo.live.network import build_network

    runner = make_runner(
        100434, tiny_skeleton, LatencySetting(batch_size=2, runtime="onnxruntime"), torch.device("cpu")
    )
    runner.times(1)
    with torch.no_grad():
        expected = build_network(100434, tiny_skeleton, seed=0).eval()(torch.from_numpy(runner.image.numpy()))
    assert runner.binding.copy_outputs_to_cpu()[0] == pytest.approx(expected.numpy(), abs=1e-4)


@pytest.mark.parametrize(
    ("runtime", "precision", "tolerance"),
    [
        ("onnxruntime", "float16", 0.01),
        ("onnxruntime", "int8", 0.1),
        ("openvino", "float32", 1e-4),
        ("openvino", "int8", 0.1),
    ],
)
def test_other_precisions_and_openvino_answer_nearly_so(tiny_skeleton, runtime, precision, tolerance):
    pytest.importorskip(runtime, reason="it is not installed")
    from eomoo.live.network import build_network

    how = LatencySetting(batch_size=2, runtime=runtime, precision=precision)
    runner = make_runner(100434, tiny_skeleton, how, torch.device("cpu"))
    assert (runner.times(2) > 0).all()
    image = runner.image.numpy() if runtime == "onnxruntime" else runner.image.data
    with torch.no_grad():
        expected = build_network(100434, tiny_skeleton, seed=0).eval()(torch.from_numpy(image)).numpy()
    if runtime == "onnxruntime":
        found = runner.binding.copy_outputs_to_cpu()[0]
    else:
        found = runner.request.get_output_tensor().data
    apart = np.abs(found - expected).max() / np.abs(expected).max()
    assert apart < tolerance
    assert precision == "float32" or apart > 1e-6


@pytest.mark.parametrize(
    ("asked", "taken"),
    [
        # What is asked for, on a machine with a GPU whose ONNX Runtime has none.
        ({"device": "cuda"}, ("graph", "cuda")),
        ({"device": "auto"}, ("graph", "auto")),
        ({"device": "auto", "protocol": "published"}, ("eager", "auto")),
        ({"device": "cpu"}, ("onnxruntime", "cpu")),
        ({"device": "auto", "runtime": "onnxruntime"}, ("onnxruntime", "cpu")),
        ({"device": "auto", "runtime": "openvino"}, ("openvino", "cpu")),
        ({"device": "auto", "runtime": "eager"}, ("eager", "auto")),
    ],
)
def test_auto_is_what_computes_on_the_device(monkeypatch, asked, taken):
    pytest.importorskip("onnxruntime", reason="the extra 'live' is not installed")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    setting = LatencySetting(**asked).here()
    assert (setting.runtime, setting.device) == taken
    with pytest.raises(ValueError, match="no CUDA provider: install onnxruntime-gpu, or choose the runtime graph"):
        LatencySetting(runtime="onnxruntime", device="cuda").here()


@pytest.mark.parametrize(
    ("runtime", "precision", "reason"),
    [
        ("eager", "int8", "eager is not timed in int8; take onnxruntime or openvino"),
        ("onnxruntime", "bfloat16", "onnxruntime is timed in float32, float16, int8 only"),
    ],
)
def test_a_precision_that_a_runtime_lacks_is_refused(tiny_skeleton, runtime, precision, reason):
    setting = LatencySetting(runtime=runtime, precision=precision, seconds=0)
    with pytest.raises(ValueError, match=reason):
        measure_latency([0], skeleton=tiny_skeleton, setting=setting)


@pytest.mark.parametrize(
    ("runtime", "precision"), [("onnxruntime", "float32"), ("graph", "float32"), ("eager", "auto")]
)
def test_the_published_protocol_is_in_no_other_way(runtime, precision):
    with pytest.raises(
        ValueError, match="published protocol is of PyTorch: choose runtime eager and precision float32"
    ):
        LatencySetting(runtime=runtime, precision=precision, protocol="published")


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_a_provider_that_does_not_start_is_no_timing_of_the_cpu(tiny_skeleton, monkeypatch):
    """As where onnxruntime-gpu lies without the libraries that it needs."""
    import onnxruntime

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    with pytest.raises(ValueError, match=r"cannot compute on cuda:1: CUDAExecutionProvider does not start; do its"):
        make_runner(0, tiny_skeleton, LatencySetting(runtime="onnxruntime"), torch.device("cuda:1"))


def test_each_device_has_streams_of_its_own(monkeypatch):
    """torch's own for captures stays with the first device, and on another one captures nothing."""
    from contextlib import contextmanager

    from eomoo.live.devices import side_stream

    used = []

    @contextmanager
    def graph(captured, *, stream):
        used.append(stream)
        yield

    monkeypatch.setattr(torch.cuda, "Stream", lambda device: [str(device)])
    monkeypatch.setattr(torch.cuda, "CUDAGraph", object)
    monkeypatch.setattr(torch.cuda, "graph", graph)
    monkeypatch.setattr(runners._CudaRunner, "times", lambda self, n: None)
    side_stream.cache_clear()
    for name in ("cuda:0", "cuda:1", "cuda:1"):
        eager = runners._CudaRunner(torch.nn.Flatten(), np.zeros((1, 2, 4, 4)), torch.device("cpu"), None)
        eager.device = torch.device(name)
        runners._GraphRunner(eager)
    assert used == [["cuda:0"], ["cuda:1"], ["cuda:1"]]
    assert used[1] is used[2]
    assert side_stream(torch.device("cuda:1"), "another") is not used[1]
    side_stream.cache_clear()


def test_cuda_events_surround_each_repetition_with_one_wait_at_the_end(tiny_skeleton, monkeypatch):
    """The runner of a CUDA device, on a machine without one: its events are recorded instead."""
    from eomoo.live.runners import _CudaRunner

    log = []

    class Event:
        def __init__(self, enable_timing):
            assert enable_timing

        def record(self):
            self.at = len(log)
            log.append("event")

        def elapsed_time(self, end):
            assert "wait" in log
            return float(end.at - self.at)

    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: log.append("wait"))
    network = torch.nn.Flatten()
    network.register_forward_hook(lambda *_: log.append("network"))
    runner = _CudaRunner(network, np.zeros((1, 2, 4, 4)), torch.device("cpu"), None)
    assert runner.times(3).tolist() == [2.0, 2.0, 2.0]
    assert log == ["event", "network", "event"] * 3 + ["wait"]


def test_a_device_that_is_not_there_is_named(monkeypatch):
    with pytest.raises(ValueError, match="no device 'cuda': torch sees 0 CUDA devices"):
        measure_latency([0], setting=LatencySetting(device="cuda"))
    with pytest.raises(ValueError, match="no device 'cuda:1'"):
        resolve_device("cuda:1")
    # One of several processes, of which there are more than devices.
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(ValueError, match="no device 'cuda:2': torch sees 2 CUDA devices"):
        resolve_device("cuda")
    monkeypatch.undo()
    with pytest.raises(ValueError, match="a CUDA graph needs a CUDA device; this one is cpu"):
        measure_latency([0], setting=LatencySetting(runtime="graph"))
    with pytest.raises(ValueError, match="no device 'gpu'; known are auto, cpu"):
        resolve_device("gpu")
    assert resolve_device("auto").type == "cpu"


def test_of_devices_that_tell_their_memory_free_and_all_of_it_are_known(monkeypatch):
    monkeypatch.setattr("torch.cuda.mem_get_info", lambda device: {"cuda:1": (3, 8)}[str(device)])
    asked = [free_memory(module.torch.device(name)) for name in ("cuda:1", "cpu")]
    assert asked == [(3, 8), None]


def test_precisions_of_a_cpu():
    cpu = torch.device("cpu")
    assert resolve_precision("float32", cpu) is None
    assert resolve_precision("bfloat16", cpu) is torch.bfloat16
    assert resolve_precision("auto", cpu) in (None, torch.bfloat16)
    with pytest.raises(ValueError, match="no mixed precision float16"):
        resolve_precision("float16", cpu)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 0}, "batch_size must be a whole number from 1 to 1,000,000; got 0"),
        ({"repetitions": 10**26}, "repetitions must be a whole number from 1 to 1,000,000; got 1000"),
        ({"runtime": "tensorrt"}, "runtime must be one of auto, eager, graph, onnxruntime, openvino; got 'tensorrt'"),
        ({"protocol": "mine"}, "protocol must be one of eomoo, published"),
        ({"seconds": -1}, "seconds must be a finite number from 0"),
    ],
)
def test_impossible_settings_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        LatencySetting(**changes)


def test_energy_of_a_cpu_is_followed_over_the_counters_end(tmp_path):
    zone = tmp_path / "intel-rapl:0"
    zone.mkdir()
    assert energy_counter(torch.device("cpu"), rapl=tmp_path) is None
    (zone / "max_energy_range_uj").write_text("1000000\n")
    (zone / "energy_uj").write_text("900000\n")
    counter = energy_counter(torch.device("cpu"), rapl=tmp_path)
    first = counter()
    (zone / "energy_uj").write_text("100000\n")
    assert counter() - first == pytest.approx(0.2)
    (zone / "energy_uj").write_text("50000\n")
    assert counter() - first == pytest.approx(1.15)


class Powered:
    """A network that takes 2 ms and 0.3 J, on a device whose counter is renewed every 90 ms, or never."""

    beside, spent = None, 0.0

    def times(self, repetitions):
        Powered.spent += 2.0 * repetitions
        return np.full(repetitions, 2.0)

    @classmethod
    def joules(cls):
        return 0.15 * 90 * (cls.spent // 90)


def test_energy_is_of_a_forward_pass_however_seldom_the_counter_is_renewed(tiny_skeleton, monkeypatch):
    monkeypatch.setattr(module, "make_runner", lambda *_, **__: Powered())
    fails = itertools.chain([5.0, 6.0, 6.0], itertools.repeat(math.nan))
    cases = (
        (Powered.joules, pytest.approx(0.3, rel=0.02)), (lambda: 5.0, None), (lambda: next(fails), None),
    )  # fmt: skip
    for counter, energy in cases:
        monkeypatch.setattr(module, "energy_counter", lambda device, counter=counter: counter)
        (result,) = measure_latency([0], skeleton=tiny_skeleton, setting=LatencySetting(seconds=0))
        assert result.energy == energy


def test_what_is_told_of_a_networks_times_by_hand(monkeypatch):
    """Two threads that compute all the time take twice the wall time; the machine is half as fast in the last round."""
    clock, script = {"wall": 0.0, "cpu": 0.0}, {"mine": iter([4.0, 6.0, 10.0]), "reference": iter([2.0, 2.0, 4.0])}
    monkeypatch.setattr(rounds.time, "perf_counter", lambda: clock["wall"])
    monkeypatch.setattr(rounds.time, "process_time", lambda: clock["cpu"])

    class Scripted:
        def __init__(self, name):
            self.name = name

        def times(self, repetitions):
            clock["wall"], clock["cpu"] = clock["wall"] + 1.0, clock["cpu"] + 2.0
            return next(script[self.name]) * np.linspace(0.99, 1.01, 11)

    how = {"rounds": 3, "threads": 2, "repetitions": 1, "seconds": 0.0, "warmup": 1}
    monkeypatch.setattr(Turns, "_warm_up", lambda *_: 1)
    turns = Turns([Scripted("mine"), Scripted("reference")], how, rng=np.random.default_rng(0))
    for _ in range(3):
        turns.turn([0])
    told = turns.told(0)
    assert told["wall_by_cpu"] == 1.0
    # 2, 3 and 2.5 in the rounds; by the medians over all of them it would be 3.
    assert told["relative"] == 2.5
    times = np.outer([4.0, 6.0, 10.0], np.linspace(0.99, 1.01, 11))
    quantiles = {"lower": 0.25, "median": 0.5, "upper": 0.75, "p90": 0.9}
    assert {name: told[name] for name in quantiles} == {name: np.quantile(times, q) for name, q in quantiles.items()}
    assert (told["mean"], told["std"], told["count"]) == (pytest.approx(times.mean()), pytest.approx(times.std()), 33)
