"""The version of eomoo, in one place, and those of what it stands on."""

__version__ = "0.2.0"


def versions_of(*packages: str) -> dict[str, str]:
    """Versions of packages, without those that are not installed."""
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
