"""Is what the configuration says about answers by link possible, and who serves their page?"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from alerts.channels.base import check_url
from core.config import AnswersConfig, Config, Document

if TYPE_CHECKING:
    from gateway.answers import Answers
    from gateway.answers_http import AnswerServer

log = logging.getLogger(__name__)


def serve_answers(
    settings: AnswersConfig, answers: Answers | None, say: Callable[[Mapping[str, Any]], None]
) -> AnswerServer | None:
    """The page for answers where one is to be served; a port that is taken is told, alerting goes on."""
    if answers is None or not settings.listen:
        return None
    from gateway.answers_http import AnswerServer, address

    try:
        return AnswerServer(address(settings.listen), answers, say)
    except OSError as error:
        log.error("answers by link cannot be served on %s: %s", settings.listen, error.strerror or error)
        return None


def check_answers(config: Config, document: Document) -> None:
    """Raises ConfigError with path and line."""
    settings = config.answers
    if not settings.base_url:
        if settings.listen:
            raise document.error(
                ("answers", "listen"), "needs base_url: the address that stands in the links"
            )
        return
    try:
        check_url(settings.base_url, settings.insecure)
    except ValueError as error:
        raise document.error(("answers", "base_url"), str(error)) from None
    if not settings.listen:
        return
    from gateway.answers_http import address

    try:
        host, _ = address(settings.listen)
    except ValueError as error:
        raise document.error(("answers", "listen"), str(error)) from None
    if host not in ("localhost", "127.0.0.1", "::1") and not settings.insecure:
        raise document.error(
            ("answers", "listen"),
            f"{host} can be reached from other machines, in plain text; use 127.0.0.1 behind a proxy with a "
            "certificate, or insecure: true",
        )
