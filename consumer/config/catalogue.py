"""The catalogue in force: the one that comes with the service, and the operator's own entries over it."""

import tomllib
from pathlib import Path
from typing import Any

from models.catalogue import CATALOGUE_FILE, Catalogue


def load_catalogue(own: Path | None = None) -> Catalogue:
    """Read the catalogue; tables of `own` come after ours, and take the place of ours of the same name.

    Raises:
        ValueError: `own` cannot be read or contradicts itself; the message is a sentence.
    """
    if own is None:
        return Catalogue.load()
    document = tomllib.loads(CATALOGUE_FILE.read_text(encoding="utf-8"))
    try:
        return Catalogue.parse(_laid_over(document, tomllib.loads(own.read_text(encoding="utf-8"))))
    except KeyError as error:
        raise ValueError(f"The catalogue {own} has an entry without {error}") from None
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise ValueError(f"The catalogue {own} cannot be used: {error}") from None


def _laid_over(document: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    unknown = own.keys() - document.keys()
    if unknown:
        raise ValueError(f"it has {', '.join(sorted(unknown))}; known are {', '.join(document)}")
    return {name: {**entries, **own.get(name, {})} for name, entries in document.items()}
