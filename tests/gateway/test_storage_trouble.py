"""F05, F07, P15: with a full disk alarms still go out, the trouble is told, and it heals without a restart."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.broker import Broker, Listener, publish, wait_for
from tests.gateway.harness import ROOT, write_config

CHANNEL = "channels: {mqtt: {type: mqtt, options: {link: broker}}}\n"
WITHIN_S = 10.0

# the gateway and its disk live in a mount namespace of their own; filling and freeing is done from inside
STORY = """
set -e
mount -t tmpfs -o size=3m none {state}
{python} -c 'from gateway.cli import main; main()' run -c {config} &
gateway=$!
trap 'kill $gateway 2>/dev/null; wait $gateway' EXIT
echo started
while read word; do
  case $word in
    fill) dd if=/dev/zero of={state}/ballast bs=4k 2>/dev/null || true;;
    free) rm {state}/ballast;;
    stop) break;;
  esac
  echo $word
done
"""


def _namespaces() -> list[str]:
    if shutil.which("unshare") is None:
        pytest.skip("unshare is not installed")
    for command in (["unshare", "-m"], ["unshare", "-rm"]):
        tried = subprocess.run(
            [*command, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False
        )
        if tried.returncode == 0:
            return command
    pytest.skip("this machine lets nobody make a mount namespace")


def test_an_alarm_on_a_full_disk_reaches_people_and_the_trouble_is_told(
    mosquitto: Broker, tmp_path: Path
) -> None:
    broker = mosquitto  # the channel speaks MQTT 5, which the stand-in broker does not
    command = _namespaces()
    config = write_config(tmp_path, broker, ["smoke_a:smoke", "smoke_b:smoke"], CHANNEL)
    (tmp_path / "state").mkdir()
    story = STORY.format(state=tmp_path / "state", python=sys.executable, config=config)
    with Listener(broker, "hearthwatch/test-home/#") as heard:
        log = (tmp_path / "log").open("wb")
        process = subprocess.Popen(
            [*command, "bash", "-c", story],
            cwd=ROOT,
            env={**os.environ, "RUNTIME_DIRECTORY": str(tmp_path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None

        def told(kind: str, source: str = "", state: str = "open") -> bool:
            alerts = [json.loads(p) for t, p, _ in list(heard.messages) if t.endswith("/alert")]
            return any(
                a["kind"] == kind and a["state"] == state and (not source or a["source"] == source)
                for a in alerts
            )

        def order(word: str) -> None:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(word + "\n")
            process.stdin.flush()
            assert process.stdout.readline().strip() == word

        try:
            assert process.stdout.readline().strip() == "started"

            def burning() -> bool:  # the first messages may come before its subscription
                publish(broker, [("zigbee2mqtt/smoke_a", b'{"smoke":true}')])
                return told("smoke", "smoke_a")

            wait_for(burning, 20, every_s=0.2)
            order("fill")
            publish(broker, [("zigbee2mqtt/smoke_b", b'{"smoke":true}')])
            wait_for(lambda: told("smoke", "smoke_b"), WITHIN_S)
            wait_for(lambda: told("storage_fault"), WITHIN_S)
            order("free")
            wait_for(lambda: told("storage_fault", state="cleared"), 30)
            process.stdin.write("stop\n")
            process.stdin.flush()
            assert process.wait(20) == 0
        finally:
            if process.poll() is None:
                process.stdin.close()
                process.wait(20)
            log.close()
