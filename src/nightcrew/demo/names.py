"""Invented names. Every name is free to use and belongs to nobody."""

PLACES = (
    "Harbour", "Night Sky", "Lantern", "Meridian", "Nordwind", "Küstenstadt", "Lighthouse", "Alpenglühen", "Tidewater",
    "Bergblick", "Silver Fern", "Zwölf Uhr", "Driftwood", "夜空", "Paper Moon", "Grünwald", "Compass", "Éclair",
    "Quarry", "Südtor",
)  # fmt: skip
FORMATS = (
    "TV", "Live", "News", "Sport", "Kids", "Film", "Music", "Nature", "Kitchen", "Science", "Travel", "Classic",
)  # fmt: skip
GROUPS = ("News", "Sport", "Kids", "Films", "Music", "Documentary", "Küche & Garten", "Regional", "星の海")
SUBJECTS = (
    "Harbour",
    "Lighthouse",
    "Orchard",
    "Ferry",
    "Clockmaker",
    "Glacier",
    "Bäckerei",
    "Night Train",
    "Observatory",
    "灯台",
)
SHAPES = (
    "The {} Hour",
    "Tales of the {}",
    "{} & Friends",
    "Inside the {}",
    "One Day: {}",
    "Großes Kino: {}",
    "“{}”",
    "{} Live",
)
KEEPERS = ("the old keeper", "a young engineer", "two sisters", "the whole street", "a choir from Südtor")
ODD_NAMES = ('Radio "Leuchtturm" TV', "Tide, Wind & Weather", "Café <Noir>", "Größenwahn Süd", "夜空チャンネル")


def channel_name(index: int) -> str:
    """A name for each index from 0; unique: after all pairs are used a number is added. Every 12th is hard to parse."""
    if index % 12 == 11:
        turn, odd = divmod(index // 12, len(ODD_NAMES))
        return ODD_NAMES[odd] if turn == 0 else f"{ODD_NAMES[odd]} {turn + 1}"
    turn, rest = divmod(index, len(PLACES) * len(FORMATS))
    name = f"{PLACES[rest % len(PLACES)]} {FORMATS[(rest // len(PLACES) + rest % len(PLACES)) % len(FORMATS)]}"
    return name if turn == 0 else f"{name} {turn + 1}"
