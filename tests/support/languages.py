"""A text and a name in every language."""

from shared.models import Language

# An alt text and a file name as a good model writes them.
GOOD = {
    Language.ENGLISH: (
        'Red running shoes on wet grass beside a sign reading "Keep off"',
        "red-running-shoes-on-wet-grass",
    ),
    Language.SPANISH: (
        "Una niña pequeña sopla las velas de su tarta",
        "nina-sopla-velas-tarta-cumpleanos",
    ),
    Language.CATALAN: (
        "Col·lecció de llibres antics a la vora del llac",
        "colleccio-llibres-antics-llac",
    ),
    Language.FRENCH: (
        "L’été, des élèves traversent un pont où l’eau est haute",
        "eleves-pont-eau-haute",
    ),
    Language.GERMAN: (
        "Bilderrahmen über einem grünen Sofa mit weißen Kissen",
        "bilderrahmen-gruenes-sofa",
    ),
    Language.ITALIAN: (
        "Immagini di santi dipinte sul soffitto della chiesa",
        "santi-dipinti-soffitto-chiesa",
    ),
    Language.PORTUGUESE: ("Gato com chapéu de palha dorme no sofá", "gato-com-chapeu-de-palha"),
    Language.DUTCH: (
        "Twee fietsers rijden 's avonds over de dijk bij zee",
        "fietsers-dijk-bij-zee",
    ),
    Language.POLISH: ("Obraz olejny na ścianie, m.in. z żółtą łódką", "obraz-olejny-zolta-lodka"),
    Language.RUSSIAN: (
        "Фотограф снимает логотип Microsoft Windows на стене",
        "fotograf-snimaet-logotip",
    ),
    Language.CHINESE: ("穿着Nike Air Max的女子", "nuzi-yu-zhong-paobu"),
    Language.JAPANESE: ("雨の日に赤い傘をさして横断歩道を渡る女性", "ame-no-hi-akai-kasa-josei"),
    Language.KOREAN: ("해 질 녘 한강 다리 위를 달리는 사람들", "haejil-nyeok-hangang-dari"),
    Language.ARABIC: ("صورة ظلية لرجل يمشي على الشاطئ عند الغروب", "rajul-yamshi-ala-al-shati"),
    Language.HINDI: ("लाल साड़ी पहने एक महिला बाज़ार में फल चुन रही है", "lal-sari-mahila-bazaar-phal"),
}
