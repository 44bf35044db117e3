"""The facts on each language: its name in English, its script, and its words for "image of"."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.models import Language

_LATIN = ("LATIN",)


@dataclass(frozen=True)
class Traits:
    """One language.

    name: for the prompt. scripts: prefixes of the Unicode names of its letters.
    opening: a pattern for "image of" and the like at the beginning of an alt text, which a
        screen reader says already. closing: the same for the end of a text.
    spaced: whether spaces separate its words, so that a word can be counted.
    spelling: letters whose ASCII spelling is not the letter without its marks, such as ä and ae.
    """

    name: str
    scripts: tuple[str, ...] = _LATIN
    opening: str = r"(?!)"
    closing: str = r"(?!)"
    spaced: bool = True
    spelling: Mapping[str, str] = field(default_factory=dict)

    def announces(self, text: str) -> bool:
        """Whether the text begins or ends with "image of" or the like."""
        text = unicodedata.normalize("NFKC", text)
        return bool(
            _pattern(self.opening).match(text) or _pattern(rf"(?:{self.closing})$").search(text)
        )


def _pattern(source: str) -> re.Pattern[str]:  # `re` caches compiled patterns
    return re.compile(unicodedata.normalize("NFC", source), re.IGNORECASE)


TRAITS: Mapping[Language, Traits] = {
    Language.ENGLISH: Traits(
        "English",
        opening=r"(?:in )?(?:(?:an?|the|this) )?(?:image|picture|photo|photograph)s?"
        r"(?::| (?:of|shows?|showing|depicts?|depicting|features?|featuring)\b)",
    ),
    Language.SPANISH: Traits(
        "Spanish",
        opening=r"(?:en )?(?:(?:una?|la|esta) )?(?:imagen|foto|fotograf[ií]a)"
        r"(?::| (?:del?|que muestra|muestra|donde|con|se ve)\b)",
    ),
    Language.CATALAN: Traits(
        "Catalan",
        opening=r"(?:a )?(?:(?:una|la|aquesta) |l['’])?(?:imatge|foto|fotografia)"
        r"(?::| (?:d['’]|(?:dels?|de|que mostra|mostra|on|amb)\b))",
        spelling={"·": ""},  # col·lecció is one word
    ),
    Language.FRENCH: Traits(
        "French",
        opening=r"(?:sur )?(?:(?:une|la|cette) |l['’])?(?:image|photo|photographie)"
        r"(?: ?:| (?:d['’]|(?:de|du|des|montrant|qui montre|montre|représentant|avec)\b))",
    ),
    Language.GERMAN: Traits(
        "German",
        opening=r"(?:auf )?(?:(?:das|dem|dieses|diesem|ein|eine|die|diese) )?"
        r"(?:bild|foto|fotografie|abbildung|aufnahme)"
        r"(?::| (?:vo[nm]|eine[rs]?|des|der|mit|zeigt|ist|sind|sieht)\b)",
        spelling={"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"},
    ),
    Language.ITALIAN: Traits(
        "Italian",
        opening=r"(?:un['’] ?|una |l['’]|la |questa |nell['’]|nella )?"
        r"(?:immagine|foto|fotografia)"
        r"(?::| (?:dell['’]|d['’]|(?:di|de[il]|dell[aeo]|degli|che mostra|mostra|con)\b))",
    ),
    Language.PORTUGUESE: Traits(
        "Portuguese",
        opening=r"(?:(?:uma|a|esta|na|nesta) )?(?:imagem|foto|fotografia)"
        r"(?::| (?:d[eoa]s?|que mostra|mostra|mostrando|com)\b)",
    ),
    Language.DUTCH: Traits(
        "Dutch",
        opening=r"(?:op )?(?:(?:een|de|het|deze|dit) )?(?:afbeelding|foto|plaatje|beeld)"
        r"(?::| (?:van|met|toont|waarop|is|zijn|zie)\b)",
    ),
    Language.POLISH: Traits(  # obraz alone is a painting
        "Polish",
        opening=r"(?:na )?(?:(?:to|tym) )?(?:(?:zdjęcie|zdjęciu|fotografia|fotografii)[: ]"
        r"|(?:obraz|obrazek)(?::| (?:przedstawia|pokazuj|ukazuj)))",
    ),
    Language.RUSSIAN: Traits(
        "Russian",
        scripts=("CYRILLIC",),
        opening=r"(?:на )?(?:(?:это|этом) )?"
        r"(?:фото|фотографи[яи]|снимок|снимке|изображени[ее]|изображении|картинк[ае])[: ]",
    ),
    Language.CHINESE: Traits(
        "Simplified Chinese",
        scripts=("CJK", "IDEOGRAPHIC"),
        opening=r"(?:这是)?(?:一|这)?[张幅]?(?:图片|照片|图像|图)(?::|中|里|显示|展示|上)",
        closing=r"的(?:图片|照片|图像)",
        spaced=False,
    ),
    Language.JAPANESE: Traits(
        "Japanese",
        scripts=("CJK", "IDEOGRAPHIC", "HIRAGANA", "KATAKANA"),
        opening=r"(?:この)?(?:画像|写真|イメージ)[:はにで]",
        closing=r"[のるた](?:画像|写真|イメージ)(?:です)?",
        spaced=False,
    ),
    Language.KOREAN: Traits(
        "Korean",
        scripts=("HANGUL",),
        opening=r"(?:이 )?(?:이미지|사진)[:은는에]",
        closing=r"[의는은운한인] ?(?:이미지|사진)(?:입니다)?",
        spaced=False,  # it has spaces, but particles are attached to words
    ),
    Language.ARABIC: Traits(  # صورة ظلية is a silhouette
        "Arabic",
        scripts=("ARABIC",),
        opening=r"(?:في |هذه )?(?:ال)?(?:صورة|صوره)(?! ظلية)(?::| )",
    ),
    Language.HINDI: Traits(
        "Hindi",
        scripts=("DEVANAGARI",),
        opening=r"(?:इस |यह )?(?:एक )?(?:तस्वीर|चित्र|छवि|फ़?ोटो|इमेज)(?::| में | )",
        closing=r" (?:की|का|के) (?:तस्वीर|चित्र|छवि|फ़?ोटो|इमेज)(?: है)?",
    ),
}
