"""How does a community hear of this home without seeing into it? A Mosquitto bridge of a few topics.

Out go alerts, their open states and the heartbeat; in come answers. Sensors, commands to devices and
everything else stay at home: a topic that is not written here does not pass. The bridge keeps a session
at both ends, so what happens while the line is down arrives afterwards. The settings hold the password for
the community's broker (Mosquitto has no other place for it), so the file is for its owner only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from gateway.install_files import File

PATH = "/etc/mosquitto/conf.d/hearthwatch-bridge.conf"
HIDDEN = "********"

_OUT = ("alert", "alerts/#", "status", "gateway")
_IN = ("command",)
_NAME = re.compile(r"^[A-Za-z0-9_.:-]+$")


@dataclass(frozen=True, slots=True)
class Bridge:
    """Where to, as whom, and under which topic. Raises ValueError with what to do."""

    home: str
    address: str
    prefix: str = "homes"
    username: str = ""
    password: str = ""
    ca_file: Path | None = None
    insecure: bool = False
    local_prefix: str = "hearthwatch"

    def __post_init__(self) -> None:
        host, _, port = self.address.rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 65536 or not _NAME.match(host.strip("[]")):
            raise ValueError(f"{self.address!r} must be host:port, such as broker.example:8883")
        local = host.strip("[]") in ("127.0.0.1", "::1", "localhost")
        if self.ca_file is None and not (self.insecure or local):
            raise ValueError(f"{host} would be told in plain text; name a --ca file, or --insecure")
        for name, topic in (("prefix", self.prefix), ("local prefix", self.local_prefix)):
            if not topic or any(c in topic for c in "+#\0 \n") or topic.strip("/") != topic:
                raise ValueError(f"the {name} must be a topic without +, #, spaces and outer slashes")
        for name, text in (("user name", self.username), ("password", self.password)):
            if any(c in text for c in "\r\n\0"):
                raise ValueError(f"the {name} must be one line")
        if self.password and not self.username:
            raise ValueError("a password needs a --username")

    def text(self, show: bool = False) -> str:
        """The settings; the password only for the file."""
        inside, outside = f"{self.local_prefix}/{self.home}/", f"{self.prefix}/{self.home}/"
        name = f"hearthwatch-{self.home}-bridge"
        lines = [
            f"# Written by `hearthwatch bridge` for the home {self.home}. It may hold a password: mode 0600.",
            f"connection {name}",
            f"address {self.address}",
            "bridge_protocol_version mqttv311",
            f"remote_clientid {name}",
            f"local_clientid {name}-local",
            "cleansession false",
            "start_type automatic",
            "restart_timeout 2 60",
            "keepalive_interval 30",
            "try_private true",
            "notifications true",
            f"notification_topic {outside}link",
            *(f"topic {topic} out 1 {inside} {outside}" for topic in _OUT),
            *(f"topic {topic} in 1 {inside} {outside}" for topic in _IN),
        ]
        if self.username:
            lines.append(f"remote_username {self.username}")
            lines.append(f"remote_password {self.password if show else HIDDEN}")
        if self.ca_file is not None:
            lines += [f"bridge_cafile {self.ca_file}", "bridge_insecure false"]
        return "\n".join(lines) + "\n"

    def file(self) -> File:
        """As a file of the system."""
        return File(PATH, self.text(show=True), 0o600, secret=True, owner="mosquitto")
