"""Models of a cell's values: features in, mean and deviation out; how they are fitted, kept and judged.

``regression``: the one way to fit and to ask, by a recipe. ``recipes``: those of the shipped models, of a user's, of
starts and of searches, and what kind of column each is for. ``gaussian_process``, ``trees``, ``noise``, ``scaling``:
the parts. ``regressor``: what each of them answers. ``device``: of one device, from about twenty cells.
``cell_models``: models of named targets, asked by cell. ``quality``: fitted, their deviations scaled to the errors on
held-out cells; ``usefulness``: how sure that is, and what these are good for. ``model_files``: as a user holds them,
and as files, with the ``record`` of them. ``predictions``: of the whole space, shipped or cached. ``joint_draws``: of
what is not known of them. ``true_values``: what measurements with some error tell. ``model_errors``: what a search
learns of its model's errors.
"""

from eomoo.models.cell_models import Measurements, Quality, Target
from eomoo.models.joint_draws import JointDraws, joint_draws, processes
from eomoo.models.model_errors import ModelErrors
from eomoo.models.model_files import Models, check_files, load_models
from eomoo.models.predictions import Predictions, is_at_hand, whole_space, write_predictions
from eomoo.models.quality import LEAST_CELLS, fit_models, measure_quality
from eomoo.models.recipes import EO_RECIPES, FAILED, KINDS, SEARCH, START, Recipe, recipe_for
from eomoo.models.record import Record, read_record
from eomoo.models.regression import Model, fit
from eomoo.models.scaling import SHIPPED, scaling_of, shipped_folder
from eomoo.models.true_values import TrueValues, some_of, true_values_of
from eomoo.models.usefulness import error_of, share_interval, use_of

__all__ = [
    "EO_RECIPES", "FAILED", "KINDS", "LEAST_CELLS", "SEARCH", "SHIPPED", "START", "JointDraws", "Measurements",
    "Model", "ModelErrors", "Models", "Predictions", "Quality", "Recipe", "Record", "Target", "TrueValues",
    "check_files", "error_of", "fit", "fit_models", "is_at_hand", "joint_draws", "load_models", "measure_quality",
    "processes", "read_record", "recipe_for", "scaling_of", "share_interval", "shipped_folder", "some_of",
    "true_values_of", "use_of", "whole_space", "write_predictions",
]  # fmt: skip
