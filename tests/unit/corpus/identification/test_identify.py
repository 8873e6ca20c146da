from types import SimpleNamespace

import numpy as np
import pycld2
import pytest

from bedstone.corpus.identification import identifiers
from bedstone.corpus.identification.identifiers import identifier
from bedstone.corpus.identification.identify import LONG_CHARACTERS, Identified, is_rather
from bedstone.corpus.identification.identify import identify as identify_all

ENGLISH = "The patient scholars discussed that curious manuscript with the visitors of the town. "
NORWEGIAN = "Jeg vet ikke hvorfor katten ligger og sover i solen hele dagen, men det gjør den. "
TEXTS = {
    "eng_Latn": ENGLISH,
    "nob_Latn": NORWEGIAN,
    "hin_Deva": "यह एक पुराना विद्यालय है और इस गाँव के सब बच्चे यहाँ पढ़ते हैं।",
    "rus_Cyrl": "Старый учитель каждый день рассказывал детям о звёздах и далёких странах.",
    "uzb_Cyrl": "Барча одамлар эркин, қадр-қиммат ва ҳуқуқларда тенг бўлиб туғиладилар.",
    "uzb_Latn": "Barcha odamlar erkin, qadr-qimmat va huquqlarda teng bo‘lib tug‘iladilar.",
    "jpn_Jpan": "この古い学校では毎日たくさんの子どもたちが歴史と文学を勉強しています。",
    "kor_Kore": "이 오래된 학교에서는 매일 많은 아이들이 역사와 문학을 공부하고 있습니다.",
    "zho_Hans": "这所老学校里每天都有很多孩子学习历史和文学，他们说中国话。",
    "zho_Hant": "這所老學校裡每天都有很多孩子學習歷史和文學，他們說中國話。",
    "heb_Hebr": "המורה הזקן סיפר לילדים בכל יום על הכוכבים ועל ארצות רחוקות מאוד.",
    "tgl_Latn": "Ang matandang guro ay nagkukuwento araw-araw sa mga bata tungkol sa mga bituin.",
}


CODE = """
def merged(parts):
    for key, value in parts.items():
        if value[0] != None and len(key) > 3:
            result[key] = value[0] + self._offset[key]; total += 1
    return {key: result[key] for key in sorted(result)}
"""
SHAHMUKHI = (
    "ایہ اک پرانا سکول اے تے ایس پنڈ دے سارے بال ایتھے ہر روز پڑھدے نیں۔ اوہناں دا استاد نہر دے "
    "کنڈے رہندا اے تے شام نوں اوہناں نوں کہانیاں سناؤندا اے۔"
)
URDU = (
    "یہ ایک پرانا مدرسہ ہے اور اس گاؤں کے سب بچے یہاں ہر روز پڑھتے ہیں۔ ان کا استاد نہر کے کنارے "
    "رہتا ہے اور شام کو ان کو کہانیاں سناتا ہے۔"
)


TURKISH = (
    "Sen beni anlamıyorsun, dedi kız. Ben gitmek istiyorum, sen kalmak. Annem de öyle derdi: insan "
    "doğduğu yerde değil, doyduğu yerde yaşar. Oğlan sustu, camı açtı, dışarı baktı. Karşı dağda "
    "kar vardı. Ne var orada, dedi sonra, burada olmayan ne var? Kız güldü, saçını topladı. "
    "Bilmiyorum, dedi, onun için gidiyorum ya. Trenin sesi duyuldu. Oğlan çantayı aldı, kapıya "
    "kadar taşıdı. Bana yaz, dedi. Yazarım, dedi kız, ama sen cevap vermezsin. Veririm. Vermezsin. "
    "Gülüştüler, ağladılar, sonra tren geldi."
)


def identify(text, name="pycld2", min_bytes=40, min_share=0.7):
    (found,) = identify_all([text], identifier(name), min_bytes, min_share)
    return found


@pytest.mark.parametrize(("key", "text"), TEXTS.items())
def test_languages_and_scripts(key, text):
    found = identify(text)
    assert (found.language, found.reliable) == (key, True)
    assert found.score > 0.9


def test_short_and_empty_text_is_unknown():
    assert identify("").language == identify("the house").language == "und"
    assert identify(ENGLISH, min_bytes=500) == Identified("und", 0.0, True)


def test_several_languages():
    mixed = identify(ENGLISH * 3 + TEXTS["rus_Cyrl"] * 3)
    assert mixed.language == "mul"
    assert 0.4 < mixed.score < 0.7
    lenient = identify(ENGLISH * 3 + TEXTS["rus_Cyrl"] * 3, min_share=0.4)
    assert lenient.language == "rus_Cyrl"


@pytest.fixture
def looked_at(monkeypatch):
    """The lengths of what CLD2 is given."""
    lengths = []

    def detect(text, **options):
        lengths.append(len(text))
        return pycld2.detect(text, **options)

    monkeypatch.setattr(identifiers, "pycld2", SimpleNamespace(detect=detect, error=pycld2.error))
    return lengths


def test_pieces_of_a_long_text_do(looked_at):
    assert identify(ENGLISH * 500).language == "eng_Latn"
    assert sum(looked_at) < LONG_CHARACTERS


@pytest.mark.parametrize(("before", "behind"), [(0, 40), (40, 0), (20, 20)])
def test_pieces_are_taken_from_the_whole_text(before, behind):
    russian = TEXTS["rus_Cyrl"] * 25
    assert identify(ENGLISH * before + russian + ENGLISH * behind).language == "mul"


def test_a_long_text_with_little_to_read_is_looked_at_whole(looked_at):
    text = "0" * 3_000 + f" {ENGLISH} " + "0" * 3_000
    assert identify(text).language == "eng_Latn"
    assert len(text) in looked_at
    assert identify(ENGLISH * 99, min_bytes=5_000).language == "eng_Latn"


@pytest.mark.parametrize(
    "bad", ["\x00", "\x0b", "\x7f\x9f", "\ufdd0", "\uffff", "\U0010fffe", "\ud800"]
)
def test_what_cld2_refuses_is_passed_over(bad):
    assert identify(bad.join(ENGLISH.split(" ")) + bad + ENGLISH).language == "eng_Latn"


def test_scripts_without_a_language_are_unknown():
    assert identify("ꯉꯥꯛꯄꯤꯒꯅꯤ ꯍꯧꯖꯤꯛꯀꯤ ꯑꯣꯏꯅ ꯃꯁꯤꯒꯤ ꯃꯆꯪ ꯑꯁꯤ ꯍꯧꯔꯛꯐꯝ").language == "und"


@pytest.mark.parametrize("name", ["pycld2", "py3langid"])
def test_code_and_base64_are_no_language(name):
    base64 = "VGhpcyBpcyBubyBwcm9zZSBhdCBhbGwsIGJ1dCBhbiBlbmNvZGVkIHRleHQgb2YgZW5nbGlzaCB3b3Jk" * 9
    assert identify(CODE, name).language == identify(base64, name).language == "und"


def test_a_text_mostly_in_another_script_is_unknown(monkeypatch):
    greek = "Ο παλιός δάσκαλος διηγείται στα παιδιά κάθε μέρα για τα αστέρια."
    assert identify(greek).language == "ell_Grek"
    wrong = identifiers.Found({"rus_Cyrl": 1.0}, 100, True)
    by = identifiers.Identifier(lambda pieces: wrong, takes_whole=True)
    assert [it.language for it in identify_all([greek, TEXTS["rus_Cyrl"]], by, 0, 0.5)] == [
        "und",
        "rus_Cyrl",
    ]


def test_a_language_that_the_identifier_does_not_know_is_told_by_its_words():
    assert identify(SHAHMUKHI).language == "pnb_Arab"
    assert identify(URDU).language == "urd_Arab"
    assert identify(SHAHMUKHI).own_words > 0.2


def test_few_words_overrule_no_answer():
    # In each of these more words are frequent in Gagauz than in Turkish.
    assert identify(TURKISH).language == "tur_Latn"
    assert identify("Hem bu ani var hem bu nasıl, onun için bir bu var.").language == "tur_Latn"
    own, rival = np.array([0.1, 0.1, 0.1]), np.array([0.2, 0.2, 0.14])
    assert is_rather(rival, own, np.array([20.0, 400.0, 400.0])).tolist() == [False, True, False]


def test_own_words_are_measured_where_frequent_ones_are_known():
    assert identify(ENGLISH).own_words > 0.3
    assert identify(TEXTS["jpn_Jpan"]).own_words > 0.2
    syriac = "ܒܪܫܝܬ ܐܝܬܘܗܝ ܗܘܐ ܡܠܬܐ ܘܗܘ ܡܠܬܐ ܐܝܬܘܗܝ ܗܘܐ ܠܘܬ ܐܠܗܐ ܘܐܠܗܐ ܐܝܬܘܗܝ ܗܘܐ ܗܘ ܡܠܬܐ"
    assert (identify(syriac).language, identify(syriac).own_words) == ("syr_Syrc", None)


def test_texts_keep_their_order_over_batches():
    texts = [ENGLISH, NORWEGIAN, CODE] * 200
    found = [it.language for it in identify_all(texts, identifier("pycld2"), 40, 0.7)]
    assert found == ["eng_Latn", "nob_Latn", "und"] * 200


def test_pieces_of_one_that_gives_one_language_a_text():
    mixed = identify(ENGLISH * 8 + TEXTS["rus_Cyrl"] * 6, "py3langid")
    assert (mixed.language, identify(ENGLISH, "py3langid").language) == ("mul", "eng_Latn")
    assert 0.3 < mixed.score < 0.7
    assert identify(ENGLISH * 90, "py3langid").language == "eng_Latn"


def test_an_empty_batch_and_empty_texts():
    assert list(identify_all([], identifier("pycld2"), 0, 0.7)) == []
    assert identify("", "py3langid").language == "und"


@pytest.mark.parametrize("name", ["pycld2", "py3langid"])
@pytest.mark.parametrize("times", [1, 60])
def test_markup_that_was_left_in_a_text_is_passed_over(name, times):
    marked = f'<div class="text"><p>{NORWEGIAN}</p><br/></div>\n' * times
    assert identify(marked, name).language == "nob_Latn"
