"""Pages of what is running, served on this machine alone: read from the stores, never written."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from threading import Lock
from urllib.parse import unquote, urlsplit

from eomoo.analysis.printing.html import to_html
from eomoo.analysis.report import render_report
from eomoo.analysis.tables import Report, Section, Table
from eomoo.analysis.wording import sentence
from eomoo.checks import counted
from eomoo.data.measured_table import BENCHMARK_FILE, TABLE_FILE, read_facts
from eomoo.errors import DataNotFoundError, EomooError, SettingError
from eomoo.live.store import stored_so_far
from eomoo.measuring.cells import CellChoice
from eomoo.study.record import RECORD_NAME
from eomoo.study.store import STORE_NAME

LOOPBACK = "127.0.0.1"
_LIVE_NAME = "live.sqlite"
# What a page is made of; when one of these changes, so does the page.
_SOURCES = (STORE_NAME, _LIVE_NAME, BENCHMARK_FILE, TABLE_FILE, RECORD_NAME, "landscape.png", "landscape.json")
# Folders of folders of runs are common; a home folder as a whole is not meant.
_DEEPEST, _MOST = 3, 200
_OWN = {"/": ("watch.html", "text/html"), "/watch.js": ("watch.js", "text/javascript")}
_POLICY = "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'; frame-src 'self'"


class Watch(ThreadingHTTPServer):
    """A server of the pages of all runs, studies and measurements in and below a folder, on the loopback alone.

    Args:
        folder: Nothing outside it is served.
        port: 0 for any that is free.

    Raises:
        DataNotFoundError: (a FileNotFoundError) There is no such folder.
        SettingError: (a ValueError) The port cannot be had.
    """

    daemon_threads = True

    def __init__(self, folder: str | Path, *, port: int = 0) -> None:
        # Unlike ``Path.resolve`` this takes a link that leads to itself.
        self.folder = Path(os.path.realpath(folder))
        if not self.folder.is_dir():
            raise DataNotFoundError(f"there is no folder {folder} to watch")
        self._pages: dict[str, tuple[str, bytes]] = {}
        self._lock = Lock()
        try:
            super().__init__((LOOPBACK, port), _Handler)
        except (OSError, OverflowError) as error:
            raise SettingError(f"port {port} of {LOOPBACK} cannot be had ({error}); choose another --port") from None

    @property
    def address(self) -> str:
        """Where a browser finds it."""
        return f"http://{LOOPBACK}:{self.server_port}/"

    def states(self) -> dict[str, str]:
        """What there is, by its path below the folder ("" is itself): a text that differs when it has changed."""
        found: dict[str, str] = {}
        for place in self._folders():
            # A folder may go while it is looked at.
            with suppress(OSError):
                sources = [path for name in _SOURCES if (path := place / name).is_file()]
                # A link may point anywhere.
                if not all(path.resolve().is_relative_to(self.folder) for path in sources):
                    continue
                if any(path.name in (STORE_NAME, BENCHMARK_FILE) for path in sources) and len(found) < _MOST:
                    stats = [path.stat() for path in sources]
                    name = "" if place == self.folder else place.relative_to(self.folder).as_posix()
                    found[name] = str([(s.st_mtime_ns, s.st_size) for s in stats])
        return found

    def page(self, name: str) -> bytes:
        """The page of what has a name among ``states``; made anew when it has changed.

        Raises:
            KeyError: There is nothing of that name.
        """
        state = self.states()[name]
        with self._lock:
            if self._pages.get(name, ("",))[0] != state:
                place = self.folder / name
                try:
                    text = render_report(place) if (place / STORE_NAME).is_file() else to_html(_measured(place))
                except (EomooError, OSError) as error:
                    # Nothing may have ended yet, or files are just being written.
                    text, state = to_html(_plain(name, [f"There is no page yet: {error}."])), ""
                self._pages[name] = state, text.encode()
            return self._pages[name][1]

    def _folders(self) -> Iterator[Path]:
        for place, names, _ in os.walk(self.folder):
            yield Path(place)
            deep = len(Path(place).relative_to(self.folder).parts) >= _DEEPEST
            # A name that is not in UTF-8 no address can have.
            shown = (name for name in names if name.encode("utf-8", "ignore").decode() == name and name[0] != ".")
            names[:] = [] if deep else sorted(shown)


class _Handler(BaseHTTPRequestHandler):
    server: Watch
    timeout = 30  # seconds for a request of a few hundred bytes

    def do_GET(self) -> None:  # the library's name
        """Answer with a page, or with what is there."""
        port, path = self.server.server_port, urlsplit(self.path).path
        if self.headers.get("Host") not in (f"{LOOPBACK}:{port}", f"localhost:{port}"):
            # Another site's name may be led here by its owner, whose scripts could then read.
            self.send_error(HTTPStatus.FORBIDDEN, "This server answers to this machine's own name alone")
        elif path in _OWN:
            name, kind = _OWN[path]
            text = files("eomoo.analysis.printing").joinpath("assets", name).read_bytes()
            self._answer(text, kind, {"Content-Security-Policy": _POLICY})
        elif path == "/states":
            self._answer(json.dumps(self.server.states()).encode(), "application/json")
        else:
            try:
                self._answer(self.server.page(unquote(path.removeprefix("/page/"))), "text/html")
            except KeyError:
                self.send_error(HTTPStatus.NOT_FOUND)

    def _answer(self, content: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(HTTPStatus.OK)
        own = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "SAMEORIGIN"}
        length = {"Content-Type": f"{kind}; charset=utf-8", "Content-Length": str(len(content))}
        for name, value in {**length, **own, **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the library's name
        """No line for each request."""


def _measured(place: Path) -> Report:
    """How far a measuring is, by its store."""
    facts = read_facts(place)
    title = sentence(facts.get("title") or place.name)
    if not (place / _LIVE_NAME).is_file():
        return _plain(title, [f"All that was measured is in {TABLE_FILE}; nothing is under way here."])
    counts, latest = stored_so_far(place / _LIVE_NAME)
    try:
        wanted = f" of {len(CellChoice.from_facts(facts.get('cells', {})).frame()):,}"
    except SettingError:
        wanted = ""
    trained = f", {counted(counts['training'], 'training')} ended" if counts.get("training") else ""
    lead = [f"{counts.get('latency', 0):,}{wanted} cells timed{trained}."]
    columns = ["ended (UTC)", "what", "cell", "how", "why"]
    # A cell's number is its name, and has no thousands.
    rows = [[str(at)[:19].replace("T", " "), what, str(cell), *rest] for at, what, cell, *rest in latest]
    table = Table(title="Latest results", columns=columns, rows=rows, key="latest")
    return _plain(title, lead, table)


def _plain(title: str, lead: list[str], *tables: Table) -> Report:
    sections = [Section(id=table.key, title=table.title, blocks=[table]) for table in tables]
    empty = Table(title=title, columns=[], rows=[], key="main")
    now = f"eomoo, {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
    return Report(title=title, lead=lead, tiles=[], sections=sections, main=empty, made=now)
