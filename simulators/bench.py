"""How many messages can be thrown at a broker? A load of Zigbee2MQTT state from many sensors.

Run it as a process of its own (``python -m simulators.bench --port 1883``), so that it does not share
the interpreter with what is measured. Payloads are made before the clock starts.
"""

from __future__ import annotations

import argparse
import json
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

SIZE = 200
PREFIX = "zigbee2mqtt/load_"
_KINDS = ("contact", "occupancy", "smoke", "water_leak", "presence")
_DISTINCT = 16  # messages made per sensor; they go round
_SLICE_S = 0.002
_BATCH = 200  # messages written at once
_AHEAD = 2000  # QoS 1 messages not yet acknowledged: more only fills memory
_CONNECT = b"\x10\x16\x00\x04MQTT\x04\x02\x00\x00\x00\x0ahearthload"  # 3.1.1, clean, no keep-alive


@dataclass(frozen=True, slots=True)
class Report:
    """What was sent: messages, seconds until the broker had them all, and messages a second."""

    messages: int
    sensors: int
    qos: int
    payload_bytes: int
    seconds: float
    per_s: float


def topic(sensor: int, prefix: str = PREFIX) -> str:
    """The topic of one sensor of the load."""
    return f"{prefix}{sensor:04d}"


def payload(sensor: int, turn: int, size: int = SIZE) -> bytes:
    """One state of one sensor: valid JSON of exactly ``size`` bytes (at least some 170).

    >>> len(payload(3, 7)), json.loads(payload(1, 2))["occupancy"]
    (200, False)
    """
    kind = _KINDS[sensor % len(_KINDS)]
    usual = kind == "contact"  # nothing may ring: closed, dry, nobody
    state: dict[str, object] = {
        kind: usual,
        "battery": 60 + (sensor * 7 + turn) % 40,
        "voltage": 2900 + turn,
        "linkquality": 40 + (sensor + 13 * turn) % 200,
        "device_temperature": 18 + turn % 8,
        "power_outage_count": sensor % 50,
        "last_seen": f"2026-03-02T10:{turn % 60:02d}:{sensor % 60:02d}+08:00",
        "update": {"state": "idle", "pad": ""},
    }
    bare = len(json.dumps(state, separators=(",", ":")))
    if bare > size:
        raise ValueError(f"a state needs at least {bare} bytes, not {size}")
    state["update"] = {"state": "idle", "pad": "x" * (size - bare)}
    return json.dumps(state, separators=(",", ":")).encode()


def messages(count: int, sensors: int, size: int = SIZE, prefix: str = PREFIX) -> Iterator[tuple[str, bytes]]:
    """``count`` messages, the sensors in turn."""
    pool = [(topic(s, prefix), payload(s, n, size)) for n in range(_DISTINCT) for s in range(sensors)]
    for i in range(count):
        yield pool[i % len(pool)]


def publish(
    host: str,
    port: int,
    what: Sequence[tuple[str, bytes]],
    qos: int = 0,
    rate_per_s: float = 0.0,
    timeout_s: float = 120.0,
) -> float:
    """Publish all of it, at this rate (0 = as fast as it goes); how many seconds did it take?

    Returns once the broker has taken everything: it acknowledged each (QoS 1) or answered a ping sent
    after the last (QoS 0). Raises OSError (TimeoutError after ``timeout_s`` without progress).
    """
    frames = [_publish_frame(name, data, qos, 1 + i % 65535) for i, (name, data) in enumerate(what)]
    with socket.create_connection((host, port), timeout=timeout_s) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line.sendall(_CONNECT)
        if _read(line, 4)[3]:
            raise ConnectionRefusedError(f"the broker at {host}:{port} refuses anonymous clients")
        begun = time.monotonic()
        sent = acked = 0  # messages; bytes of acknowledgements, four each
        while sent < len(frames):
            allowed = len(frames) - sent
            if rate_per_s:
                allowed = min(allowed, int((time.monotonic() - begun) * rate_per_s) + 1 - sent)
                if allowed <= 0:
                    time.sleep(_SLICE_S)
                    continue
            if qos:
                allowed = min(allowed, _AHEAD - (sent - acked // 4))
                if allowed <= 0:
                    acked += len(_some(line))
                    continue
            batch = frames[sent : sent + min(allowed, _BATCH)]
            line.sendall(b"".join(batch))
            sent += len(batch)
        while qos and acked < 4 * sent:
            acked += len(_some(line))
        line.sendall(b"\xc0\x00")
        _read(line, 2)
        seconds = time.monotonic() - begun
        line.sendall(b"\xe0\x00")
        return seconds


def _publish_frame(name: str, data: bytes, qos: int, number: int) -> bytes:
    """MQTT 3.1.1 PUBLISH; a client library costs more than the broker and what is measured together."""
    topic_bytes = name.encode()
    body = len(topic_bytes).to_bytes(2, "big") + topic_bytes
    body += (number.to_bytes(2, "big") if qos else b"") + data
    size, length = len(body), bytearray()
    while True:
        size, digit = divmod(size, 128)
        length.append(digit | (128 if size else 0))
        if not size:
            return bytes((0x30 | qos << 1,)) + bytes(length) + body


def _some(line: socket.socket) -> bytes:
    data = line.recv(65536)
    if not data:
        raise ConnectionResetError("the broker closed the connection")
    return data


def _read(line: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        data += _some(line)
    return data


def load(
    host: str,
    port: int,
    count: int,
    sensors: int = 50,
    qos: int = 0,
    rate_per_s: float = 0.0,
    size: int = SIZE,
    prefix: str = PREFIX,
) -> Report:
    """Make and publish a load. Raises OSError and ValueError (a size too small)."""
    what = list(messages(count, sensors, size, prefix))
    seconds = publish(host, port, what, qos, rate_per_s)
    return Report(count, sensors, qos, size, round(seconds, 4), round(count / seconds, 1))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m simulators.bench", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--sensors", type=int, default=50)
    parser.add_argument("--qos", type=int, choices=(0, 1), default=0)
    parser.add_argument("--rate", type=float, default=0.0, help="messages a second; 0 = as fast as it goes")
    parser.add_argument("--size", type=int, default=SIZE, help="bytes of a payload")
    parser.add_argument("--prefix", default=PREFIX, help="topics are PREFIX0000, PREFIX0001, ...")
    given = parser.parse_args()
    report = load(
        given.host, given.port, given.messages, given.sensors, given.qos, given.rate, given.size, given.prefix
    )
    print(json.dumps(asdict(report)))


if __name__ == "__main__":
    main()
