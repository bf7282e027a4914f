"""Functions on processes: they know no problem and no network."""
