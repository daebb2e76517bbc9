"""What may the gateway do by itself: show that it lives, close a valve? Those sections of config.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
Topic = Annotated[str, Field(min_length=1, pattern=r"^[^+#\x00]+$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class HeartbeatConfig(_Strict):
    """How often do we show that we live, and to whom far away (a dead-man address)?"""

    every_s: float = Field(default=60.0, ge=1, le=3600)
    url: str = ""
    url_file: Path | None = None
    method: Literal["GET", "POST"] = "GET"
    timeout_s: float = Field(default=10.0, ge=0.1, le=60)
    fail_after: int = Field(default=3, ge=1, le=100)
    insecure: bool = False


class ValveConfig(_Strict):
    """Which message closes a valve, which one says that it is closed, and which alarms call for it?

    ``confirm_key``: the key of a JSON object that holds ``confirm`` (``a.b`` for nested ones); empty: the
    whole payload is compared.
    """

    link: Id
    topic: Topic
    payload: str = Field(min_length=1)
    confirm_topic: Topic
    confirm: str = Field(min_length=1)
    confirm_key: str = ""
    kinds: tuple[Literal["gas", "co", "smoke", "water"], ...] = Field(default=("gas",), min_length=1)
    sources: tuple[Id, ...] = ()
    within_s: float = Field(default=15.0, ge=1, le=600)
