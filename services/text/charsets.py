"""Bytes that should be text, decoded as well as can be told."""

from __future__ import annotations

import codecs
import re

import charset_normalizer

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE_BYTES = 32_768
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_MOST_CONTROLS = 0.01
_WESTERN = "cp1252"
"""What undeclared text mostly is when it is not UTF-8 and mostly ASCII."""
_MOST_ACCENTS = 0.25
"""Of the letters of a Western text; of Greek or Cyrillic text nearly all are beyond ASCII."""


def decode(data: bytes, declared: str | None = None) -> str:
    """The text: by its byte order mark, as UTF-8, as declared, or as a look at its letters suggests. What no charset
    can read becomes U+FFFD."""
    marked = _marked(data)
    for charset in (marked, "utf-8", declared):
        text = _as(data, charset)
        if text is not None:
            return text
    return data.decode(_guessed(data), errors="replace")


def is_text(data: bytes) -> bool:
    """Whether these bytes look like text of any charset: hardly a control character among them."""
    if _marked(data):
        return True
    sample = data[:_SAMPLE_BYTES]
    return len(_CONTROLS.findall(sample)) <= len(sample) * _MOST_CONTROLS


def _marked(data: bytes) -> str | None:
    return next((charset for mark, charset in _MARKS if data.startswith(mark)), None)


def _as(data: bytes, charset: str | None) -> str | None:
    if charset is None:
        return None
    try:
        return data.decode(charset)
    except (UnicodeDecodeError, LookupError):  # an unknown charset is as good as none
        return None


def _guessed(data: bytes) -> str:
    sample = data[:_SAMPLE_BYTES]
    beyond_ascii = sum(byte > 0x7F for byte in sample)  # noqa: PLR2004 - the last of ASCII
    if beyond_ascii <= _MOST_ACCENTS * len(sample.translate(None, b" \t\r\n")):
        return _WESTERN  # with so little to go by, anything cleverer is wrong more often
    best = charset_normalizer.from_bytes(sample).best()
    return best.encoding if best is not None else _WESTERN
