"""Films that are easily mistaken for another one, and names of releases made for them by rules that the reader does not know.

A film stands in one line: key, year, first shown, language, IMDb number, titles. Films whose keys have the same letters before
the colon belong together: remakes, sequels, same titles.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from nightcrew.movies.releases.model import WantedFilm

_FILMS = """
nosferatu:22 | 1922 | 1922-03-04 | de | tt0013442 | Nosferatu; Nosferatu, eine Symphonie des Grauens; Nosferatu: A Symphony of Horror
nosferatu:79 | 1979 | 1979-01-17 | de | tt0079641 | Nosferatu the Vampyre; Nosferatu: Phantom der Nacht; Nosferatu, fantôme de la nuit
nosferatu:24 | 2024 | 2024-12-25 | en | tt5040012 | Nosferatu; Nosferatu - Der Untote
mummy:32 | 1932 | 1932-12-22 | en | tt0023245 | The Mummy; Die Mumie; La Momie
mummy:59 | 1959 | 1959-09-25 | en | | The Mummy; Die Rache der Pharaonen
mummy:99 | 1999 | 1999-04-16 | en | tt0120616 | The Mummy; Die Mumie; La Momie; La momia
mummy:01 | 2001 | 2001-04-28 | en | tt0209163 | The Mummy Returns; Die Mumie kehrt zurück; Le Retour de la momie
mummy:08 | 2008 | 2008-07-01 | en | | The Mummy: Tomb of the Dragon Emperor; Die Mumie: Das Grabmal des Drachenkaisers
mummy:17 | 2017 | 2017-06-06 | en | tt2345759 | The Mummy; Die Mumie; La Momie
solaris:68 | 1968 | 1968-10-08 | ru | | Солярис; Solaris
solaris:72 | 1972 | 1972-03-20 | ru | tt0069293 | Solaris; Солярис; Solyaris
solaris:02 | 2002 | 2002-11-27 | en | tt0307479 | Solaris
dune:84 | 1984 | 1984-12-14 | en | tt0087182 | Dune; Dune - Der Wüstenplanet; Der Wüstenplanet
dune:21 | 2021 | 2021-09-15 | en | tt1160419 | Dune; Dune: Part One; Дюна
dune:24 | 2024 | 2024-02-27 | en | tt15239678 | Dune: Part Two; Dune, deuxième partie; Дюна: Часть вторая
star is born:37 | 1937 | 1937-04-20 | en | | A Star Is Born; Ein Stern geht auf
star is born:54 | 1954 | 1954-09-29 | en | | A Star Is Born; Ein neuer Stern am Himmel
star is born:76 | 1976 | 1976-12-17 | en | | A Star Is Born
star is born:18 | 2018 | 2018-10-03 | en | | A Star Is Born; Народження зірки
alien:79 | 1979 | 1979-05-25 | en | tt0078748 | Alien; Alien: Das unheimliche Wesen aus einer fremden Welt; Чужой
alien:86 | 1986 | 1986-07-18 | en | tt0090605 | Aliens; Aliens: Die Rückkehr; Aliens, le retour
alien:92 | 1992 | 1992-05-22 | en | tt0103644 | Alien³; Alien 3
alien:97 | 1997 | 1997-11-12 | en | | Alien Resurrection; Alien: Die Wiedergeburt
alien:17 | 2017 | 2017-05-09 | en | | Alien: Covenant
alien:24 | 2024 | 2024-08-13 | en | | Alien: Romulus
thing:51 | 1951 | 1951-04-06 | en | tt0044121 | The Thing from Another World; Das Ding aus einer anderen Welt
thing:82 | 1982 | 1982-06-25 | en | tt0084787 | The Thing; Das Ding aus einer anderen Welt; La cosa
thing:11 | 2011 | 2011-10-12 | en | tt0905372 | The Thing; La cosa
halloween:78 | 1978 | 1978-10-24 | en | | Halloween; Halloween - Die Nacht des Grauens; John Carpenter's Halloween
halloween:81 | 1981 | 1981-10-30 | en | | Halloween II; Halloween 2
halloween:07 | 2007 | 2007-08-31 | en | | Halloween; Rob Zombie's Halloween
halloween:09 | 2009 | 2009-08-28 | en | | Halloween II; H2: Halloween 2
halloween:18 | 2018 | 2018-10-18 | en | | Halloween
halloween:21 | 2021 | 2021-10-14 | en | | Halloween Kills
it:90 | 1990 | 1990-11-18 | en | | It; Stephen King's It
it:17 | 2017 | 2017-09-06 | en | | It; It: Chapter One; Es
it:19 | 2019 | 2019-09-04 | en | | It Chapter Two; Es Kapitel 2
carrie:76 | 1976 | 1976-11-03 | en | | Carrie
carrie:02 | 2002 | 2002-11-04 | en | | Carrie
carrie:13 | 2013 | 2013-10-16 | en | | Carrie
titanic:53 | 1953 | 1953-04-11 | en | | Titanic; Untergang der Titanic
titanic:96 | 1996 | 1996-11-17 | en | | Titanic
titanic:97 | 1997 | 1997-11-18 | en | | Titanic; Титаник
robocop:87 | 1987 | 1987-07-17 | en | | RoboCop
robocop:90 | 1990 | 1990-06-22 | en | | RoboCop 2
robocop:14 | 2014 | 2014-01-30 | en | | RoboCop
rocky:76 | 1976 | 1976-11-20 | en | | Rocky
rocky:79 | 1979 | 1979-06-15 | en | | Rocky II
rocky:82 | 1982 | 1982-05-28 | en | | Rocky III
rocky:85 | 1985 | 1985-11-21 | en | | Rocky IV
rocky:90 | 1990 | 1990-11-16 | en | | Rocky V
rocky:06 | 2006 | 2006-12-20 | en | | Rocky Balboa
godfather:72 | 1972 | 1972-03-14 | en | tt0068646 | The Godfather; Der Pate; Le Parrain; Il padrino
godfather:74 | 1974 | 1974-12-20 | en | tt0071562 | The Godfather Part II; Der Pate 2; Le Parrain, 2e partie
godfather:90 | 1990 | 1990-12-25 | en | tt0099674 | The Godfather Part III; Der Pate III; The Godfather Coda: The Death of Michael Corleone
blade runner:82 | 1982 | 1982-06-25 | en | | Blade Runner; Бегущий по лезвию
blade runner:17 | 2017 | 2017-10-04 | en | | Blade Runner 2049; Бегущий по лезвию 2049
odyssey:68 | 1968 | 1968-04-02 | en | | 2001: A Space Odyssey; 2001: Odyssee im Weltraum; 2001, l'odyssée de l'espace
odyssey:84 | 1984 | 1984-12-06 | en | | 2010; 2010: The Year We Make Contact
nineteen:56 | 1956 | 1956-03-06 | en | | 1984
nineteen:84 | 1984 | 1984-10-10 | en | | Nineteen Eighty-Four; 1984
war:19 | 2019 | 2019-12-25 | en | | 1917
doom:09 | 2009 | 2009-10-10 | en | | 2012
wonder woman:17 | 2017 | 2017-05-30 | en | tt0451279 | Wonder Woman
wonder woman:20 | 2020 | 2020-12-16 | en | | Wonder Woman 1984
death race:75 | 1975 | 1975-04-27 | en | | Death Race 2000
death race:08 | 2008 | 2008-08-22 | en | | Death Race
fahrenheit:66 | 1966 | 1966-09-07 | en | | Fahrenheit 451
fahrenheit:18 | 2018 | 2018-05-12 | en | | Fahrenheit 451
fahrenheit:18b | 2018 | 2018-09-06 | en | | Fahrenheit 11/9
west side:61 | 1961 | 1961-10-18 | en | | West Side Story
west side:21 | 2021 | 2021-12-08 | en | | West Side Story
true grit:69 | 1969 | 1969-06-11 | en | | True Grit; Der Marshal
true grit:10 | 2010 | 2010-12-22 | en | | True Grit
suspiria:77 | 1977 | 1977-02-01 | it | | Suspiria
suspiria:18 | 2018 | 2018-10-11 | en | | Suspiria
invisible:33 | 1933 | 1933-11-03 | en | | The Invisible Man; Der Unsichtbare
invisible:20 | 2020 | 2020-02-26 | en | | The Invisible Man; Der Unsichtbare
oceans:60 | 1960 | 1960-08-10 | en | | Ocean's Eleven; Ocean's 11; Frankie und seine Spießgesellen
oceans:01 | 2001 | 2001-12-07 | en | | Ocean's Eleven
oceans:04 | 2004 | 2004-12-09 | en | | Ocean's Twelve
oceans:18 | 2018 | 2018-06-07 | en | | Ocean's Eight; Ocean's 8
total recall:90 | 1990 | 1990-06-01 | en | | Total Recall; Die totale Erinnerung - Total Recall
total recall:12 | 2012 | 2012-08-02 | en | | Total Recall
psycho:60 | 1960 | 1960-06-22 | en | | Psycho
psycho:83 | 1983 | 1983-06-03 | en | | Psycho II
psycho:98 | 1998 | 1998-12-04 | en | | Psycho
metropolis:27 | 1927 | 1927-02-06 | de | | Metropolis
metropolis:01 | 2001 | 2001-05-26 | ja | | Metropolis; メトロポリス; Osamu Tezuka's Metropolis
living dead:68 | 1968 | 1968-10-04 | en | | Night of the Living Dead; Die Nacht der lebenden Toten
living dead:90 | 1990 | 1990-10-19 | en | | Night of the Living Dead
dawn dead:78 | 1978 | 1978-09-02 | en | | Dawn of the Dead; Zombie; Zombi
dawn dead:04 | 2004 | 2004-03-19 | en | | Dawn of the Dead; L'Armée des morts
let in:08 | 2008 | 2008-10-24 | sv | | Let the Right One In; Låt den rätte komma in; So finster die Nacht
let in:10 | 2010 | 2010-10-01 | en | | Let Me In
dragon:09 | 2009 | 2009-02-27 | sv | | The Girl with the Dragon Tattoo; Män som hatar kvinnor
dragon:11 | 2011 | 2011-12-14 | en | | The Girl with the Dragon Tattoo; Verblendung
parasite:19 | 2019 | 2019-05-30 | ko | tt6751668 | Parasite; 기생충; Gisaengchung
parasite:82 | 1982 | 1982-03-12 | en | | Parasite
oldboy:03 | 2003 | 2003-11-21 | ko | | Oldboy; 올드보이
oldboy:13 | 2013 | 2013-11-14 | en | | Oldboy
spirited:01 | 2001 | 2001-07-20 | ja | | Spirited Away; 千と千尋の神隠し; Sen to Chihiro no kamikakushi; Chihiros Reise ins Zauberland
your name:16 | 2016 | 2016-08-26 | ja | tt5311514 | Your Name.; 君の名は。; Kimi no Na wa.
amelie:01 | 2001 | 2001-04-25 | fr | | Amélie; Le Fabuleux Destin d'Amélie Poulain; Die fabelhafte Welt der Amélie
boot:81 | 1981 | 1981-09-16 | de | | Das Boot; The Boat; U-96
untouchable:11 | 2011 | 2011-11-02 | fr | | Intouchables; The Intouchables; Ziemlich beste Freunde
untouchable:87 | 1987 | 1987-06-03 | en | | The Untouchables; Les Incorruptibles
upside:17 | 2017 | 2017-09-08 | en | | The Upside; Mein Bester & Ich
birdman:14 | 2014 | 2014-10-17 | en | | Birdman or (The Unexpected Virtue of Ignorance)
strangelove:64 | 1964 | 1964-01-29 | en | | Dr. Strangelove or: How I Learned to Stop Worrying and Love the Bomb
se7en:95 | 1995 | 1995-09-22 | en | tt0114369 | Se7en; Seven; Sieben
walle:08 | 2008 | 2008-06-22 | en | | WALL·E
spiderverse:18 | 2018 | 2018-12-06 | en | | Spider-Man: Into the Spider-Verse
spiderverse:23 | 2023 | 2023-05-31 | en | | Spider-Man: Across the Spider-Verse
spider:02 | 2002 | 2002-05-01 | en | | Spider-Man
spider:04 | 2004 | 2004-06-25 | en | | Spider-Man 2
spider:21 | 2021 | 2021-12-15 | en | | Spider-Man: No Way Home
potter:10 | 2010 | 2010-11-17 | en | | Harry Potter and the Deathly Hallows: Part 1
potter:11 | 2011 | 2011-07-12 | en | | Harry Potter and the Deathly Hallows: Part 2
mission:96 | 1996 | 1996-05-22 | en | | Mission: Impossible
mission:00 | 2000 | 2000-05-24 | en | | Mission: Impossible II; M:I-2
mission:18 | 2018 | 2018-07-13 | en | | Mission: Impossible - Fallout
mission:23 | 2023 | 2023-07-08 | en | | Mission: Impossible - Dead Reckoning Part One; Mission: Impossible - Dead Reckoning
furious:01 | 2001 | 2001-06-22 | en | | The Fast and the Furious
furious:03 | 2003 | 2003-06-05 | en | | 2 Fast 2 Furious
furious:09 | 2009 | 2009-04-02 | en | | Fast & Furious
furious:21 | 2021 | 2021-05-19 | en | | F9; Fast & Furious 9; F9: The Fast Saga
wars:77 | 1977 | 1977-05-25 | en | tt0076759 | Star Wars; Star Wars: Episode IV - A New Hope; Krieg der Sterne
wars:80 | 1980 | 1980-05-20 | en | | The Empire Strikes Back; Star Wars: Episode V - The Empire Strikes Back
wars:17 | 2017 | 2017-12-13 | en | | Star Wars: The Last Jedi; Star Wars: Episode VIII - The Last Jedi
matrix:99 | 1999 | 1999-03-31 | en | | The Matrix; Матрица
matrix:03 | 2003 | 2003-05-15 | en | | The Matrix Reloaded
matrix:03b | 2003 | 2003-11-05 | en | | The Matrix Revolutions
matrix:21 | 2021 | 2021-12-16 | en | | The Matrix Resurrections
rec:07 | 2007 | 2007-04-10 | es | | [REC]; REC
rec:09 | 2009 | 2009-10-02 | es | | [REC]²; [REC] 2
half:63 | 1963 | 1963-02-14 | it | | 8½; 8 1/2; Otto e mezzo
m:31 | 1931 | 1931-05-11 | de | | M; M - Eine Stadt sucht einen Mörder
m:51 | 1951 | 1951-03-16 | en | | M
cam:18 | 2018 | 2018-11-16 | en | | Cam
trilogy:13 | 2013 | 2013-05-03 | en | | Trilogy
interview:14 | 2014 | 2014-12-25 | en | | The Interview
twilight:12 | 2012 | 2012-11-13 | en | | The Twilight Saga: Breaking Dawn - Part 2; Breaking Dawn - Part 2
twilight:11 | 2011 | 2011-10-30 | en | | The Twilight Saga: Breaking Dawn - Part 1
hurt locker:08 | 2008 | 2008-10-10 | en | | The Hurt Locker
whiplash:14 | 2014 | 2014-10-10 | en | | Whiplash
babadook:14 | 2014 | 2014-05-22 | en | | The Babadook
lives others:06 | 2006 | 2006-03-23 | de | | The Lives of Others; Das Leben der Anderen
che:08 | 2008 | 2008-09-06 | es | | Che: Part One; Che: Part 1; The Argentine; El argentino
che:08b | 2008 | 2008-09-06 | es | | Che: Part Two; Guerrilla
kill bill:03 | 2003 | 2003-10-10 | en | | Kill Bill: Vol. 1
kill bill:04 | 2004 | 2004-04-16 | en | | Kill Bill: Vol. 2
jungle book:67 | 1967 | 1967-10-18 | en | | The Jungle Book; Das Dschungelbuch
jungle book:94 | 1994 | 1994-12-23 | en | | The Jungle Book; Rudyard Kipling's The Jungle Book
jungle book:16 | 2016 | 2016-04-07 | en | | The Jungle Book
pinocchio:19 | 2019 | 2019-12-19 | it | | Pinocchio
pinocchio:22 | 2022 | 2022-09-07 | en | | Pinocchio; Disney's Pinocchio
pinocchio:22b | 2022 | 2022-11-09 | en | | Guillermo del Toro's Pinocchio
pinocchio:22c | 2022 | 2022-03-15 | ru | | Pinocchio: A True Story; Пиноккио. Правдивая история
charade:63 | 1963 | 1963-12-01 | en | tt0056923 | Charade
friday:40 | 1940 | 1940-01-11 | en | tt0032599 | His Girl Friday; Sein Mädchen für besondere Fälle
caligari:20 | 1920 | 1920-02-27 | de | tt0010323 | The Cabinet of Dr. Caligari; Das Cabinet des Dr. Caligari
general:26 | 1926 | 1926-12-25 | en | | The General; Der General
general:98 | 1998 | 1998-05-29 | en | | The General
et:82 | 1982 | 1982-06-11 | en | | E.T. the Extra-Terrestrial; E.T.; E.T. - Der Außerirdische
"""
TITLE_PLAIN = re.compile(r"[^\w\s.&'-]")


def _film(line: str) -> tuple[str, WantedFilm]:
    key, year, shown, language, imdb_id, titles = (part.strip() for part in line.split("|", 5))
    known = tuple(title.strip() for title in titles.split(";"))
    return key, WantedFilm(known, int(year), imdb_id, 110, date.fromisoformat(shown), language)


FILMS = dict(_film(line) for line in _FILMS.strip().splitlines())

RESOLUTIONS = ("2160p", "1080p", "1080p", "1080p", "720p", "720p", "480p", "1080i")
SOURCES = (
    "BluRay",
    "BluRay",
    "Blu-Ray",
    "WEB-DL",
    "WEB-DL",
    "WEBRip",
    "WEB",
    "HDTV",
    "DVDRip",
    "BDRip",
    "BRRip",
    "UHD.BluRay",
    "HDTS",
)
CODECS = ("x264", "x265", "H.264", "H.265", "HEVC", "AVC", "XviD", "h264", "AV1")
SOUNDS = ("DTS", "DDP5.1", "AAC", "AC3", "DTS-HD.MA.5.1", "TrueHD.7.1.Atmos", "DD5.1", "AAC2.0", "FLAC.1.0")
GROUPS = (
    "SPARKS",
    "FLUX",
    "NTb",
    "d3g",
    "AMIABLE",
    "GECKOS",
    "EVO",
    "CiNEFiLE",
    "D-Z0N3",
    "TERMiNAL",
    "3Audio",
    "FraMeSToR",
    "iFT",
)
EDITIONS = (
    "REMASTERED", "EXTENDED", "UNRATED", "Directors.Cut", "PROPER", "iNTERNAL", "REPACK", "LIMITED", "Criterion", "IMAX", "HYBRID",
    "40th.Anniversary.Edition", "Theatrical.Cut", "OPEN.MATTE", "RESTORED", "4K.Remaster", "SUBBED", "COLORIZED", "NORDiC", "Final.Cut",
)  # fmt: skip
LANGUAGES = (
    "GERMAN",
    "FRENCH",
    "iTALiAN",
    "MULTi",
    "GERMAN.DL",
    "SPANISH",
    "TRUEFRENCH",
    "Dual.Audio",
    "RUSSIAN",
    "VOSTFR",
    "SWESUB",
    "PL",
)
SITES = ("[ www.example.org ] - ", "www.example.com - ", "[example.net] ", "【example.org】", "www_example_org - ")
EXTRAS = (
    "The.Making.of.{t}.{y}.{r}.{s}", "{t}.{y}.Extras.{r}.{s}", "{t}.{y}.Bonus.Disc.{r}.{s}", "{t}.{y}.Behind.the.Scenes.{r}.{s}",
    "{t}.{y}.Featurettes.{r}.{s}", "{t}.{y}.Deleted.Scenes.{s}", "{t}.{y}.Soundtrack.FLAC", "{t} ({y}) OST [FLAC]",
    "{t}.{y}.Trailer.{r}.{s}", "Making.of.{t}.{y}.{s}", "{t}.{y}.Sample.{r}.{s}", "{t}.The.Novel.{y}.EPUB",
)  # fmt: skip
PACKS = (
    "{t}.Trilogy.{y}-{z}.{r}.{s}", "{t}.Collection.{r}.{s}", "{t}.1-4.{y}-{z}.{r}.{s}", "{t} I-III ({y}-{z}) {r} {s}",
    "{t}.Anthology.{y}-{z}.{r}.{s}", "{t}.The.Complete.Collection.{r}.{s}", "{t} Quadrilogy {y} {z} {r} {s}", "{t}.{y}.{z}.Duology.{r}.{s}",
    "{t} (3 Movies) {y}-{z} {r} {s}", "{t} Box Set {y} {r} {s}",
)  # fmt: skip
EPISODES = (
    "{t}.S01E01.{r}.{s}", "{t}.{y}.S01E03.{r}.{s}", "{t}.S02.{r}.{s}", "{t}.{y}.S01.COMPLETE.{r}.{s}", "{t}.1x04.{s}", "{t} Season 1 {r} {s}",
    "{t}.S01E01-E03.{r}.{s}", "{t}.The.Complete.Series.{y}.{r}.{s}", "[Group] {t} - 07 [{r}]", "{t}.Miniseries.{y}.{s}",
    "{t} Staffel 1 {r}", "{t}.{y}.05.14.{r}.{s}",
)  # fmt: skip
BEHIND = (
    "Returns",
    "Rising",
    "Resurrection",
    "Awakening",
    "Begins",
    "Forever",
    "Reloaded",
    "the Beginning",
    "Origins",
    "in Space",
)
BEFORE = (
    "Return of",
    "Bride of",
    "Beyond",
    "Escape from",
    "Battle for",
    "Son of",
    "Curse of",
    "Memory: The Origins of",
    "Looking for",
)
NUMBERS = ("II", "2", "III", "3", "Part 2", "Part II", "IV", "4", "Chapter 2", "Part Two")


@dataclass(frozen=True, slots=True)
class Case:
    """A name, the film that is asked for, and whether the name was made for it. `shape`: how it was made."""

    name: str
    film: WantedFilm
    is_film: bool
    shape: str


def is_reported(group: str) -> bool:
    """Whether films of a group are in the half that is reported, and that nobody tuned rules on."""
    return hashlib.sha256(group.encode()).digest()[0] % 2 == 1


def groups(more: dict[str, WantedFilm] | None = None) -> dict[str, list[WantedFilm]]:
    """Films that belong together."""
    found: dict[str, list[WantedFilm]] = {}
    for key, film in (FILMS | (more or {})).items():
        found.setdefault(key.split(":")[0], []).append(film)
    return found


class Naming:
    """Makes names as people do."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def title(self, title: str) -> str:
        """A title as it is written with spaces."""
        pick = self.random.random
        if pick() < 0.5:
            title = title.replace("&", "and")
        title = title.replace("'", "" if pick() < 0.7 else "'").replace("’", "")
        title = title.replace("½", " 1 2" if pick() < 0.5 else "½")
        if pick() < 0.8:
            title = re.sub(r"[:,!?·/]| - ", " ", title)
        if pick() < 0.5:
            bare = "".join(char for char in unicodedata.normalize("NFKD", title) if not unicodedata.combining(char))
            title = bare if bare.isascii() else title
        return " ".join(title.split()).strip(" .")

    def tail(self) -> str:
        """Resolution, source, sound, codec, group."""
        one = self.random.choice
        parts = [one(RESOLUTIONS), one(SOURCES), one(SOUNDS), one(CODECS)]
        if self.random.random() < 0.3:
            parts.insert(0, one(EDITIONS))
        if self.random.random() < 0.25:
            parts.insert(0, one(LANGUAGES))
        if self.random.random() < 0.2:
            del parts[-2]
        return ".".join(parts) + f"-{one(GROUPS)}"

    def name(self, title: str, year: int | None, other: str = "") -> str:
        """A whole name. `other`: a second title, which is written in one of several ways."""
        one, said = self.random.choice, self.title(title)
        if other:
            said = one(("{} AKA {}", "{} aka {}", "{} / {}", "{} ({})", "{} {}")).format(said, self.title(other))
        tail, spaced = self.tail(), self.random.random() < 0.4
        dated = "" if year is None else str(year)
        if year is None:
            name = f"{said}.{tail}"
        elif spaced:
            name = one(
                (
                    f"{said} ({dated}) [{one(RESOLUTIONS)}] [{one(SOURCES)}] [YTS.MX]",
                    f"{said} ({dated}) ({one(RESOLUTIONS)} {one(SOURCES)} {one(CODECS)} {one(SOUNDS)} {one(GROUPS)})",
                    f"{said} {dated} {tail.replace('.', ' ')}",
                    f"{said} [{dated}, USA, horror, BDRip 1080p]",
                    f"{said} (John Doe) [{dated}, UK, drama, WEB-DL 1080p] Dub + Original",
                    f"({dated}) {said} {tail.replace('.', ' ')}",
                    f"{said} {one(RESOLUTIONS)} {one(SOURCES)} ({dated})",
                )
            )
        else:
            name = f"{said}.{dated}.{tail}".replace(" ", one((".", ".", ".", "_")))
        if self.random.random() < 0.08:
            name = one(SITES) + name
        if self.random.random() < 0.1:
            name += one((".mkv", "[TGx]", "[rarbg]", " [example.org]", ".mp4"))
        return name

    def filled(self, pattern: str, title: str, year: int) -> str:
        """A pattern with a title, a year and terms."""
        later = year + self.random.randint(2, 25)
        said = self.title(title)
        if " " not in pattern:
            said = said.replace(" ", ".")
        one = self.random.choice
        return pattern.format(
            t=said, y=year, z=later, r=one(RESOLUTIONS), s=one(SOURCES) + "." + one(CODECS) + "-" + one(GROUPS)
        )

    def slipped(self, title: str) -> str:
        """With two letters in the wrong order, or one too few."""
        at = self.random.randint(2, max(2, len(title) - 3))
        if self.random.random() < 0.5:
            return title[:at] + title[at + 1 :]
        return title[: at - 1] + title[at] + title[at - 1] + title[at + 1 :]


def _right(naming: Naming, film: WantedFilm) -> tuple[str, str]:
    """A name for a film, and its shape."""
    pick, year = naming.random.random(), film.year
    assert year is not None
    title = naming.random.choice(film.titles)
    others = [one for one in film.titles if one != title]
    if pick < 0.08 and others:
        return naming.name(title, year, naming.random.choice(others)), "two titles"
    if pick < 0.10:
        return naming.name(title, year, "Whatever They Call It Elsewhere"), "a title that is not known"
    if pick < 0.13:
        return naming.name(title, None), "no year"
    if pick < 0.16 and film.released_at is not None:
        return naming.name(title, year - 1 if film.released_at.month < 7 else year + 1), "a year beside"
    if pick < 0.18 and len(title) > 12:
        return naming.name(naming.slipped(title), year), "a slip"
    if pick < 0.20 and title.startswith("The "):
        return naming.name(title[4:], year), "no article"
    return naming.name(title, year), "plain"


def _wrong(naming: Naming, film: WantedFilm) -> Iterator[tuple[str, str]]:
    """Names that are for no film of the list, and look like this one."""
    one, year = naming.random.choice, film.year
    assert year is not None
    title = one(film.titles)
    yield naming.filled(one(EXTRAS), title, year), "extra"
    yield naming.filled(one(PACKS), title, year), "pack"
    yield naming.filled(one(EPISODES), title, year), "episode"
    yield naming.name(f"{title} {one(NUMBERS)}", year + naming.random.randint(0, 6)), "sequel"
    yield naming.name(f"{title} {one(BEHIND)}", year + naming.random.randint(0, 20)), "more words"
    yield naming.name(f"{one(BEFORE)} {title}", year + naming.random.randint(-5, 20)), "more words"
    away = 1 if naming.random.random() < 0.03 else naming.random.randint(2, 60)
    later = year + away <= 2026 and naming.random.random() < 0.5
    yield naming.name(title, year + away if later else max(year - away, 1900)), "namesake"
    words = title.split()
    if len(words) > 2:
        yield naming.name(" ".join(words[:-1]), year), "fewer words"


def cases(found: dict[str, list[WantedFilm]], *, reported: bool, rounds: int, seed: int = 1) -> Iterator[Case]:
    """Names for and against each film of one half, so many times."""
    naming = Naming(seed)
    everything = [film for films in found.values() for film in films]
    for group, films in found.items():
        if is_reported(group) is not reported:
            continue
        for film in films:
            said = {(title.casefold(), other.year) for other in films if other is not film for title in other.titles}
            for _ in range(rounds):
                for _ in range(4):
                    name, shape = _right(naming, film)
                    yield Case(name, film, True, shape)
                for other in [*(one for one in films if one is not film), naming.random.choice(everything)]:
                    if other is not film and not ({(one.casefold(), film.year) for one in film.titles} & said):
                        name, shape = _right(naming, other)
                        if shape != "a year beside":  # which may be that of this film
                            yield Case(name, film, False, "another of its kind")
                for name, shape in _wrong(naming, film):
                    yield Case(name, film, False, shape)


def from_tmdb(folder: Path) -> dict[str, WantedFilm]:
    """Films of saved TMDB answers (titles are scrambled, years and dates are real), each in a group of its own."""
    found = {}
    for path in sorted(folder.glob("movie_*.json")) + sorted(folder.glob("discover_movie_*.json")):
        answer = json.loads(path.read_text("utf-8"))
        for one in answer.get("results", [answer]):
            shown = one.get("release_date") or ""
            if not (one.get("title") and len(shown) == 10):
                continue
            more = [each["data"].get("title", "") for each in one.get("translations", {}).get("translations", [])]
            titles = dict.fromkeys(title for title in [one["title"], one["original_title"], *more] if title)
            day = date.fromisoformat(shown)
            found[f"tmdb {one['id']}:"] = WantedFilm(
                tuple(titles), day.year, one.get("imdb_id") or "", None, day, one["original_language"]
            )
    return found
