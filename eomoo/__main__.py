"""``python -m eomoo`` is the command ``eomoo``."""

import sys


def main() -> None:
    """Run the command line; an interrupt while it is imported is no traceback either."""
    try:
        from eomoo.cli import main as run
    except KeyboardInterrupt:
        sys.exit(130)  # 128 + SIGINT, as shells have it
    run()


if __name__ == "__main__":
    main()
