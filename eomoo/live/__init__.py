"""Cell -> network -> trained, timed, exported; nothing here imports torch before it is used.

- :mod:`~eomoo.live.network`: ``build_network(cell, skeleton)``; :mod:`~eomoo.live.modules` holds its torch
  classes and is the one module that imports torch at its top.
- :mod:`~eomoo.live.profile`: parameters, MACs and memory counted on the network.
- :mod:`eomoo.images`: ``open_data("landsat-nc")``, So2Sat, scenes and folders as ``ImageData``.
- :mod:`~eomoo.live.training`: ``train``, ``evaluate``, ``load_trained``; recipes in
  :mod:`~eomoo.live.recipes`, a training's files in :mod:`~eomoo.live.runs`.
- :mod:`~eomoo.live.latency`: ``measure_latency``; :mod:`~eomoo.live.energy`.
- :mod:`~eomoo.live.export`: ``export_onnx``; :mod:`~eomoo.live.mapping`: ``predict_scene``.
- :mod:`~eomoo.live.tasks`, :mod:`~eomoo.live.store`,
  :mod:`~eomoo.live.screening`: what the live backend runs on.
"""
