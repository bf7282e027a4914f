"""Models of a cell's values: features in, mean and deviation out; how they are fitted, kept and judged."""
