"""From a smoke packet to a message with a link, through the page, to a revision that stops the ringing."""

from __future__ import annotations

import http.client
import json
import re
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from alerts.archive import Archive
from core.model import AlertState
from tests.alerts.stub_http import StubServer, ok
from tests.broker import Broker, Listener, free_port, publish, wait_for
from tests.gateway.harness import Running, write_config


def test_a_link_in_a_message_answers_the_alert(mosquitto: Broker, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("k\n")
    key.chmod(0o600)
    port = free_port()
    with StubServer(always=ok(b'{"errcode": 0, "errmsg": "ok"}')) as robot:
        more = (
            f"answers: {{base_url: 'http://127.0.0.1:{port}/a', listen: '127.0.0.1:{port}'}}\n"
            "channels:\n"
            f"  daughter: {{type: wecom, options: {{key_file: {key}, base_url: '{robot.url}'}}}}\n"
            "  ha: {type: home_assistant, options: {link: broker}}\n"
        )
        config = write_config(tmp_path, mosquitto, ["smoke_hall:smoke"], more)
        with Running(config).armed() as gateway, Listener(mosquitto) as ear:
            publish(mosquitto, [("zigbee2mqtt/smoke_hall", b'{"smoke": true, "battery": 90}')])

            def link() -> str:
                for request in robot.requests:
                    text = json.loads(request.body)["text"]["content"]
                    if found := re.search(r"http://\S+", text):
                        return found.group()
                return ""

            wait_for(link)
            parts = urlsplit(link())
            where = f"{parts.path}?{parts.query}"

            def ask(method: str, form: dict[str, str] | None = None) -> int:
                far = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
                far.request(method, where, urlencode(form) if form else None)
                status = far.getresponse().status
                far.close()
                return status

            def state() -> tuple[AlertState, str]:
                with Archive(gateway.state / "alerts.db") as archive:
                    last = next(life[-1] for life in archive.lives() if life[-1].kind == "smoke")
                answers = last.evidence.get("answers", [])
                return last.state, answers[-1]["by"] if answers else ""

            assert ask("GET") == 200
            assert state() == (AlertState.OPEN, "")
            assert ask("POST", {"word": "take", "name": "Li"}) == 200
            wait_for(lambda: state() == (AlertState.ACKNOWLEDGED, "Li (daughter)"))
            shown = [json.loads(p) for t, p, _ in ear.messages if t == "hearthwatch/test-home/ha/state"]
            assert shown[-1]["fire"] == "ON"
            assert ask("POST", {"word": "take", "name": "Li"}) == 200  # the same once more
            assert ask("POST", {"word": "release", "name": "Li"}) == 200
            wait_for(lambda: state()[0] is AlertState.OPEN)

            def news() -> list[str]:
                topic = "hearthwatch/test-home/ha/event"
                return [json.loads(p)["revision"] for t, p, _ in ear.messages if t == topic]

            wait_for(lambda: 3 in news())
            publish(mosquitto, [("hearthwatch/test-home/ha/acknowledge", b"PRESS")])
            wait_for(lambda: state() == (AlertState.ACKNOWLEDGED, "Home Assistant"))
            assert "t=v1" not in gateway.config.with_name("gateway.log").read_text()  # tokens are not logged
