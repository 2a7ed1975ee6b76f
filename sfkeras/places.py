"""Where the files that come with the packages are, in a checkout and when installed."""

from pathlib import Path

PACKAGE = Path(__file__).parent


def shipped(name: str) -> Path:
    """What comes with the packages: micro, rtl, recipes, LICENSE. A wheel holds it inside sfkeras, a checkout beside it."""
    inside = PACKAGE / name
    return inside if inside.exists() else PACKAGE.parent / name


def workplace() -> Path:
    """Where results/ and docs/ are: the checkout, or the current folder when installed."""
    return Path.cwd() if (PACKAGE / "recipes").is_dir() else PACKAGE.parent
