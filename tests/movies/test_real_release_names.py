"""Names as releases really have them, written by hand: which of them are the wanted film."""

from __future__ import annotations

import pytest

from cinema import FILMS
from nightcrew.movies.releases.heads import read_head
from nightcrew.movies.releases.identity import judge

TAKEN = """
nosferatu:22 | Nosferatu.1922.RESTORED.1080p.BluRay.x264-PSYCHD
nosferatu:22 | Nosferatu.Eine.Symphonie.des.Grauens.1922.GERMAN.1080p.BluRay.x264-DOUCEMENT
nosferatu:22 | Nosferatu A Symphony of Horror 1922 720p BrRip x264
nosferatu:22 | Nosferatu (1922) Masters of Cinema (1080p BluRay x265 10bit)
nosferatu:79 | Nosferatu.the.Vampyre.1979.1080p.BluRay.x264-GECKOS
nosferatu:79 | Nosferatu - Phantom der Nacht (1979) BDRip 1080p
nosferatu:79 | Nosferatu.Phantom.der.Nacht.AKA.Nosferatu.the.Vampyre.1979.DVD9
nosferatu:24 | Nosferatu.2024.EXTENDED.iNTERNAL.1080p.WEB.H264-KBOX
nosferatu:24 | Nosferatu 2024 2160p MA WEB-DL DDP5 1 Atmos DV HDR H 265-FLUX
nosferatu:24 | [ www.example.org ] - Nosferatu.2024.1080p.WEBRip.x264
mummy:32 | The.Mummy.1932.1080p.BluRay.x264-CiNEFiLE
mummy:99 | The.Mummy.1999.1080p.BluRay.DDP7.1.x265.10bit-GalaxyRG265[TGx]
mummy:99 | The Mummy (1999) [2160p] [4K] [BluRay] [5.1] [YTS.MX]
mummy:99 | Die.Mumie.1999.German.DL.1080p.BluRay.x264-DETAiLS
mummy:99 | La.Momie.1999.MULTi.1080p.BluRay
mummy:99 | Mummy.1999.720p.HDTV
mummy:01 | The.Mummy.Returns.2001.UHD.BluRay.2160p.DTS-X.7.1.HEVC.REMUX-FraMeSToR
mummy:17 | www.example.com - The Mummy 2017 1080p BluRay x264 AAC-TiTAN
mummy:08 | The.Mummy.Tomb.of.the.Dragon.Emperor.2008.720p.BluRay.x264
solaris:72 | Solyaris AKA Solaris 1972 CRITERION 1080p BluRay x265
solaris:72 | Солярис / Solaris (1972) BDRip 1080p
solaris:72 | Solaris.1972.RUSSIAN.1080p.BluRay.FLAC.x264-EDPH
solaris:02 | Solaris.2002.1080p.WEBRip.x264-RARBG
dune:84 | Dune.1984.THEATRICAL.HYBRID.2160p.REMUX.DV.HDR.HEVC
dune:84 | Dune (1984) Extended Edition 1080p
dune:84 | Der.Wuestenplanet.1984.German.1080p.BluRay.x264
dune:84 | Dune.Der.Wüstenplanet.1984.REMASTERED.German.DL.1080p
dune:21 | Dune.2021.1080p.WEBRip.x264-RARBG
dune:21 | Dune.Part.One.2021.PROPER.REPACK.2160p.WEB-DL
dune:21 | Dune.2021.Part.One.1080p.BluRay
dune:21 | Dune: Part I (2021) 1080p BluRay
dune:21 | Дюна.2021.UHD.BDRemux.2160p
dune:24 | Dune.Part.Two.2024.1080p.HDCAM.x264
dune:24 | Dune.Part.2.2024.2160p.WEB-DL
dune:24 | Dune Part II (2024) 1080p WEBRip
dune:24 | Dune.2.2024.1080p.WEB-DL
dune:24 | Dune.2024.Part.Two.1080p.WEB
star is born:37 | A.Star.Is.Born.1937.1080p.BluRay.x264
star is born:54 | A.Star.Is.Born.1954.RESTORED.1080p.BluRay
star is born:76 | A Star Is Born (1976) [1080p]
star is born:18 | A.Star.is.Born.2018.ENCORE.1080p.BluRay.x264
star is born:18 | Star.Is.Born.2018.MULTi.1080p
alien:79 | Alien.1979.Directors.Cut.2160p.UHD.BluRay.x265-SURCODE
alien:79 | Alien 1979 Remastered 2019 1080p BluRay
alien:86 | Aliens.1986.Special.Edition.1080p.BluRay
alien:86 | Aliens.Le.Retour.1986.MULTi.VFF.1080p
alien:92 | Alien³ 1992 Assembly Cut 1080p
alien:92 | Alien.3.1992.1080p.BluRay
alien:92 | Alien3.1992.SPECIAL.EDITION.720p
alien:92 | Alien.III.1992.1080p
alien:97 | Alien.Resurrection.1997.1080p.BluRay.x264
alien:17 | Alien.Covenant.2017.HC.HDRip.XviD.AC3-EVO
alien:17 | Alien: Covenant (2017) 2160p UHD
alien:24 | Alien.Romulus.2024.1080p.AMZN.WEB-DL.DDP5.1.Atmos.H.264
thing:51 | The.Thing.from.Another.World.1951.1080p.BluRay.x264
thing:82 | The.Thing.1982.2160p.UHD.BluRay.REMUX
thing:82 | Das Ding aus einer anderen Welt 1982 German DL 1080p
thing:11 | The.Thing.2011.1080p.BluRay.x264-SPARKS
halloween:78 | Halloween.1978.35th.Anniversary.1080p.BluRay
halloween:78 | John.Carpenters.Halloween.1978.2160p
halloween:81 | Halloween.II.1981.1080p
halloween:81 | Halloween 2 (1981) BluRay 720p
halloween:07 | Rob.Zombies.Halloween.2007.UNRATED.1080p
halloween:09 | Halloween.II.2009.UNRATED.DC.1080p
halloween:18 | Halloween.2018.1080p.WEB-DL
halloween:21 | Halloween.Kills.2021.EXTENDED.1080p
it:90 | It.1990.1080p.BluRay.x264
it:17 | It.2017.1080p.WEB-DL.DD5.1.H264-FGT
it:17 | It.Chapter.One.2017.2160p
it:19 | It.Chapter.Two.2019.3D.HSBS.1080p
it:19 | It Chapter 2 2019 1080p
it:19 | It.Chapter.II.2019.DVDRip
carrie:76 | Carrie.1976.REMASTERED.1080p
carrie:13 | Carrie.2013.720p.BluRay.x264-SPARKS
titanic:97 | Titanic.1997.OPEN.MATTE.1080p.BluRay
titanic:97 | Титаник / Titanic (1997) BDRip
titanic:53 | Titanic.1953.720p
robocop:87 | RoboCop.1987.Directors.Cut.REMASTERED.1080p
robocop:87 | Robo.Cop.1987.720p
robocop:90 | RoboCop.2.1990.1080p
robocop:14 | Robocop.2014.1080p.WEBRip
rocky:79 | Rocky.II.1979.1080p.BluRay
rocky:79 | Rocky 2 1979
rocky:82 | Rocky.III.1982.1080p
rocky:85 | Rocky.4.1985.Directors.Cut
rocky:85 | Rocky.IV.1985.Rocky.vs.Drago.1080p
rocky:90 | Rocky.V.1990.720p
rocky:90 | Rocky 5 (1990)
rocky:06 | Rocky.Balboa.2006.1080p
godfather:72 | The.Godfather.1972.REMASTERED.1080p
godfather:72 | Il.Padrino.1972.iTALiAN.1080p
godfather:74 | The.Godfather.Part.II.1974.1080p
godfather:74 | The Godfather 2 (1974)
godfather:74 | The.Godfather.Part.2.1974
godfather:74 | Godfather.II.1974.1080p
godfather:90 | The.Godfather.Part.III.1990.REMASTERED.1080p
godfather:90 | The.Godfather.Coda.The.Death.of.Michael.Corleone.1990.1080p
blade runner:82 | Blade.Runner.1982.The.Final.Cut.2160p
blade runner:82 | Blade Runner (1982) Final Cut 1080p
blade runner:17 | Blade.Runner.2049.2017.2160p.WEB-DL.DV.HDR10+.DDP5.1
blade runner:17 | Blade.Runner.2049.1080p.BluRay.x264
blade runner:17 | Blade Runner 2049 (2017) 1080p
odyssey:68 | 2001.A.Space.Odyssey.1968.2160p.UHD.BluRay.REMUX
odyssey:68 | 2001 A Space Odyssey (1968) 1080p
odyssey:68 | (1968) 2001 A Space Odyssey 1080p BluRay
odyssey:84 | 2010.1984.1080p.BluRay
odyssey:84 | 2010.The.Year.We.Make.Contact.1984.1080p
nineteen:84 | Nineteen.Eighty-Four.1984.1080p.BluRay
nineteen:84 | 1984.1984.1080p.BluRay
nineteen:56 | 1984.1956.DVDRip
war:19 | 1917.2019.1080p.BluRay.x264-SPARKS
war:19 | 1917 (2019) 2160p
doom:09 | 2012.2009.720p.BluRay.x264-METiS
wonder woman:17 | Wonder.Woman.2017.IMAX.1080p
wonder woman:20 | Wonder.Woman.1984.2020.IMAX.1080p.HMAX.WEB-DL
wonder woman:20 | Wonder Woman 1984 (2020) 1080p
wonder woman:20 | Wonder.Woman.1984.1080p.WEBRip
death race:75 | Death.Race.2000.1975.1080p.BluRay
death race:08 | Death.Race.2008.UNRATED.1080p
fahrenheit:66 | Fahrenheit.451.1966.1080p
fahrenheit:18 | Fahrenheit.451.2018.1080p.AMZN.WEB-DL
fahrenheit:18b | Fahrenheit.11.9.2018.1080p.BluRay
fahrenheit:18b | Fahrenheit.11-9.2018.720p
west side:21 | West.Side.Story.2021.1080p.DSNP.WEB-DL
true grit:10 | True.Grit.2010.1080p.BluRay
suspiria:77 | Suspiria.1977.4K.REMASTERED.1080p
suspiria:18 | Suspiria.2018.1080p
invisible:33 | The.Invisible.Man.1933.1080p
invisible:20 | The.Invisible.Man.2020.2160p
oceans:01 | Ocean's Eleven (2001) (1080p BluRay x265 10bit Tigole)
oceans:01 | Oceans.11.2001.1080p
oceans:60 | Oceans.Eleven.1960.1080p
oceans:18 | Oceans.8.2018.1080p
oceans:18 | Ocean's.Eight.2018.1080p
oceans:04 | Oceans.12.2004.1080p
total recall:90 | Total.Recall.1990.MIND-BENDING.EDITION.1080p
psycho:60 | Psycho.1960.UNCUT.2160p
psycho:98 | Psycho.1998.1080p
metropolis:27 | Metropolis (1927) [1080p] [BluRay] [5.1] [YTS.MX]
metropolis:27 | Metropolis.1927.The.Complete.1080p.BluRay.x264
metropolis:01 | Metropolis.2001.JAPANESE.1080p
metropolis:01 | メトロポリス Metropolis 2001 1080p
living dead:68 | Night.of.the.Living.Dead.1968.CRITERION.1080p
living dead:68 | Night of the Living Dead 1968 PDTV
living dead:90 | Night.of.the.Living.Dead.1990.1080p
dawn dead:78 | Dawn.of.the.Dead.1978.Theatrical.Cut.1080p
dawn dead:78 | Zombi.1978.iTALiAN.1080p
let in:08 | Let.the.Right.One.In.2008.SWEDISH.1080p
let in:08 | Låt.den.rätte.komma.in.2008.1080p
let in:08 | Lat.den.ratte.komma.in.2008.SWEDISH.720p
let in:08 | Laat.den.raette.komma.in.2008.720p
dragon:11 | The.Girl.with.the.Dragon.Tattoo.2011.1080p
dragon:09 | Män.som.hatar.kvinnor.2009.EXTENDED.1080p
parasite:19 | 기생충.Parasite.2019.1080p.KORSUB
parasite:19 | Parasite.AKA.Gisaengchung.2019.KOREAN.2160p
parasite:19 | Gisaengchung.2019.1080p
parasite:82 | Parasite.1982.3D.1080p
oldboy:03 | Oldboy.2003.KOREAN.REMASTERED.1080p
spirited:01 | 千と千尋の神隠し.Spirited.Away.2001.1080p.BluRay
spirited:01 | Sen.to.Chihiro.no.Kamikakushi.2001.JAPANESE.1080p
spirited:01 | [Group] Spirited Away (Sen to Chihiro no Kamikakushi) [BD 1080p HEVC]
your name:16 | [Judas] Your Name (Kimi no Na wa) [BD 1080p][HEVC x265 10bit]
your name:16 | Kimi.no.Na.wa.2016.1080p.BluRay
your name:16 | 君の名は。 (2016) 1080p
amelie:01 | Amélie AKA Le Fabuleux Destin d'Amélie Poulain 2001 VOSTFR
amelie:01 | Amelie.2001.FRENCH.1080p
amelie:01 | Le.Fabuleux.Destin.d.Amelie.Poulain.2001.1080p
amelie:01 | Amelie.Le.Fabuleux.Destin.d'Amelie.Poulain.2001.720p
boot:81 | Das.Boot.1981.DC.GERMAN.DL.1080p.BluRay.AVC
boot:81 | Das Boot (The Boat) 1981 Director's Cut 1080p
untouchable:11 | Intouchables.2011.FRENCH.1080p
untouchable:11 | The.Intouchables.2011.1080p
birdman:14 | Birdman.2014.1080p.BluRay
birdman:14 | Birdman.or.The.Unexpected.Virtue.of.Ignorance.2014.1080p
strangelove:64 | Dr.Strangelove.1964.1080p
strangelove:64 | Dr.Strangelove.or.How.I.Learned.to.Stop.Worrying.and.Love.the.Bomb.1964.2160p
se7en:95 | Se7en.1995.REMASTERED.1080p.BluRay
se7en:95 | Seven.1995.720p
walle:08 | WALL-E.2008.1080p
walle:08 | WALL·E (2008) 2160p
walle:08 | WallE.2008.DVDRip
spiderverse:18 | Spider-Man.Into.the.Spider-Verse.2018.1080p
spiderverse:18 | Spiderman.Into.The.Spiderverse.2018.1080p
spider:21 | Spider-Man.No.Way.Home.2021.The.More.Fun.Stuff.Version.1080p
spider:04 | Spider-Man.2.2004.EXTENDED.1080p
potter:11 | Harry.Potter.and.the.Deathly.Hallows.Part.II.2011.1080p
potter:10 | Harry Potter And The Deathly Hallows Part 1 (2010)
mission:00 | Mission.Impossible.II.2000.1080p
mission:00 | Mission Impossible 2 (2000) 1080p
mission:18 | Mission.Impossible.Fallout.2018.1080p
mission:23 | Mission.Impossible.Dead.Reckoning.Part.One.2023.1080p
mission:23 | Mission.Impossible.Dead.Reckoning.2023.1080p
furious:01 | The.Fast.and.the.Furious.2001.1080p
furious:09 | Fast.and.Furious.2009.1080p
furious:09 | Fast & Furious (2009)
furious:03 | 2.Fast.2.Furious.2003.1080p
furious:21 | F9.The.Fast.Saga.2021.1080p
furious:21 | F9.2021.DC.1080p
wars:77 | Star.Wars.1977.1080p
wars:77 | Star.Wars.Episode.IV.A.New.Hope.1977.1080p
wars:77 | Star Wars Episode 4 A New Hope (1977)
wars:77 | Star.Wars.1977.4K77.2160p
wars:80 | Star.Wars.Episode.V.The.Empire.Strikes.Back.1980.1080p
wars:17 | Star.Wars.The.Last.Jedi.2017.1080p
wars:17 | Star.Wars.Episode.VIII.The.Last.Jedi.2017.1080p
matrix:99 | The.Matrix.1999.1080p.BluRay
matrix:99 | Матрица.1999.BDRip.1080p
matrix:21 | The Matrix Resurrections 2021 TELESYNC
rec:07 | [REC].2007.1080p.BluRay
rec:07 | REC.2007.SPANISH.1080p
rec:07 | [REC] (2007) BRRip
rec:09 | [REC].2.2009.1080p
rec:09 | REC.2.2009.720p
half:63 | 8½ (1963) 1080p
half:63 | 8.1.2.1963.CRITERION.1080p
half:63 | Otto.e.Mezzo.1963.iTALiAN.1080p
m:31 | M.1931.CRITERION.1080p
m:31 | M.Eine.Stadt.sucht.einen.Moerder.1931.GERMAN.1080p
cam:18 | Cam.2018.1080p.NF.WEB-DL
trilogy:13 | Trilogy.2013.1080p.WEB-DL
interview:14 | The.Interview.2014.1080p
twilight:12 | The.Twilight.Saga.Breaking.Dawn.Part.2.2012.1080p
hurt locker:08 | The.Hurt.Locker.2008.1080p
hurt locker:08 | The.Hurt.Locker.2009.1080p.BluRay
lives others:06 | Das.Leben.der.Anderen.2006.GERMAN.1080p
che:08 | Che.Part.One.2008.CRITERION.1080p
che:08b | Che.Part.Two.2008.CRITERION.1080p
kill bill:03 | Kill.Bill.Vol.1.2003.1080p
kill bill:04 | Kill.Bill.Volume.2.2004.1080p
kill bill:04 | Kill Bill 2 (2004)
jungle book:16 | The.Jungle.Book.2016.3D.1080p
pinocchio:22 | Disneys.Pinocchio.2022.1080p
pinocchio:22b | Guillermo.del.Toros.Pinocchio.2022.1080p
charade:63 | Charade.1963.PUBLIC.DOMAIN.720p
charade:63 | Charade {imdb-tt0056923} (1963) 1080p
charade:63 | Charade.tt0056923.1080p
friday:40 | His.Girl.Friday.1940.R5
friday:40 | His_Girl_Friday_(1940)_[1080p]
caligari:20 | Das.Cabinet.des.Dr.Caligari.1920.RESTORED.1080p
caligari:20 | The.Cabinet.of.Dr.Caligari.1920.1080p
caligari:20 | The Cabinet of Doctor Caligari 1920 BluRay
general:26 | The.General.1926.1080p
et:82 | E.T.the.Extra-Terrestrial.1982.1080p
et:82 | ET.1982.1080p
et:82 | E.T. (1982) 35th Anniversary
"""
REFUSED = """
nosferatu:22 | Nosferatu.2024.1080p.WEB.h264
nosferatu:24 | Nosferatu.1922.1080p
nosferatu:24 | Nosferatu.the.Vampyre.1979.1080p
nosferatu:22 | Nosferatu.1080p.BluRay.x264
nosferatu:24 | Nosferatu.2023.1080p.WEB-DL
nosferatu:24 | The.Making.of.Nosferatu.2024.1080p
nosferatu:24 | Nosferatu.2024.OST.FLAC
nosferatu:24 | Nosferatu.2024.Trailer.1080p
mummy:99 | The.Mummy.2017.1080p.BluRay
mummy:99 | The.Mummy.1999.2001.2008.Trilogy.1080p
mummy:99 | The.Mummy.Trilogy.1999-2008.1080p
mummy:99 | The.Mummy.1932.1080p
mummy:99 | The.Mummy.Returns.2001.1080p
mummy:99 | The.Mummy.S01E01.1999.1080p
mummy:17 | The.Mummy.1999.1080p
mummy:01 | The.Mummy.2001.1080p
solaris:72 | Solaris.2002.1080p
solaris:02 | Solyaris.1972.1080p
solaris:02 | Solaris.1972.1080p
dune:84 | Dune.2021.1080p
dune:84 | Dune.S01.2000.DVDRip
dune:84 | Dune.2000.Miniseries.DVDRip
dune:21 | Dune.Part.Two.2024.1080p
dune:21 | Dune.1984.1080p
dune:21 | Dune.2021.Part.Two.1080p
dune:21 | Dune.Prophecy.S01E01.1080p
dune:21 | Dune Messiah - Frank Herbert EPUB
dune:24 | Dune.2021.1080p
dune:24 | Dune.2024.1080p.WEB-DL
dune:24 | Dune Part One and Two 2021-2024 1080p
dune:24 | Dune.1-2.2021-2024.1080p
star is born:18 | A.Star.Is.Born.1976.1080p
star is born:76 | A.Star.Is.Born.2018.1080p
star is born:37 | A.Star.Is.Born.1954.1080p
star is born:54 | A.Star.Is.Born.1080p.BluRay
alien:79 | Aliens.1986.1080p
alien:79 | Alien.3.1992.1080p
alien:79 | Alien.Covenant.2017.1080p
alien:79 | Alien.Anthology.1979-1997.1080p
alien:79 | Alien.Quadrilogy.1080p
alien:79 | Alien.1979.Quadrilogy.Disc.1.1080p
alien:79 | Memory.The.Origins.of.Alien.2019.1080p
alien:79 | Alien.Earth.S01E01.1080p
alien:79 | Alien.Isolation.v1.0-FitGirl
alien:79 | Alien.1986.1080p
alien:86 | Alien.1986.1080p
alien:86 | Alien.1979.1080p
alien:86 | Aliens.1979.1080p
alien:86 | Aliens.vs.Predator.Requiem.2007.1080p
alien:86 | Cowboys.and.Aliens.2011.1080p
alien:17 | Alien.2017.1080p
alien:17 | Covenant.2017.1080p
thing:82 | The.Thing.2011.1080p
thing:82 | The.Thing.from.Another.World.1951.1080p
thing:82 | The.Thing.1982.The.Making.Of.1080p
thing:82 | The.Thing.Terror.Takes.Shape.1998.DVDRip
thing:11 | The.Thing.1982.1080p
thing:51 | Das Ding aus einer anderen Welt 1982 German DL 1080p
halloween:78 | Halloween.2018.1080p
halloween:78 | Halloween.II.1981.1080p
halloween:78 | Halloween.1978.2018.2021.Collection.1080p
halloween:81 | Halloween.II.2009.1080p
halloween:09 | Halloween.II.1981.1080p
halloween:18 | Halloween.Kills.2021.1080p
halloween:18 | Halloween.4.1988.1080p
it:17 | It.1990.1080p
it:17 | It.Chapter.Two.2019.1080p
it:17 | It.Follows.2014.1080p
it:17 | It.Comes.at.Night.2017.1080p
it:19 | It.2019.1080p
it:19 | It.Chapter.One.2017.1080p
carrie:76 | Carrie.2013.1080p
carrie:13 | Carrie.2002.DVDRip
titanic:97 | Titanic.1996.DVDRip
titanic:97 | Titanic.1953.1080p
titanic:96 | Titanic.1997.1080p
titanic:97 | Titanic.II.2010.1080p
titanic:97 | Titanic.1997.Deleted.Scenes.1080p
titanic:97 | Titanic.The.Final.Word.2012.720p.HDTV
robocop:87 | RoboCop.2014.1080p
robocop:87 | RoboCop.2.1990.1080p
robocop:87 | RoboCop.1-3.1987-1993.1080p
robocop:14 | RoboCop.1987.1080p
rocky:76 | Rocky.II.1979.1080p
rocky:76 | Rocky.I-VI.1976-2006.1080p
rocky:76 | Rocky.The.Complete.Saga.1080p
rocky:76 | The.Rocky.Horror.Picture.Show.1975.1080p
rocky:79 | Rocky.III.1982.1080p
rocky:82 | Rocky.2.1982.1080p
rocky:90 | Rocky.IV.1985.1080p
rocky:06 | Rocky.2006.1080p
godfather:72 | The Godfather Trilogy 1972-1990 1080p BluRay
godfather:72 | The.Godfather.Part.II.1974.1080p
godfather:72 | The.Godfather.1972.Part.II.1080p
godfather:72 | The.Godfather.Saga.1977.DVDRip
godfather:72 | The.Godfather.1.2.3.1080p
godfather:74 | The.Godfather.1974.1080p
godfather:74 | The.Godfather.Part.III.1990.1080p
godfather:90 | The.Godfather.Part.II.1990.1080p
blade runner:82 | Blade.Runner.2049.2017.1080p
blade runner:82 | Blade.Runner.2049.1080p.BluRay
blade runner:82 | Blade.Runner.Black.Lotus.S01E01.1080p
blade runner:17 | Blade.Runner.1982.1080p
blade runner:17 | Blade.Runner.2017.1080p
blade runner:17 | 2036.Nexus.Dawn.Blade.Runner.2049.Short.2017.1080p
odyssey:68 | 2010.1984.1080p
odyssey:68 | 2001.1968.1080p
odyssey:68 | A.Space.Odyssey.2001.1080p
odyssey:84 | 2010.2012.1080p
nineteen:84 | 1984.1956.1080p
nineteen:56 | 1984.1984.1080p
nineteen:84 | 1984.2023.1080p
war:19 | 1917.The.True.Story.2020.1080p
war:19 | 1917.1080p.BluRay
war:19 | 1917.1970.DVDRip
doom:09 | 2012.Doomsday.2008.1080p
doom:09 | 2012.Ice.Age.2011.720p
doom:09 | Show.Name.2009.S01.720p
wonder woman:17 | Wonder.Woman.1984.2020.1080p
wonder woman:17 | Wonder.Woman.1984.1080p
wonder woman:17 | Professor.Marston.and.the.Wonder.Women.2017.1080p
wonder woman:20 | Wonder.Woman.2017.1080p
wonder woman:20 | Wonder.Woman.2020.1080p
death race:08 | Death.Race.2000.1975.1080p
death race:75 | Death.Race.2008.1080p
death race:08 | Death.Race.2.2010.1080p
fahrenheit:18 | Fahrenheit.451.1966.1080p
fahrenheit:18 | Fahrenheit.11.9.2018.1080p
fahrenheit:18b | Fahrenheit.451.2018.1080p
fahrenheit:18b | Fahrenheit.9.11.2004.1080p
west side:61 | West.Side.Story.2021.1080p
west side:21 | West.Side.Story.1961.1080p
true grit:10 | True.Grit.1969.1080p
suspiria:77 | Suspiria.2018.1080p
invisible:20 | The.Invisible.Man.1933.1080p
invisible:20 | The.Invisible.Man.S01E01.2000.720p
invisible:20 | The.Invisible.Woman.2020.1080p
oceans:01 | Oceans.Eleven.1960.1080p
oceans:01 | Oceans.Twelve.2004.1080p
oceans:01 | Oceans.Trilogy.2001-2007.1080p
oceans:18 | Oceans.11.2001.1080p
total recall:12 | Total.Recall.1990.1080p
total recall:90 | Total.Recall.2070.S01.DVDRip
psycho:60 | Psycho.1998.1080p
psycho:60 | Psycho.II.1983.1080p
psycho:60 | American.Psycho.2000.1080p
psycho:98 | Psycho.1960.1080p
metropolis:27 | Metropolis.2001.1080p
metropolis:01 | Metropolis.1927.1080p
living dead:68 | Night.of.the.Living.Dead.1990.1080p
living dead:68 | Return.of.the.Living.Dead.1985.1080p
living dead:68 | Night.of.the.Living.Dead.3D.2006.1080p
dawn dead:04 | Dawn.of.the.Dead.1978.1080p
dawn dead:04 | Shaun.of.the.Dead.2004.1080p
let in:10 | Let.the.Right.One.In.2008.1080p
let in:08 | Let.Me.In.2010.1080p
dragon:11 | The.Girl.with.the.Dragon.Tattoo.2009.1080p
dragon:11 | The.Girl.Who.Played.with.Fire.2009.1080p
parasite:19 | Parasite.1982.1080p
parasite:19 | Parasyte.The.Maxim.S01.1080p
parasite:19 | Parasite.Black.and.White.Edition.1080p
oldboy:13 | Oldboy.2003.1080p
spirited:01 | Spirited.2022.1080p
spirited:01 | [Group] Spirited Away - 01 (1080p)
your name:16 | Call.Me.by.Your.Name.2017.1080p
amelie:01 | Amelia.2009.1080p
boot:81 | Das.Boot.S01E01.2018.1080p
boot:81 | Das.Boot.2018.S02.GERMAN.1080p
boot:81 | Das.Boot.1985.Miniserie.GERMAN.1080p
untouchable:11 | The.Untouchables.1987.1080p
untouchable:87 | The.Intouchables.2011.1080p
untouchable:11 | Untouchable.2019.1080p
birdman:14 | Birdman.of.Alcatraz.1962.1080p
se7en:95 | Seven.Pounds.2008.1080p
se7en:95 | Seven.1979.1080p
walle:08 | Wall.Street.1987.1080p
spiderverse:18 | Spider-Man.Across.the.Spider-Verse.2023.1080p
spider:02 | Spider-Man.2.2004.1080p
spider:02 | The.Amazing.Spider-Man.2012.1080p
spider:02 | Spider-Man.Trilogy.2002-2007.1080p
spider:02 | Spider-Man.2002.Behind.the.Scenes.DVDRip
spider:04 | Spider-Man.2004.1080p
potter:10 | Harry.Potter.and.the.Deathly.Hallows.Part.II.2011.1080p
potter:11 | Harry.Potter.and.the.Deathly.Hallows.Part.1.2011.1080p
potter:11 | Harry.Potter.Complete.8-Film.Collection.2001-2011.1080p
potter:10 | Harry Potter 1-8 Pack 1080p
mission:96 | Mission.Impossible.II.2000.1080p
mission:18 | Mission.Impossible.1996.1080p
mission:18 | Mission.Impossible.2018.1080p
mission:23 | Mission.Impossible.The.Final.Reckoning.2025.1080p
furious:01 | Fast.and.Furious.2009.1080p
furious:09 | The.Fast.and.the.Furious.2001.1080p
furious:09 | Fast.and.Furious.1-9.Collection.1080p
furious:21 | Fast.and.Furious.2021.1080p
wars:77 | Star.Wars.The.Last.Jedi.2017.1080p
wars:77 | Star.Wars.Holiday.Special.1978.DVDRip
wars:77 | Star.Wars.The.Clone.Wars.S01E01.1080p
wars:77 | Empire.of.Dreams.The.Story.of.the.Star.Wars.Trilogy.2004.1080p
wars:17 | Star.Wars.2017.1080p
wars:80 | Star.Wars.Episode.VI.Return.of.the.Jedi.1983.1080p
matrix:99 | The.Matrix.Reloaded.2003.1080p
matrix:99 | The.Matrix.1999.Extras.1080p
matrix:99 | The.Matrix.Revisited.2001.DVDRip
matrix:99 | The.Matrix.Collection.1999-2021.2160p
matrix:03 | The.Matrix.Revolutions.2003.1080p
matrix:03b | The.Matrix.Reloaded.2003.1080p
rec:07 | [REC].2.2009.1080p
rec:09 | [REC].2007.1080p
rec:07 | Rec.2.2007.1080p
half:63 | 8.Mile.2002.1080p
half:63 | 9.1.2.Weeks.1986.1080p
m:31 | M.1951.1080p
m:31 | M3GAN.2022.1080p
cam:18 | Girl.Like.You.2018.CAM
trilogy:13 | The.Dark.Trilogy.2013.1080p
interview:14 | Interview.with.the.Vampire.1994.1080p
interview:14 | The.Interview.2014.Interviews.1080p
twilight:12 | The.Twilight.Saga.Breaking.Dawn.Part.1.2011.1080p
twilight:12 | The.Twilight.Saga.2008-2012.1080p
che:08 | Che.Part.Two.2008.1080p
che:08b | Che.Part.One.2008.1080p
che:08b | Che.2008.1080p
kill bill:03 | Kill.Bill.Vol.2.2004.1080p
kill bill:03 | Kill.Bill.1.and.2.2003-2004.1080p
kill bill:04 | Kill.Bill.The.Whole.Bloody.Affair.2004.1080p
spider:04 | Spider-Man.2.1.2004.1080p
jungle book:16 | The.Jungle.Book.1967.1080p
jungle book:16 | The.Jungle.Book.2.2003.1080p
jungle book:16 | The.Jungle.Book.S01E05.2016.1080p
pinocchio:22 | Pinocchio.A.True.Story.2022.1080p
pinocchio:22 | Guillermo.del.Toros.Pinocchio.2022.1080p
pinocchio:22c | Pinocchio.2022.1080p
pinocchio:22b | Pinocchio.2022.1080p
pinocchio:19 | Pinocchio.2022.1080p
charade:63 | Charade.1984.1080p
charade:63 | Charade.(1963).tt0079641.1080p
charade:63 | The.Truth.About.Charlie.2002.1080p
friday:40 | His.Girl.Friday.1940.MP3
general:26 | The.General.1998.1080p
general:26 | The.Generals.Daughter.1999.1080p
general:98 | The.General.1926.1080p
et:82 | E.T.The.Making.of.1982.DVDRip
whiplash:14 | Whiplash.2013.Short.1080p
babadook:14 | The.Babadook.S02E01.1080p
"""


def _cases(text: str, is_film: bool) -> list[tuple[str, str, bool]]:
    rows = [line.split(" | ", 1) for line in text.strip().splitlines()]
    return [(film, name, is_film) for film, name in rows]


CASES = _cases(TAKEN, True) + _cases(REFUSED, False)


@pytest.mark.parametrize(("film", "name", "is_film"), CASES, ids=[f"{key} {name}" for key, name, _ in CASES])
def test_a_real_name_is_the_film_or_not(film: str, name: str, is_film: bool) -> None:
    found = judge(read_head(name), FILMS[film])
    assert found.ok is is_film, found.reason
    assert found.reason
