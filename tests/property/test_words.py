import re
from itertools import pairwise

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bedstone.text import word_kernels as kernels
from bedstone.text import words as module
from bedstone.text.codes import strings_of, texts_of
from bedstone.text.words import given_words, spaced_words_of, special_words, word_hash, words_of

PIECES = st.sampled_from(
    [
        *special_words(),
        *module.UNITS.split(),
        "http://",
        "user@",
        "a.b.co",
        "8.8.8.8",
        ":8080",
        "/x",
    ]
)
CHARACTERS = (
    "aAiIsSdUC1290.,:;'’\"-–—+*^/=<>()$%°€…_@#&|~ \t\n\r\x00\u2028é我ทिก་፡\u0301\u200d😀\ud800"
)
MIXED = st.lists(PIECES | st.sampled_from(CHARACTERS), max_size=12).map("".join)
ANY_TEXT = st.text() | MIXED
compiling = settings(deadline=None)  # the first call may compile


def found(text):
    made, texts = words_of(texts_of([text])), texts_of([text])
    whole = strings_of(texts)[0].as_py()
    return [whole[a:b] for a, b in zip(made.starts.tolist(), made.ends.tolist(), strict=True)]


@compiling
@given(st.lists(ANY_TEXT, max_size=4))
def test_words_lie_in_their_texts_and_hold_no_space(strings):
    texts = texts_of(strings)
    for made in (words_of(texts), spaced_words_of(texts)):
        assert (made.starts < made.ends).all()
        assert (made.ends[:-1] <= made.starts[1:]).all()
        for number in range(len(texts)):
            own = slice(*made.firsts[number : number + 2])
            assert (made.starts[own] >= texts.starts[number]).all()
            assert (made.ends[own] <= texts.starts[number + 1]).all()
        inside = np.zeros(len(texts.codes), bool)
        for start, end in zip(made.starts, made.ends, strict=True):
            inside[start:end] = True
        assert inside.tolist() == [not chr(code).isspace() for code in texts.codes]
        assert len(made.hashes) == len(made.flags) == len(made.weights) == made.firsts[-1]


@compiling
@given(st.lists(ANY_TEXT, max_size=4))
def test_texts_together_have_the_words_of_each_alone(strings):
    together, texts = words_of(texts_of(strings)), texts_of(strings)
    for number, string in enumerate(strings):
        alone, own = words_of(texts_of([string])), slice(*together.firsts[number : number + 2])
        assert (together.starts[own] - texts.starts[number]).tolist() == alone.starts.tolist()
        for column in ("hashes", "flags", "weights"):
            assert getattr(together, column)[own].tolist() == getattr(alone, column).tolist()


@compiling
@given(ANY_TEXT)
def test_hashes_and_flags_are_those_of_the_word(text):
    made, parts = words_of(texts_of([text])), found(text)
    assert made.hashes.tolist() == [word_hash(part) for part in parts]
    _, again = given_words([parts])
    kept = np.uint8(255) & ~(module.UNSPACED | module.AFTER_BREAK)
    assert (made.flags & kept).tolist() == (again.flags & kept).tolist()
    assert [bool(flag & module.ALPHABETIC) for flag in made.flags] == [
        any(kernels.HAS_LETTER & CLASSES[ord(character)] for character in part) for part in parts
    ]


@compiling
@given(ANY_TEXT)
@example(
    "id. it's. don't) (foo): x:) vitamin-a. see-Dr. 20°C. 5US$ 3km² foo=bar a--b c---d 1-2 1--2"
)
@example("http://1.2.3.4:80/x 10.0.0.1/y a_b.c-d.co:123 x@y.org. .co a..b .. ... a…b ……")
@example("his-own-'s Well...No a.B a,b A.B. i.e. 10a.m., don't.Do ''tis 'tis-it's")
@example("我们。你好」x世界 ไม่เว้น, ก.ข ཀ་ཁ་ག ሀ፡ለ")
def test_words_are_those_of_the_rules_written_plainly(text):
    assert found(text) == [word for piece in text_pieces(text) for word in plain_words(piece)]


def test_a_long_line():
    size = 5_000_000
    assert [len(part) for part in found("x" * size + ".")] == [size, 1]
    assert len(found("," * size)) == size
    assert [len(part) for part in found("." * size)] == [size]
    assert len(found("a@" * (size // 2))) == 1
    assert len(found("\n" * size)) == 0
    assert len(found("\x00" * size)) == 1


CLASSES = module._table()[:0x110000]


def members(*classes, extra=""):
    """The inside of a regular expression's brackets."""
    has = (CLASSES & np.bitwise_or.reduce(np.array(classes, np.uint64))) > 0
    edges = np.flatnonzero(np.diff(np.concatenate(([False], has, [False])).astype(np.int8)))
    ranges = zip(edges[::2].tolist(), (edges[1::2] - 1).tolist(), strict=True)
    return "".join(f"\\U{a:08x}-\\U{b:08x}" for a, b in ranges) + extra


DIGIT, LOWER, UPPER = (members(each) for each in (kernels.DIGIT, kernels.LOWER, kernels.UPPER))
ALPHA, QUOTE, HOST = members(kernels.ALPHA), members(kernels.QUOTE), members(kernels.HOST)
OPENING = re.compile(rf"\.\.+|\+(?![{DIGIT}])|US\$|[CA]\$|[{members(kernels.OPENS)}]")
CLOSING = re.compile(
    rf"(?:……|…|[{members(kernels.CLOSES)}]|\.\.+|['’][sS]|(?<=[{DIGIT}])\+"
    rf"|(?<=[{DIGIT}])(?:US\$|[CA]\$|[{members(kernels.CURRENCY)}])"
    rf"|(?<=[{DIGIT}])(?:{'|'.join(map(re.escape, module.UNITS.split()))})"
    rf"|(?<=[{members(kernels.BEFORE_DOT)}])\.|(?<=[{UPPER}][{UPPER}])\.|(?<=°[FCK])\.)\Z"
)
INSIDE = re.compile(
    rf"\.\.+|…|[{members(kernels.PICTURE)}]|(?<=[{DIGIT}])[+\-*^](?=[{DIGIT}-])"
    rf"|(?<=[{LOWER}{QUOTE}])\.(?=[{UPPER}{QUOTE}])|(?<=[{ALPHA}]),(?=[{ALPHA}])"
    rf"|(?<=[{ALPHA}{DIGIT}])(?:-|–|—|--|---|——|~|[:<>=/])(?=[{ALPHA}])"
)
BYTE = r"(?:1?[0-9]{1,2}|2[0-4][0-9]|25[0-5])"
ADDRESS = (
    r"(?!10\.|127\.|169\.254\.|192\.168\.|172\.(?:1[6-9]|2[0-9]|3[01])\.)"
    rf"(?:[1-9][0-9]?|1[0-9][0-9]|2[01][0-9]|22[0-3])(?:\.{BYTE}){{2}}"
    r"\.(?:[1-9][0-9]?|1[0-9][0-9]|2[0-4][0-9]|25[0-4])"
)
NAME = rf"(?:(?:[{HOST}][{HOST}_-]{{0,62}})?[{HOST}]\.)+(?:(?=[{HOST}])[{LOWER}]){{2,63}}"
URL = re.compile(
    rf"(?:[{members(kernels.SCHEME)}]{{2,}}://)?(?:.+@)?(?:{ADDRESS}|{NAME})"
    rf"(?::[{DIGIT}]{{2,5}})?(?:[/?#].*)?\Z",
    re.DOTALL,
)


def text_pieces(text):
    return "".join("\ufffd" if "\ud800" <= each <= "\udfff" else each for each in text).split()


def plain_words(piece):
    """The words of a piece, by regular expressions and lists."""
    parts = united(cut(piece))
    has_parts = any(CLASSES[ord(each)] & (kernels.ALONE | kernels.DIVIDER) for each in piece)
    return [word for part in parts for word in (letters(part) if has_parts else [part])]


def cut(piece):
    special, before, behind = special_words(), [], []
    while piece and piece not in special:
        opening = OPENING.match(piece)
        opening = opening.group() if opening else ""
        rest = piece[len(opening) :]
        closing = CLOSING.search(rest)
        closing = closing.group() if closing else ""
        if not opening and not closing:
            break
        if opening and rest in special:
            closing = ""
        elif closing and piece[: -len(closing)] in special:
            opening = ""
        before += [opening] if opening else []
        behind = [closing, *behind] if closing else behind
        piece = piece[len(opening) : len(piece) - len(closing)]
    if piece in special:
        return [*before, *special[piece], *behind]
    return [*before, *inner(piece), *behind]


def inner(piece):
    if URL.match(piece):
        return [piece]
    cuts = {0, len(piece)}
    for each in INSIDE.finditer(piece):
        cuts |= set(each.span()) if each.start() else set()
    edges = sorted(cuts)
    return [piece[a:b] for a, b in pairwise(edges)]


def united(parts):
    special, made = special_words(), []
    while parts:
        for count in range(len(parts), 1, -1):
            together = special.get("".join(parts[:count]))
            if together and together[0] != parts[0]:
                made, parts = [*made, *together], parts[count:]
                break
        else:
            made, parts = [*made, parts[0]], parts[1:]
    return made


def letters(part):
    """A letter of a script without spaces, punctuation, and what is between."""
    made = [""]
    for each in part:
        kind = CLASSES[ord(each)]
        last = CLASSES[ord(made[-1][0])] if made[-1] else np.uint64(0)
        if kind & kernels.ATTACHED and last & kernels.ALONE:
            made[-1] += each
        elif (kind | last) & (kernels.ALONE | kernels.OPENS | kernels.CLOSES):
            made.append(each)
        else:
            made[-1] += each
        if kind & kernels.DIVIDER:
            made.append("")
    return [each for each in made if each]
