"""How do alerts and samples get into InfluxDB (2.x, 3.x, or a server that takes its line protocol)?

Alerts come from the outbox through :meth:`InfluxSink.deliver`, one synchronous write a page, and are
repeated until taken: the client's own batching drops data when its retries run out, so it is not used.
Samples go through a bounded queue and are the first to be shed. The client library is heavy (70 ms, 17
MiB) and is imported when something is first written.

An answer of 204 is not proof that a point can be read back: one server answers it for lines it throws
away. :meth:`InfluxSink.ping` says whether a server is there, nothing more.
"""

from __future__ import annotations

import threading
import zlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from core.config import InfluxConfig
from core.contracts import Refused
from core.model import Alert, Block
from store.bounded import Bounded
from store.line_protocol import alert_line, block_lines

TIMEOUT_S = 10.0
WHOLE_TIMEOUT_S = 20.0
BATCH_LINES = 5000
BATCH_S = 5.0
RETRY_FIRST_S, RETRY_MOST_S = 1.0, 60.0
QUEUE_BYTES = 16_000_000  # compressed; some ten times that as text
WAITING_ROWS = 50_000


class Busy(OSError):
    """The server asks to come back later; ``retry_after_s`` is its wish, if it told one."""

    def __init__(self, text: str, retry_after_s: float | None = None) -> None:
        super().__init__(text)
        self.retry_after_s = retry_after_s


class Unwelcome(OSError):
    """Refused because of address or token, not because of the points: once a person has mended it they
    will be taken, so they wait.
    """


class InfluxSink:
    """A ``core.contracts.Sink`` for alerts, and ``write`` for samples.

    ``rooms`` gives the room of a source, for the tag. Nothing is opened before the first write.
    """

    def __init__(
        self,
        home: str,
        settings: InfluxConfig,
        rooms: Mapping[str, str] | None = None,
        *,
        timeout_s: float = TIMEOUT_S,
        whole_timeout_s: float = WHOLE_TIMEOUT_S,
        batch_s: float = BATCH_S,
    ) -> None:
        self._home = home
        self._settings = settings
        self._rooms = rooms or {}
        self._timeout_s, self._whole_s, self._batch_s = timeout_s, whole_timeout_s, batch_s
        self._alerts = _Way(settings, timeout_s, whole_timeout_s)
        self._samples = _Way(settings, timeout_s, whole_timeout_s)
        self._lock = threading.Lock()
        self._waiting: deque[Sequence[Block]] = deque()
        self._waiting_rows = 0
        self._packed: deque[tuple[bytes, int]] = deque()  # compressed lines, how many
        self._packed_bytes = 0
        self._wake = threading.Event()
        self._closing = False
        self._thread: threading.Thread | None = None
        self._fault = ""
        self._counts = dict.fromkeys(
            ("alerts_sent", "lines_sent", "lines_dropped", "rows_dropped", "failures", "refused_batches"), 0
        )

    # -- alerts

    def deliver(self, alerts: Sequence[Alert]) -> Sequence[tuple[str, int]]:
        """Write these revisions; the same again is the same points.

        Raises Refused for 400, 413 and 422, which are about these points, else OSError.
        """
        if not alerts:
            return []
        self._alerts.write("\n".join(alert_line(self._home, a) for a in alerts).encode())
        self._counts["alerts_sent"] += len(alerts)
        return [(a.id, a.revision) for a in alerts]

    # -- samples

    def write(self, blocks: Sequence[Block]) -> None:
        """Send these samples some time soon, if the settings ask for telemetry. Never waits.

        What does not fit is dropped and counted.
        """
        if not self._settings.telemetry:
            return
        rows = sum(map(len, blocks))
        with self._lock:
            if self._closing or self._waiting_rows + rows > WAITING_ROWS:
                self._counts["rows_dropped"] += rows
                return
            self._waiting.append(blocks)
            self._waiting_rows += rows
            hurry = self._waiting_rows >= BATCH_LINES
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="influx", daemon=True)
                self._thread.start()
        if hurry:
            self._wake.set()

    def ping(self) -> bool:
        """Does a server answer at the address?"""
        return self._samples.ping()

    def status(self) -> Mapping[str, Any]:
        """How much waits, was sent, was dropped; what is wrong (``fault``, "" if nothing); as JSON."""
        with self._lock:
            return {
                "url": self._settings.url,
                "bucket": self._settings.bucket,
                "fault": self._fault,
                "waiting_rows": self._waiting_rows,
                "waiting_lines": sum(n for _, n in self._packed),
                "waiting_bytes": self._packed_bytes,
                **self._counts,
            }

    def close(self) -> None:
        """Try once more to send what waits, within seconds; what is left is dropped and counted."""
        with self._lock:
            self._closing = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(min(self._whole_s, 5.0) + 1)
        with self._lock:
            self._counts["lines_dropped"] += sum(n for _, n in self._packed)
            self._packed.clear()
            self._packed_bytes = 0

    # -- the thread of the samples

    def _run(self) -> None:
        wait_s = RETRY_FIRST_S
        while not self._closing:
            self._wake.wait(self._batch_s)
            self._wake.clear()
            self._pack()
            if self._send():
                wait_s = RETRY_FIRST_S
                continue
            # a failing server is not asked at every batch; packing goes on meanwhile
            left = wait_s
            while left > 0 and not self._closing:
                self._wake.wait(min(left, self._batch_s))
                self._wake.clear()
                self._pack()
                left -= self._batch_s
            wait_s = min(wait_s * 2, RETRY_MOST_S)
        self._pack()
        self._send()

    def _pack(self) -> None:
        with self._lock:
            taken = list(self._waiting)
            self._waiting.clear()
            self._waiting_rows = 0
        lines = [
            told
            for blocks in taken
            for block in blocks
            for told in block_lines(self._home, self._rooms.get(block.source, ""), block)
        ]
        for at in range(0, len(lines), BATCH_LINES):
            part = lines[at : at + BATCH_LINES]
            data = zlib.compress("\n".join(part).encode(), 1)
            with self._lock:
                self._packed.append((data, len(part)))
                self._packed_bytes += len(data)
                while self._packed_bytes > QUEUE_BYTES:
                    gone, count = self._packed.popleft()
                    self._packed_bytes -= len(gone)
                    self._counts["lines_dropped"] += count

    def _send(self) -> bool:
        """Send what is packed, oldest first; False at the first failure."""
        while True:
            with self._lock:
                if not self._packed:
                    self._fault = ""
                    return True
                data, count = self._packed[0]
            try:
                self._samples.write(zlib.decompress(data))
            except Unwelcome as unwelcome:
                self._failed(unwelcome)
                return False
            except Refused as refused:
                # the same batch would be refused for ever and hold up all others
                self._drop_first(data, "refused_batches", str(refused), count)
                continue
            except OSError as error:
                self._failed(error)
                return False
            self._drop_first(data, "", "", count)

    def _failed(self, error: Exception) -> None:
        with self._lock:
            self._counts["failures"] += 1
            self._fault = str(error)

    def _drop_first(self, data: bytes, counter: str, fault: str, count: int) -> None:
        with self._lock:
            if self._packed and self._packed[0][0] is data:  # else it was shed meanwhile
                self._packed.popleft()
                self._packed_bytes -= len(data)
            if counter:
                self._counts[counter] += 1
                self._counts["lines_dropped"] += count
                self._fault = fault
            else:
                self._counts["lines_sent"] += count


class _Way:
    """One client and its writes; alerts and samples each have their own, so that neither waits."""

    def __init__(self, settings: InfluxConfig, timeout_s: float, whole_timeout_s: float) -> None:
        self._settings = settings
        self._timeout_s, self._whole_s = timeout_s, whole_timeout_s
        self._client: Any = None
        self._bounded: Bounded[None] = Bounded()

    def write(self, lines: bytes) -> None:
        """All lines in one request. Raises Refused or OSError."""
        self._guarded(lambda: self._post(lines))

    def ping(self) -> bool:
        """Is somebody there?"""
        answers: list[bool] = []
        try:
            # not health(): some servers answer it with something else than its JSON
            self._guarded(lambda: answers.append(bool(self._connected().ping())))
        except (OSError, Refused):
            return False
        return answers == [True]

    def _post(self, lines: bytes) -> None:
        from influxdb_client.client.write_api import SYNCHRONOUS

        client = self._connected()
        settings = self._settings
        api = client.write_api(write_options=SYNCHRONOUS)
        api.write(bucket=settings.bucket, org=settings.org or "-", record=lines, write_precision="ns")

    def _connected(self) -> Any:
        if self._client is None:
            from influxdb_client import InfluxDBClient

            self._client = InfluxDBClient(
                url=self._settings.url,
                token=_token(self._settings),
                org=self._settings.org or "-",
                timeout=int(self._timeout_s * 1000),
            )
        return self._client

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            self._bounded.call(work, self._whole_s)
        except (OSError, Refused):
            self._client = None
            raise
        except Exception as error:
            self._client = None
            raise _translated(self._settings, error) from None


def _token(settings: InfluxConfig) -> str:
    if settings.token_file is None:
        return ""
    try:
        return settings.token_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise OSError(
            f"token_file {settings.token_file} cannot be read ({error}); write the token into it"
        ) from None


_REFUSALS = {
    400: "it does not accept the points",
    401: "it does not accept our token; check token_file",
    403: "our token may not write here; check token_file and bucket",
    404: "it knows no such bucket or address; check url, org and bucket",
    413: "it finds the points too large",
    422: "it does not accept the points (too old for the bucket, or a field of another type)",
}


def _translated(settings: InfluxConfig, error: Exception) -> Exception:
    """What the client raised, as one of ours: Refused, Busy or OSError, with where and why."""
    status = getattr(error, "status", None)
    where = settings.url
    if not isinstance(status, int) or not status:
        return OSError(f"{where}: {type(error).__name__}: {_short(error)}")
    detail = _short(getattr(error, "body", "") or getattr(error, "reason", "") or "")
    if status in _REFUSALS:
        kind = Unwelcome if status in (401, 403, 404) else Refused
        return kind(f"{where} answered {status}: {_REFUSALS[status]} ({detail})")
    wish = (getattr(error, "headers", None) or {}).get("Retry-After", "")
    retry_after_s = float(wish) if str(wish).isdigit() else None
    return Busy(f"{where} answered {status} ({detail})", retry_after_s)


def _short(told: object) -> str:
    text = told.decode("utf-8", "replace") if isinstance(told, bytes) else str(told)
    return " ".join(text.split())[:200]
