"""``python -m eomoo`` is the command ``eomoo``."""

from eomoo.cli import main

main()
