"""Standard output: faults that name it, and tables whose words stay whole, however narrow the terminal is."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

_ANY_WIDTH = 10_000


def print_table(table: Table) -> None:
    """Print to standard output; no word of it is cut, and where it is no terminal no line is broken.

    What is wider than the terminal goes on in its next line, where it can still be selected as a whole.
    """
    console = Console(highlight=False)
    wide = console.options.update_width(_ANY_WIDTH)
    for column in table.columns:
        if column.no_wrap:  # which Rich takes to need its longest word, and cuts where there are two
            cells = (column.header, *column.cells)
            column.min_width = max(Measurement.get(console, wide, cell).maximum for cell in cells)
    needs = Measurement.get(console, wide, table)
    console.width = max(console.width, needs.minimum) if console.is_terminal else needs.maximum
    with standard_output():
        console.print(table)


@contextmanager
def standard_output() -> Iterator[None]:
    """Have an OSError of what is written there in the block say that it is of standard output."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, "standard output") from error
