import json
from pathlib import Path

import pytest

from bedstone.corpus.web import html, warc
from bedstone.corpus.web.charsets import decode

PAGES = Path(__file__).parents[3] / "data" / "pages"
EXPECTED = {
    url: case
    for url, case in json.loads((PAGES / "expected.json").read_text("utf-8")).items()
    if case["file"] == "charsets.warc.gz"
}
FRENCH = "<p>L’élève a fermé le marché près de la forêt, à l’été."


@pytest.fixture(scope="module")
def pages():
    found = warc.read(PAGES / "charsets.warc.gz", 1 << 20, warc.Ledger())
    return {page.url: page for page in found}


@pytest.mark.parametrize("url", EXPECTED)
def test_faults_of_the_web(pages, url):
    page, case = pages[url], EXPECTED[url]
    read = decode(page.body, page.charset)
    text = html.text_of(read.text, main_content=True).text
    if url.endswith("gb18030-named-gbk"):
        # Its rare character stands in the place of another one.
        case = case | {"contains": case["contains"].replace("河", case["also"])}
    assert case["contains"] in text
    assert case.get("also", "") in text
    assert case.get("charset", read.charset) == read.charset
    assert read.replaced == case.get("replaced", 0)


@pytest.mark.parametrize(
    ("declared", "body", "expected"),
    [
        ("windows-1251", b"", "windows-1251"),
        (' "Latin1"\n', b"", "windows-1252"),
        ("UTF8", b"<meta charset=windows-1251>", "utf-8"),
        ("", b"<html><meta charset=windows-1251>", "windows-1251"),
        ("no-such", b"<html><META CharSet = ' iso-8859-2'>", "iso-8859-2"),
        ("hex", b"<html><meta charset=koi8-r>", "koi8-r"),
        ("undefined", b"<html><meta charset=utf-7>", "utf-8"),
        ("\udc80\0", b"", "utf-8"),
        ("", b"<meta content='text/html; charset=euc-kr' http-equiv=Content-Type>", "euc-kr"),
        ("", b"<meta name=description content='of charset=euc-kr'>", "utf-8"),
        ("", b"<!-- <meta charset=gbk> --><meta charset=tis-620>", "windows-874"),
        ("", b"<meta charset=utf-7><meta charset=big5>", "big5"),
        ("", b"<?xml version='1.0' encoding='iso-8859-9'?><html>", "windows-1254"),
        ("", b"<?xml encoding='koi8-u'?><meta charset=koi8-r>", "koi8-r"),
        ("", b"<meta charset=utf-16>", "utf-8"),
        ("", b"<meta charset=x-user-defined>", "windows-1252"),
        ("", b" " * 1_024 + b"<meta charset=gbk>", "utf-8"),
        ("", b" " * 1_024 + b"\xd6\xd0<meta charset=gbk>", "gbk"),
        ("", "привет мир, это простой текст".encode("koi8-r"), "koi8-r"),
        ("", "서울은 대한민국의 수도이다".encode("cp949"), "euc-kr"),
        ("", "日本語".encode("iso2022_jp"), "iso-2022-jp"),
        ("utf-8", "日本語".encode("iso2022_jp"), "iso-2022-jp"),
        ("utf-16", b"<p>in ASCII", "utf-8"),
        ("utf-8", "<p>a".encode("utf-16-le"), "utf-16le"),
        ("", "<p>a".encode("utf-16-be"), "utf-16be"),
        ("koi8-r", "\ufeffб".encode("utf-16-be"), "utf-16be"),
        ("", b"", "utf-8"),
    ],
)
def test_mark_then_header_then_page_then_look(declared, body, expected):
    assert decode(body, declared).charset == expected


@pytest.mark.parametrize(
    ("declared", "body", "text"),
    [
        ("iso-8859-1", b"\x80 \x93 \x99", "€ “ ™"),
        ("ascii", b"\x81\xe9", "\x81é"),
        ("windows-1255", b"\xca", "\u05ba"),
        ("koi8-u", b"\xae\xbe", "ўЎ"),
        ("x-user-defined", b"a\x80\xff", "a\uf780\uf7ff"),
        ("x-user-defined", "aéaéaé".encode(), "aéaéaé"),
        ("gb2312", b"\x80\xa8\xbc\xa3\xa0", "€ḿ\u3000"),
        ("gb18030", b"\x90\x30\x81\x30", "\U00010000"),
        ("big5", b"\xa3\xe1\xa1\x45\xa2\x44\x88\x62", "€‧￥Ê\u0304"),
        ("ks_c_5601-1987", b"\x8c\x63", "똠"),
        ("shift_jis", b"\x87\x40\x80\xb1", "①\x80ｱ"),
        ("euc-jp", b"\xad\xa1\xa1\xc1\x8e\xb1\x8f\xb0\xa1\xfc\xfe", "①～ｱ丂＂"),
        ("iso-2022-jp", b"a\x1b$B-!\x1b(I1\x1b(J\\~\x1b(B\\", "a①ｱ¥‾\\"),
        ("hz-gb-2312", b"~{VPND~}", "中文"),
        ("iso-2022-kr", "한국어".encode("iso2022_kr"), "한국어"),
        ("koi8-ru", b"\xae", "ў"),
        ("unicode", "\ufeffa".encode("utf-16-le"), "a"),
    ],
)
def test_a_name_means_the_widest_encoding_that_goes_by_it(declared, body, text):
    assert decode(body, declared)[0::2] == (text, 0)


@pytest.mark.parametrize(
    ("declared", "body", "text"),
    [
        ("utf-8", "été, ".encode() + b"\xe2\x82", "été, �"),
        ("utf-8", "éé".encode() + b"\xed\xa0", "éé��"),
        ("utf-8", "é\ufffd".encode() + b"\xff", "é��"),
        ("gbk", b"\xd6\xd0\xfe<b\xd6\xd0\xff", "中�<b中�"),
        ("gb18030", b"\x841\xa47\x81\x30\x81", "��"),
        ("gb18030", b"\x841\xa47\x81\x30", "��"),
        ("gb18030", b"\x84\x31\xa5\x30a\x81\x30a", "�a�0a"),
        ("big5", b"\xa4\xa4\xff\xa4<p", "中��<p"),
        ("euc-kr", b"\xb0\xa1\xc9\xa1a\xb0", "가�a�"),
        ("shift_jis", b"\x93\xfa\xa0\x81<p", "日��<p"),
        ("euc-jp", b"\xc6\xfc\x8f\xa1\xa1\xa1a", "日��a"),
        ("euc-jp", b"\xc6\xfc\x8f\xa1a\x8f<", "日�a�<"),
        ("iso-2022-jp", b"\x1b$BF|~~\x1b(B\x80", "日��"),
        ("windows-1253", b"\xe1\xff\xd2", "α��"),
        ("utf-16le", b"<\0\0\xd8a\0\0", "<�a�"),
    ],
)
def test_a_byte_that_does_not_fit_costs_one_replacement(declared, body, text):
    read = decode(body, declared)
    assert read.text == text
    spelt = body.count("�".encode()) + body.count("�".encode("gb18030"))
    assert read.replaced == text.count("�") - spelt


@pytest.mark.parametrize("declared", ["", "utf-8", "iso-8859-1", "windows-1251", "gbk"])
@pytest.mark.parametrize("fault", [b"", b"\xe9", "é".encode()[:1]])
def test_utf_8_is_seen_whatever_is_declared(declared, fault):
    read = decode(FRENCH.encode() + fault, declared)
    assert read == (FRENCH + "�" * len(fault), "utf-8", len(fault), 0)


@pytest.mark.parametrize(
    ("declared", "in_truth", "text"),
    [
        ("utf-8", "windows-1252", f"<html>{' ' * 9_000}{FRENCH}"),
        ("utf-8", "windows-1251", "<p>Длинный рассказ о погоде и людях, которые живут у реки"),
        ("gbk", "windows-1252", FRENCH * 3),
        ("windows-1253", "windows-1251", "<p>Старые дома у реки, и моя тень на воде. " * 9),
        ("iso-8859-2", "windows-1250", f"{' ' * 9_000}Zażółć gęślą jaźń, „święto” … źródło"),
        (
            "gb2312",
            "big5",
            "<p>臺灣是東亞的島嶼，這裡的居民講國語與閩南語，亦有客家話。" * 3,
        ),
    ],
)
def test_where_too_much_does_not_fit_the_best_is_taken(declared, in_truth, text):
    body = text.encode(in_truth)
    assert decode(body, declared) == (text, in_truth, 0, 0)
    stated = f"<meta charset={in_truth}>{text}"
    assert decode(stated.encode(in_truth), declared) == (stated, in_truth, 0, 0)


def test_little_that_does_not_fit_is_no_reason_for_another_encoding():
    text = "Το ποτάμι ρέει μέσα από την πόλη. "
    body = text.encode("windows-1253") * 10
    damaged = body[:100] + b"\xff\xd2\xff" + body[100:]
    assert decode(damaged, "windows-1253")[1:] == ("windows-1253", 3, 0)
    assert decode(b"\xff" + text.encode("cp1253"), "greek")[1:] == ("iso-8859-7", 1, 0)


def test_an_encoding_is_judged_by_the_beginning_of_a_long_page():
    text = "Долго " * 300_000
    assert decode(text.encode("cp1251"), "windows-1251")[:3] == (text, "windows-1251", 0)
    late = decode(b"a" * (1 << 20) + b"\xff" * 9_000, "euc-kr")
    assert (len(late.text), late.replaced) == ((1 << 20) + 9_000, 9_000)


def test_a_byte_that_puts_japanese_out_of_step_costs_no_more_than_the_line():
    text = "東京は日本の首都であり、多くの人が住む。子どもたちが歴史と文学を勉強する。\n"
    line = text.encode("iso2022_jp")
    read = decode(line[:4] + b"\xff" + line[4:] + line, "iso-2022-jp")
    assert read.charset == "iso-2022-jp"
    assert read.text.endswith(f"\n{text}")


def test_utf_8_is_tried_where_it_is_not_sure():
    unseen = b" " * (64 << 10)  # the look is at both ends
    body = unseen + "Ł".encode() * 10 + b"\xff <" * 4 + unseen
    assert decode(body, "iso-8859-1")[1:] == ("utf-8", 4, 0)
    assert decode(unseen + "àéù".encode() + b"\xe9" + unseen, "utf-8")[1:] == ("utf-8", 1, 0)
    assert decode("Я»".encode("cp1251"), "windows-1251")[:2] == ("Я»", "windows-1251")


def test_the_look_is_tried_where_the_page_is_wrong_too():
    text = "<meta charset=gbk><p>Длинный рассказ о погоде и людях, которые живут у реки. " * 9
    assert decode(text.encode("koi8-r"), "utf-8") == (text, "koi8-r", 0, 0)


def test_of_equals_the_declared_is_taken():
    assert decode(b"\x81" * 9, "iso-8859-4")[1:] == ("iso-8859-4", 0, 9)
