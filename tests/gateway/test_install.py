"""Do the written unit, broker settings and rules do what they say, on a real broker and by systemd's own rating?"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from gateway import build
from gateway.install import install, prepare, shown, told
from gateway.install_broker import SECRETS, fits, hashed
from gateway.install_files import File, place, put
from gateway.install_udev import rules
from simulators.broker import Broker, find_mosquitto, free_port
from tests.broker import wait_for
from tests.gateway.harness import Running
from tests.gateway.test_cli import _hearthwatch

MAX_EXPOSURE = 2.0
CONFIG = """\
home: {{id: test-home, time_zone: Asia/Shanghai, language: en}}
residents: {{li: {{name: Li}}}}
rooms: {{hall: {{kind: hall}}}}
links:
  broker: {{type: mqtt, host: 127.0.0.1, port: {port}, keep_alive_s: 5{login}}}
{serial}sensors:
  door: {{device: zigbee2mqtt, link: broker, topic: zigbee2mqtt/door, kind: door, room: hall}}
  plug: {{device: tasmota, link: broker, topic: plug_1, kind: switch, room: hall}}
{radar}store: {{state_dir: {state}}}
channels:
  out: {{type: mqtt, options: {{link: broker}}}}
  home: {{type: home_assistant, options: {{link: broker}}}}
"""


def write(folder: Path, port: int = 1883, login: str = "", usb: str = "") -> Path:
    serial = f"  radar: {{type: serial, port: {usb}}}\n" if usb else ""
    radar = "  radar: {device: ld2410c, link: radar, room: hall}\n" if usb else ""
    path = folder / "config.yaml"
    path.write_text(
        CONFIG.format(port=port, login=login, serial=serial, radar=radar, state=folder / "state"),
        encoding="utf-8",
    )
    return path


def installed(config: Path, root: Path) -> list[str]:
    made = prepare(build.plan(config), config, root, "/opt/hearthwatch/bin/hearthwatch")
    install(made, root)
    return [step.done for step in made.steps]


def secret(root: Path, user: str) -> str:
    return place(root, File(f"{SECRETS}/{user}.password", "")).read_text().strip()


def test_twice_changes_nothing_and_a_changed_file_is_kept_and_told(tmp_path: Path) -> None:
    config, root = write(tmp_path), tmp_path / "root"
    assert set(installed(config, root)) == {"written"}
    assert set(installed(config, root)) == {"unchanged", "kept"}
    acl = root / "etc/mosquitto/hearthwatch.acl"
    acl.write_text("user me\n")
    made = prepare(build.plan(config), config, root)
    install(made, root)
    (step,) = [s for s in made.steps if s.done == "replaced" and "acl" in s.file.path]
    assert (acl.parent / step.backup).read_text() == "user me\n"
    text = "\n".join(told(made, build.plan(config)))
    assert step.backup in text
    acl.write_text("again\n")
    install(prepare(build.plan(config), config, root), root)
    assert (acl.parent / "hearthwatch.acl.bak").read_text() == "user me\n", "a backup is never overwritten"
    assert (acl.parent / "hearthwatch.acl.bak2").read_text() == "again\n"


def test_your_configuration_and_your_users_are_never_touched(tmp_path: Path) -> None:
    config, root = write(tmp_path), tmp_path / "root"
    installed(config, root)
    mine = root / "etc/hearthwatch/config.yaml"
    mine.write_text(mine.read_text() + "# mine\n")
    table = root / "etc/mosquitto/hearthwatch.passwd"
    table.write_text(table.read_text() + "neighbour:" + hashed("x") + "\n")
    installed(config, root)
    assert mine.read_text().endswith("# mine\n")
    assert "neighbour:" in table.read_text()


def test_secrets_are_for_their_owner_and_never_shown(tmp_path: Path) -> None:
    config, root = write(tmp_path), tmp_path / "root"
    installed(config, root)
    for path in (root / SECRETS.lstrip("/")).iterdir():
        assert path.stat().st_mode & 0o077 == 0
    assert (root / "etc/mosquitto/hearthwatch.passwd").stat().st_mode & 0o077 == 0
    made = prepare(build.plan(config), config, root)
    install(made, root)
    for text in (shown(made), "\n".join(told(made, build.plan(config)))):
        for user in made.users:
            assert secret(root, user) not in text
    assert fits(hashed("right"), "right")
    assert not fits(hashed("right"), "wrong")
    assert not fits("", "wrong")


def test_a_link_in_the_way_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "precious"
    elsewhere.write_text("precious")
    (tmp_path / "root/etc").mkdir(parents=True)
    (tmp_path / "root/etc/x").symlink_to(elsewhere)
    with pytest.raises(OSError, match="link"):
        put(tmp_path / "root", File("/etc/x", "new"))
    assert elsewhere.read_text() == "precious"


@pytest.mark.parametrize("usb", ["", "/dev/serial/by-id/usb-FTDI_FT232R_A1-if00-port0"])
def test_the_unit_is_closed_by_systemds_own_rating(tmp_path: Path, usb: str) -> None:
    analyse = shutil.which("systemd-analyze")
    if analyse is None:
        pytest.skip("systemd-analyze is not installed")
    root = tmp_path / "root"
    installed(write(tmp_path, usb=usb), root)
    unit = root / "etc/systemd/system/hearthwatch.service"
    said = subprocess.run(
        [analyse, "security", "--offline=yes", "--no-pager", str(unit)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "SYSTEMD_COLORS": "0", "LC_ALL": "C.UTF-8"},
    )
    found = re.search(r"exposure level for \S+: ([\d.]+)", said.stdout)
    if found is None:
        pytest.skip(f"this systemd-analyze cannot rate a file: {said.stderr[:200]}")
    assert float(found.group(1)) <= MAX_EXPOSURE
    text = unit.read_text()
    for line in (
        "Type=notify",
        "WatchdogSec=30",
        "RuntimeDirectoryPreserve=restart",
        "StartLimitIntervalSec=0",
    ):
        assert line in text.splitlines()
    assert ("char-ttyUSB" in text) is bool(usb)


@pytest.mark.parametrize(
    ("port", "rule"),
    [
        (
            "/dev/serial/by-id/usb-FTDI_FT232R_A1-if00-port0",
            'ENV{ID_SERIAL}=="FTDI_FT232R_A1", ENV{ID_USB_INTERFACE_NUM}=="00", SYMLINK+="hearthwatch/radar"',
        ),
        (
            "/dev/serial/by-path/platform-xhci-usb-0:1.2:1.0-port0",
            'ENV{ID_PATH}=="platform-xhci-usb-0:1.2:1.0", SYMLINK+="hearthwatch/radar"',
        ),
        ('/dev/serial/by-id/usb-A"\\, RUN+=evil-if00', 'ENV{ID_SERIAL}=="A??, RUN+=evil"'),
        ("/dev/ttyUSB0", 'ENV{ID_PATH}=="pci-usb-0:3:1.0", SYMLINK+="hearthwatch/radar"'),
    ],
)
def test_each_adapter_gets_a_name_that_stays(tmp_path: Path, port: str, rule: str) -> None:
    (tmp_path / "dev/serial/by-path").mkdir(parents=True)
    (tmp_path / "dev/ttyUSB0").write_text("")
    (tmp_path / "dev/serial/by-path/pci-usb-0:3:1.0-port0").symlink_to("../../ttyUSB0")
    quoted = "'" + port + "'"
    file, unknown = rules(build.plan(write(tmp_path, usb=quoted)), tmp_path)
    assert rule in file.content
    assert unknown == []


def test_an_adapter_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    plan = build.plan(write(tmp_path, usb="/dev/ttyUSB7"))
    file, unknown = rules(plan, tmp_path)
    assert unknown == ["radar"]
    assert "SYMLINK" not in file.content


class Written(Broker):
    """A broker run with exactly the files that install wrote, under a distribution's own main settings."""

    def __init__(self, root: Path, port: int) -> None:
        super().__init__(root / "run", port, "mosquitto")
        self.folder.mkdir(exist_ok=True)
        conf = root / "etc/mosquitto/conf.d/hearthwatch.conf"
        conf.write_text(conf.read_text().replace(" /etc/", f" {root}/etc/"))
        main = f"persistence true\npersistence_location {self.folder}/\ninclude_dir {conf.parent}\n"
        if os.geteuid() == 0:
            main += "user root\n"
        (root / "main.conf").write_text(main)
        self._main = root / "main.conf"

    def _command(self) -> list[str]:
        assert self._binary
        return [self._binary, "-c", str(self._main)]


@pytest.fixture
def written(tmp_path: Path) -> Iterator[tuple[Written, Path, Path]]:
    if find_mosquitto() is None:
        pytest.skip("mosquitto is not installed")
    port, root = free_port(), tmp_path / "root"
    first = write(tmp_path, port)
    installed(first, root)
    password = place(root, File(f"{SECRETS}/hearthwatch.password", ""))
    config = write(tmp_path, port, f", username: hearthwatch, password_file: {password}")
    with Written(root, port) as broker:
        yield broker, root, config


class Client:
    """Somebody at the broker; ``said`` is what reached them."""

    def __init__(self, broker: Broker, user: str, password: str, listen: str = "") -> None:
        self.said: list[str] = []
        self.denied: list[bool] = []
        self._up = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)  # it tells refusals
        self._client.username_pw_set(user, password)
        self.refused = False

        def on_connect(
            client: mqtt.Client, _u: object, _f: object, code: mqtt.ReasonCode, _p: object
        ) -> None:
            self.refused = code.is_failure
            if listen and not code.is_failure:
                client.subscribe(listen, 1)
            else:
                self._up.set()

        self._client.on_connect = on_connect
        self._client.on_subscribe = lambda *_: self._up.set()
        self._client.on_message = lambda _c, _u, m: self.said.append(m.topic)
        self._client.on_publish = lambda _c, _u, _m, code, _p: self.denied.append(code.is_failure)
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()
        assert self._up.wait(10)

    def publish(self, *topics: str) -> None:
        for topic in topics:
            self._client.publish(topic, b'{"contact":false,"linkquality":80}', 1).wait_for_publish(10)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def test_what_is_allowed_passes_and_what_is_forbidden_does_not(written: tuple[Written, Path, Path]) -> None:
    broker, root, config = written
    with Running(config) as gateway:
        gateway.armed().subscribed()
        bridge = Client(broker, "zigbee2mqtt", secret(root, "zigbee2mqtt"), "#")
        ha = Client(broker, "homeassistant", secret(root, "homeassistant"), "#")
        bridge.publish("zigbee2mqtt/door")
        wait_for(lambda: gateway.status()["sensors"]["door"]["state"] == "heard")
        status = gateway.status()["links"]["broker"]
        wait_for(lambda: gateway.status()["links"]["broker"]["canary"]["proven"], 30)
        assert status["refused_filters"] == []
        before = gateway.status()["counts"]["packets"]
        # a bridge may neither give answers, nor speak for another class, nor forge alerts
        bridge.denied.clear()
        bridge.publish("hearthwatch/test-home/command", "tele/plug_1/SENSOR", "hearthwatch/test-home/alert")
        assert bridge.denied == [True, True, True]
        bridge.publish("zigbee2mqtt/door")
        wait_for(lambda: gateway.status()["counts"]["packets"] > before)
        assert gateway.status()["counts"]["packets"] == before + 1
        assert {t for t in bridge.said if not t.startswith("zigbee2mqtt/")} == set()
        # Home Assistant sees alerts and answers, and sees no sensors
        wait_for(lambda: any(t.startswith("hearthwatch/test-home/ha") for t in ha.said))
        assert not any(t.startswith("zigbee2mqtt/") for t in ha.said)
        ha.publish("hearthwatch/test-home/command")
        wait_for(lambda: gateway.status()["counts"]["packets"] == before + 2)
        bridge.close()
        ha.close()
        assert gateway.stop() == 0


def test_nobody_is_let_in_without_a_password(written: tuple[Written, Path, Path]) -> None:
    broker, root, _ = written
    for user, password in (("hearthwatch", "wrong"), ("zigbee2mqtt", secret(root, "tasmota")), ("who", "x")):
        client = Client(broker, user, password)
        assert client.refused
        client.close()


def test_the_command_tells_and_a_dry_one_writes_nothing(tmp_path: Path) -> None:
    config, root = write(tmp_path), tmp_path / "root"
    said = _hearthwatch("install", "-c", str(config), "--root", str(root), "--dry")
    assert said.returncode == 0, said.stderr
    assert "Type=notify" in said.stdout
    assert not root.exists()
    said = _hearthwatch("install", "-c", str(config), "--root", str(root))
    assert said.returncode == 0, said.stderr
    assert "written    /etc/mosquitto/hearthwatch.acl" in said.stdout
    assert "systemctl daemon-reload" in said.stdout
