"""Bluetooth addresses, as devices, gateways and people write them."""

from __future__ import annotations

from functools import lru_cache

_DIGITS = 12
_LONGEST = 17


@lru_cache(maxsize=8192)
def bluetooth_address(text: str) -> str | None:
    """The 12 upper case hexadecimal digits of `text`, which has them in any case, also in pairs between `:` or `-`."""
    if len(text) == _LONGEST and text.isascii():
        between = text[2::3]
        if between not in (":::::", "-----"):
            return None
        text = text.replace(between[0], "")
    if len(text) != _DIGITS or not text.isascii() or not text.isalnum():
        return None
    try:
        int(text, 16)
    except ValueError:
        return None
    return text.upper()


def required_address(text: str | None) -> str:
    """As `bluetooth_address`. Raises ValueError, saying what to write, when `text` is none."""
    if text is None:
        raise ValueError("names no device; write its Bluetooth address, device: A4C1385D16F7")
    if (found := bluetooth_address(text)) is None:
        raise ValueError(f'"{text}" is no Bluetooth address; write 12 hexadecimal digits, as A4C1385D16F7')
    return found
