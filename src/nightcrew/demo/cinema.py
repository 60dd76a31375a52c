"""Films in the public domain, and shows: some of them old serials, the others invented, on the air in a world of their own.

`year-month-day|title|original title|minutes|language|genres|number at IMDb`, of which the last may be missing.
"""

import zlib
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

GENRES = {
    28: "Action", 12: "Adventure", 16: "Animation", 35: "Comedy", 80: "Crime", 99: "Documentary", 18: "Drama", 10751: "Family",
    14: "Fantasy", 36: "History", 27: "Horror", 10402: "Music", 9648: "Mystery", 10749: "Romance", 878: "Science Fiction",
    53: "Thriller", 10752: "War", 37: "Western",
}  # fmt: skip
SHOW_GENRES = {
    10759: "Action & Adventure", 35: "Comedy", 80: "Crime", 18: "Drama", 9648: "Mystery", 10765: "Sci-Fi & Fantasy", 99: "Documentary",
}  # fmt: skip
_FILMS = """
1902-09-01|A Trip to the Moon|Le Voyage dans la Lune|15|fr|Science Fiction,Adventure|tt0000417
1903-12-07|The Great Train Robbery||12|en|Western,Crime|tt0000439
1915-02-08|The Birth of a Nation||193|en|Drama,History,War|tt0004972
1916-09-05|Intolerance||197|en|Drama,History|tt0006864
1919-05-13|Broken Blossoms||90|en|Drama,Romance|tt0009968
1920-02-27|The Cabinet of Dr. Caligari|Das Cabinet des Dr. Caligari|77|de|Horror,Thriller|tt0010323
1920-03-18|Dr. Jekyll and Mr. Hyde||79|en|Horror,Drama|tt0011130
1920-10-29|The Golem: How He Came into the World|Der Golem, wie er in die Welt kam|85|de|Horror,Fantasy|tt0011237
1921-01-21|The Kid||68|en|Comedy,Drama|tt0012349
1922-03-04|Nosferatu|Nosferatu, eine Symphonie des Grauens|94|de|Horror|tt0013442
1922-09-18|Häxan||106|sv|Documentary,Horror|tt0013257
1922-06-11|Nanook of the North||79|en|Documentary|tt0013427
1923-04-01|Safety Last!||74|en|Comedy,Action|tt0014429
1923-11-19|Our Hospitality||75|en|Comedy|tt0014341
1924-04-21|Sherlock Jr.||45|en|Comedy,Romance|tt0015324
1924-03-18|The Thief of Bagdad||155|en|Adventure,Fantasy|tt0015400
1924-12-23|The Last Laugh|Der letzte Mann|90|de|Drama|tt0015064
1925-06-26|The Gold Rush||95|en|Comedy,Adventure|tt0015864
1925-11-15|The Phantom of the Opera||93|en|Horror,Drama|tt0016220
1925-12-24|Battleship Potemkin|Броненосец Потёмкин|75|ru|Drama,History|tt0015648
1925-02-02|The Lost World||106|en|Adventure,Science Fiction|tt0016039
1926-10-14|Faust|Faust – Eine deutsche Volkssage|106|de|Fantasy,Horror|tt0016847
1926-12-31|The General||79|en|Action,Comedy,War|tt0017925
1927-02-06|Metropolis||153|de|Drama,Science Fiction|tt0017136
1927-11-04|Sunrise: A Song of Two Humans||95|en|Drama,Romance|tt0018455
1927-09-10|Wings||144|en|Drama,Romance,War|tt0018578
1927-02-14|The Lodger: A Story of the London Fog||91|en|Crime,Thriller|tt0017075
1928-04-21|The Passion of Joan of Arc|La Passion de Jeanne d'Arc|82|fr|Drama,History|tt0019254
1928-05-20|Steamboat Bill, Jr.||70|en|Comedy|tt0019421
1929-01-08|Man with a Movie Camera|Человек с киноаппаратом|68|ru|Documentary|tt0019760
1932-07-28|White Zombie||69|en|Horror|tt0023694
1935-06-06|The 39 Steps||86|en|Mystery,Thriller|tt0026029
1936-09-06|My Man Godfrey||94|en|Comedy,Romance|tt0028010
1936-05-01|Reefer Madness||66|en|Drama|tt0028346
1936-09-14|Things to Come||100|en|Science Fiction,War|tt0028358
1938-10-07|The Lady Vanishes||97|en|Mystery,Thriller|tt0030341
1939-12-22|Gulliver's Travels||76|en|Animation,Adventure,Family|tt0031397
1940-01-18|His Girl Friday||92|en|Comedy,Romance|tt0032599
1940-11-25|The Great Flamarion||78|en|Drama,Crime|
1941-12-04|Mr. Bug Goes to Town||78|en|Animation,Family|tt0033727
1945-11-15|Detour||68|en|Crime,Drama|tt0037638
1945-12-28|Scarlet Street||103|en|Crime,Drama|tt0038057
1946-07-02|The Stranger||95|en|Crime,Thriller|tt0038991
1946-07-24|The Strange Love of Martha Ivers||116|en|Drama,Crime|tt0038988
1948-12-30|He Walked by Night||79|en|Crime,Thriller|tt0040427
1949-12-29|D.O.A.||83|en|Crime,Mystery|tt0042369
1950-02-24|The Baron of Arizona||97|en|Western,Crime|
1951-11-28|Scrooge||86|en|Fantasy,Drama|tt0044008
1952-11-11|Kansas City Confidential||99|en|Crime,Thriller|tt0044789
1953-11-24|Beat the Devil||89|en|Adventure,Comedy|tt0046414
1953-02-01|The Hitch-Hiker||71|en|Thriller,Crime|tt0045877
1954-10-07|Suddenly||77|en|Thriller,Crime|tt0047542
1956-03-23|The Man with the Golden Arm||119|en|Drama|tt0048347
1957-07-22|Plan 9 from Outer Space||79|en|Science Fiction,Horror|tt0052077
1959-02-17|House on Haunted Hill||75|en|Horror,Mystery|tt0051744
1959-12-16|The Bat||80|en|Mystery,Thriller|tt0052602
1960-08-05|The Little Shop of Horrors||72|en|Comedy,Horror|tt0054033
1962-09-26|Carnival of Souls||78|en|Horror,Mystery|tt0055830
1963-12-05|Charade||113|en|Comedy,Mystery,Romance|tt0056923
1963-09-25|Dementia 13||75|en|Horror,Thriller|tt0056983
1964-03-08|The Last Man on Earth||86|en|Horror,Science Fiction|tt0058700
1968-10-04|Night of the Living Dead||96|en|Horror,Thriller|tt0063350
"""
_SHOWS = """
1913-05-09|Fantômas||fr|Crime,Mystery|Ended|5
1914-03-23|The Perils of Pauline||en|Action & Adventure,Drama|Ended|20
1915-11-13|Les Vampires||fr|Crime,Drama|Ended|10
1935-02-23|The Phantom Empire||en|Sci-Fi & Fantasy,Action & Adventure|Ended|12
1936-04-06|Flash Gordon||en|Sci-Fi & Fantasy,Action & Adventure|Ended|13
1936-05-30|Undersea Kingdom||en|Sci-Fi & Fantasy|Ended|12
1954-10-18|Sherlock Holmes||en|Crime,Mystery|Ended|39
1959-01-20|One Step Beyond||en|Mystery,Drama|Ended|22,39,36
1989-09-04|The Harbour Hour||en|Drama|Ended|12,12,12,12,12,12,12,12,12,12,12,12,12,12,12,12,12,12,12,12,12,12,12,12,12,12
2021-01-10|Night Train|Nachtzug|de|Drama,Crime|Returning Series|8,8,8,8,8
2023-03-01|Inside the Lighthouse||en|Documentary|Returning Series|6,6,6
2024-09-15|Tales of the Observatory|Berichte aus der Sternwarte|de|Sci-Fi & Fantasy|Canceled|10
"""
PLOTS = (
    "A {a} and a {b} meet by chance, and neither will leave the other alone again.",
    "When the {a} disappears, only the {b} asks where it went.",
    "For one night the {a} belongs to whoever finds it first, and the {b} knows the way.",
    "Nobody believes the {b} until the {a} is at the door.",
)
_THINGS = (
    "keeper", "stranger", "ferryman", "clockmaker", "singer", "map", "letter", "night train", "old house", "lantern", "detective", "ghost",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class DemoMovie:
    """A film as it is, before anything is changed."""

    id: int
    title: str
    original_title: str
    released: str
    minutes: int
    language: str
    genres: tuple[int, ...]
    imdb_id: str
    overview: str


@dataclass(frozen=True, slots=True)
class DemoShow:
    """A show. `seasons`: how many episodes each has, from the first season on."""

    id: int
    title: str
    original_title: str
    first: str
    language: str
    genres: tuple[int, ...]
    status: str
    seasons: tuple[int, ...]
    overview: str


def plot(seed: str) -> str:
    """A sentence that depends on the seed alone."""
    number = zlib.crc32(seed.encode())
    first, second = number % len(_THINGS), number // 16 % (len(_THINGS) - 1)
    second += second >= first
    return PLOTS[number // 512 % len(PLOTS)].format(a=_THINGS[first], b=_THINGS[second])


@cache
def films() -> tuple[DemoMovie, ...]:
    """All of them, by their numbers, from 1001 on."""
    found = []
    by_name = {name: key for key, name in GENRES.items()}
    for number, line in enumerate(_FILMS.split("\n")[1:-1], 1001):
        released, title, original, minutes, language, genres, imdb = line.split("|")
        kinds = tuple(by_name[name] for name in genres.split(","))
        found.append(
            DemoMovie(number, title, original or title, released, int(minutes), language, kinds, imdb, plot(title))
        )
    return tuple(found)


@cache
def shows() -> tuple[DemoShow, ...]:
    """All of them, by their numbers, from 2001 on."""
    found = []
    by_name = {name: key for key, name in SHOW_GENRES.items()}
    for number, line in enumerate(_SHOWS.split("\n")[1:-1], 2001):
        first, title, original, language, genres, status, seasons = line.split("|")
        kinds = tuple(by_name[name] for name in genres.split(","))
        counts = tuple(int(count) for count in seasons.split(","))
        found.append(DemoShow(number, title, original or title, first, language, kinds, status, counts, plot(title)))
    return tuple(found)


def made_up(number: int) -> DemoMovie:
    """A film that nobody made, for catalogues of any size; `number` from 10,000 on."""
    seed = zlib.crc32(str(number).encode())
    released = date(1950, 1, 1) + timedelta(days=seed % 25_000)
    title = f"The {_THINGS[seed % len(_THINGS)].title()} of Pier {number}"
    genre = tuple(GENRES)[seed % len(GENRES)]
    return DemoMovie(
        number, title, title, released.isoformat(), 70 + seed % 70, "en", (genre,), f"tt9{number:07}", plot(title)
    )
