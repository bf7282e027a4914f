"""Graphs of cells in compressed rows: parts of them, reductions over rows, distances, components."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, dijkstra, minimum_spanning_tree

from eomoo.arrays import Bools, Ints
from eomoo.space import Neighborhood


def subgraph(graph: Neighborhood, cells: Ints) -> Neighborhood:
    """The graph among some of its cells (n,), sorted; they are numbered 0 to n - 1 in the result."""
    if len(cells) == len(graph):
        return graph
    part = sparse(graph)[cells][:, cells]
    part.sort_indices()
    return Neighborhood(indptr=part.indptr.astype(np.int64), indices=part.indices.astype(np.int32))


def degrees(graph: Neighborhood) -> Ints:
    """(n,) number of neighbours of each cell."""
    return np.diff(graph.indptr)


def row_counts(graph: Neighborhood, flags: Bools) -> Ints:
    """(n,) how many of the flags (n_edges,) are set in each row."""
    total = np.concatenate(([0], np.cumsum(flags, dtype=np.int32)))
    return np.diff(total[graph.indptr]).astype(np.int64)


def row_min(graph: Neighborhood, keys: Ints, *, empty: int) -> Ints:
    """(n,) the least of the keys (n_edges,) in each row; ``empty`` where a row has none."""
    least = np.full(len(graph), empty, dtype=np.int64)
    some = degrees(graph) > 0
    if some.any():
        # An empty row takes no entries, so the starts of the others delimit all segments.
        least[some] = np.minimum.reduceat(keys, graph.indptr[:-1][some])
    return least


def sparse(graph: Neighborhood, flags: Bools | None = None) -> csr_array:
    """The adjacency matrix (n, n), 1.0 for each edge, or for those that are flagged (n_edges,)."""
    n = len(graph)
    indptr, indices = graph.indptr, graph.indices
    if flags is not None:
        indptr = np.concatenate(([0], np.cumsum(row_counts(graph, flags))))
        indices = indices[flags]
    return csr_array((np.ones(len(indices)), indices, indptr.astype(np.int32)), shape=(n, n))


def nearest_target(
    graph: Neighborhood, targets: Ints, *, undirected: bool
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """For each cell: fewest steps (n,) to a target, and the number of a nearest target (n,).

    Both are -1 where no target can be reached. Of several nearest targets, any counts.
    """
    back = sparse(graph) if undirected else sparse(graph).T.tocsr()
    found, _, source = dijkstra(back, indices=targets, unweighted=True, min_only=True, return_predecessors=True)
    reached = np.isfinite(found)
    number = np.empty(len(graph), dtype=np.int32)
    number[targets] = np.arange(len(targets))
    distance = np.where(reached, found, -1).astype(np.int32)
    return distance, np.where(reached, number[np.maximum(source, 0)], -1).astype(np.int32)


def components_among(graph: Neighborhood, cells: Ints) -> NDArray[np.int32]:
    """(k,) number of the component of each of the cells (k,), joined by edges among them.

    Directions of edges are ignored. Components are numbered by size, 0 is the largest.
    """
    order = np.argsort(cells, kind="stable")
    among = subgraph(graph, cells[order])
    label = np.empty(len(cells), dtype=np.int32)
    label[order] = connected_components(sparse(among), directed=False)[1]
    by_size = np.argsort(-np.bincount(label), kind="stable")
    return np.argsort(by_size).astype(np.int32)[label]


def joining_steps(graph: Neighborhood, cells: Ints) -> int | None:
    """The least k such that the cells are connected when those at most k steps apart are joined.

    1 means that they are connected in the graph itself; None that no k joins them. The graph must be
    undirected ("symmetric").

    This is the longest edge of a minimum spanning tree of the cells' distances, found from the cells
    nearest to each (Mehlhorn, Information Processing Letters 27, 1988). Clusters of solutions at most k
    steps apart: Paquete and Stützle, European Journal of Operational Research 169, 2006.
    """
    if len(cells) < 2:
        return 1
    distance, nearest = nearest_target(graph, cells, undirected=True)
    counts, k = degrees(graph), len(cells)
    a, b = np.repeat(nearest, counts), nearest[graph.indices]
    border = (a >= 0) & (a < b)
    length = np.repeat(distance, counts)[border] + 1 + distance[graph.indices[border]]
    # One number for pair and length: sorted, the shortest of parallel edges comes first in its pair.
    longest = int(length.max(initial=0)) + 1
    pair = a[border].astype(np.int64) * k + b[border]
    pair, length = np.divmod(np.unique(pair * longest + length), longest)
    first = np.concatenate(([True], pair[1:] != pair[:-1]))[: len(pair)]
    ends = tuple(end.astype(np.int32) for end in np.divmod(pair[first], k))
    # 32 bits: SciPy before 1.17.1 takes no wider indices.
    links = csr_array((length[first].astype(float), ends), shape=(k, k))
    tree = minimum_spanning_tree(links)
    return int(tree.data.max()) if tree.nnz == k - 1 else None
