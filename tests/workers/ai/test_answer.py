"""What is let through of a model's answer, in every language, and what is not."""

import json
import re
import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.models import Description, DescriptionRequest, Language
from shared.naming import is_reserved
from tests.support.cases import every_case
from tests.support.languages import GOOD
from workers.ai.answer import MAX_ANSWER_CHARACTERS, Answer, parse_answer
from workers.ai.file_name import MAX_STEM_CHARACTERS

L = Language

OPENINGS = {
    L.ENGLISH: "A photo of red shoes on wet grass",
    L.SPANISH: "Fotografía de una niña que sopla las velas",
    L.CATALAN: "Imatge d'un llac al capvespre",
    L.FRENCH: "Photo d’un pont au-dessus de l’eau",
    L.GERMAN: "Das Bild zeigt ein grünes Sofa",
    L.ITALIAN: "Un'immagine di una chiesa in collina",
    L.PORTUGUESE: "Imagem de um gato no sofá",
    L.DUTCH: "Foto van twee fietsers op de dijk",
    L.POLISH: "Zdjęcie żółtej łódki na jeziorze",
    L.RUSSIAN: "На фото женщина с красным зонтом",
    L.CHINESE: "一张女子跑步的照片",
    L.JAPANESE: "赤い傘をさした女性の写真",
    L.KOREAN: "다리 위를 달리는 사람들의 사진",
    L.ARABIC: "صورة رجل يمشي على الشاطئ",
    L.HINDI: "लाल साड़ी पहने एक महिला की तस्वीर",
}


def reply(alt_text: str = "A red shoe on grass", file_name: str = "red-shoe-on-grass") -> str:
    return json.dumps({"alt_text": alt_text, "file_name": file_name})


def of(
    alt_text: str, language: Language = L.ENGLISH, keywords: str = "", most: int = 125
) -> Answer:
    request = DescriptionRequest(True, False, language, keywords=keywords)
    return parse_answer(reply(alt_text=alt_text), request, most)


def stem(file_name: str, language: Language = L.ENGLISH) -> Answer:
    return parse_answer(reply(file_name=file_name), DescriptionRequest(False, True, language), 125)


@every_case("language", Language)
def test_what_a_good_model_writes_passes_as_it_is(language: Language) -> None:
    alt_text, file_name = GOOD[language]
    answer = parse_answer(reply(alt_text, file_name), DescriptionRequest(True, True, language), 125)
    assert answer == Answer(Description(alt_text, file_name), ())


@every_case("language", Language)
def test_an_alt_text_in_another_script_is_refused(language: Language) -> None:
    other = GOOD[L.RUSSIAN if language is not L.RUSSIAN else L.ENGLISH][0].lower()
    answer = of(other, language)
    assert answer.description.alt_text is None
    assert any("was not written in" in fault for fault in answer.faults)


@every_case("language", Language)
def test_an_alt_text_that_announces_a_picture_is_refused(language: Language) -> None:
    assert of(OPENINGS[language], language).faults == (
        "The alt text began by saying that it is of a picture.",
    )


@every_case(
    "language, text",
    [
        (L.CHINESE, "图中是一名跑步的女子"),
        (L.JAPANESE, "この画像は赤い傘をさした女性"),
        (L.KOREAN, "이 사진은 다리 위를 달리는 사람들"),
        (L.HINDI, "इस तस्वीर में एक महिला है"),
    ],
)
def test_a_picture_is_announced_at_neither_end(language: Language, text: str) -> None:
    assert "began by" in " ".join(of(text, language).faults)


def test_a_picture_is_not_announced_in_english_either() -> None:
    assert "began by" in " ".join(of("Image of ein grünes Sofa", L.GERMAN).faults)


@every_case(
    "written, kept",
    [
        ("  A dog\n on\u2028 grass ", "A dog on grass"),
        ("Cafe\u0301 terrace", "Café terrace"),
        ("A \u202edog\u202c on\u200b gr\u00adass\x07", "A dog on grass"),
        ("A dog\U000e0041\U000e0042\ufe0f on\u115f grass", "A dog on grass"),
        ("A dog 🐕 on grass ☀️", "A dog on grass"),
        ('"A dog on grass."', "A dog on grass"),
        ("“A dog on grass”.", "A dog on grass"),
        ("'A dog on grass'", "A dog on grass"),
        ("A dog on grass.", "A dog on grass"),
        ("A dog on grass...", "A dog on grass..."),
        ('"Open" beside "Closed"', '"Open" beside "Closed"'),
        ("EE.UU. player #10 at 3.5 m on 1.10.2025", "EE.UU. player #10 at 3.5 m on 1.10.2025"),
    ],
)
def test_an_alt_text_is_cleaned_where_that_is_safe(written: str, kept: str) -> None:
    assert of(written).description.alt_text == kept


@every_case("stop", [".", "。", "।", "۔"])
def test_the_full_stop_of_any_script_is_dropped(stop: str) -> None:
    assert of(f"A dog on grass{stop}").description.alt_text == "A dog on grass"


def test_an_alt_text_may_be_as_long_as_allowed_and_no_longer() -> None:
    assert of("a" * 40, most=40).description.alt_text == "a" * 40
    assert of("a" * 41, most=40).faults == ("The alt text had more than 40 characters.",)


@every_case("nothing", ["", " ", "\u200b", ".", '""', "🐕"])
def test_an_empty_alt_text_is_refused(nothing: str) -> None:
    assert of(nothing).faults == ("The alt text was empty.",)


@every_case(
    "markup",
    [
        "A <b>dog</b> on grass",
        "A dog &lt;b&gt; on grass",
        "A dog ＜b＞ on grass",
        'A dog" onerror=alert(1) x',
        "A *dog* on grass",
        "A __dog__ on grass",
        "A dog on gr**as**s",
        "A ~~dog~~ on grass",
        "A `dog` on grass",
        "A [dog](dog) on grass",
        "![dog] on grass",
        "# A dog on grass",
        "A dog on {{grass}}",
    ],
)
def test_markup_is_refused(markup: str) -> None:
    assert "The alt text had markup in it." in of(markup).faults


@every_case(
    "address",
    [
        "A dog, see https://evil.example",
        "A dog from evil.com",
        "A dog, gopher://evil",
        "A dog from EVIL．COM",
        "A dog from пример.рф",
        "A dog from 192.168.0.1",
        "A dog, ask me@there",
        "A dog by @dogs",
        "A dog #cute",
        "A dog, javascript:alert",
        "A dog from www. somewhere",
    ],
)
def test_an_address_is_refused(address: str) -> None:
    assert of(address).faults == ("The alt text had an address, a handle or a hash tag in it.",)


def test_quoted_text_may_be_of_any_script() -> None:
    assert not of('A sign reading "Осторожно, злая собака, не входить"').faults
    assert of("A sign reading Осторожно, злая собака, не входить").faults


def test_one_letter_of_its_script_makes_no_text_of_a_language() -> None:
    assert of("a dog runs on wet grass 狗", L.CHINESE).faults


def test_a_name_in_latin_letters_alone_is_no_text_of_another_language() -> None:
    assert of("Nike Air Max", L.CHINESE).faults == (
        "The alt text was not written in Simplified Chinese.",
    )


@every_case(
    "text, keywords, language",
    [
        ("Running shoes, trail shoes", "trail shoes, running shoes", L.ENGLISH),
        ("Running shoes by a pair of Running Shoes", "running shoes", L.ENGLISH),
        ("A man in boots, clogs, mules and pumps", "boots,clogs;mules\npumps", L.ENGLISH),
        ("跑步鞋旁边的跑步鞋", "跑步鞋", L.CHINESE),
        ("靴子、凉鞋、拖鞋、跑鞋放在一起", "靴子、凉鞋、拖鞋、跑鞋", L.CHINESE),
    ],
)
def test_an_alt_text_written_for_its_keywords_is_refused(
    text: str, keywords: str, language: Language
) -> None:
    assert of(text, language, keywords).faults == ("The alt text repeated or listed keywords.",)


@every_case(
    "text, keywords, language",
    [
        ("Running shoes on wet grass", "running shoes, sale", L.ENGLISH),
        ("A man in boots, clogs and mules", "boots, clogs, mules", L.ENGLISH),
        ("A cart full of art", "art", L.ENGLISH),
        ("A cart - full - of art", "art, -, ,", L.ENGLISH),
        ("Red shoes by a red door", "red, red shoes", L.ENGLISH),
        ("自転車と電車", "車", L.JAPANESE),
    ],
)
def test_a_keyword_that_fits_may_stand(text: str, keywords: str, language: Language) -> None:
    assert of(text, language, keywords).description.alt_text == text


@every_case(
    "written, language, kept",
    [
        ("Red_Running  Shoes!.JPG", L.ENGLISH, "red-running-shoes"),
        ('"red-shoes.jpg.webp"', L.ENGLISH, "red-shoes"),
        ("red-shoes-png", L.ENGLISH, "red-shoes"),
        ("red-shoes.jpg_", L.ENGLISH, "red-shoes"),
        ("red-shoes\n", L.ENGLISH, "red-shoes"),
        ("the dog's bowl", L.ENGLISH, "the-dogs-bowl"),
        ("chute d’eau à l'été", L.FRENCH, "chute-d-eau-a-l-ete"),
        ("Übergröße in Köln", L.GERMAN, "uebergroesse-in-koeln"),
        ("gru\u0308n", L.GERMAN, "gruen"),
        ("col·lecció d'art", L.CATALAN, "colleccio-d-art"),
        ("żółta łódka", L.POLISH, "zolta-lodka"),
        ("большой конь", L.RUSSIAN, "bolshoy-kon"),
        ("夏天的山", L.CHINESE, "xia-tian-de-shan"),
        ("लाल साड़ी", L.HINDI, "lal-sadi"),
        ("서울 야경", L.KOREAN, "seoul-yagyeong"),
        ("Ｒed shoe 👟", L.ENGLISH, "red-shoe"),
    ],
)
def test_a_file_name_becomes_ascii_words(written: str, language: Language, kept: str) -> None:
    assert stem(written, language) == Answer(Description(stem=kept), ())


def test_a_long_file_name_ends_with_a_whole_word() -> None:
    words = "-".join(f"word{n}" for n in range(30))
    assert stem(words).description.stem == "-".join(f"word{n}" for n in range(9))


def test_a_file_name_of_just_the_length_keeps_its_last_word() -> None:
    words = "red-shoes-" + "a" * (MAX_STEM_CHARACTERS - 10)
    assert stem(f"{words}-more").description.stem == words


def test_a_single_word_longer_than_a_file_name_is_cut() -> None:
    assert stem("a" * 80).description.stem == "a" * MAX_STEM_CHARACTERS


@every_case(
    "written",
    [
        "",
        "---",
        "12345",
        "a",
        "CON",
        "lpt1.webp",
        "IMG-0001",
        "image.jpg",
        "dsc_0042",
        "www-evil-com",
        "http-evil",
        "evil.com",
        "evil．com",
        "<red-shoes>",
        "a/b",
        "c:shoes",
        "red\r\nshoes",
        "shoe-shoe-shoe",
    ],
)
def test_an_unusable_file_name_is_refused(written: str) -> None:
    answer = stem(written)
    assert answer.description.stem is None
    assert len(answer.faults) >= 1


@every_case(
    "text",
    [
        "",
        "[]",
        "null",
        '"A dog"',
        "A dog on grass",
        'Here you are: {"alt_text": "A dog"}',
        '```json\n{"alt_text": "A dog"}\n```',
        '{"alt_text": "A dog"} {"alt_text": "A cat"}',
        '[{"alt_text": "A dog", "file_name": "dog"}]',
        '{"result": {"alt_text": "A dog", "file_name": "dog"}}',
        "[" * 10_000,
        '{"alt_text": ' + "1" * 5_000 + "}",
        json.dumps({"alt_text": "A dog", "more": "x" * MAX_ANSWER_CHARACTERS}),
    ],
)
def test_an_answer_that_is_not_one_json_object_with_the_texts_has_no_text(text: str) -> None:
    answer = parse_answer(text, DescriptionRequest(True, True), 125)
    assert answer.description == Description()
    assert answer.faults


@every_case("value", [None, 7, ["A dog"], {"text": "A dog"}, True])
def test_a_text_that_is_not_a_string_is_refused(value: object) -> None:
    answer = parse_answer(
        json.dumps({"alt_text": value, "file_name": value}), DescriptionRequest(True, True), 125
    )
    assert answer.description == Description()
    assert len(answer.faults) == 2


def test_one_good_half_is_kept_beside_a_bad_one() -> None:
    answer = parse_answer(reply(file_name="image"), DescriptionRequest(True, True), 125)
    assert answer.description == Description("A red shoe on grass", None)
    assert answer.faults == ("The file name said nothing of the picture.",)


def test_a_text_that_was_not_requested_is_not_read() -> None:
    assert parse_answer(reply(), DescriptionRequest(True, False), 125).description == Description(
        "A red shoe on grass"
    )
    assert parse_answer(reply(), DescriptionRequest(False, True), 125).description == Description(
        None, "red-shoe-on-grass"
    )


def test_every_fault_of_an_alt_text_is_named_at_once() -> None:
    assert len(of("Photo of <b>https://evil.com</b>", most=20).faults) == 4


patient = settings(deadline=None)  # the tables of a script are loaded when it is first met
SIGNS = '<>*_`@#.-:&= "“”«»éßж山한كल1a\n\u202e\u0301\ufe0f．＜\ud800'
PIECES = st.sampled_from([*SIGNS, "red shoe ", "](", "com", "http", "://", "www", ".jpg"])
ANYTHING = st.text(st.characters()) | st.lists(PIECES, max_size=20).map("".join)
OBJECTS = st.dictionaries(
    st.sampled_from(["alt_text", "file_name", "more"]), ANYTHING | st.none() | st.integers()
)
REQUESTS = st.builds(
    DescriptionRequest, st.just(True), st.just(True), st.sampled_from(Language), ANYTHING, ANYTHING
)


@patient
@given(ANYTHING | OBJECTS.map(json.dumps), REQUESTS)
def test_parsing_never_raises(text: str, request: DescriptionRequest) -> None:
    assert isinstance(parse_answer(text, request, 125), Answer)


@patient
@given(ANYTHING, REQUESTS, st.integers(1, 60))
def test_an_alt_text_that_passes_keeps_its_promises(
    text: str, request: DescriptionRequest, most: int
) -> None:
    alt_text = parse_answer(reply(alt_text=text), request, most).description.alt_text
    if alt_text is None:
        return
    seen = unicodedata.normalize("NFKC", alt_text)
    assert 0 < len(alt_text) <= most
    assert alt_text == unicodedata.normalize("NFC", alt_text).strip()
    assert alt_text.isprintable()
    assert not re.search(r"[<>`]|\w@|@\w|\]\(|://|www\.|#[a-z]|\b\w\w+\.com", seen)
    assert parse_answer(reply(alt_text=alt_text), request, most).description.alt_text == alt_text


@patient
@given(ANYTHING, REQUESTS)
def test_a_stem_that_passes_keeps_its_promises(text: str, request: DescriptionRequest) -> None:
    kept = parse_answer(reply(file_name=text), request, 125).description.stem
    if kept is None:
        return
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", kept)
    assert 2 <= len(kept) <= MAX_STEM_CHARACTERS
    assert re.search("[a-z]", kept)
    assert not is_reserved(kept)
    assert not re.search(r"\b(http|www)", kept)
    assert parse_answer(reply(file_name=kept), request, 125).description.stem == kept
