"""``python -m eomoo`` is the command ``eomoo``."""

import signal
import sys


def main() -> None:
    """Run the command line; an interrupt while it is imported is no traceback either."""
    # As schedulers, containers and `timeout` end what they run: what was found until then is kept and told.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        from eomoo.cli import main as run
    except KeyboardInterrupt:
        sys.exit(130)  # 128 + SIGINT, as shells have it
    run()


if __name__ == "__main__":
    main()
