"""Minimised objective vectors: dominance, indicators, the knee, directions."""
