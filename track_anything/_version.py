"""The one place that says which version this is, and which versions of others are installed."""

__version__ = "0.1.0"


def installed_version(distribution: str) -> str | None:
    """The version of an installed distribution; None if there is none of that name."""
    # Slow to load, and importing the library is not asked for it.
    from importlib import metadata

    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
