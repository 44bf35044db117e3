"""File names from clients are harmless in every file system and in a header."""

import re
from urllib.parse import unquote

from hypothesis import given
from hypothesis import strategies as st

from shared.imagetype import ImageType
from shared.naming import (
    clean_folder,
    clean_original,
    content_disposition,
    file_name,
    folded,
    is_reserved,
    printable,
    stem_of,
)
from tests.support.cases import every_case


@every_case(
    "sent, kept",
    [
        ("IMG_0001.JPG", "IMG_0001.JPG"),
        ("../../etc/passwd", "passwd"),
        ("C:\\photos\\cat.png", "cat.png"),
        ("two\r\nlines.png", "twolines.png"),
        ("nul\x00byte.png", "nulbyte.png"),
        ("\u202egnp.exe", "gnp.exe"),
        ("猫.jpg", "猫.jpg"),
        ("cafe\u0301 ｘ／ｙ：ｚ.jpg", "cafe\u0301 ｘ／ｙ：ｚ.jpg"),
        ("", "unnamed"),
        ("   ", "unnamed"),
        ("x" * 5000 + ".jpg", "x" * 255),
        ("x" * 254 + "👨\u200d👩", "x" * 254 + "👨"),
    ],
)
def test_a_clients_name_is_cleaned(sent: str, kept: str) -> None:
    assert clean_original(sent) == kept


@every_case(
    "name",
    [
        "می\u200cخواهم",
        "کار\u200cها",
        "سال ۱۴۰۰ ه\u200d",
        "क्\u200dष",
        "ශ්\u200dරී",
        "👨\u200d👩\u200d👧",
        "👩🏽\u200d🚀",
        "🏳️\u200d🌈",
        "🙂\u200d↔️",
        "🧑🏻\u200d❤️\u200d💋\u200d🧑🏼",
        "🐦\u200d\U0001faff",  # unassigned when this was written
    ],
)
def test_a_joiner_stays_where_it_shapes_what_is_seen(name: str) -> None:
    assert clean_original(f"{name}.jpg") == f"{name}.jpg"
    assert stem_of(f"{name}.jpg") == name


@every_case(
    "name, kept",
    [
        ("a\u200db\u200cc", "abc"),
        ("\u200dx\u200d", "x"),
        ("👨\u200d", "👨"),
        ("👨\u200d x", "👨 x"),
        ("👨\u200c👩", "👨👩"),
        ("猫\u200d犬", "猫犬"),
        ("می\u200c", "می"),
        ("می\u200c\u200d\u200cخ", "می\u200cخ"),
    ],
)
def test_a_joiner_goes_where_it_joins_nothing(name: str, kept: str) -> None:
    assert clean_original(f"{name}.jpg") == f"{kept}.jpg"


@every_case(
    "original, stem",
    [
        ("IMG_0001.JPG", "IMG_0001"),
        ("archive.tar.gz", "archive.tar"),
        ("no-extension", "no-extension"),
        (".htaccess", "htaccess"),
        ("..", "image"),
        ("...png", "image"),
        ('say "cheese".jpg', "say _cheese_"),
        ("a:b*c?.png", "a_b_c_"),
        ("100%.png", "100_"),
        ("CON.png", "_CON"),
        ("con.backup.png", "_con.backup"),
        ("con .backup.png", "_con .backup"),
        ("COM¹.png", "_COM¹"),
        ("conout$.png", "_conout$"),
        ("trailing .png", "trailing"),
        ("Greek question mark\u037e.png", "Greek question mark_"),  # NFC makes it a semicolon
        ("cafe\u0301.png", "café"),
        ("🐈.png", "🐈"),
    ],
)
def test_a_stem_is_safe_as_a_file_name(original: str, stem: str) -> None:
    assert stem_of(original) == stem


@every_case(
    "sent, kept",
    [
        ("shoes/red", "shoes/red"),
        ("shoes/red/", "shoes/red"),
        ("shoes\\red", "shoes/red"),
        ("shoes\\red/2026", "shoes/red/2026"),
        ("./shoes//./red", "shoes/red"),
        ("../../etc", "etc"),
        ("shoes/../boots", "boots"),
        ("a/../../../b/..", None),
        ("", None),
        (".", None),
        ("..", None),
        ("  /\u200b/...", None),
        ("Été 2026/猫 – ü", "Été 2026/猫 – ü"),
        ("e\u0301te\u0301", "été"),
        ("v1.2/.git/old.", "v1.2/git/old"),
        ("CON/aux.d/com¹/LPT0 .x", "_CON/_aux.d/_com¹/_LPT0 .x"),
        ('ab:b/c*d?/"e"|<f>/100%;', "ab_b/c_d_/_e___f_/100__"),
        ("sh\u202eoes\u200b/\x00r\x1be\nd", "shoes/red"),
        ("می\u200cخواهم/👨\u200d👩\u200d👧", "می\u200cخواهم/👨\u200d👩\u200d👧"),
        (".\u200b./etc", "etc"),
        ("．．／etc", "．．／etc"),
        ("..%2fetc", "_2fetc"),
        ("x" * 400, "x" * 250),
        ("中" * 400, "中" * 83),
    ],
)
def test_each_level_of_a_folder_is_safe_as_a_file_name(sent: str, kept: str | None) -> None:
    assert clean_folder(sent) == kept


@every_case(
    "path",
    [
        *("/etc", "//server/share", "\\etc", "\\\\server\\share", "\\\\?\\C:\\photos"),
        *("C:\\photos", "c:/photos", "C:photos", "C:"),
        *("https://shop.example/a", "file:///photos", "content://media/external"),
        *("\u202aC:\\Users\\me", " /etc", "\u200b/etc", "\u200bC:/photos"),
    ],
)
def test_a_path_from_a_root_a_drive_or_a_server_is_no_folder(path: str) -> None:
    assert clean_folder(path) is None


def test_a_long_name_stays_below_what_file_systems_hold() -> None:
    name = file_name(stem_of("猫" * 300 + ".jpg"), ImageType.WEBP, 99999)
    assert len(name.encode()) <= 255


def test_the_first_of_a_name_bears_no_number() -> None:
    assert [file_name("cat", ImageType.AVIF, n) for n in (1, 2, 10)] == [
        "cat.avif",
        "cat-2.avif",
        "cat-10.avif",
    ]


def test_names_that_a_file_system_takes_for_one_fold_to_one() -> None:
    assert folded("CAFÉ.webp") == folded("cafe\u0301.webp")
    assert folded("می\u200cخواهم") == folded("میخواهم")


@every_case("name", ['a"b\\c.webp', "a\r\nSet-Cookie: x.webp", "猫.webp", ".webp"])
def test_a_download_header_has_no_way_out_of_its_quotes(name: str) -> None:
    header = content_disposition(name)
    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 2
    assert "\\" not in header


@every_case(
    "original, plain",
    [
        ("．．／．．／．bashrc", "_.._.bashrc.webp"),
        ("Ｃ：／x", "C__x.webp"),
        ("Ｃ：＼x", "C__x.webp"),
        ("ｃｏｎ", "_con.webp"),
        ("com¹", "_com1.webp"),
        ("＂x＂", "_x_.webp"),
        ("℀", "a_c.webp"),
        ("…x", "x.webp"),
        ("x\N{FULLWIDTH PERCENT SIGN}41", "x_41.webp"),
        ("日本 – café", "cafe.webp"),
        ("猫", "image.webp"),
    ],
)
def test_the_plain_name_of_a_download_is_cleaned_once_it_is_ascii(
    original: str, plain: str
) -> None:
    header = content_disposition(f"{stem_of(original)}.webp")
    assert header.startswith(f'attachment; filename="{plain}"; ')


_HARMFUL = st.sampled_from(
    "／＼：．＂＜＞｜？＊％；℀…㏂¹/\\:.\"<>|?*%; '\r\n\0conauxlptCOM1ａｕｘ👨\u200d\u202eé猫"
)


@given(st.text(_HARMFUL | st.characters(), max_size=120))
def test_both_names_of_a_download_are_valid_on_every_system(original: str) -> None:
    name = file_name(stem_of(clean_original(original)), ImageType.WEBP)
    header = content_disposition(name)
    plain = re.fullmatch(r"""attachment; filename="([^"\\]+)"; filename\*=UTF-8''(\S+)""", header)
    assert plain
    assert unquote(plain[2]) == name
    for sent in (plain[1], name):
        assert not re.search(r'[<>:"/\\|?*%;\x00-\x1f\x7f]|^[ .]|[ .]$', sent)
        assert sent.endswith(".webp")
        assert not is_reserved(sent)
        assert len(sent.encode()) <= 255
        assert printable(sent).isprintable()
    assert plain[1].isascii()


@given(st.text(_HARMFUL | st.characters(), max_size=300))
def test_a_name_that_was_cleaned_is_clean(original: str) -> None:
    once = clean_original(original)
    assert clean_original(once) == once
    assert stem_of(f"{stem_of(once)}.png") == stem_of(once)


@given(st.text(_HARMFUL | st.characters(), max_size=300))
def test_every_level_of_a_folder_is_valid_on_every_system(path: str) -> None:
    folder = clean_folder(path)
    assert folder is None or clean_folder(folder) == folder
    for level in (folder or "x").split("/"):
        assert not re.search(r'[<>:"\\|?*%;\x00-\x1f\x7f]|^$|^[ .]|[ .]$', level)
        assert not is_reserved(level)
        assert len(level.encode()) <= 255
        assert printable(level).isprintable()
