"""How does systemd run the gateway? A notify service that only the pipeline can keep alive, closed all round.

``Type=notify`` with a watchdog fed after whole turns (``gateway.watchdog``); restarted always, without a
limit. Everything a gateway does not need is closed; ``systemd-analyze security`` rates what is left. The
runtime folder holds the journal and must outlive a restart of the process, so it is preserved then.
"""

from __future__ import annotations

import sys
from pathlib import Path

from gateway.build import Plan
from gateway.install_files import File

USER = "hearthwatch"
CONFIG = "/etc/hearthwatch/config.yaml"
STATE = "/var/lib/hearthwatch"

_UNIT = """\
# Written by `hearthwatch install`. Change it by `systemctl edit hearthwatch`, not here.
[Unit]
Description=hearthwatch gateway of {home}
After=network-online.target time-sync.target mosquitto.service
Wants=network-online.target
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStart={program} run -c {config}
User={user}
Group={user}
{groups}Restart=always
RestartSec=2
WatchdogSec=30
TimeoutStartSec=60
TimeoutStopSec=30

StateDirectory=hearthwatch
StateDirectoryMode=0700
RuntimeDirectory=hearthwatch
RuntimeDirectoryMode=0700
RuntimeDirectoryPreserve=restart
WorkingDirectory={state}
UMask=0077
{writable}
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
{devices}ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
ProtectProc=invisible
ProcSubset=pid
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
LockPersonality=yes
MemoryDenyWriteExecute=yes
KeyringMode=private
RemoveIPC=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
MemoryMax=256M
TasksMax=200
LimitCORE=0

[Install]
WantedBy=multi-user.target
"""

_CLOSED = "PrivateDevices=yes\nPrivateUsers=yes\nDevicePolicy=closed\n"
# names of the character devices that USB and board serial ports have
_SERIAL = "DevicePolicy=closed\n" + "".join(
    f"DeviceAllow=char-{name} rw\n" for name in ("ttyUSB", "ttyACM", "ttyAMA", "ttyS")
)


def unit(plan: Plan, program: str = "") -> File:
    """The service of this home."""
    serial = bool(plan.lines)
    state = plan.state_dir
    outside = state.is_absolute() and not state.is_relative_to(STATE)
    text = _UNIT.format(
        home=plan.home.id,
        program=program or default_program(),
        config=CONFIG,
        user=USER,
        state=STATE,
        groups="SupplementaryGroups=dialout\n" if serial else "",
        devices=_SERIAL if serial else _CLOSED,
        writable=f"ReadWritePaths={state}\n" if outside else "",
    )
    return File("/etc/systemd/system/hearthwatch.service", text)


def user() -> File:
    """The system user, for systemd-sysusers."""
    text = f'u {USER} - "hearthwatch gateway" {STATE}\nm {USER} dialout\n'
    return File("/etc/sysusers.d/hearthwatch.conf", text)


def default_program() -> str:
    """Where is the ``hearthwatch`` command of this installation?"""
    return str(Path(sys.prefix) / "bin" / "hearthwatch")
