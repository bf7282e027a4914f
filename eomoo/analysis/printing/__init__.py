"""Printers of tables, curves and reports: ``terminal`` (rich), ``text``, ``latex``, ``html`` (a page).

``figures``: with matplotlib; ``comparisons``: those of algorithms compared, or of any table.
"""
