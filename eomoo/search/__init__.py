"""The pymoo side: the problem, operators on cells, Pareto Local Search."""
