"""File names from clients are harmless in every file system and in a header."""

from shared.imagetype import ImageType
from shared.naming import clean_original, content_disposition, file_name, folded, stem_of
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
        ("", "unnamed"),
        ("   ", "unnamed"),
        ("x" * 5000 + ".jpg", "x" * 255),
    ],
)
def test_a_clients_name_is_cleaned(sent: str, kept: str) -> None:
    assert clean_original(sent) == kept


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
        ("trailing .png", "trailing"),
        ("cafe\u0301.png", "café"),
        ("🐈.png", "🐈"),
    ],
)
def test_a_stem_is_safe_as_a_file_name(original: str, stem: str) -> None:
    assert stem_of(original) == stem


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


@every_case("name", ['a"b\\c.webp', "a\r\nSet-Cookie: x.webp", "猫.webp", ".webp"])
def test_a_download_header_has_no_way_out_of_its_quotes(name: str) -> None:
    header = content_disposition(name)
    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 2
    assert "\\" not in header
