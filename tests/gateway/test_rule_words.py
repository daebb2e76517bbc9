"""Does every rule a family may choose have its plain sentence, and every mistake in one its line?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.config import ConfigError
from detectors.family_rule import WORDS, Rule
from gateway.build import plan
from gateway.explain import explain, explain_json
from gateway.rule_words import sentence
from tests.detectors.daily_home import home
from tests.gateway.test_config_mistakes import GOOD

RULES = """\
detectors:
  family:
    rules:
      - {name: night door, watch: door, when: opened, of: door, after: "22:00", before: "06:00", tell: warning}
      - {name: quiet hall, watch: motion, when: none, of: hall, after: "08:00", before: "11:30"}
"""


def config(tmp_path: Path, rules: str = RULES) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(GOOD.replace("detectors:\n  fall: {confirm_after_s: 15}\n", rules), encoding="utf-8")
    return path


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize(("watch", "when"), [(w, x) for w, found in WORDS.items() for x in found])
@pytest.mark.parametrize("of", ["", "hall", "door"])
def test_every_rule_has_a_sentence(watch: str, when: str, of: str, language: str) -> None:
    rule = Rule("ours", watch, when, of=of, after="07:30", before="10:00", minutes=25, times=7)  # type: ignore[arg-type]
    said = sentence(rule, home(), language)
    assert said.startswith("ours")
    assert "{" not in said
    assert "07:30" in said
    assert "10:00" in said
    assert ("25" in said) == (when in ("excessive", "wandering", "in", "out"))
    assert ("7 " in said or "7次" in said) == (when in ("excessive", "wandering"))
    assert of in said or when == "wandering"


def test_check_prints_the_sentences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = plan(config(tmp_path))
    monkeypatch.setenv("HEARTHWATCH_LANGUAGE", "en")
    said = explain(made)
    assert "    night door: if door is opened between 22:00 and 06:00, you get a warning." in said
    assert "    quiet hall: if nobody moves in the hall between 08:00 and 11:30, you get a warning." in said
    assert "Rule(" not in said
    rules = json.loads(json.dumps(explain_json(made)))["detectors"]["family"]["settings"]["rules"]
    assert [r["name"] for r in rules] == ["night door", "quiet hall"]


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("when: opened", "when: open", "there are: opened"),
        ("watch: door", "watch: window", "watch"),
        ("of: door", "of: attic", "attic"),
        ('after: "22:00"', 'after: "22:60"', "time of day"),
        ('after: "22:00"', "from: 5", "unknown key"),
        ("name: night door, ", "", "missing"),
        ("name: quiet hall", "name: night door", "twice"),
        ("tell: warning", "tell: loud", "tell"),
        ("tell: warning", "minutes: soon", "minutes"),
    ],
)
def test_a_mistake_in_a_rule_is_told_with_its_line(old: str, new: str, word: str, tmp_path: Path) -> None:
    assert old in RULES
    with pytest.raises(ConfigError) as error:
        plan(config(tmp_path, RULES.replace(old, new)))
    assert word in str(error.value)
    assert error.value.line is not None
    assert "family" in str(error.value)
