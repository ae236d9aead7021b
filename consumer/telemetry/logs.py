"""Logging: JSON lines for machines, coloured lines on a terminal, always on standard error.

Every job ends in exactly one line with `event="job"`; see `consumer.runtime.runner`.
"""

import logging
import sys
from typing import TYPE_CHECKING, TextIO

import structlog

from consumer.config.settings import Settings

if TYPE_CHECKING:
    from structlog.typing import Processor


def configure_logging(settings: Settings, stream: TextIO | None = None) -> None:
    """Set up structlog and the standard library's logging for this process.

    Libraries log through the same lines, from WARNING on. Tracebacks carry no local variables, because
    those may hold credentials or pictures.

    Args:
        settings: says in which format, and from which level on our own events are shown.
        stream: where to write; standard error if not given.
    """
    stream = stream or sys.stderr
    auto = settings.log_format == "auto"
    pretty = stream.isatty() if auto else settings.log_format == "pretty"
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    last: list[Processor] = (
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if pretty
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(settings.log_level),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
