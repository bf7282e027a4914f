"""The published experiment (Demir, Traoré, Camero, ESANN 2024): as published, and what holds of it.

``published_search``: its search and figures with their errors, as a study's probe. ``published_landscape``: its
ruggedness of the EO table's walks. ``verdict``: its claims tested, as published and
right; ``starts``: where searches begin; ``conclusion``: what that comes to, in words. ``verdict_page``: the page.

Importing this package makes the probe "as_published" known by its short name.
"""

from eomoo.esann2024.published_landscape import plot_walk_ruggedness, ruggedness_as_published
from eomoo.esann2024.published_search import as_published, figures_as_published, search_as_published
from eomoo.esann2024.verdict import CLAIMS, samples_of
from eomoo.esann2024.verdict_page import verdict_page, write_verdict

__all__ = [
    "CLAIMS", "as_published", "figures_as_published", "plot_walk_ruggedness", "ruggedness_as_published",
    "samples_of", "search_as_published", "verdict_page", "write_verdict",
]  # fmt: skip
