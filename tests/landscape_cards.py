"""Cards on tables of made-up values, for small landscapes."""

import hashlib

import numpy as np

import eomoo


def write_card(folder, cells, columns):
    """A card on a table of cells; each column is minimised."""
    space = eomoo.load_space()
    lines = ["hash," + ",".join(columns)]
    for k, text in enumerate(space.hash(cells)):
        lines.append(",".join([text, *(repr(float(values[k])) for values in columns.values())]))
    (folder / "values.csv").write_text("\n".join(lines) + "\n")
    card = ['title = "All cells of at most 5 vertices"', "", "[backend.table]", 'file = "values.csv"']
    for name in columns:
        card += ["", "[[objectives]]", f'name = "{name}"', 'unit = ""', 'direction = "min"', 'source = "table"']
    path = folder / "small.toml"
    path.write_text("\n".join(card) + "\n")
    return path


def values_of(space, cells):
    """Two conflicting objectives with ties, and parameters."""
    noise = [int(hashlib.md5(b"%d" % c).hexdigest()[:6], 16) / 16**6 for c in cells.tolist()]
    ops = (space.padded_ops(cells) == 0).sum(axis=1)
    error = np.round(16.0 - ops - 0.4 * space.n_edges[cells] + np.array(noise), 1)
    params = space.params(cells).astype(float)
    return {"error": error, "latency": np.round(np.log(params) + 0.2 * ops, 2), "params": params}
