"""Objectives: cell indices (n,) -> raw values (n, m), from named backends.

- :class:`~eomoo.objectives.base.Backend`: what every backend offers.
- :mod:`~eomoo.objectives.card`: problem cards, the TOML files that name a problem.
- :mod:`~eomoo.objectives.analytic`: exact parameters and MACs.
- :mod:`~eomoo.objectives.surrogate`: XGBoost models of the EO HW-NAS table.
- :mod:`~eomoo.objectives.table`: measured values, the EO table's or those of any file.
- :mod:`~eomoo.objectives.nasbench101`: the CIFAR-10 results of every cell, with the noise of their runs.
- :mod:`~eomoo.objectives.live`: training and timing on this device.
"""
