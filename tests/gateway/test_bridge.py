"""Does the community hear the alert, does its answer come back, and does nothing else leave the home?"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.bridge import HIDDEN, Bridge
from gateway.install_broker import hashed
from simulators.broker import Broker, find_mosquitto, free_port
from tests.broker import Listener, publish, wait_for
from tests.gateway.harness import Running, write_config
from tests.gateway.test_cli import _hearthwatch

CHANNEL = "channels: {out: {type: mqtt, options: {link: broker}}}\n"
PASSWORD = "a secret of the community"
SMOKE = b'{"smoke":true,"battery":100,"linkquality":80}'


@dataclass
class Pair:
    """The home's broker with its bridge, the community's broker, and the home's configuration."""

    home: Broker
    community: Broker
    config: Path


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    openssl = shutil.which("openssl")
    if find_mosquitto() is None or openssl is None:
        pytest.skip("mosquitto or openssl is not installed")
    for name in ("tls", "far", "near"):
        (tmp_path / name).mkdir()
    key, certificate = tmp_path / "tls/key.pem", tmp_path / "tls/cert.pem"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-keyout", key, "-out", certificate], check=True, capture_output=True,
    )  # fmt: skip
    table = tmp_path / "far/passwd"
    table.write_text(f"home-1:{hashed(PASSWORD)}\n")
    table.chmod(0o600)
    port = free_port()
    # anonymous on the plain loopback port is the test's own ear; the bridge comes with TLS and a password
    tls = [
        f"password_file {table}",
        f"listener {port} 127.0.0.1",
        f"certfile {certificate}",
        f"keyfile {key}",
    ]
    community = Broker(tmp_path / "far", kind="mosquitto", extra=tls)
    bridge = Bridge("test-home", f"localhost:{port}", "homes", "home-1", PASSWORD, certificate)
    home = Broker(tmp_path / "near", kind="mosquitto", extra=bridge.text(show=True).splitlines())
    with community, home:
        config = write_config(tmp_path, home, ["smoke:smoke", "door:door"], CHANNEL)
        yield Pair(home, community, config)


def heard(ear: Listener, topic: str) -> list[bytes]:
    return [p for t, p, _ in ear.messages if t == topic]


def test_an_alert_goes_over_an_answer_comes_back_and_nothing_else_leaves(pair: Pair) -> None:
    with Listener(pair.community, "#") as ear, Running(pair.config) as gateway:
        gateway.armed().subscribed()
        wait_for(lambda: heard(ear, "homes/test-home/link")[-1:] == [b"1"])
        publish(pair.home, [("zigbee2mqtt/door", b'{"contact":false,"linkquality":80}'), ("private", b"x")])
        publish(pair.home, [("zigbee2mqtt/smoke", SMOKE)])
        wait_for(lambda: heard(ear, "homes/test-home/alert"))
        told = json.loads(heard(ear, "homes/test-home/alert")[0])
        assert (told["kind"], told["severity"]) == ("smoke", "alarm")
        wait_for(lambda: heard(ear, f"homes/test-home/alerts/{told['id']}"))
        wait_for(lambda: heard(ear, "homes/test-home/gateway"))
        answer = {"answer": told["id"], "word": "take", "by": "grid worker"}
        publish(pair.community, [("homes/test-home/command", json.dumps(answer).encode())])
        wait_for(
            lambda: (
                [a["state"] for a in gateway.status()["alerts"] if a["id"] == told["id"]] == ["acknowledged"]
            )
        )
        # nothing may come in but answers
        publish(pair.community, [("homes/test-home/alert", b"forged"), ("zigbee2mqtt/smoke", SMOKE)])
        assert gateway.stop() == 0
        wait_for(lambda: b"stopped" in heard(ear, "homes/test-home/gateway")[-1])
    left = {t for t, _, _ in ear.messages if t not in ("zigbee2mqtt/smoke", "homes/test-home/command")}
    allowed = ("alert", "alerts/", "status", "gateway", "link")
    assert all(t.startswith(tuple(f"homes/test-home/{a}" for a in allowed)) for t in left), left
    assert not any("door" in t or t == "private" for t in left)


def test_what_happened_while_the_line_was_down_arrives_afterwards(pair: Pair) -> None:
    with Running(pair.config) as gateway:
        gateway.armed().subscribed()
        with Listener(pair.community, "homes/#") as ear:
            wait_for(lambda: heard(ear, "homes/test-home/link")[-1:] == [b"1"])
        pair.community.stop()
        publish(pair.home, [("zigbee2mqtt/smoke", SMOKE)])
        wait_for(lambda: gateway.status()["channels"]["out"]["delivered"] >= 1)
        pair.community.restart()
        with Listener(pair.community, "homes/test-home/alerts/+") as ear:
            wait_for(lambda: ear.messages, 30)
            assert json.loads(ear.messages[0][1])["kind"] == "smoke"
        assert gateway.stop() == 0


def test_the_file_is_for_its_owner_and_the_password_is_never_shown(tmp_path: Path, mosquitto: Broker) -> None:
    config = write_config(tmp_path, mosquitto, ["smoke:smoke"], CHANNEL)
    secret = tmp_path / "secret"
    secret.write_text(PASSWORD + "\n")
    secret.chmod(0o600)
    arguments = ("bridge", "broker.example:8883", "-c", str(config), "--username", "home-1",
                 "--password-file", str(secret), "--ca", str(secret), "--root", str(tmp_path / "root"))  # fmt: skip
    dry = _hearthwatch(*arguments, "--dry")
    done = _hearthwatch(*arguments)
    assert dry.returncode == done.returncode == 0, dry.stderr + done.stderr
    for said in (dry, done):
        assert PASSWORD not in said.stdout + said.stderr
    assert HIDDEN in dry.stdout
    path = tmp_path / "root/etc/mosquitto/conf.d/hearthwatch-bridge.conf"
    assert path.stat().st_mode & 0o777 == 0o600
    assert f"remote_password {PASSWORD}\n" in path.read_text()


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({"address": "nowhere"}, "host:port"),
        ({"address": "far.example:1883"}, "plain text"),
        ({"prefix": "a/#"}, "prefix"),
        ({"prefix": "a\nuser root"}, "prefix"),
        ({"username": "a\nb"}, "user name"),
        ({"password": "x"}, "--username"),
    ],
)
def test_a_wrong_call_is_refused_with_advice(more: dict[str, str], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        Bridge(**{"home": "h", "address": "localhost:8883", **more})


def test_without_an_mqtt_channel_there_is_nothing_to_send(tmp_path: Path, mosquitto: Broker) -> None:
    config = write_config(tmp_path, mosquitto, ["smoke:smoke"])
    said = _hearthwatch("bridge", "localhost:1883", "-c", str(config), "--dry")
    assert said.returncode == 2
    assert "mqtt" in said.stderr
