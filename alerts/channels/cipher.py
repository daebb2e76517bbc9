"""How is a DC-09 frame enciphered? AES-128/192/256 in CBC mode, by the ``cryptography`` library.

The library belongs to the extra ``alarm-centre`` and is loaded only where a key is configured: a home
without an alarm centre needs none of it.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

BLOCK = 16

MISSING = (
    "enciphering for an alarm centre needs the library cryptography, which is not installed; "
    "run: pip install 'hearthwatch[alarm-centre]'"
)


def available() -> bool:
    """Is the library there? Asked without loading it."""
    return find_spec("cryptography") is not None


class Cipher:
    """One key. Raises ValueError unless it has 16, 24 or 32 bytes, or if the library is missing."""

    def __init__(self, key: bytes) -> None:
        if len(key) not in (16, 24, 32):
            raise ValueError(f"an AES key has 16, 24 or 32 bytes, not {len(key)}")
        if not available():
            raise ValueError(MISSING)
        from cryptography.hazmat.primitives.ciphers.algorithms import AES

        self._key = AES(key)

    def encrypt_cbc(self, plain: bytes, iv: bytes = bytes(BLOCK)) -> bytes:
        """Whole blocks, chained. Raises ValueError for a length that is no multiple of 16.

        >>> Cipher(bytes(16)).encrypt_cbc(bytes(16)).hex()
        '66e94bd4ef8a2c3b884cfa59ca342b2e'
        """
        return self._run(self._mode(iv).encryptor(), plain)

    def decrypt_cbc(self, cipher: bytes, iv: bytes = bytes(BLOCK)) -> bytes:
        """The inverse of :meth:`encrypt_cbc`."""
        return self._run(self._mode(iv).decryptor(), cipher)

    def _mode(self, iv: bytes) -> Any:
        from cryptography.hazmat.primitives.ciphers import Cipher as Aes
        from cryptography.hazmat.primitives.ciphers.modes import CBC

        return Aes(self._key, CBC(iv))

    @staticmethod
    def _run(context: Any, data: bytes) -> bytes:
        if len(data) % BLOCK:
            raise ValueError(f"{len(data)} bytes are not whole blocks of {BLOCK}")
        return bytes(context.update(data) + context.finalize())
