"""What several commands share: options, the console, how values are shown."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from rich.console import Console

from eomoo.errors import SettingError

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for other programs.")]


def console(*, stderr: bool = False) -> Console:
    """The terminal: tables go to stdout, progress to stderr; a pipe is given room for whole tables.

    Text is printed as it is: brackets in a card's title or in a path are no markup.
    """
    found = Console(stderr=stderr, highlight=False, markup=False)
    if not found.is_terminal:
        found.width = max(found.width, 160)
    return found


def show_value(value: float, unit: str, *, deviation: float = 0.0) -> str:
    """A value for people: whole or large ones with thousands, others to four digits, ± its deviation."""
    if value != value:
        return "-"
    whole = abs(value) >= 1e4 or (unit == "" and value == round(value))
    text = f"{value:,.0f}" if whole else f"{value:,.4g}"
    return f"{text} ± {deviation:.2g}" if deviation > 0 else text


def parse_options(pairs: list[str]) -> dict[str, Any]:
    """Options written as ``key=value``; numbers become numbers."""
    options: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key.strip():
            raise SettingError(f"an option reads like n_starts=10; got {pair!r}")
        options[key.strip().replace("-", "_")] = _parse(text.strip())
    return options


def _parse(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(text.lower(), text)


def import_xgboost() -> None:
    """Import XGBoost without scikit-learn, whose estimators no search uses: 80 MB and a second less.

    For a process that is ours alone: in it XGBoost's boosters work and scikit-learn does, its estimators not.
    """
    if "sklearn" in sys.modules:
        return
    sys.modules["sklearn"] = None  # type: ignore[assignment]
    try:
        import xgboost  # noqa: F401
    finally:
        del sys.modules["sklearn"]
