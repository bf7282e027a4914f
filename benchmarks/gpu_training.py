"""Sections of ``gpu.py``: networks trained."""

import os
import time
from dataclasses import replace

import torch
from gpu_bench import CELL, Bench

from eomoo.images import ImageData, ImageSet, labels_of
from eomoo.live import build_network, evaluate, get_recipe, load_state, train
from eomoo.space import Skeleton, load_space


def numerics(bench: Bench) -> None:
    """Whether CPU and device say the same, and what layout and precision change."""
    size = bench.skeleton.image_size
    x = torch.randn(8 if bench.dry else 64, 10, size, size, generator=torch.Generator().manual_seed(0))
    network = build_network(CELL, bench.skeleton, seed=0).eval()
    with torch.inference_mode():
        expected = network(x)
        scale = float(expected.abs().max())

        def differs(y: torch.Tensor) -> float:
            return float((y.float().cpu() - expected).abs().max()) / scale

        network, x = network.to(bench.device), x.to(bench.device)
        bench.want("device_by_cpu", plain := differs(network(x)), "at most 0.01 of the largest logit", plain <= 1e-2)
        if bench.cuda:
            before = torch.backends.cudnn.allow_tf32
            torch.backends.cudnn.allow_tf32 = False
            exact = differs(network(x))
            torch.backends.cudnn.allow_tf32 = before
            bench.want("without_tf32", exact, "at most 1e-4", exact <= 1e-4)
        last = network.to(memory_format=torch.channels_last)
        y = x.contiguous(memory_format=torch.channels_last)
        bench.note(channels_last=differs(last(y)))
        with torch.autocast(bench.device.type, torch.bfloat16):
            half = last(y)
        same = float((half.argmax(1).cpu() == expected.argmax(1)).float().mean())
        bench.note(bfloat16=differs(half), bfloat16_same_class=same)


def training(bench: Bench) -> None:
    """Whether trainings end, learn, and repeat, by precision."""
    epochs = 1 if bench.dry else 8
    weights = {}
    precisions = ["float32", "float32 again", "bfloat16"] + ["float16"] * bench.cuda
    for name in precisions:
        if bench.cuda:
            torch.cuda.reset_peak_memory_stats(bench.device)
        recipe = get_recipe("nasbench", batch_size=bench.batch // 2, precision=name.split()[0], augment=True)
        result = train(
            CELL, bench.images, skeleton=bench.small, recipe=recipe, epochs=epochs, device=str(bench.device),
            folder=bench.work / f"training {name}",
        )  # fmt: skip
        if not result.done:
            raise RuntimeError(f"{name}: {result.status}: {result.reason}")
        figures = {"micro": round(result.val.micro, 3), "seconds": round(result.seconds, 2)}
        if bench.cuda:
            figures["peak_MB"] = torch.cuda.max_memory_allocated(bench.device) // 2**20
            figures["kept_MB"] = torch.cuda.memory_allocated(bench.device) // 2**20
        better = result.val.micro > 2 * result.val.majority
        bench.want(name.replace(" ", "_"), figures, "twice the largest class", better)
        weights[name] = load_state(result.weights)["model"]
    bench.note(same_weights_again=_same(weights["float32"], weights["float32 again"]))
    _captured(bench)


def _captured(bench: Bench) -> None:
    """Whether captured steps do what steps one by one do, bit for bit where the device can repeat itself at all."""
    space, before = load_space(), torch.backends.cudnn.deterministic
    # Gradients of max-pooling are added up in any order.
    cell = next(k for k in range(CELL, len(space)) if 2 not in space.cell(k).op_codes)
    # The last batch of an epoch is shorter.
    recipe = get_recipe("nasbench", batch_size=bench.batch // 2 - 1, augment=True, class_weights="balanced")
    torch.backends.cudnn.deterministic = True
    try:
        weights = []
        for execution in ("eager", "eager", "graph") if bench.cuda else ("auto",) * 3:
            result = train(
                cell, bench.images, skeleton=bench.small, recipe=replace(recipe, execution=execution), epochs=2,
                device=str(bench.device), folder=bench.work / f"captured {len(weights)} {execution}",
            )  # fmt: skip
            weights.append(load_state(result.weights)["model"])
            weights[-1]["loss"] = torch.tensor([result.curve[-1].train_loss, result.val.loss])
    finally:
        torch.backends.cudnn.deterministic = before
    again, graph = _same(weights[0], weights[1]), _same(weights[0], weights[2])
    bench.note(eager_steps_repeat=again)
    bench.want("captured_steps_are_the_same", graph, "true where eager ones repeat", graph or not again)


def _same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(value, second[name]) for name, value in first.items())


def throughput(bench: Bench) -> None:
    """Images a second: eomoo's loop beside a plain one with the images on the device, the same network."""
    large, small = bench.skeleton, bench.small
    cases = {
        "plain": lambda: plain(bench, large),
        "eomoo": lambda: eomoo(bench, large),
        "eomoo_eager": lambda: eomoo(bench, large, execution="eager" if bench.cuda else "auto"),
        "eomoo_augmented": lambda: eomoo(bench, large, augment=True, class_weights="balanced"),
        "eomoo_float32": lambda: eomoo(bench, large, precision="float32"),
        "eomoo_float16": lambda: eomoo(bench, large, precision="float16" if bench.cuda else "float32"),
        "eomoo_files": lambda: eomoo(bench, large, data=bench.files),
        "eomoo_streamed": lambda: eomoo(bench, large, data=_others(bench.many)),
        "eomoo_streamed_by_readers": lambda: eomoo(
            bench, large, data=_others(bench.many), readers=1 if bench.dry else 4
        ),
        "plain_small": lambda: plain(bench, small),
        "eomoo_small": lambda: eomoo(bench, small),
    }
    rates = {}
    for name, case in cases.items():
        rates[name] = case()
        bench.note(**{name: round(rates[name])})
    for size in ("", "_small"):
        ratio = rates["eomoo" + size] / rates["plain" + size]
        bench.want(f"eomoo{size}_by_plain", round(ratio, 3), "at least 0.95", ratio >= 0.95)
    started = time.perf_counter()
    network = build_network(CELL, large, seed=0, device=bench.device).to(memory_format=torch.channels_last)
    evaluate(network, bench.many.train, bench.many, device=bench.device)
    bench.note(evaluation=round(len(bench.many.train) / (time.perf_counter() - started)))


def compiled(bench: Bench) -> None:
    """Images a second of what torch.compile makes of the network, what it costs, and whether that learns."""
    if not bench.cuda:
        bench.note(skipped="needs a CUDA device")
        return
    started = time.perf_counter()
    rate = eomoo(bench, bench.skeleton, execution="compiled")
    seconds = time.perf_counter() - started - 3 * len(bench.many.train) / rate
    bench.note(eomoo=round(rate), seconds_before=round(seconds))
    recipe = get_recipe("nasbench", batch_size=bench.batch // 2, precision="bfloat16", execution="compiled")
    result = train(CELL, bench.images, skeleton=bench.small, recipe=recipe, epochs=8, device=str(bench.device))
    better = result.done and result.val.micro > 2 * result.val.majority
    bench.want("learns", result.val.micro if result.done else result.reason, "twice the largest class", better)


class _Others:
    """A split that is not one of eomoo's, so that it is read again in each epoch."""

    def __init__(self, images: ImageSet) -> None:
        self.images, self.labels = images, labels_of(images)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[object, int]:
        return self.images[index]

    def batch(self, indices: object) -> object:
        return self.images.batch(indices)


def _others(data: ImageData) -> ImageData:
    return replace(data, train=_Others(data.train))


def eomoo(
    bench: Bench, skeleton: Skeleton, *, data: ImageData | None = None, readers: int = 0, **changes: object
) -> float:
    """Images a second in the last of three epochs of eomoo's training, measurements left out."""
    data = data or bench.many
    recipe = get_recipe("nasbench", batch_size=bench.batch, measure_every=1, **{"precision": "bfloat16", **changes})
    result = train(
        CELL, data, skeleton=skeleton, recipe=recipe, epochs=3, device=str(bench.device), workers=readers
    )  # fmt: skip
    if not result.done:
        raise RuntimeError(f"{result.status}: {result.reason}")
    return len(data.train) / (result.curve[2].seconds - result.curve[1].seconds)


def plain(bench: Bench, skeleton: Skeleton) -> float:
    """Images a second of a plain loop of the same steps, tuned: everything on the device, nothing measured."""
    data, recipe, device = bench.many, get_recipe("nasbench"), bench.device
    images = torch.from_numpy(data.train.images).to(device).permute(0, 2, 3, 1).contiguous()
    labels = torch.from_numpy(data.train.labels).to(device)
    mean, std = (torch.tensor(v, device=device) for v in (data.mean, data.std))
    network = build_network(CELL, skeleton, seed=0, device=device).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(
        network.parameters(), lr=0.02, momentum=recipe.momentum, nesterov=True, weight_decay=recipe.weight_decay,
        fused=bench.cuda,
    )  # fmt: skip

    def epoch() -> int:
        parts = torch.randperm(len(labels), device=device).split(bench.batch)
        for part in parts:
            x = ((images[part] - mean) / std).permute(0, 3, 1, 2)
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast(device.type, torch.bfloat16):
                logits = network(x)
            torch.nn.functional.cross_entropy(logits.float(), labels[part]).backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), recipe.clip_norm)
            optimizer.step()
        bench.wait()
        return len(labels)

    for _ in range(2):
        epoch()
    started = time.perf_counter()
    return epoch() / (time.perf_counter() - started)


def memory(bench: Bench) -> None:
    """Whether a lack of memory is an incident, not the cell's, and passes when the memory is free again."""
    if not bench.cuda:
        bench.note(skipped="needs a CUDA device")
        return

    def attempt() -> str:
        recipe = get_recipe("nasbench", batch_size=1024)
        return train(
            CELL, bench.images, skeleton=bench.skeleton, recipe=recipe, epochs=1, device=str(bench.device),
            folder=bench.work / "memory",
        ).status  # fmt: skip

    torch.cuda.empty_cache()
    # 600 MB are left: enough for the network, too few for a step.
    taken = torch.empty(torch.cuda.mem_get_info(bench.device)[0] - 600 * 2**20, dtype=torch.uint8, device=bench.device)
    short = attempt()
    bench.want("while_memory_is_short", short, "incident", short == "incident")
    del taken
    torch.cuda.empty_cache()
    again = attempt()
    bench.want("afterwards", again, "done", again == "done")


def processes(bench: Bench) -> None:
    """Whether the way of several processes (DistributedDataParallel, shared batch norms) works, with one."""
    import torch.distributed as distributed

    from eomoo.live.modules import share_batch_norms

    where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29541", "RANK": "0"}
    before = {name: os.environ.get(name) for name in where}
    os.environ.update(where)
    distributed.init_process_group("nccl" if bench.cuda else "gloo", world_size=1, rank=0)
    try:
        network = build_network(CELL, bench.small, seed=0, device=bench.device)
        shared = share_batch_norms(network.to(memory_format=torch.channels_last), bench.device)
        model = torch.nn.parallel.DistributedDataParallel(shared, device_ids=[bench.device] if bench.cuda else None)
        size = bench.small.image_size
        x = torch.randn(16, 10, size, size, device=bench.device).contiguous(memory_format=torch.channels_last)
        model(x).sum().backward()
        gradients = [p.grad is not None and bool(p.grad.isfinite().all()) for p in model.parameters()]
    finally:
        distributed.destroy_process_group()
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
    bench.want("finite_gradients", f"{sum(gradients)} of {len(gradients)}", "all", all(gradients))
