"""The shape of a problem: all its cells, their neighbours, optima, ruggedness."""
