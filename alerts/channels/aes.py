"""How is a DC-09 frame enciphered? AES-128/192/256 in CBC mode, in plain Python.

An alarm centre gets a few frames an hour, so speed does not matter and a dependency would. FIPS 197 and
NIST SP 800-38A; the tests hold their vectors. Not hardened against timing by a neighbour on the machine.
"""

from __future__ import annotations

BLOCK = 16


def _times_two(x: int) -> int:
    return ((x << 1) ^ 0x11B) & 0xFF if x & 0x80 else x << 1


def _multiply(a: int, b: int) -> int:
    """The product in GF(2^8)."""
    product = 0
    while b:
        if b & 1:
            product ^= a
        a, b = _times_two(a), b >> 1
    return product


def _make_boxes() -> tuple[bytes, bytes]:
    box = bytearray(256)
    p = q = 1
    while True:  # q is the inverse of p; p walks through all of the field but 0
        p ^= _times_two(p)
        q ^= q << 1
        q ^= q << 2
        q ^= q << 4
        q &= 0xFF
        if q & 0x80:
            q ^= 0x09
        rotated = q ^ _rotate(q, 1) ^ _rotate(q, 2) ^ _rotate(q, 3) ^ _rotate(q, 4)
        box[p] = rotated ^ 0x63
        if p == 1:
            break
    box[0] = 0x63
    inverse = bytearray(256)
    for i, value in enumerate(box):
        inverse[value] = i
    return bytes(box), bytes(inverse)


def _rotate(x: int, n: int) -> int:
    return ((x << n) | (x >> (8 - n))) & 0xFF


_BOX, _INVERSE = _make_boxes()
_MUL = {n: bytes(_multiply(x, n) for x in range(256)) for n in (2, 3, 9, 11, 13, 14)}


class Aes:
    """One key. Raises ValueError unless it has 16, 24 or 32 bytes."""

    def __init__(self, key: bytes) -> None:
        if len(key) not in (16, 24, 32):
            raise ValueError(f"an AES key has 16, 24 or 32 bytes, not {len(key)}")
        self._keys = self._expand(key)

    def encrypt_cbc(self, plain: bytes, iv: bytes = bytes(BLOCK)) -> bytes:
        """Whole blocks, chained. Raises ValueError for a length that is no multiple of 16.

        >>> Aes(bytes(16)).encrypt_cbc(bytes(16)).hex()
        '66e94bd4ef8a2c3b884cfa59ca342b2e'
        """
        out = bytearray()
        for block in _blocks(plain):
            iv = self._encrypt(bytes(a ^ b for a, b in zip(block, iv, strict=True)))
            out += iv
        return bytes(out)

    def decrypt_cbc(self, cipher: bytes, iv: bytes = bytes(BLOCK)) -> bytes:
        """The inverse of :meth:`encrypt_cbc`."""
        out = bytearray()
        for block in _blocks(cipher):
            out += bytes(a ^ b for a, b in zip(self._decrypt(block), iv, strict=True))
            iv = block
        return bytes(out)

    @staticmethod
    def _expand(key: bytes) -> list[bytes]:
        size = len(key) // 4
        words = [key[i : i + 4] for i in range(0, len(key), 4)]
        rcon = 1
        for i in range(size, 4 * (size + 7)):
            word = words[-1]
            if i % size == 0:
                word = bytes(_BOX[b] for b in word[1:] + word[:1])
                word = bytes([word[0] ^ rcon]) + word[1:]
                rcon = _times_two(rcon)
            elif size > 6 and i % size == 4:
                word = bytes(_BOX[b] for b in word)
            words.append(bytes(a ^ b for a, b in zip(words[i - size], word, strict=True)))
        return [b"".join(words[i : i + 4]) for i in range(0, len(words), 4)]

    def _encrypt(self, block: bytes) -> bytes:
        state = bytes(a ^ b for a, b in zip(block, self._keys[0], strict=True))
        for key in self._keys[1:-1]:
            state = self._mix(_shift(bytes(_BOX[b] for b in state)), (2, 3, 1, 1))
            state = bytes(a ^ b for a, b in zip(state, key, strict=True))
        state = _shift(bytes(_BOX[b] for b in state))
        return bytes(a ^ b for a, b in zip(state, self._keys[-1], strict=True))

    def _decrypt(self, block: bytes) -> bytes:
        state = bytes(a ^ b for a, b in zip(block, self._keys[-1], strict=True))
        state = bytes(_INVERSE[b] for b in _shift_back(state))
        for key in reversed(self._keys[1:-1]):
            state = bytes(a ^ b for a, b in zip(state, key, strict=True))
            state = bytes(_INVERSE[b] for b in _shift_back(self._mix(state, (14, 11, 13, 9))))
        return bytes(a ^ b for a, b in zip(state, self._keys[0], strict=True))

    @staticmethod
    def _mix(state: bytes, row: tuple[int, int, int, int]) -> bytes:
        out = bytearray()
        for c in range(0, BLOCK, 4):
            column = state[c : c + 4]
            for r in range(4):
                value = 0
                for i in range(4):
                    factor = row[(i - r) % 4]
                    value ^= column[i] if factor == 1 else _MUL[factor][column[i]]
                out.append(value)
        return bytes(out)


def _shift(state: bytes) -> bytes:
    return bytes(state[(i + 4 * (i % 4)) % BLOCK] for i in range(BLOCK))


def _shift_back(state: bytes) -> bytes:
    return bytes(state[(i - 4 * (i % 4)) % BLOCK] for i in range(BLOCK))


def _blocks(data: bytes) -> list[bytes]:
    if len(data) % BLOCK:
        raise ValueError(f"{len(data)} bytes are not whole blocks of {BLOCK}")
    return [data[i : i + BLOCK] for i in range(0, len(data), BLOCK)]
