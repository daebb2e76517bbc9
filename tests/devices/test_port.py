"""Are commands sent one at a time, answers checked, and is a device never left in a silent mode?"""

from __future__ import annotations

from core.model import SECOND, Health, Mark, Packet, Sensor
from devices import DRIVERS
from devices import hlk_command as hlk
from devices.port import Dialogue, Step

S = SECOND


def test_one_step_at_a_time_each_answered() -> None:
    health = Health()
    talk = Dialogue((Step("a", b"A", answer=1), Step("b", b"B", answer=2)))
    assert talk.due(0, health) == [b"A"]
    assert talk.due(S // 2, health) == []
    assert not talk.heard(2, S // 2, True, health)  # an answer to something else
    assert talk.heard(1, S // 2, True, health)
    assert talk.due(S // 2, health) == [b"B"]
    assert talk.heard(2, S, True, health)
    assert talk.done
    assert talk.due(100 * S, health) == []
    assert health.refused == {}


def test_silence_is_tried_again_then_given_up_and_left() -> None:
    health = Health()
    talk = Dialogue((Step("a", b"A", answer=1),), timeout_s=1, tries=2, retry_s=60, leave=b"L")
    sent = [talk.due(t * S, health) for t in range(5)]
    assert sent == [[b"A"], [b"A"], [b"L"], [], []]
    assert health.refused == {"no_answer_a": 1}
    assert talk.due(62 * S, health) == [b"A"]


def test_a_refusal_by_the_device_is_counted_and_left() -> None:
    health = Health()
    talk = Dialogue((Step("enter", b"E", answer=1), Step("x", b"X", answer=2)), leave=b"L")
    talk.due(0, health)
    talk.heard(1, 0, True, health)
    assert talk.due(0, health) == [b"X"]
    assert talk.heard(2, 0, False, health)
    assert talk.due(0, health) == [b"L"]
    assert health.refused["declined_x"] == 1


def test_polls_repeat_without_their_first_steps() -> None:
    health = Health()
    talk = Dialogue((Step("p", b"P", answer=1),), first=(Step("f", b"F"),), every_s=10)
    assert talk.due(0, health) == [b"F"]
    assert talk.due(0, health) == [b"P"]
    talk.heard(1, S, True, health)
    assert talk.due(5 * S, health) == []
    assert talk.due(11 * S, health) == [b"P"]
    talk.restart()
    assert talk.due(12 * S, health) == [b"F"]


def test_nothing_is_sent_while_the_link_is_down() -> None:
    driver = DRIVERS["mh_z19b"].make([Sensor("co2", "mh_z19b", "port")])
    driver.feed(Packet("port", "", 0, b"gone", Mark.DOWN))
    assert driver.due(5 * S) == []
    driver.feed(Packet("port", "", 6 * S, b"", Mark.UP))
    assert [p.data for p in driver.due(6 * S)] == [bytes.fromhex("FF0186000000000079")]


def test_a_radar_in_configuration_mode_is_always_left() -> None:
    """Between enter and leave it sends no reports: an interrupted dialogue must end with leave."""
    driver = DRIVERS["ld2450"].make([Sensor("r", "ld2450", "port")])
    assert [p.data for p in driver.due(0)] == [hlk.command(0xFF, b"\x01\x00")]
    driver.feed(Packet("port", "", 0, hlk.ack(0xFF, b"\x01\x00\x40\x00")))
    sent = [p.data for t in range(12) for p in driver.due(t * S)]
    assert sent[-1] == hlk.LEAVE
    assert driver.health().refused == {"no_answer_ask_tracking": 1}
