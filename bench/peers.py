"""What does the bare library cost? The peers that the gateway is measured beside, as child processes.

``python -m bench.peers count PORT TOPIC N QOS`` receives N messages and does nothing with them.
``python -m bench.peers echo PORT FILE`` answers each message on ``bench/in`` with one on ``bench/out``
after one synced SQLite commit: the least an alert path that loses nothing can do.
Both print one JSON line at the end: messages, CPU seconds, resident memory.
"""

from __future__ import annotations

import json
import resource
import socket
import sqlite3
import sys
import threading
import time
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

GIVE_UP_S = 120.0


def _client() -> mqtt.Client:
    client = mqtt.Client(CallbackAPIVersion.VERSION2)

    def no_delay(_c: Any, _u: Any, sock: Any) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    client.on_socket_open = no_delay
    return client


def count(port: int, topic: str, wanted: int, qos: int) -> None:
    """Receive and count."""
    client, done, ready = _client(), threading.Event(), threading.Event()
    got, first, last = 0, 0.0, 0.0

    def on_message(_c: Any, _u: Any, _message: Any) -> None:
        nonlocal got, first, last
        if not got:
            first = time.monotonic()
        got += 1
        if got >= wanted:
            last = time.monotonic()
            done.set()

    def on_connect(*_: Any) -> None:
        client.subscribe(topic, qos)

    client.on_connect = on_connect
    client.on_subscribe = lambda *_: ready.set()
    client.on_message = on_message
    client.connect("127.0.0.1", port)
    client.loop_start()
    ready.wait(10)
    before = _cpu()
    print(json.dumps({"ready": True}), flush=True)
    done.wait(GIVE_UP_S)
    used = _cpu() - before
    client.disconnect()
    client.loop_stop()
    seconds = (last or time.monotonic()) - first
    print(json.dumps({"messages": got, "cpu_s": used, "seconds": seconds}), flush=True)


def echo(port: int, file: str) -> None:
    """Commit, then answer; until standard input ends."""
    client, ready = _client(), threading.Event()
    database = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute("CREATE TABLE IF NOT EXISTS seen (payload BLOB)")

    def on_message(c: mqtt.Client, _u: Any, message: mqtt.MQTTMessage) -> None:
        database.execute("INSERT INTO seen VALUES (?)", (message.payload,))
        c.publish("bench/out", message.payload, qos=1)

    def on_connect(*_: Any) -> None:
        client.subscribe("bench/in/+", 1)

    client.on_connect = on_connect
    client.on_subscribe = lambda *_: ready.set()
    client.on_message = on_message
    client.connect("127.0.0.1", port)
    client.loop_start()
    ready.wait(10)
    print(json.dumps({"ready": True}), flush=True)
    sys.stdin.read()
    client.disconnect()
    client.loop_stop()
    database.close()


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    if sys.argv[1] == "count":
        count(int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
    else:
        echo(int(sys.argv[2]), sys.argv[3])
