"""Vectors of FIPS 197 appendix C and NIST SP 800-38A F.2, and what happens without the library."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.channels import CHANNELS, cipher, sia_dc09
from alerts.channels.cipher import Cipher
from core.config import ConfigError
from gateway.build import plan

PLAIN = bytes.fromhex("00112233445566778899aabbccddeeff")
FIPS = {
    16: "69c4e0d86a7b0430d8cdb78070b4c55a",
    24: "dda97ca4864cdfe06eaf70a0ec0d7191",
    32: "8ea2b7ca516745bfeafc49904b496089",
}
MESSAGE = bytes.fromhex(
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
)
IV = bytes(range(16))
CBC = {
    "2b7e151628aed2a6abf7158809cf4f3c": (
        "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"
        "73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7"
    ),
    "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b": (
        "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a"
        "571b242012fb7ae07fa9baac3df102e008b0e27988598881d920a9e64f5615cd"
    ),
    "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4": (
        "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d"
        "39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b"
    ),
}


@pytest.mark.parametrize("size", FIPS)
def test_fips_197(size: int) -> None:
    assert Cipher(bytes(range(size))).encrypt_cbc(PLAIN).hex() == FIPS[size]


@pytest.mark.parametrize("key", CBC)
def test_nist_sp_800_38a(key: str) -> None:
    aes = Cipher(bytes.fromhex(key))
    assert aes.encrypt_cbc(MESSAGE, IV).hex() == CBC[key]
    assert aes.decrypt_cbc(bytes.fromhex(CBC[key]), IV) == MESSAGE


@given(
    st.sampled_from([16, 24, 32]).flatmap(lambda n: st.binary(min_size=n, max_size=n)), st.binary(max_size=64)
)
def test_law_there_and_back(key: bytes, text: bytes) -> None:
    whole = text + bytes(-len(text) % 16)
    assert Cipher(key).decrypt_cbc(Cipher(key).encrypt_cbc(whole)) == whole


def test_wrong_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="16, 24 or 32"):
        Cipher(b"short")
    with pytest.raises(ValueError, match="whole blocks"):
        Cipher(bytes(16)).encrypt_cbc(b"x")


def test_a_key_without_the_library_is_a_mistake_of_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(
        "home: {id: h}\nlinks: {}\nsensors: {}\nchannels:\n  centre:\n    type: sia_dc09\n"
        "    options: {receivers: ['127.0.0.1:5000'], account: '1234', key_file: /etc/key}\n"
    )
    assert plan(file).channels[0].type == "sia_dc09"
    for module in (cipher, sia_dc09):
        monkeypatch.setattr(module, "available", lambda: False)
    with pytest.raises(ConfigError, match=r"config.yaml:7: channels.centre.options: .*alarm-centre"):
        plan(file)
    with pytest.raises(ValueError, match="alarm-centre"):
        Cipher(bytes(16))
    CHANNELS["sia_dc09"].params(receivers=("127.0.0.1:5000",), account="1234")  # plain needs no library
