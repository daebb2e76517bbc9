"""Does the InfluxDB sink take, refuse and survive as it promises? On a stub, and on a real server."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import replace

import influxdb_client  # noqa: F401  # heavy: not within the time-outs of the tests
import pytest

import store.influx as influx
from alerts.outbox import Outbox
from alerts.route import Route
from core.clock import ManualClock
from core.config import InfluxConfig
from core.contracts import Refused
from core.model import Alert, AlertState, Block, Severity
from core.quantity import Quantity
from simulators.http_sink import HttpSink
from store.influx import Busy, InfluxSink
from tests.broker import free_port, wait_for
from tests.store.test_line_protocol import parse


def alert(number: int, revision: int = 1, t: int | None = None) -> Alert:
    return Alert(
        id=f"{number:016x}", kind="fall", severity=Severity.ALARM, source="radar", room="bath", resident="",
        opened=number, changed=t if t is not None else number, state=AlertState.OPEN, revision=revision,
        evidence={"height_m": 0.3},
    )  # fmt: skip


def numbers(start: int, count: int, source: str = "gas") -> Block:
    return Block.build(source, Quantity.CO_PPM, list(range(start, start + count)), [1.5] * count, [0] * count)


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch):
    monkeypatch.setattr(influx, "RETRY_FIRST_S", 0.05)


def sink_to(url: str, **more: object) -> InfluxSink:
    settings = InfluxConfig(url=url, bucket="b", org="o", **more.pop("settings", {}))  # type: ignore[arg-type]
    options = {"timeout_s": 1.0, "whole_timeout_s": 1.5, "batch_s": 0.02, **more}
    return InfluxSink("home", settings, {"gas": "kitchen"}, **options)  # type: ignore[arg-type]


def lines(server: HttpSink) -> list[str]:
    return [line for body in server.bodies for line in body.decode().splitlines()]


def test_alerts_are_written_in_one_request_with_token_and_names(tmp_path):
    token = tmp_path / "token"
    token.write_text("secret\n")
    with HttpSink() as server:
        sink = sink_to(server.url, settings={"token_file": token})
        assert sink.deliver([alert(1), alert(2)]) == [(alert(1).id, 1), (alert(2).id, 1)]
        assert sink.deliver([]) == []
        (request,) = server.requests
        assert request.path == "/api/v2/write?org=o&bucket=b&precision=ns"
        assert request.headers["Authorization"] == "Token secret"
        assert [parse(x)[1]["alert"] for x in lines(server)] == [alert(1).id, alert(2).id]
        sink.close()


@pytest.mark.parametrize("status", [400, 413, 422])
def test_what_can_never_be_taken_is_refused_with_what_to_do(status):
    with HttpSink([status], answer=b'{"message":"no\\nway"}') as server:
        sink = sink_to(server.url)
        with pytest.raises(Refused, match=rf"{server.url} answered {status}: .*no"):
            sink.deliver([alert(1)])
        assert sink.deliver([alert(2)]) == [(alert(2).id, 1)]
        sink.close()


@pytest.mark.timeout(40)
@pytest.mark.parametrize("behaviour", [500, 503, 429, "hang", "drip", "reset", "lose_answer"])
def test_what_may_be_taken_later_is_an_os_error_within_bounds(behaviour):
    with HttpSink([behaviour]) as server:
        sink = sink_to(server.url)
        with pytest.raises(OSError) as caught:
            sink.deliver([alert(1)])
        if behaviour == 429:
            assert isinstance(caught.value, Busy)
            assert caught.value.retry_after_s == 1.0
        if behaviour in ("hang", "drip"):
            server._closed.set()  # a real server would give up some day
        wait_for(lambda: sink._alerts._bounded._late is None or not sink._alerts._bounded._late.is_alive())
        assert sink.deliver([alert(1)]) == [(alert(1).id, 1)]
        written = lines(server)
        assert set(written) == {written[0]}  # however often: the same point
        sink.close()


def test_nobody_at_the_address_is_an_os_error_and_ping_says_no():
    sink = sink_to(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(OSError, match=r"127\.0\.0\.1"):
        sink.deliver([alert(1)])
    assert sink.ping() is False
    sink.close()


def test_a_token_file_that_is_missing_is_told(tmp_path):
    sink = sink_to("http://127.0.0.1:1", settings={"token_file": tmp_path / "absent"})
    with pytest.raises(OSError, match="token_file"):
        sink.deliver([alert(1)])
    sink.close()


def test_samples_arrive_in_order_through_failures_and_none_waits():
    with HttpSink([503, "reset", 204]) as server:
        sink = sink_to(server.url, batch_s=0.01)
        sink.write([numbers(0, 3)])
        wait_for(lambda: sink.status()["failures"] >= 1)
        sink.write([numbers(3, 3), Block.build("r", Quantity.TRACK, [1], [[0.0] * 10], [0])])
        wait_for(lambda: sink.status()["lines_sent"] == 6, 20)
        got = [parse(x) for x in lines(server)]
        assert [t for *_, t in got] == list(range(6))
        assert got[0][1] == {"home": "home", "source": "gas", "room": "kitchen"}
        assert sink.status()["fault"] == ""
        sink.close()


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_wrong_token_or_bucket_keeps_the_alerts_until_somebody_mends_it(status):
    with HttpSink([status]) as server:
        sink = sink_to(server.url)
        with pytest.raises(OSError, match=rf"{server.url} answered {status}: .*(token_file|bucket)"):
            sink.deliver([alert(1)])
        assert sink.deliver([alert(1)]) == [(alert(1).id, 1)]
        sink.close()


def test_a_refused_batch_of_samples_does_not_hold_up_the_next():
    with HttpSink([400]) as server:
        sink = sink_to(server.url)
        sink.write([numbers(0, 2)])
        wait_for(lambda: sink.status()["refused_batches"] == 1)
        sink.write([numbers(5, 2)])
        wait_for(lambda: sink.status()["lines_sent"] == 2)
        assert sink.status()["lines_dropped"] == 2
        sink.close()


def test_a_wrong_token_keeps_the_samples_until_somebody_mends_it():
    with HttpSink([401, 401]) as server:
        sink = sink_to(server.url)
        sink.write([numbers(0, 2)])
        wait_for(lambda: sink.status()["failures"] >= 1)
        assert "token_file" in sink.status()["fault"]
        wait_for(lambda: sink.status()["lines_sent"] == 2, 20)
        sink.close()


def test_f11_a_server_away_for_days_costs_bounded_memory_and_counted_samples(monkeypatch):
    monkeypatch.setattr(influx, "QUEUE_BYTES", 20_000)
    sink = sink_to(f"http://127.0.0.1:{free_port()}", timeout_s=20.0, whole_timeout_s=30.0)
    total = 0
    for hour in range(72):
        block = numbers(hour * 3_600_000_000_000, 3600)
        sink._thread = sink._thread or object()  # type: ignore[assignment]  # packed here, not by a thread
        sink.write([block])
        sink._pack()
        total += 3600
        status = sink.status()
        assert status["waiting_bytes"] <= 20_000
        assert status["waiting_lines"] + status["lines_dropped"] == total
    assert sink.status()["lines_dropped"] > 0
    with HttpSink() as server:
        sink._samples._settings = InfluxConfig(url=server.url, bucket="b")
        kept = sink.status()["waiting_lines"]
        wait_for(sink._send)  # it closes every connection; a stale one is a failure that is tried again
        times = [parse(x)[3] for x in lines(server)]
        assert len(times) == kept
        assert times == sorted(times)
        assert times[-1] == 71 * 3_600_000_000_000 + 3599
    sink._thread = None
    sink.close()


@pytest.mark.timeout(40)
def test_too_many_at_once_are_dropped_and_counted_and_closing_is_bounded():
    with HttpSink(usual="hang") as server:
        sink = sink_to(server.url, batch_s=60)
        sink.write([numbers(0, 50_000)])
        sink.write([numbers(0, 49_999)])
        sink.write([numbers(0, 2)])
        assert sink.status()["rows_dropped"] > 0
        sink.close()
        sink.write([numbers(0, 1)])
        assert sink.status()["waiting_lines"] == 0


def test_without_telemetry_nothing_is_sent():
    sink = sink_to("http://127.0.0.1:1", settings={"telemetry": False})
    sink.write([numbers(0, 5)])
    assert sink.status()["waiting_rows"] == 0
    assert sink._thread is None
    sink.close()


@pytest.fixture
def victoria(tmp_path) -> Iterator[str]:
    binary = shutil.which("victoria-metrics")
    if binary is None:
        pytest.skip("victoria-metrics is not installed (on Debian: apt install victoria-metrics)")
    port = free_port()
    process = subprocess.Popen(
        [binary, f"-storageDataPath={tmp_path / 'vm'}", f"-httpListenAddr=127.0.0.1:{port}",
         "-retentionPeriod=100y", "-memory.allowedBytes=64MB", "-loggerLevel=ERROR"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"

    def there() -> bool:
        assert process.poll() is None, "victoria-metrics ended at once"
        try:
            return urllib.request.urlopen(f"{url}/health", timeout=1).status == 200
        except OSError:
            return False

    try:
        wait_for(there, 20)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def exported(url: str, match: str) -> list[dict[str, object]]:
    urllib.request.urlopen(f"{url}/internal/force_flush", timeout=5).read()
    query = urllib.parse.urlencode({"match[]": match})
    body = urllib.request.urlopen(f"{url}/api/v1/export?{query}", timeout=5).read()
    return [json.loads(x) for x in body.splitlines()]


def test_a_real_server_takes_alerts_and_samples_and_gives_them_back(victoria):
    now = time.time_ns() // 10**9 * 10**9
    sink = sink_to(victoria, timeout_s=10.0, whole_timeout_s=20.0)
    assert sink.ping() is True
    hostile = Block.build('odd, "name"=\n', Quantity.CO_PPM, [now], [7.25], [0])
    for _ in range(2):  # delivered twice, as after a lost answer
        sink.deliver([alert(1, t=now), alert(1, revision=2, t=now + 10**9)])
    sink.write([numbers(now, 1), hostile])
    wait_for(lambda: sink.status()["lines_sent"] == 2, 20)
    wait_for(lambda: len(exported(victoria, "co_ppm_value")) == 2, 20)
    wait_for(lambda: len(exported(victoria, "hearthwatch_alert_severity")) == 2, 20)
    series = exported(victoria, "hearthwatch_alert_severity")
    assert {s["metric"]["revision"] for s in series} == {"1", "2"}  # type: ignore[index]
    assert {v for s in series for v in s["values"]} == {0}  # type: ignore[attr-defined]
    assert {t for s in series for t in s["timestamps"]} == {now // 10**6, now // 10**6 + 1000}  # type: ignore[attr-defined]
    names = {s["metric"]["source"]: s["values"] for s in exported(victoria, "co_ppm_value")}  # type: ignore[index]
    assert names == {"gas": [1.5], 'odd, "name"= ': [7.25]}
    sink.close()


def test_revisions_of_one_millisecond_stay_apart_and_words_do_not_become_numbers(victoria):
    """The server keeps milliseconds and stores or drops words as it likes: neither may cost a revision."""
    now = time.time_ns() // 10**9 * 10**9
    sink = sink_to(victoria, timeout_s=10.0, whole_timeout_s=20.0)
    storm = [
        replace(alert(1, revision=r, t=now + r), evidence={"why": "worse", "x": r}) for r in range(1, 21)
    ]
    for _ in range(2):
        assert sink.deliver(storm) == [(a.id, a.revision) for a in storm]
    wait_for(lambda: len(exported(victoria, "hearthwatch_alert_severity")) == 20, 20)
    found = {
        s["metric"]["revision"]: s["values"]  # type: ignore[index]
        for s in exported(victoria, "hearthwatch_alert_ev_x")
    }
    assert {r: float(values[-1]) for r, values in found.items()} == {str(r): float(r) for r in range(1, 21)}  # type: ignore[index]
    assert exported(victoria, "hearthwatch_alert_ev_why") == []  # a word is no field at all
    assert {s["metric"]["alert"] for s in exported(victoria, "hearthwatch_alert_state")} == {alert(1).id}  # type: ignore[index]
    sink.close()


def test_the_outbox_hands_all_to_a_server_that_was_away_in_order_and_once(victoria, tmp_path):
    """The route, the outbox and a real server: refused connections first, then everything."""
    outbox, clock = Outbox(tmp_path / "alerts.db"), ManualClock()
    settings = InfluxConfig(url=f"http://127.0.0.1:{free_port()}", bucket="b", org="o")
    away = InfluxSink("home", settings, timeout_s=1.0, whole_timeout_s=2.0)
    outbox.register("influx")
    now = time.time_ns() // 10**9 * 10**9
    outbox.write([alert(n, revision=r, t=now - (60 - n) * 10**9) for n in range(1, 40) for r in (1, 2)])
    route = Route("influx", away, outbox, clock, batch=100, order="written")
    retry = route.step()
    assert retry is not None
    assert retry > clock.now()
    assert outbox.backlog("influx") == 78
    away._alerts._settings = InfluxConfig(url=victoria, bucket="b", org="o")
    clock.advance(60 * 10**9)
    while (wanted := route.step()) is not None and wanted <= clock.now():
        pass
    route.note()
    assert outbox.backlog("influx") == 0
    wait_for(lambda: len(exported(victoria, "hearthwatch_alert_severity")) == 78, 20)
    points = [
        (s["metric"]["alert"], s["metric"]["revision"], s["timestamps"])
        for s in exported(victoria, "hearthwatch_alert_severity")
    ]  # type: ignore[index]
    assert len({p[:2] for p in points}) == 78
    assert all(len(p[2]) == 1 for p in points)
    away.close()
    outbox.close()


INFLUX_ANSWERS = [
    (
        400,
        b'{"code":"invalid","message":"partial write: field type conflict: input field \\"x\\" dropped=1"}',
        Refused,
    ),
    (401, b'{"code":"unauthorized","message":"unauthorized access"}', OSError),
    (404, b'{"code":"not found","message":"bucket \\"b\\" not found"}', OSError),
    (413, b'{"code":"request too large","message":"too large"}', Refused),
    (422, b'{"code":"unprocessable entity","message":"points beyond retention policy dropped=3"}', Refused),
    (429, b'{"code":"too many requests","message":"write limit"}', OSError),
    (503, b'{"code":"unavailable","message":"engine is starting"}', OSError),
]


@pytest.mark.parametrize(("status", "body", "kind"), INFLUX_ANSWERS)
def test_what_only_influxdb_answers_is_told_in_its_words(status, body, kind):
    with HttpSink([status], answer=body) as server:
        sink = sink_to(server.url)
        with pytest.raises(kind, match=str(status)) as told:
            sink.deliver([alert(1)])
        assert json.loads(body)["message"][:6] in str(told.value)
        assert isinstance(told.value, Refused) == (kind is Refused)
        assert sink.deliver([alert(1)])
        sink.close()
