"""Studies: problems x algorithms x seeds, run in parallel, kept in a store."""
