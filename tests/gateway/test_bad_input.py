"""F19, P13: hostile messages are counted under a name, shown by status; nothing is raised, nothing is lost."""

from __future__ import annotations

import json
from pathlib import Path

from tests.broker import Broker, publish, wait_for
from tests.gateway.harness import Running, kept, write_config

TOPIC = "zigbee2mqtt/smoke_a"
HOSTILE = [
    b"\xff\xfe\x00\x80",
    b"{",
    b"[" * 100_000,
    b'{"smoke":' * 5000,
    b'{"smoke":NaN}',
    b'{"smoke":1e999}',
    b'{"smoke":{"$gt":""}}',
    b'{"smoke":"tru\\u0000e"}',
    b"5",
    b'"smoke"',
    b"\x00" * 1000,
    json.dumps({"na,me\nwith=evil": 1, "battery": "1e400", "linkquality": [1]}).encode(),
    json.dumps({f"field_{i}": i for i in range(20_000)}).encode(),
    b'{"battery":"' + b"9" * 10_000 + b'"}',
    b'{"action":"' + "\u202e".encode() * 500 + b'"}',
]


def test_hostile_payloads_are_counted_and_the_next_alarm_is_raised(broker: Broker, tmp_path: Path) -> None:
    config = write_config(tmp_path, broker, ["smoke_a:smoke", "smoke_b:smoke"])
    with Running(config) as gateway:
        gateway.armed().subscribed()
        publish(broker, [(TOPIC, payload) for payload in HOSTILE])
        publish(broker, [(TOPIC, b'{"pad":"' + b"x" * 10_000_000 + b'"}')], timeout_s=30)
        publish(broker, [("zigbee2mqtt/smoke_b", b'{"smoke":true}')])
        wait_for(lambda: "smoke_b" in {a["source"] for a in gateway.status()["alerts"]}, 20)
        status = gateway.status()
        refused = status["drivers"]["broker/zigbee2mqtt"]["refused"]
        assert sum(refused.values()) >= 6, refused
        assert len(refused) < 40, "a stranger's field names must not grow the table"
        assert status["links"]["broker"]["refused"].get("payload_too_large") == 1
        assert status["links"]["broker"]["callback_errors"] == 0
        assert all(d["working"] for d in status["detectors"].values())
        assert gateway.stop() == 0
    assert {a.source for a in kept(config) if a.kind == "smoke"} == {"smoke_b"}, "nothing hostile rang"
    assert "Traceback" not in (tmp_path / "gateway.log").read_text()
