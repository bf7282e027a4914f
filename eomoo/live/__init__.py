"""Cell -> network -> trained, timed, exported; nothing here imports torch before it is used.

- ``network``: ``build_network(cell, skeleton)``; ``modules`` holds its torch classes and is the one module
  that imports torch at its top.
- ``profile``: parameters, MACs and memory counted on the network.
- ``training``: ``train`` and ``load_trained``; ``recipes`` how, ``job`` its epochs, ``steps`` each step, ``batches``
  the images, on a GPU all at once, ``metrics`` how well, ``runs`` a training's folder, ``weights`` files with a digest.
- ``latency``: ``measure_latency`` in the turns of ``rounds``; ``runners`` PyTorch, CUDA graphs and ONNX Runtime,
  ``energy`` of a pass, ``nvml`` what a GPU's driver tells, ``devices`` what there is.
- ``kit``: ``write_kit`` and ``read_kit``, for boards: ``kit_script``, ``rounds`` and ``onnx_network`` in one file.
- ``export``: ``export_onnx`` in any precision, and ``export_cells`` of a whole front; ``onnx_graph`` its graphs;
  ``classifier``: ``load_classifier``, whatever file a network is in; ``assessment``: ``assess``, and figures;
  ``mapping``: ``predict_scene``; ``map_files``: ``write_map``.
- ``campaign``: what a search trains and times; ``tasks`` travel to workers, ``store`` keeps results and
  incidents, ``results`` reads them, ``prune`` finds what no front needs.
"""

from eomoo.live.assessment import Assessment, assess
from eomoo.live.campaign import Campaign
from eomoo.live.classifier import Classifier, load_classifier
from eomoo.live.devices import device_name, resolve_device
from eomoo.live.export import Exported, export_cells, export_onnx, read_metadata
from eomoo.live.latency import Latency, half_split_spearman, measure_latency
from eomoo.live.map_files import MapFiles, write_map
from eomoo.live.mapping import MapRows, map_rows, predict_scene
from eomoo.live.metrics import Accuracy, evaluate
from eomoo.live.network import INITIALIZATIONS, build_network
from eomoo.live.profile import Memory, Profile, measure_memory, profile_network
from eomoo.live.recipes import RECIPES, Recipe, get_recipe
from eomoo.live.runners import LatencySetting
from eomoo.live.runs import CurvePoint, CurveSetting, Training
from eomoo.live.store import Incident, LiveStore
from eomoo.live.tasks import DataSource, TrainingTask
from eomoo.live.training import load_trained, train
from eomoo.live.weights import load_state, save_safetensors, save_state

__all__ = [
    "INITIALIZATIONS", "RECIPES", "Accuracy", "Assessment", "Campaign", "Classifier", "CurvePoint", "CurveSetting",
    "DataSource", "Exported", "Incident", "Latency", "LatencySetting", "LiveStore", "MapFiles", "MapRows", "Memory",
    "Profile", "Recipe", "Training", "TrainingTask", "assess", "build_network", "device_name", "evaluate",
    "export_cells", "export_onnx", "get_recipe", "half_split_spearman", "load_classifier", "load_state",
    "load_trained", "map_rows", "measure_latency", "measure_memory", "predict_scene", "profile_network",
    "read_metadata", "resolve_device", "save_safetensors", "save_state", "train", "write_map",
]  # fmt: skip
