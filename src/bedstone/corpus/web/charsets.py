"""The characters of a page: which encoding its bytes are in, and what they say in it.

An encoding is named as on the web, and a name means the widest encoding that goes by it: what is
called ``gb2312`` is read as GB 18030, ``iso-8859-1`` as windows-1252. A byte that does not fit
costs one U+FFFD, and nothing else.

The encoding is that of the byte order mark, else the HTTP header's, else the one that the page
itself states at its beginning, else the one that the bytes look like. A browser believes what is
declared. Here it is tested: bytes that are UTF-8 beyond doubt are read as such, and where too much
does not fit, the encoding is the one in which least does not.

Source: the WHATWG encoding standard, for labels, tables and what counts as one error; the HTML
standard, 13.2.3, for the order. Differs: ``hz-gb-2312`` and ``iso-2022-kr`` are read, which
browsers refuse lest scripts hide in them; some 190 rare cells of Big5 are not in Python's codec.
"""

import codecs
import re
from functools import lru_cache
from typing import NamedTuple

from resiliparse.parse.encoding import detect_encoding
from webencodings import PYTHON_NAMES
from webencodings.labels import LABELS

REPLACEMENT = "\ufffd"
FEW_MISFITS = 2
"""Speak against no encoding."""
MAX_MISFITS = 0.01
"""Of a text's characters; with more, other encodings are tried."""
MAX_MISFITS_BEYOND_ASCII = 0.05
"""Of the bytes that are not ASCII; with more, too: most characters of a page are its tags."""
SURE_SEQUENCES = 3
"""Of several bytes, as many as a text that is not UTF-8 hardly ever has without a misfit."""
SEQUENCES_PER_MISFIT = 4
"""In a text that is UTF-8 but for some bytes."""
HEAD_BYTES = 1_024
"""In which a page is to state its encoding."""
MAX_HEAD_BYTES = 64 << 10
"""In which it is looked for when all else fails."""
TRIED_BYTES = 1 << 20
"""Of a page, by which an encoding is judged."""

BEGINNINGS = {
    b"\xef\xbb\xbf": ("utf-8", 3),
    b"\xff\xfe": ("utf-16le", 2),
    b"\xfe\xff": ("utf-16be", 2),
    b"<\0": ("utf-16le", 0),
    b"\0<": ("utf-16be", 0),
}
"""Byte order marks, and a tag in UTF-16: the encoding, and how many of the bytes are no text."""
UTF_16 = ("utf-16le", "utf-16be")
REFUSED = "replacement"
"""What the standard calls encodings that browsers do not read."""
READ_ANYWAY = {
    "csiso2022kr": "iso-2022-kr",
    "hz-gb-2312": "hz-gb-2312",
    "iso-2022-kr": "iso-2022-kr",
}
"""Of these."""
LOOKS = {
    "cp949": "euc-kr",
    "hz": "hz-gb-2312",
    "iso2022_jp": "iso-2022-jp",
    "iso2022_kr": "iso-2022-kr",
    "mac-cyrillic": "x-mac-cyrillic",
}
"""What ``detect_encoding`` calls encodings by, where it is no label."""
DEFAULT = "windows-1252"
"""Of what looks like nothing. Source: HTML, 13.2.3.2, for most languages."""

CODECS = {
    "gbk": "gb18030",
    "gb18030": "gb18030",
    "big5": "big5hkscs",
    "euc-kr": "cp949",
    "euc-jp": "euc_jp",
    "iso-2022-jp": "euc_jp",
    "shift_jis": "cp932",
    "hz-gb-2312": "hz",
    "iso-2022-kr": "iso2022_kr",
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
}
"""Python's, of encodings with more than one byte a character."""
PRIVATE = re.compile("[\ue000-\uf8ff\U000f0000-\U0010fffd]")
"""Of private use: Big5 read as GB 18030 is full of them."""
MISFIT = "\udcff"
"""Stands for what does not fit until that is counted: bytes may spell U+FFFD, but no surrogate."""
TWO_BYTES = re.compile(rb"[\x81-\xfe][\x80-\xff]|[\0-\xff]")
ONE_ERROR = {
    "gb18030": re.compile(
        rb"[\x81-\xfe](?:[0-9][\x81-\xfe](?:[0-9]|\Z)|[0-9]?\Z|[\x80-\xff])|[\0-\xff]"
    ),
    "big5hkscs": TWO_BYTES,
    "cp949": TWO_BYTES,
    "cp932": re.compile(rb"[\x81-\x9f\xe0-\xfc][\x80-\xff]|[\0-\xff]"),
    "euc_jp": re.compile(rb"\x8f[\xa1-\xfe][\x80-\xff]?|[\x8e\xa1-\xfe][\x80-\xff]|[\0-\xff]"),
}
"""Bytes that are replaced together where they do not fit: an ASCII byte after a lead is kept."""
LACKING = {
    ("gb18030", b"\x80"): "€",
    ("big5hkscs", b"\xa3\xe1"): "€",
    ("koi8-u", b"\xae"): "ў",
    ("koi8-u", b"\xbe"): "Ў",
    ("windows-1255", b"\xca"): "\u05ba",
}
"""Characters that a codec of Python's lacks, or has others for."""
WIDER = {
    "gb18030": ("\ue5e5\ue7c7", "\u3000ḿ"),
    "big5hkscs": ("•､‾∼♁☉¥¢£", "‧﹑¯～⊕⊙￥￠￡"),
    "euc_jp": ("〜‖−¢£¬", "～∥－￠￡￢"),
    "cp932": ("\uf8f0\uf8f1\uf8f2\uf8f3", MISFIT * 4),
}
"""Characters of a codec, and which ones browsers have for the same bytes."""

STATED = re.compile(rb"<!--.*?(?:-->|\Z)|<(meta|\?xml)[\s/]([^>]*)", re.IGNORECASE | re.DOTALL)
ATTRIBUTE = re.compile(rb"([^\s=/>\"']+)\s*=\s*(?:\"([^\"]*)|'([^']*)|([^\s\"'>]+))")
IN_CONTENT = re.compile(rb"charset\s*=\s*[\"']?([^\s\"';]+)", re.IGNORECASE)
DOUBLE_BYTES = b"\x1b$B"
"""Begins Japanese in ISO-2022-JP, of which all bytes are ASCII."""
ESCAPE = re.compile(rb"\x1b(\([BJI]|\$[@B])")
LEADS = bytes(range(0xC2, 0xF5))
"""Of a character in UTF-8 that has several bytes."""
ASCII = bytes(range(0x80))
HIGH = bytes(byte | 0x80 if 0x21 <= byte <= 0x7E else byte for byte in range(256))


class Decoded(NamedTuple):
    """The characters of some bytes. Lone surrogates are not among them."""

    text: str
    charset: str
    """The encoding that was used: the standard's name, in lower case."""
    replaced: int
    """How many U+FFFD stand for bytes that did not fit."""
    useless: int
    """How many characters a text has no use for: C1 controls that one byte stands for, and in
    encodings with more than one byte a character those that everybody gives a meaning of his own.
    """

    @property
    def misfits(self) -> int:
        """What speaks against the encoding."""
        return self.replaced + self.useless


def decode(body: bytes, declared: str = "") -> Decoded:
    """The characters of ``body``, without a byte order mark.

    Args:
        body: any bytes.
        declared: the encoding's label by the HTTP header, or anything else.
    """
    named = named_by(declared)
    if not named or (named in UTF_16 and b"\0" not in body[:HEAD_BYTES]):
        named = stated(body, HEAD_BYTES)
    # One byte is looked for at ten times the speed of several.
    if named in ("", "utf-8") and DOUBLE_BYTES[:1] in body and DOUBLE_BYTES in body:
        named = "iso-2022-jp"
    for beginning, (marked, size) in BEGINNINGS.items():
        if body.startswith(beginning):
            named, body = marked, body[size:]
            break
    utf_8 = _read(body, "utf-8")
    if _is_utf_8(body, utf_8.misfits, named):
        return utf_8
    tried = body[:TRIED_BYTES]
    if named not in ("", "utf-8"):
        read = _read(tried, named)
        if _fits(tried, read):
            return read if len(tried) == len(body) else _read(body, named)
    names = dict.fromkeys((named, stated(body, MAX_HEAD_BYTES), "utf-8", _looked_at(body)))
    return _read(body, min(filter(None, names), key=lambda name: _read(tried, name).misfits))


@lru_cache
def named_by(label: str) -> str:
    """The encoding that browsers know by ``label``, empty for none.

    Python knows more names, but some of them are of no text (``hex``), and some encode lone
    surrogates (``utf-7``).
    """
    label = label.strip(" \t\r\n\f\"'").lower()
    name = str(READ_ANYWAY.get(label) or LABELS.get(label, ""))
    return "" if name == REFUSED else name


def stated(body: bytes, size: int) -> str:
    """The encoding that a page states in its first ``size`` bytes, empty for none."""
    by_xml = ""
    for tag, inner in STATED.findall(body, 0, size):
        pairs = ATTRIBUTE.findall(inner)
        attributes = {name.lower(): b"".join(values) for name, *values in pairs}
        label = attributes.get(b"charset", b"")
        if attributes.get(b"http-equiv", b"").lower() == b"content-type":
            in_content = IN_CONTENT.search(attributes.get(b"content", b""))
            label = label or (in_content[1] if in_content else b"")
        if tag == b"?xml":
            by_xml = _stated_by(attributes.get(b"encoding", b""))
        elif name := _stated_by(label):
            return name
    return by_xml


def _stated_by(label: bytes) -> str:
    """Differs from ``named_by`` for encodings in which no statement can be read."""
    name = named_by(label.decode("latin-1"))
    return "utf-8" if name in UTF_16 else DEFAULT if name == "x-user-defined" else name


def _looked_at(body: bytes) -> str:
    found = detect_encoding(body, html5_compatible=False) or ""
    return named_by(LOOKS.get(found, found.replace("_", "-"))) or DEFAULT


def _is_utf_8(body: bytes, misfits: int, named: str) -> bool:
    """Whether UTF-8 is right, for it has far more to say for it than against it.

    Text of other encodings has hardly any sequence that would be a character in UTF-8.
    """
    if named in ("", "utf-8"):
        needed = misfits
    else:
        needed = max(SURE_SEQUENCES, SEQUENCES_PER_MISFIT * misfits)
    leads = len(body) - len(body.translate(None, LEADS)) if needed else 0
    return leads - misfits >= needed or not needed


def _fits(body: bytes, read: Decoded) -> bool:
    if read.charset == "iso-2022-jp" and DOUBLE_BYTES in body:
        return True  # nothing else has these, and one byte too many puts a line out of step
    beyond_ascii = len(body.translate(None, ASCII))
    most = min(MAX_MISFITS * len(read.text), MAX_MISFITS_BEYOND_ASCII * beyond_ascii)
    return read.misfits <= max(FEW_MISFITS, most)


def _read(body: bytes, name: str) -> Decoded:
    if name == "utf-8":
        try:
            return Decoded(body.decode(), name, 0, 0)
        except UnicodeDecodeError:
            text = body.decode("utf-8", "replace")
            spelt = body.count(REPLACEMENT.encode())
            return Decoded(text, name, text.count(REPLACEMENT) - spelt, 0)
    if name in CODECS:
        by_states = name == "iso-2022-jp"
        text = _iso_2022_jp(body) if by_states else _by_codec(body, CODECS[name])
        useless = len(PRIVATE.findall(text))
        return Decoded(text.replace(MISFIT, REPLACEMENT), name, text.count(MISFIT), useless)
    table, controls = _table(name)
    text, _ = codecs.charmap_decode(body, "replace", table)
    in_text = len(body) - len(body.translate(None, controls))
    return Decoded(text, name, text.count(REPLACEMENT), in_text)


@lru_cache
def _table(name: str) -> tuple[str, bytes]:
    """The characters of an encoding of one byte each, and which bytes are C1 controls.

    Of the bytes without a character, those below 0xA0 are controls and others do not fit.
    """
    codec, characters = PYTHON_NAMES.get(name, name), [chr(byte) for byte in range(256)]
    for byte in range(0x80, 256):
        one = bytes([byte])
        if name == "x-user-defined":
            characters[byte] = chr(0xF700 + byte)
        elif (found := LACKING.get((name, one)) or one.decode(codec, "replace")) != REPLACEMENT:
            characters[byte] = found
        elif byte >= 0xA0:
            characters[byte] = "\ufffe"  # the codec's sign for none
    return "".join(characters), bytes(it for it in range(0x80, 0xA0) if characters[it] == chr(it))


def _by_codec(body: bytes, codec: str) -> str:
    text = body.decode(codec, "bedstone.misfit")
    for its, wider in zip(*WIDER.get(codec, ("", "")), strict=True):
        text = text.replace(its, wider)
    return text


def _iso_2022_jp(body: bytes) -> str:
    """Its double bytes are those of EUC-JP without the high bit, its kana those of Shift JIS."""
    pieces, parts = [], [b"(B", *ESCAPE.split(body)]
    for state, piece in zip(parts[::2], parts[1::2], strict=True):
        if state in (b"$@", b"$B"):
            pieces.append(_by_codec(piece.translate(HIGH), "euc_jp"))
        elif state == b"(I":
            pieces.append(_by_codec(piece.translate(HIGH), "cp932"))
        else:
            text = _by_codec(piece, "ascii")
            pieces.append(text.translate({0x5C: "¥", 0x7E: "‾"}) if state == b"(J" else text)
    return "".join(pieces)


def _misfit(error: UnicodeError) -> tuple[str, int]:
    """What stands for bytes that a codec has no character for, and where to go on."""
    assert isinstance(error, UnicodeDecodeError)
    codec, end = error.encoding, error.end
    if found := codec in ONE_ERROR and ONE_ERROR[codec].match(error.object, error.start):
        end = found.end()
    sequence = error.object[error.start : end]
    if codec == "euc_jp" and len(sequence) == 2 and min(sequence) >= 0xA1:
        return _of_windows(sequence), end
    return LACKING.get((codec, sequence), MISFIT), end


def _of_windows(sequence: bytes) -> str:
    """A character that Windows has added to JIS X 0208, by where it is in Shift JIS."""
    row, cell = sequence[0] - 0xA1, sequence[1] - 0xA1
    lead, trail = row // 2, cell + row % 2 * 94
    lead += 0x81 if lead < 0x1F else 0xC1
    trail += 0x40 if trail < 0x3F else 0x41
    try:
        return bytes([lead, trail]).decode("cp932")
    except UnicodeDecodeError:
        return MISFIT


codecs.register_error("bedstone.misfit", _misfit)
