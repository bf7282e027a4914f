"""What is left of trained networks in 8 bits, as results of a live store."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from eomoo.errors import DataError, DataNotFoundError
from eomoo.live.assessment import assess
from eomoo.live.classifier import load_classifier
from eomoo.live.export import CALIBRATION_IMAGES, export_onnx, some_images
from eomoo.live.metrics import Accuracy
from eomoo.live.store import Result
from eomoo.live.tasks import DataSource
from eomoo.version import versions_of

if TYPE_CHECKING:
    from eomoo.live.campaign import Campaign


def quantised(campaign: Campaign, result: Result | None) -> Result | None:
    """The accuracies "val" and "test" of a training's network after int8, from the store or found out now.

    None where there is no trained network, or where it cannot be quantised, which is reported.
    """
    if result is None or not result.get("weights"):
        return None
    weights = Path(result["weights"])
    # The folder's name has the training's setting in it.
    setting = {"weights": f"{weights.parent.name}/{weights.name}", "versions": versions_of("onnxruntime")}
    cell = int(weights.parent.name.partition("-")[0])

    def make(cells: list[int]) -> None:
        campaign.report(f"quantising cell {cell}")
        try:
            found = campaign.jobs.call(_accuracies, campaign.source, weights)
        except (DataError, DataNotFoundError) as error:
            campaign.report(f"cell {cell} was not quantised: {error}")
            campaign.store.put_incident("int8", setting, cell=cell, reason=str(error))
            return
        campaign.store.put("int8", setting, found, cell=cell)

    return campaign.store.obtain("int8", {cell: setting}, make).get(cell)


def _accuracies(source: DataSource, weights: Path) -> Result:
    data = source.open()
    with TemporaryDirectory(prefix="eomoo-") as folder:
        path = Path(folder) / "int8.onnx"
        export_onnx(weights, path, precision="int8", calibration=some_images(data.train, CALIBRATION_IMAGES))
        network = load_classifier(path)
        # Accuracies as those of a training, which are read alike.
        found = {split: Accuracy.to_dict(assess(network, getattr(data, split))) for split in ("val", "test")}
    return {"status": "done", "reason": "", **found}
