"""``python -m eomoo`` is the command ``eomoo``."""

import signal
import sys


def main() -> None:
    """Run the command line; an interrupt is one sentence, also while it is imported, and a second one no traceback."""
    # As schedulers, containers and `timeout` end what they run: what was found until then is kept and told.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        from eomoo.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.stderr.write("error: interrupted\n")
        sys.exit(130)  # 128 + SIGINT, as shells have it
    finally:
        # What Python and libraries still do at their end may be cut short.
        for sign in (signal.SIGINT, signal.SIGTERM):
            signal.signal(sign, signal.SIG_DFL)


if __name__ == "__main__":
    main()
