"""The vocabulary of prompts: English, and the most common Indonesian words.

Two words joined by ``_`` are a pair: "golden" alone is not a time of day.
"""

from __future__ import annotations


def _meanings(table: dict[str, str]) -> dict[str, str]:
    return {word: meaning for meaning, words in table.items() for word in words.split()}


KINDS = _meanings(
    {
        "mountains": "mountain mountains peak peaks alps alpine ridge ridges summit hill hills "
        "cliff cliffs volcano fjord valley canyon glacier himalaya himalayas mountainous hilltop "
        "gunung pegunungan bukit perbukitan lembah tebing",
        "sea": "sea ocean beach coast shore island islands wave waves harbour harbor bay lagoon "
        "ship boat sailboat lighthouse underwater seas coastal oceans islet harbors "
        "laut lautan pantai ombak pulau samudra samudera kapal perahu",
        "lake": "lake lakes lakeside river rivers pond waterfall creek stream danau sungai kolam "
        "telaga mountain_lake alpine_lake forest_lake forest_river mountain_river",
        "forest": "forest forests wood woods tree trees jungle pine pines grove rainforest "
        "bamboo fox deer bear owl wolf jungles woodland hutan pohon pepohonan rimba",
        "city": "city cities town street streets skyline skyscraper skyscrapers building "
        "buildings downtown market cyberpunk tokyo york jakarta urban neon village kota jalan "
        "metropolis megacity tower towers street_market city_lights perkotaan gedung desa pasar",
        "desert": "desert deserts dune dunes sahara oasis cactus camel mesa gurun padang_pasir "
        "sand_dunes",
        "space": "space galaxy galaxies planet planets nebula nebulae cosmos cosmic universe "
        "astronaut orbit spaceship starship asteroid mars saturn jupiter outer_space "
        "angkasa luar_angkasa galaksi",
        "meadow": "meadow meadows field fields prairie grassland farm countryside garden flowers "
        "flower wheat pasture sawah ladang padang kebun bunga padang_rumput",
    }
)
# Words that name a scene only when no other word in the prompt does.
FAINT_KINDS = _meanings(
    {
        "space": "star stars starry starfield bintang",
        "lake": "reflection reflections",
        "desert": "sand pasir",
    }
)
TIMES = _meanings(
    {
        "dawn": "dawn sunrise daybreak morning fajar pagi subuh matahari_terbit",
        "day": "day noon midday daytime daylight afternoon siang",
        "sunset": "sunset sunsets sundown golden_hour evening senja sore petang matahari_terbenam",
        "dusk": "dusk twilight gloaming blue_hour magrib maghrib",
        "night": "night nights midnight moon moonlight moonlit nighttime starry stars nocturnal "
        "malam bintang purnama sinar_bulan tengah_malam milky_way",
    }
)
WEATHERS = _meanings(
    {
        "clear": "clear sunny cloudless cerah",
        "cloudy": "cloudy clouds cloud overcast awan mendung berawan",
        "fog": "fog foggy mist misty haze hazy smoke kabut berkabut",
        "rain": "rain rainy raining drizzle shower showers monsoon hujan gerimis",
        "snow": "snow snowy snowing snowfall blizzard salju bersalju",
        "storm": "storm stormy thunder thunderstorm lightning tempest badai petir",
    }
)
SEASONS = _meanings(
    {
        "spring": "spring springtime blossom blossoms cherry sakura musim_semi",
        "summer": "summer tropical kemarau musim_panas",
        "autumn": "autumn autumnal october maple fall_colors fall_colours fall_leaves musim_gugur",
        "winter": "winter frozen ice icy frost arctic musim_dingin",
    }
)
MOODS = _meanings(
    {
        "calm": "calm serene peaceful quiet tranquil gentle soft tenang damai",
        "dramatic": "dramatic epic moody dark ominous intense majestic dramatis megah",
        "dreamy": "dreamy dream surreal magical ethereal fantasy mystical pastel ajaib mimpi",
        "vivid": "vivid vibrant colourful colorful bright bold happy cheerful ceria meriah",
        "sad": "sad lonely melancholy gloomy bleak desolate sedih sepi",
    }
)
COLOURS: dict[str, tuple[float, float, float]] = {
    word: rgb
    for rgb, words in (
        ((0.86, 0.18, 0.18), "red crimson scarlet ruby merah"),
        ((0.96, 0.52, 0.14), "orange amber jingga oranye"),
        ((0.97, 0.82, 0.24), "yellow lemon gold golden kuning emas"),
        ((0.25, 0.65, 0.32), "green emerald hijau"),
        ((0.10, 0.66, 0.66), "teal turquoise cyan aqua toska"),
        ((0.20, 0.40, 0.86), "blue azure sapphire biru"),
        ((0.52, 0.28, 0.76), "purple violet lavender ungu"),
        ((0.96, 0.50, 0.68), "pink magenta merah_muda"),
        ((0.45, 0.30, 0.20), "brown sepia cokelat coklat"),
        ((0.94, 0.94, 0.95), "white ivory putih"),
        ((0.08, 0.08, 0.10), "black hitam"),
        ((0.52, 0.54, 0.57), "grey gray silver abu"),
    )
    for word in words.split()
}
