"""Slow, obvious versions of what eomoo.space computes, written from the published descriptions."""

import hashlib
from itertools import permutations, product

OPS = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")
PAIRS = [(x, y) for x in range(7) for y in range(x + 1, 7)]


def unpack(genotype):
    """Matrix and operation codes of 26 genes."""
    matrix = [[0] * 7 for _ in range(7)]
    for (x, y), bit in zip(PAIRS, genotype[:21], strict=True):
        matrix[x][y] = int(bit)
    return matrix, [int(code) for code in genotype[21:]]


def prune(matrix, codes):
    """Without the vertices that are on no path from input to output; None where none leads there."""
    n = len(matrix)

    def reachable(start, edge):
        found, todo = {start}, [start]
        while todo:
            v = todo.pop()
            for w in range(n):
                if edge(v, w) and w not in found:
                    found.add(w)
                    todo.append(w)
        return found

    ahead = reachable(0, lambda v, w: matrix[v][w])
    behind = reachable(n - 1, lambda v, w: matrix[w][v])
    if n - 1 not in ahead:
        return None
    kept = sorted(ahead & behind)
    return [[matrix[x][y] for y in kept] for x in kept], [codes[v - 1] for v in kept[1:-1]]


def n_edges(matrix):
    return sum(map(sum, matrix))


def official_hash(matrix, codes):
    """NAS-Bench-101's ``hash_module``."""

    def md5(text):
        return hashlib.md5(text.encode("utf-8")).hexdigest()

    n = len(matrix)
    labels = [-1, *codes, -2]
    out_degree = [sum(matrix[v]) for v in range(n)]
    in_degree = [sum(matrix[w][v] for w in range(n)) for v in range(n)]
    hashes = [md5(str(t)) for t in zip(out_degree, in_degree, labels, strict=True)]
    for _ in range(n):
        new = []
        for v in range(n):
            inward = sorted(hashes[w] for w in range(n) if matrix[w][v])
            outward = sorted(hashes[w] for w in range(n) if matrix[v][w])
            new.append(md5("".join(inward) + "|" + "".join(outward) + "|" + hashes[v]))
        hashes = new
    return md5(str(sorted(hashes)))


def hash_of_genotype(genotype):
    """Hash of the cell of a genotype, None where it is invalid."""
    pruned = prune(*unpack(genotype))
    if pruned is None or n_edges(pruned[0]) > 9:
        return None
    return official_hash(*pruned)


def enumerate_cells(n):
    """NAS-Bench-101's own enumeration of the cells of n vertices: hash -> first (matrix, codes)."""
    found = {}
    bits = [(x, y) for y in range(1, n) for x in range(y)]
    for mask in range(1 << len(bits)):
        matrix = [[0] * n for _ in range(n)]
        for k, (x, y) in enumerate(bits):
            matrix[x][y] = mask >> k & 1
        pruned = prune(matrix, [0] * (n - 2))
        if pruned is None or len(pruned[0]) < n or n_edges(matrix) > 9:
            continue
        for codes in product(range(3), repeat=n - 2):
            found.setdefault(official_hash(matrix, codes), (matrix, codes))
    return found


def pack(matrix, codes):
    """Genotype of a pruned cell, padded in front of the output."""
    n = len(matrix)
    at = [*range(n - 1), 6]
    edges = {(at[x], at[y]) for x in range(n) for y in range(n) if matrix[x][y]}
    return [int(pair in edges) for pair in PAIRS] + [*codes, *[0] * (7 - n)]


def steps(genotype):
    """The 31 genotypes that differ in one gene."""
    near = []
    for k, gene in enumerate(genotype):
        for value in range(2 if k < 21 else 3):
            if value != gene:
                near.append([*genotype[:k], value, *genotype[k + 1 :]])
    return near


def members(matrix, codes):
    """Genotypes of all members of a cell's class: the orders of its vertices that edges allow."""
    n = len(matrix)
    found = []
    for order in permutations(range(1, n - 1)):
        at = [0, *order, n - 1]
        moved = [[matrix[at[x]][at[y]] for y in range(n)] for x in range(n)]
        if all(moved[x][y] == 0 for x in range(n) for y in range(x + 1)):
            found.append(pack(moved, [codes[v - 1] for v in order]))
    return found


def vertex_channels(matrix, width):
    """Channels of the vertices of a cell with ``width`` channels at its output."""
    n = len(matrix)
    channels = [0] * n
    channels[-1] = width
    joined = [v for v in range(1, n - 1) if matrix[v][n - 1]]
    for k, v in enumerate(joined):
        channels[v] = width // len(joined) + (1 if k < width % len(joined) else 0)
    for v in range(n - 2, 0, -1):
        if v not in joined:
            channels[v] = max(channels[w] for w in range(v + 1, n - 1) if matrix[v][w])
    return channels


def network(matrix, codes, skeleton):
    """The convolutions of a cell's network, (kernel, in, out, pixels), and the classifier's inputs."""
    n, size = len(matrix), skeleton.image_size
    layers = [(3, skeleton.in_channels, skeleton.stem_channels, size**2)]
    here = width = skeleton.stem_channels
    for stack in range(skeleton.n_stacks):
        if stack > 0:
            size, width = size // 2, 2 * width
        for _ in range(skeleton.cells_per_stack):
            channels = vertex_channels(matrix, width)
            for v in range(1, n - 1):
                if matrix[0][v]:
                    layers.append((1, here, channels[v], size**2))
                if codes[v - 1] < 2:
                    layers.append((3 - 2 * codes[v - 1], channels[v], channels[v], size**2))
            if matrix[0][n - 1]:
                layers.append((1, here, width, size**2))
            here = width
    return layers, here


def params(matrix, codes, skeleton):
    """Weights, batch norms' scales and shifts, classifier."""
    layers, features = network(matrix, codes, skeleton)
    convolutions = sum(k * k * a * b + 2 * b for k, a, b, _ in layers)
    return convolutions + (features + 1) * skeleton.n_classes


def macs(matrix, codes, skeleton):
    """Multiply-accumulates of the convolutions and the classifier."""
    layers, features = network(matrix, codes, skeleton)
    return sum(k * k * a * b * p for k, a, b, p in layers) + features * skeleton.n_classes
