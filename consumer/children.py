"""How this program starts parts of itself in processes of their own."""

import sys


def python_command(module: str, *words: str) -> tuple[str, ...]:
    """The command that runs one of our modules as `python -m` does, whatever lies in the current folder.

    Without `-P` that folder is the first to be searched, and somebody's `models.py` there passes for our
    package. The setting PYTHONSAFEPATH would do the same, but to whatever the child starts as well.
    """
    return (sys.executable, "-P", "-m", module, *words)
