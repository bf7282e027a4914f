"""Train a step of a network of every structure: python benchmarks/network_gradients.py

One cell of each graph that cells are stored with (2,494; the rest of the 6,472 enumerated ones are isomorphic
to them), on a small skeleton: the output has its shape, and every parameter gets a finite gradient.
"""

import time

import numpy as np
import torch

import eomoo

SKELETON = eomoo.Skeleton(in_channels=3, n_classes=4, stem_channels=8, n_stacks=2, cells_per_stack=1, image_size=8)


def main() -> None:
    torch.set_num_threads(1)
    space = eomoo.load_space()
    cells = np.unique(space.structure, return_index=True)[1].tolist()
    images = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    start = time.perf_counter()
    for cell in cells:
        network = eomoo.build_network(cell, SKELETON, seed=0)
        scores = network(images)
        scores.square().sum().backward()
        assert scores.shape == (2, 4), cell
        gradients = [parameter.grad for parameter in network.parameters()]
        assert all(g is not None and bool(g.isfinite().all()) for g in gradients), cell
    print(f"{len(cells):,} graphs: all gradients there and finite; {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
