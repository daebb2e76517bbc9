"""Who may say what on the broker? Mosquitto's settings, passwords and access list for this home.

One user for the gateway, one for each class of sensor (its bridge or its devices), one for Home Assistant
where that is configured. A class may say what its own sensors say and hear its own commands; it can
neither forge another class nor answer alerts. Nobody is let in without a password.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from pathlib import Path

from core.config import MqttLinkConfig
from gateway.build import Plan
from gateway.commands import command_topic
from gateway.install_files import File, place, secret_in

GATEWAY = "hearthwatch"
ITERATIONS = 10_000
FOLDER = "/etc/mosquitto"
SECRETS = "/etc/hearthwatch/mqtt"

SETTINGS = """\
# Written by `hearthwatch install` for the home {home}. Mosquitto's own mosquitto.conf includes this folder.
listener {port} 127.0.0.1
# Sensors in the local network (with certificates of yours):
# listener 8883
# certfile /etc/mosquitto/certs/server.pem
# keyfile /etc/mosquitto/certs/server.key

allow_anonymous false
password_file {folder}/hearthwatch.passwd
acl_file {folder}/hearthwatch.acl

# What is not yet acknowledged waits for a restarting gateway, bounded in bytes.
persistence true
autosave_on_changes true
autosave_interval 30
# (not 0 = unlimited: Mosquitto 2.0.11 then throws out whoever publishes what the access list forbids)
max_queued_messages 100000
max_queued_bytes 67108864
max_inflight_messages 200
queue_qos0_messages true
persistent_client_expiration 30d
set_tcp_nodelay true
"""

SHARED = frozenset({"tele", "stat", "cmnd", "homeassistant", "hearthwatch", "home", "+", "#", ""})
"""First levels that do not belong to one class alone."""


def local_links(plan: Plan) -> dict[str, MqttLinkConfig]:
    """The brokers on this machine; others are not ours to configure."""
    return {
        name: link
        for name, link in plan.config.links.items()
        if isinstance(link, MqttLinkConfig) and link.loopback
    }


def access(plan: Plan) -> dict[str, list[str]]:
    """Each user's lines of the access list."""
    links = local_links(plan)
    users: dict[str, list[str]] = {GATEWAY: ["topic readwrite hearthwatch/#"]}
    heard: set[str] = set()
    for driver in plan.drivers:
        if driver.link not in links:
            continue
        topics = sorted(driver.spec.make(driver.sensors).topics())
        heard.update(topics)
        lines = users.setdefault(driver.spec.name, [])
        lines += [line for topic in topics for line in _class_lines(topic) if line not in lines]
        if driver.spec.name in ("zigbee2mqtt", "esphome", "tasmota"):
            lines.append("topic write homeassistant/#")
    users[GATEWAY] += [f"topic read {topic}" for topic in sorted(heard)]
    for valve in plan.config.valves.values():
        if valve.link in links:
            users[GATEWAY] += [f"topic write {valve.topic}", f"topic read {valve.confirm_topic}"]
    for channel in plan.channels:
        if getattr(channel.params, "link", None) not in links:
            continue
        if channel.type == "in_home":
            users[GATEWAY].append(f"topic write {channel.params.topic}")
            users.setdefault("in_home", []).extend(
                [f"topic read {channel.params.topic}", f"topic write {command_topic(plan.home.id)}"]
            )
        elif channel.type in ("mqtt", "home_assistant"):
            prefix = channel.params.prefix
            if prefix != "hearthwatch":
                users[GATEWAY].append(f"topic readwrite {prefix}/{plan.home.id}/#")
        if channel.type == "home_assistant":
            found = channel.params.discovery_prefix
            users[GATEWAY].append(f"topic readwrite {found}/#")
            users["homeassistant"] = [
                f"topic readwrite {found}/#",
                f"topic read {channel.params.prefix}/{plan.home.id}/#",
                f"topic write {channel.params.prefix}/{plan.home.id}/ha/acknowledge",
                f"topic write {command_topic(plan.home.id)}",
            ]
    return {name: list(dict.fromkeys(lines)) for name, lines in users.items()}


def _class_lines(topic: str) -> list[str]:
    """What may the class behind this topic do?"""
    first, _, rest = topic.lstrip("/").partition("/")
    if first not in SHARED and not topic.startswith("/"):
        return [f"topic readwrite {first}/#"]
    lines = [f"topic write {topic}"]
    if first == "tele":
        lines.append(f"topic read cmnd/{rest.removesuffix('/#')}/#")
    return lines


def acl(plan: Plan, users: dict[str, list[str]]) -> File:
    """The access list."""
    text = "# Written by `hearthwatch install`: nobody may do what is not written here.\n"
    for name, lines in users.items():
        text += f"\nuser {name}\n" + "".join(f"{line}\n" for line in lines)
    return File(f"{FOLDER}/hearthwatch.acl", text, 0o640, group="mosquitto")


def settings(plan: Plan) -> File:
    """Mosquitto's settings."""
    port = next(iter(local_links(plan).values())).port
    text = SETTINGS.format(home=plan.home.id, port=port, folder=FOLDER)
    return File(f"{FOLDER}/conf.d/hearthwatch.conf", text)


def passwords(root: Path, users: dict[str, list[str]]) -> tuple[File, list[File]]:
    """The hashed password file, and one file per user with the password itself. Known ones stay."""
    plain = {name: secret_in(root, f"{SECRETS}/{name}.password") for name in users}
    target = place(root, File(f"{FOLDER}/hearthwatch.passwd", ""))
    known = _known(target)
    lines = [
        f"{name}:{known[name] if fits(known.get(name, ''), password) else hashed(password)}\n"
        for name, password in plain.items()
    ]
    lines += [f"{name}:{rest}\n" for name, rest in known.items() if name not in plain]  # users of yours
    table = File(f"{FOLDER}/hearthwatch.passwd", "".join(lines), 0o600, secret=True, owner="mosquitto")
    return table, [
        File(
            f"{SECRETS}/{name}.password",
            password + "\n",
            0o600,
            secret=True,
            owner=GATEWAY if name == GATEWAY else "",
        )
        for name, password in plain.items()
    ]


def hashed(password: str, salt: bytes | None = None, iterations: int = ITERATIONS) -> str:
    """A password as Mosquitto 2 keeps it: PBKDF2 with SHA-512.

    >>> hashed("x", b"0" * 12, 101)[:25]
    '$7$101$MDAwMDAwMDAwMDAw$z'
    """
    salt = os.urandom(12) if salt is None else salt
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, iterations, 64)
    return f"$7${iterations}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def fits(line: str, password: str) -> bool:
    """Is this the hash of that password?"""
    parts = line.split("$")
    try:
        iterations, salt = int(parts[2]), base64.b64decode(parts[3])
    except (IndexError, ValueError, binascii.Error):
        return False
    if not 0 < iterations <= 10_000_000:
        return False
    return hmac.compare_digest(hashed(password, salt, iterations), line)


def _known(path: Path) -> dict[str, str]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    pairs = [line.partition(":") for line in text.splitlines() if ":" in line]
    return {name: rest for name, _, rest in pairs}
