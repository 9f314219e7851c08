"""The vocabulary of prompts for music: English, and the most common Indonesian words.

Two words joined by ``_`` are a pair, as in ``sketch/words.py``.
"""

from __future__ import annotations


def _meanings(table: dict[str, str]) -> dict[str, str]:
    return {word: meaning for meaning, words in table.items() for word in words.split()}


STYLES = _meanings(
    {
        "ambient": "ambient drone meditation meditative spa atmospheric soundscape lullaby sleep",
        "lofi": "lofi lo_fi chill chillhop chillout hip_hop hiphop rap trap beats downtempo",
        "pop": "pop song ballad jingle indie lagu",
        "rock": "rock metal punk grunge guitars band",
        "dance": "dance techno house trance edm electronic electro disco club synthwave rave "
        "drum_bass dubstep",
        "jazz": "jazz swing blues bossa bossa_nova lounge soul funk saxophone",
        "classical": "classical piano sonata baroque orchestra orchestral symphony quartet waltz "
        "minuet klasik orkestra",
        "cinematic": "cinematic film movie trailer epic score soundtrack heroic battle",
        "folk": "folk acoustic country celtic ukulele banjo campfire gamelan dangdut keroncong",
    }
)
MOODS = _meanings(
    {
        "calm": "calm serene peaceful quiet tranquil gentle soft relaxing relaxed soothing warm "
        "tenang damai santai",
        "happy": "happy cheerful joyful upbeat bright playful fun sunny funny ceria gembira riang "
        "bahagia",
        "sad": "sad melancholy melancholic lonely mournful gloomy sorrowful tragic sedih sendu "
        "galau sepi",
        "dark": "dark ominous scary horror tense suspense sinister eerie evil gelap seram tegang",
        "dreamy": "dreamy ethereal magical mystical dream floating nostalgic mimpi ajaib",
        "dramatic": "dramatic epic heroic majestic powerful intense triumphant megah dramatis",
        "lively": "energetic fast driving lively exciting aggressive furious hard semangat cepat",
    }
)
TEMPOS = {
    word: bpm
    for bpm, words in (
        (44, "grave largo"),
        (58, "lento adagio"),
        (72, "slow slowly lambat pelan"),
        (76, "andante"),
        (96, "moderato"),
        (112, "allegretto"),
        (132, "allegro"),
        (140, "fast cepat"),
        (152, "vivace"),
        (176, "presto"),
    )
    for word in words.split()
}
INSTRUMENTS = _meanings(
    {
        "piano": "piano keys keyboard",
        "guitar": "guitar guitars ukulele banjo lute gitar",
        "harp": "harp kora kecapi koto pizzicato",
        "strings": "strings violin violins cello viola orchestra orchestral symphony quartet biola",
        "flute": "flute whistle recorder panpipe clarinet oboe suling seruling",
        "bells": "bell bells glockenspiel celesta chimes gamelan marimba vibraphone xylophone",
        "organ": "organ accordion church",
        "brass": "brass trumpet horn horns trombone saxophone sax terompet",
        "synth": "synth synths synthesizer synthesiser synthwave chiptune lead electronic",
        "voice": "choir chorus vocals vocal singer singing hum humming humming_voice paduan_suara",
    }
)
DRUMLESS = {"drumless", "no_drums", "without_drums", "no_percussion", "beatless"}
INSTRUMENTAL = {"instrumental", "no_vocals", "without_vocals", "no_voice", "no_singing"}
WALTZ = {"waltz", "minuet", "three_four"}
PAIRS = {
    word
    for words in (STYLES, MOODS, INSTRUMENTS, DRUMLESS, INSTRUMENTAL, WALTZ)
    for word in words
    if "_" in word
}
MUSICAL = (STYLES.keys() | INSTRUMENTS.keys()) | {
    *("music", "musik", "melody", "tune", "beat", "loop", "bpm", "chord", "chords", "symphony"),
    *("major", "minor", "instrumental", "song", "lagu", "drums"),
} - {"film", "movie", "church", "keys", "dream", "sleep", "lead", "horn", "bell"}
"""Words that make a prompt for any sound one for music."""
