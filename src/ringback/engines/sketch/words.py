"""What words mean to the reader of prompts: English, and Indonesian for the commonest."""

from __future__ import annotations


def _meanings(table: dict[str, str]) -> dict[str, str]:
    return {word: meaning for meaning, words in table.items() for word in words.split()}


KINDS = _meanings(
    {
        "mountains": "mountain mountains peak peaks alps alpine ridge ridges summit hill hills "
        "cliff cliffs volcano fjord valley canyon glacier himalaya gunung pegunungan bukit lembah",
        "sea": "sea ocean beach coast shore island islands wave waves harbour harbor bay lagoon "
        "ship boat sailboat lighthouse underwater laut pantai ombak pulau samudra kapal",
        "lake": "lake river pond reflection waterfall creek stream danau sungai kolam",
        "forest": "forest forests wood woods tree trees jungle pine pines grove rainforest "
        "bamboo fox deer bear owl wolf hutan pohon rimba",
        "city": "city cities town street streets skyline skyscraper skyscrapers building "
        "buildings downtown market cyberpunk tokyo york jakarta urban neon village kota jalan "
        "gedung desa pasar",
        "desert": "desert deserts dune dunes sand sahara oasis cactus camel mesa gurun pasir",
        "space": "space galaxy galaxies planet planets nebula cosmos universe astronaut orbit "
        "spaceship stars starship asteroid mars saturn angkasa galaksi luar bintang",
        "meadow": "meadow meadows field fields prairie grassland farm countryside garden flowers "
        "flower wheat sawah ladang padang kebun bunga",
    }
)
TIMES = _meanings(
    {
        "dawn": "dawn sunrise daybreak morning fajar pagi subuh",
        "day": "day noon midday daytime daylight afternoon siang",
        "sunset": "sunset sundown golden evening senja sore petang",
        "dusk": "dusk twilight gloaming blue-hour magrib",
        "night": "night midnight moon moonlight moonlit nighttime starry nocturnal malam bulan",
    }
)
WEATHERS = _meanings(
    {
        "clear": "clear sunny cloudless cerah",
        "cloudy": "cloudy clouds cloud overcast awan mendung berawan",
        "fog": "fog foggy mist misty haze hazy smoke kabut berkabut",
        "rain": "rain rainy raining drizzle shower monsoon hujan gerimis",
        "snow": "snow snowy snowing snowfall blizzard salju bersalju",
        "storm": "storm stormy thunder thunderstorm lightning tempest badai petir",
    }
)
SEASONS = _meanings(
    {
        "spring": "spring blossom blossoms cherry sakura semi",
        "summer": "summer tropical panas",
        "autumn": "autumn fall october maple gugur",
        "winter": "winter frozen ice icy frost arctic dingin",
    }
)
MOODS = _meanings(
    {
        "calm": "calm serene peaceful quiet tranquil gentle soft tenang damai",
        "dramatic": "dramatic epic moody dark ominous intense majestic dramatis megah",
        "dreamy": "dreamy dream surreal magical ethereal fantasy mystical pastel ajaib mimpi",
        "vivid": "vivid vibrant colourful colorful bright bold happy cheerful cerah-ceria meriah",
        "sad": "sad lonely melancholy gloomy bleak desolate sedih sepi",
    }
)
COLOURS: dict[str, tuple[float, float, float]] = {
    word: rgb
    for rgb, words in (
        ((0.86, 0.18, 0.18), "red crimson scarlet ruby merah"),
        ((0.96, 0.52, 0.14), "orange amber jingga oranye"),
        ((0.97, 0.82, 0.24), "yellow lemon kuning emas"),
        ((0.25, 0.65, 0.32), "green emerald hijau"),
        ((0.10, 0.66, 0.66), "teal turquoise cyan aqua toska"),
        ((0.20, 0.40, 0.86), "blue azure sapphire biru"),
        ((0.52, 0.28, 0.76), "purple violet lavender ungu"),
        ((0.96, 0.50, 0.68), "pink rose magenta merahmuda"),
        ((0.45, 0.30, 0.20), "brown sepia cokelat coklat"),
        ((0.94, 0.94, 0.95), "white ivory putih"),
        ((0.08, 0.08, 0.10), "black hitam"),
        ((0.52, 0.54, 0.57), "grey gray silver abu"),
    )
    for word in words.split()
}
