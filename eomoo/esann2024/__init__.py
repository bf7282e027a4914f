"""The published experiment (Demir, Traoré, Camero, ESANN 2024): as published, and what holds of it.

``published_search``: its search and figures with their errors, as a study's probe. ``published_landscape``: its
landscape analysis of the EO table, and a sheet of it. ``verdict``: its claims tested, as published and
right; ``starts``: where searches begin; ``conclusion``: what that comes to, in words. ``verdict_page``: the page.

Importing this package makes the probe "as_published" known by its short name.
"""

from eomoo.esann2024.conclusion import conclusion
from eomoo.esann2024.published_landscape import PublishedAnalysis, analyse_published, published_sheet, write_published
from eomoo.esann2024.published_search import as_published, figures_as_published, search_as_published
from eomoo.esann2024.verdict import samples_of
from eomoo.esann2024.verdict_page import verdict_page, write_verdict

__all__ = [
    "PublishedAnalysis", "analyse_published", "as_published", "conclusion", "figures_as_published", "published_sheet",
    "samples_of", "search_as_published", "verdict_page", "write_published", "write_verdict",
]  # fmt: skip
