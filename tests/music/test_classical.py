"""Classical works: composer or performer, and work, movement and key have to agree, however they are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.music.matching import works
from nightcrew.music.matching.decision import decide
from nightcrew.music.matching.model import FileCandidate, OtherRecording, WantedTrack

FIFTH = "Symphony No. 5 in C minor, Op. 67: IV. Allegro"
CLAVIER = "The Well-Tempered Clavier, Book 1: Prelude No. 1 in C major, BWV 846"
MOONLIGHT = 'Piano Sonata No. 14 in C-Sharp Minor, Op. 27 No. 2 "Moonlight": I. Adagio sostenuto'
ELVIRA = "Piano Concerto No. 21 in C Major, K. 467: II. Andante"
SUITE = "Cello Suite No. 1 in G Major, BWV 1007: I. Prélude"
SPRING = 'The Four Seasons, Violin Concerto in E Major, RV 269 "Spring": I. Allegro'
CREATION = "Piano Sonata No. 62 in E-Flat Major, Hob. XVI:52: I. Allegro"
MESSIAH = "Messiah, HWV 56, Part 2: No. 44 Hallelujah"
NOCTURNE = "Nocturne No. 2 in E-Flat Major, Op. 9 No. 2"
ETUDE = "12 Études, Op. 10: No. 12 in C Minor"
AIR = "Orchestral Suite No. 3 in D Major, BWV 1068: II. Air"
ARIA = "Goldberg Variations, BWV 988: Aria"
LACRIMOSA = "Requiem in D minor, K. 626: Lacrimosa"
ELISE = 'Bagatelle No. 25 in A minor, WoO 59 "Für Elise"'

B, J, W, V = "Ludwig van Beethoven", "Johann Sebastian Bach", "Wolfgang Amadeus Mozart", "Antonio Vivaldi"
RIGHT = [
    (FIFTH, B, "Ludwig van Beethoven/Symphonies/04 Symphony No. 5 in C minor, Op. 67_ IV. Allegro.flac"),
    (FIFTH, B, "Beethoven/Symphonies 5 & 7/04 - Symphony No.5 Op.67 - 4.mp3"),
    (FIFTH, B, "Beethoven/Symphonies/08 - Symphony No.5 Op.67 - 4. Allegro.mp3"),
    (FIFTH, B, "Beethoven/Symphonies/Symphony No 5 in C minor Op 67 - Mvt. 4.mp3"),
    (FIFTH, B, "Beethoven/Symphonies/Symphony No 5 - 4th Movement.mp3"),
    (FIFTH, B, "Beethoven/Symphonies/Symphony 5 - IV Allegro.mp3"),
    (FIFTH, B, "Beethoven/Sinfonien/Sinfonie Nr. 5 c-moll op. 67 - 4. Satz.mp3"),
    (FIFTH, B, "L. v. Beethoven/Symphonie n° 5 en ut mineur, op. 67 - IV. Allegro.mp3"),
    (FIFTH, B, "Beethoven - Symphony No. 5 in C minor, Op. 67/04 - IV. Allegro.flac"),
    (FIFTH, B, "Beethoven/Symphony No. 5 in C minor, Op. 67/04 Allegro.flac"),
    (FIFTH, B, "Beethoven/Karajan - Symphony No. 5 in C minor, Op. 67 - IV. Allegro.flac"),
    (FIFTH, "Herbert von Karajan", "Beethoven/Karajan - Symphony No. 5 in C minor, Op. 67 - IV. Allegro.flac"),
    (FIFTH, B, "Classical/Beethoven Symphony No. 5 in C minor, Op. 67 - IV. Allegro.mp3"),
    (FIFTH, B, "Classical/Ludwig_van_Beethoven-Symphony_No_5_in_C_minor_Op_67-IV_Allegro.mp3"),
    (CLAVIER, J, "J.S. Bach/WTC Book 1/01 - Prelude No. 1 in C major, BWV 846.flac"),
    (CLAVIER, J, "Bach/The Well-Tempered Clavier, Book I/Prelude No.1 in C major BWV846.flac"),
    (CLAVIER, J, "Bach, Johann Sebastian/Das wohltemperierte Klavier I/01 Präludium C-Dur BWV 846.mp3"),
    (CLAVIER, "Glenn Gould", "Glenn Gould/Bach - WTC 1/01 Prelude No. 1 in C major, BWV 846.mp3"),
    (
        MOONLIGHT,
        B,
        "Beethoven/Sonatas/Piano Sonata No.14 in C sharp minor Op.27 No.2 'Moonlight' - I Adagio sostenuto.mp3",
    ),
    (MOONLIGHT, B, "Beethoven/Sonatas/Klaviersonate Nr. 14 cis-moll - 1. Adagio sostenuto.mp3"),
    (MOONLIGHT, B, "Beethoven/Sonatas/Moonlight Sonata - 1. Adagio sostenuto.mp3"),
    (ELVIRA, W, "Mozart/Concertos/Piano Concerto No 21 K467 - 2 Andante.mp3"),
    (ELVIRA, W, "W.A. Mozart/Klavierkonzert Nr. 21 C-Dur KV 467 - II. Andante.mp3"),
    (SUITE, J, "Bach/Cello Suites/01 - Cello Suite No. 1 in G, BWV 1007 - Prelude.mp3"),
    (SUITE, J, "Bach/Suite for Violoncello No.1 BWV 1007 - I Prélude.mp3"),
    (SPRING, V, "Vivaldi/Four Seasons/01 - Spring, RV 269 - I. Allegro.mp3"),
    (SPRING, V, "Vivaldi/The Four Seasons/Concerto in E major RV269 Spring - 1. Allegro.mp3"),
    (CREATION, "Joseph Haydn", "Haydn/Sonatas/Sonata Hob.XVI-52 - I. Allegro.mp3"),
    (MESSIAH, "George Frideric Handel", "Handel/Messiah/2-21 Messiah HWV 56 - No. 44 Hallelujah.mp3"),
    (NOCTURNE, "Frédéric Chopin", "Chopin/Nocturnes/02 - Nocturne in E flat major, Op.9 No.2.mp3"),
    (NOCTURNE, "Frédéric Chopin", "Chopin/Nocturnes/Nocturne op. 9 no. 2.mp3"),
    (ETUDE, "Frédéric Chopin", "Chopin/Etudes/12 - Etude Op. 10 No. 12 'Revolutionary'.mp3"),
    (AIR, J, "Bach/Suites/Suite No. 3 in D - Air.mp3"),
    (AIR, J, "Bach/Best of/Air from Orchestral Suite No. 3 in D major.mp3"),
    (ARIA, J, "Glenn Gould/Bach - Goldberg Variations (1955)/01 - Aria.mp3"),
    (LACRIMOSA, W, "Mozart/Requiem/07 - Lacrimosa.mp3"),
    (ELISE, B, "Classical/Beethoven - Fur Elise.mp3"),
]
WRONG = [
    (FIFTH, B, "Beethoven/Symphonies/03 Symphony No. 5 in C minor, Op. 67_ III. Allegro.flac"),
    (FIFTH, B, "Beethoven/Symphonies/04 Symphony No. 5 in C minor, Op. 67 - 3. Allegro.flac"),
    (FIFTH, B, "Beethoven/Symphonies/Symphony No. 5 in C minor, Op. 67 - 1st Movement.flac"),
    (FIFTH, B, "Beethoven/Symphonies/Symphony No. 5 - Mvt 2.flac"),
    (FIFTH, B, "Beethoven/Symphonies/Symphony No. 5 Op. 67 - 4. Satz (Live).flac"),
    (FIFTH, B, "Beethoven/Symphonies/Symphony No. 5 in C minor, Op. 67.flac"),
    (FIFTH, B, "Beethoven/Symphonies/04 Symphony No. 5 in C minor, Op. 67.flac"),
    (FIFTH, B, "Beethoven/Symphonies/Symphony No. 7 in A major, Op. 92 - IV. Allegro con brio.flac"),
    (FIFTH, B, "Beethoven/Symphony No. 7 in A major, Op. 92/04 - IV. Allegro con brio.flac"),
    (FIFTH, B, "Beethoven/Piano Concerto No. 5 - IV. Allegro.flac"),
    (FIFTH, B, "Beethoven/Works/IV. Allegro.flac"),
    (FIFTH, B, "Brahms/Symphonies/Symphony No. 5 in C minor, Op. 67 - IV. Allegro.flac"),
    (FIFTH, B, "Beethoven/Symphony No. 5 in C minor, Op. 67 - IV. Allegro (arr. Liszt).flac"),
    (CLAVIER, J, "Bach/The Well-Tempered Clavier, Book 2_ Prelude No. 1 in C major, BWV 870.flac"),
    (CLAVIER, J, "Bach/The Well-Tempered Clavier, Book 2/01 - Prelude No. 1 in C major.flac"),
    (CLAVIER, J, "Bach/The Well-Tempered Clavier, Book 1/02 - Fugue No. 1 in C major, BWV 846.flac"),
    (CLAVIER, J, "Bach/The Well-Tempered Clavier, Book 1/03 - Prelude No. 2 in C minor, BWV 847.flac"),
    (MOONLIGHT, B, "Beethoven/Piano Sonata No. 8 in C minor, Op. 13 'Pathetique' - I. Grave.mp3"),
    (MOONLIGHT, B, "Beethoven/Piano Sonata No.14 in C sharp minor Op.27 No.2 - III. Presto agitato.mp3"),
    (MOONLIGHT, B, "Beethoven/Piano Sonata No.13 in E flat Op.27 No.1 - I. Andante.mp3"),
    (MOONLIGHT, B, "Beethoven/Piano Sonata in C minor - I. Adagio sostenuto.mp3"),
    (ELVIRA, W, "Mozart/Piano Concerto No 20 K466 - 2 Romanze.mp3"),
    (ELVIRA, W, "Mozart/Piano Concerto No 21 K467 - 3 Allegro.mp3"),
    (ELVIRA, W, "Mozart/Violin Concerto No. 21 - II. Andante.mp3"),
    (SUITE, J, "Bach/Cello Suites/Cello Suite No. 2 in D minor, BWV 1008 - I. Prelude.mp3"),
    (SUITE, J, "Bach/Cello Suites/Cello Suite No. 1 in G, BWV 1007 - Sarabande.mp3"),
    (SUITE, J, "Bach/Cello Suites/01 - Cello Suite No. 1 in G, BWV 1007 - IV. Sarabande.mp3"),
    (SPRING, V, "Vivaldi/The Four Seasons/Summer, RV 315 - I. Allegro non molto.mp3"),
    (SPRING, V, "Vivaldi/The Four Seasons/Spring, RV 269 - III. Allegro pastorale.mp3"),
    (CREATION, "Joseph Haydn", "Haydn/Sonatas/Sonata Hob.XVI-50 - I. Allegro.mp3"),
    (MESSIAH, "George Frideric Handel", "Handel/Messiah/Messiah HWV 56 - No. 45 I know that my Redeemer liveth.mp3"),
    (NOCTURNE, "Frédéric Chopin", "Chopin/Nocturnes/Nocturne op. 9 no. 1.mp3"),
    (NOCTURNE, "Frédéric Chopin", "Chopin/Nocturnes/Nocturne op. 27 no. 2.mp3"),
    (ETUDE, "Frédéric Chopin", "Chopin/Etudes/12 - Etude Op. 25 No. 12.mp3"),
    (ETUDE, "Frédéric Chopin", "Chopin/Etudes/12 - Etude Op. 10 No. 3.mp3"),
    (AIR, J, "Bach/Suites/Orchestral Suite No. 2 in B minor, BWV 1067 - II. Rondeau.mp3"),
    (ARIA, J, "Glenn Gould/Bach - Goldberg Variations (1955)/02 - Variation 1.mp3"),
    (LACRIMOSA, W, "Mozart/Requiem/03 - Dies irae.mp3"),
    (LACRIMOSA, W, "Mozart/Masses/07 - Lacrimosa.mp3"),
    (ELISE, B, "Classical/Beethoven - Moonlight.mp3"),
    (AIR, J, "C.P.E. Bach/Suites/Orchestral Suite No. 3 in D Major - II. Air.mp3"),
]


def decided(title: str, artist: str, path: str) -> str:
    found = decide(WantedTrack(title, (artist,), "", 300.0), [FileCandidate(path, 301.0)])
    return "" if found.picked else found.refused[0].refused if found.refused else found.reason


@pytest.mark.parametrize(("title", "artist", "path"), RIGHT)
def test_the_same_movement_is_found_however_it_is_written(title: str, artist: str, path: str) -> None:
    assert decided(title, artist, path) == ""


@pytest.mark.parametrize(("title", "artist", "path"), WRONG)
def test_another_work_movement_or_key_is_refused(title: str, artist: str, path: str) -> None:
    assert decided(title, artist, path) != ""


def test_the_reason_says_what_differs() -> None:
    assert decided(*WRONG[0]) == "it is another movement (3)"
    assert decided(*WRONG[13]) == "it is another work (BWV 870)"
    assert decided(*WRONG[5]) == "its name does not say which movement it is"
    assert decided(*WRONG[10]) == "its name does not say which work it is"


ROMAN = ("I", "II", "III", "IV", "V", "VI")


@given(st.integers(1, 9), st.integers(1, 138), st.integers(1, 6), st.integers(1, 6), st.data())
def test_two_movements_agree_when_their_numbers_do(
    number: int, opus: int, one: int, other: int, data: st.DataObject
) -> None:
    shapes = (
        "Symphony No. {n} in C minor, Op. {o}: {r}. Allegro",
        "Symphony No.{n} Op.{o} - {m}",
        "Sinfonie Nr. {n} op. {o} - {m}. Satz",
        "Symphony {n}, Opus {o}, Mvt. {m}",
        "Symphony #{n}, op{o} - {r} Allegro",
        "Symphony No {n} Op {o} - movement {r}",
    )
    left, right = (
        works.read_work(data.draw(st.sampled_from(shapes)).format(n=number, o=opus, m=at, r=ROMAN[at - 1]))
        for at in (one, other)
    )
    assert left.is_work
    assert (left.given["number"], left.given["op"], left.given["movement"]) == (str(number), str(opus), str(one))
    try:
        much = works.likeness(left, right)
    except OtherRecording:
        much = 0.0
    assert (much > 0.8) is (one == other)


@given(st.text(max_size=80))
def test_no_text_makes_it_raise(text: str) -> None:
    read = works.read_work(text)
    works.read_work(f"Symphony No. 5, Op. {text}: {text}")
    if read.is_work:
        assert read.key or read.given


@pytest.mark.parametrize(
    "title",
    ["Bitter Sweet Symphony", "A Minor Incident", "Mambo No. 5", "Opus", "7 rings", "K.", "Suite Judy Blue Eyes"],
)
def test_songs_are_no_works(title: str) -> None:
    assert works.work_in(title) is None


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Sonate cis-moll", "c sharp minor"),
        ("Sonate B-Dur", "b flat major"),
        ("Messe h-moll", "b minor"),
        ("Sonata in B flat major", "b flat major"),
        ("Konzert Es-Dur", "e flat major"),
        ("Sonate en do dièse mineur", "c sharp minor"),
        ("Sonata in F♯ minor", "f sharp minor"),
        ("Sonata in A major", "a major"),
    ],
)
def test_keys_in_three_languages(text: str, key: str) -> None:
    assert works.read_work(text).key == key
