"""Slow and obvious twins of the landscape's measures, in plain Python."""

from collections import deque

import numpy as np


def neighbor_sets(space, cells, kind):
    """Neighbours of each cell within the cells, by number."""
    number = {int(cell): k for k, cell in enumerate(cells)}
    return [[number[int(b)] for b in space.neighbors(int(a), kind) if int(b) in number] for a in cells]


def dominates(a, b):
    return all(x <= y for x, y in zip(a, b, strict=True)) and any(x < y for x, y in zip(a, b, strict=True))


def ranks_by_peeling(F):
    left, ranks, rank = set(range(len(F))), [0] * len(F), 0
    while left:
        front = [i for i in left if not any(dominates(F[j], F[i]) for j in left)]
        for i in front:
            ranks[i] = rank
        left -= set(front)
        rank += 1
    return ranks


def steepest_descent(f, near, start):
    """Where the descent ends and its length."""
    here, steps = start, 0
    while near[here]:
        best = min(near[here], key=lambda b: (f[b], b))
        if f[best] >= f[here]:
            break
        here, steps = best, steps + 1
    return here, steps


def descent_probabilities(F, near):
    """Matrix (n, n): probability that dominance descent from a row ends in a column; expected lengths."""
    n = len(F)
    end, length = np.zeros((n, n)), np.zeros(n)
    for i in sorted(range(n), key=lambda i: tuple(F[i])):
        better = [j for j in near[i] if dominates(F[j], F[i])]
        if not better:
            end[i, i] = 1.0
        for j in better:
            end[i] += end[j] / len(better)
            length[i] += (1.0 + length[j]) / len(better)
    return end, length


def steps_to(near, targets):
    """Fewest steps from each cell to a target, by a search from every cell."""
    goal = set(targets)
    found = []
    for start in range(len(near)):
        queue, seen, steps = deque([(start, 0)]), {start}, -1
        while queue:
            here, d = queue.popleft()
            if here in goal:
                steps = d
                break
            for b in near[here]:
                if b not in seen:
                    seen.add(b)
                    queue.append((b, d + 1))
        found.append(steps)
    return found


def components(near, members):
    """Sets of members that steps among them join, ignoring directions."""
    inside, left, found = set(members), set(members), []
    while left:
        part, grown = set(), {left.pop()}
        while grown:
            here = grown.pop()
            part.add(here)
            joined = {b for b in inside if b in near[here] or here in near[b]}
            grown |= joined - part
        left -= part
        found.append(part)
    return found


def connected_within(near, members, k):
    """Whether members at most k steps apart, joined, are all connected."""
    far = {a: distances_from(near, a) for a in members}
    todo, part = [members[0]], set()
    while todo:
        here = todo.pop()
        part.add(here)
        todo += [b for b in members if b not in part and far[here].get(b, 10**9) <= k]
    return len(part) == len(members)


def distances_from(near, start):
    queue, seen = deque([start]), {start: 0}
    while queue:
        here = queue.popleft()
        for b in near[here]:
            if b not in seen:
                seen[b] = seen[here] + 1
                queue.append(b)
    return seen
