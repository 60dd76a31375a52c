"""Files as people really name them, written by hand: which of them is the wanted recording."""

from __future__ import annotations

import pytest

from nightcrew.music.matching.decision import decide
from nightcrew.music.matching.model import FileCandidate, WantedTrack

TAKEN, REFUSED = True, False
CASES = [
    # how ripping groups name them
    ("Daft Punk - One More Time", "Daft_Punk-Discovery-2001-EGO/01-daft_punk-one_more_time-ego.mp3", TAKEN),
    ("Daft Punk - One More Time", "Daft_Punk-Discovery-2001-EGO/02-daft_punk-aerodynamic-ego.mp3", REFUSED),
    ("Jay-Z - 99 Problems", "Jay-Z-The_Black_Album-2003-RNS/10-jay-z-99_problems-rns.mp3", TAKEN),
    ("Röyksopp - Eple", "Royksopp-Melody_AM-2001-JCE/02_royksopp-eple-jce.mp3", TAKEN),
    ("deadmau5 - Strobe", "deadmau5 - For Lack of a Better Name (2009) [WEB FLAC]/10-deadmau5-strobe.flac", TAKEN),
    ("Burial - Archangel", "Burial-Untrue-(HDBCD002)-CD-FLAC-2007-WRE/02-burial-archangel.flac", TAKEN),
    ("Orbital - Halcyon", "VA-Trance_Classics-2CD-1999-XXX/105-orbital-halcyon-xxx.mp3", TAKEN),
    ("Nas - One Mic", "nas-one_mic-cds-2002-rns/01-nas-one_mic_(radio_edit).mp3", REFUSED),
    # vinyl, discs and numbers
    ("Donna Summer - I Feel Love", "Vinyl Rips/Donna Summer - I Remember Yesterday/B4 I Feel Love.flac", TAKEN),
    ("Donna Summer - I Feel Love", "Vinyl/Donna Summer - I Feel Love 12''/A1 - Donna Summer - I Feel Love.flac", TAKEN),
    ("Pink Floyd - Time", "Pink Floyd/1973 - The Dark Side of the Moon/04. Time.flac", TAKEN),
    ("Pink Floyd - Hey You", "Pink Floyd/The Wall/CD 2/201 - Hey You.mp3", TAKEN),
    ("Pink Floyd - Hey You", "Pink Floyd/The Wall/Disc 2/01 Hey You.mp3", TAKEN),
    ("Pink Floyd - Hey You", "Pink Floyd/The Wall (Disc 2)/2-01 Pink Floyd - Hey You.mp3", TAKEN),
    ("The Beatles - Help!", "Beatles/1965 - Help! (2009 Stereo Remaster)/01 - Help!.flac", TAKEN),
    ("Miles Davis - So What", "Miles Davis - Kind Of Blue (1959) [24-192 SACD]/(01) [Miles Davis] So What.flac", TAKEN),
    # compilations
    ("Haddaway - What Is Love", "VA - 90s Hits/VA - 90s Hits - 07 - Haddaway - What Is Love.mp3", TAKEN),
    ("Haddaway - What Is Love", "Various Artists - 90s Hits/07 What Is Love.mp3", REFUSED),
    ("Haddaway - What Is Love", "Bravo Hits 5/1-07 Haddaway - What Is Love.mp3", TAKEN),
    ("Haddaway - What Is Love", "VA - 90s Hits/07 - What Is Love - Haddaway.mp3", TAKEN),
    (
        "Urge Overkill - Girl, You'll Be a Woman Soon",
        "Pulp Fiction OST/12 Urge Overkill - Girl, You'll Be A Woman Soon.mp3",
        TAKEN,
    ),
    ("Seal - Kiss from a Rose", "Batman Forever Soundtrack/Seal - Kiss From A Rose.mp3", TAKEN),
    ("Underworld - Born Slippy", "Trainspotting OST/14 - Underworld - Born Slippy (NUXX).mp3", TAKEN),
    # other letters
    ("Кино - Группа крови", "Кино/1988 - Группа крови/01 - Группа крови.flac", TAKEN),
    ("Кино - Группа крови", "Kino - Gruppa krovi/01 - Gruppa krovi.mp3", TAKEN),
    ("Кино - Группа крови", "Кино/1988 - Группа крови/02 - Закрой за мной дверь.flac", REFUSED),
    ("宇多田ヒカル - First Love", "宇多田ヒカル/First Love/05 First Love.flac", TAKEN),
    ("宇多田ヒカル - Automatic", "Misia/Mother Father/01 Automatic Lover.flac", REFUSED),
    ("YOASOBI - 夜に駆ける", "YOASOBI/THE BOOK/03. 夜に駆ける.flac", TAKEN),
    ("YOASOBI - 夜に駆ける", "YOASOBI/THE BOOK/03. 夜に駆ける (カラオケ).flac", REFUSED),
    ("YOASOBI - 夜に駆ける", "YOASOBI/THE BOOK/05. たぶん.flac", REFUSED),
    ("Γιώργος Νταλάρας - Μη μου θυμώνεις μάτια μου", "Γιώργος Νταλάρας/Best/04 - Μη μου θυμώνεις μάτια μου.mp3", TAKEN),
    ("Sigur Rós - Sæglópur", "Sigur Ros - Takk... (2005)/06 - Saeglopur.mp3", TAKEN),
    ("Sigur Rós - Hoppípolla", "Sigur Rós/Takk/03 Hoppipolla.mp3", TAKEN),
    ("Motörhead - Ace of Spades", "Motorhead/Ace of Spades/01 Ace Of Spades.mp3", TAKEN),
    ("Björk - Jóga", "Bjork - Homogenic/02 - Joga.mp3", TAKEN),
    ("Møme - Aloha", "Mome - Panorama/03 Aloha (feat. Merryn Jeann).mp3", TAKEN),
    ("Rammstein - Frühling in Paris", "Rammstein/Liebe ist für alle da/06 Fruehling in Paris.mp3", TAKEN),
    # who else plays
    (
        "Eminem - Love the Way You Lie (feat. Rihanna)",
        "Eminem/Recovery/15 Love The Way You Lie (Ft. Rihanna).mp3",
        TAKEN,
    ),
    ("Eminem - Love the Way You Lie (feat. Rihanna)", "Eminem ft Rihanna - Love The Way You Lie.mp3", TAKEN),
    ("Eminem - Love the Way You Lie (feat. Rihanna)", "Rihanna/Loud/11 Love The Way You Lie (Part II).mp3", REFUSED),
    ("Queen & David Bowie - Under Pressure", "Queen/Hot Space/11 Under Pressure (with David Bowie).flac", TAKEN),
    ("Queen & David Bowie - Under Pressure", "Queen and David Bowie - Under Pressure.mp3", TAKEN),
    ("Mumford & Sons - I Will Wait", "Mumford And Sons/Babel/03 I Will Wait.mp3", TAKEN),
    ("Earth, Wind & Fire - September", "Earth Wind and Fire/Greatest Hits/September.mp3", TAKEN),
    ("Earth, Wind & Fire - September", "Earth, Wind & Fire - September.mp3", TAKEN),
    (
        "Tyler, The Creator - See You Again",
        "Tyler, the Creator - Flower Boy/05 See You Again (feat. Kali Uchis).mp3",
        TAKEN,
    ),
    ("Tyler, The Creator - See You Again", "Wiz Khalifa/See You Again (feat. Charlie Puth).mp3", REFUSED),
    ("Simon & Garfunkel - The Boxer", "Paul Simon/Live Rhymin'/The Boxer.mp3", REFUSED),
    ("Macklemore & Ryan Lewis - Thrift Shop", "Macklemore - Thrift Shop (feat. Wanz).mp3", TAKEN),
    (
        "Nick Cave & The Bad Seeds - Red Right Hand",
        "Nick Cave and the Bad Seeds/Let Love In/05 - Red Right Hand.mp3",
        TAKEN,
    ),
    ("Jay-Z - Numb / Encore", "Jay-Z & Linkin Park/Collision Course/05 Numb_Encore.mp3", TAKEN),
    # versions
    ("Moby - Porcelain", "Moby/Play/03 Porcelain (Clubbed to Death Variation by Rob Dougan).mp3", REFUSED),
    ("Moby - Porcelain", "Moby/Porcelain CDS/02 Porcelain (Torsten Stenzel's Edited Remix).mp3", REFUSED),
    ("Nirvana - Come as You Are", "Nirvana/MTV Unplugged in New York/02 Come As You Are.flac", REFUSED),
    (
        "Nirvana - Come as You Are",
        "Nirvana/From the Muddy Banks of the Wishkah (Live)/10 Come As You Are.flac",
        REFUSED,
    ),
    ("Nirvana - Come as You Are", "Nirvana/1992-08-30 - Reading Festival/05 Come As You Are.flac", REFUSED),
    (
        "Nirvana - Come as You Are",
        "Nirvana/Nevermind (20th Anniversary Super Deluxe)/CD3 - The Smart Studio Sessions/Come as You Are.flac",
        REFUSED,
    ),
    (
        "Nirvana - Come as You Are",
        "Nirvana/Nevermind (30th Anniversary)/03 Come As You Are (Remastered 2021).flac",
        TAKEN,
    ),
    ("Eagles - Hotel California - 2013 Remaster", "Eagles/Hotel California (1976)/01 - Hotel California.flac", TAKEN),
    ("Eagles - Hotel California", "Eagles/Hell Freezes Over/Hotel California (Live on MTV, 1994).flac", REFUSED),
    ("Eric Prydz - Opus", "Eric Prydz - Opus/CD2/09 Opus (Four Tet Remix).flac", REFUSED),
    ("Toto - Africa", "Karaoke/Africa (In The Style Of Toto).mp3", REFUSED),
    ("Toto - Africa", "Karaoke/SF012-07 - Toto - Africa [SF Karaoke].mp3", REFUSED),
    ("Toto - Africa", "Toto Tribute Band/Best of Toto/Africa.mp3", REFUSED),
    ("Toto - Africa", "Weezer - Africa (Toto Cover).mp3", REFUSED),
    ("Metallica - One", "Vitamin String Quartet/The String Quartet Tribute to Metallica/04 One.mp3", REFUSED),
    ("Metallica - One", "Rockabye Baby!/Lullaby Renditions of Metallica/05 One.mp3", REFUSED),
    ("Metallica - One", "Metallica/...And Justice for All/04 - One.mp3", TAKEN),
    ("Lady Gaga - Just Dance", "Lady Gaga - Just Dance (sped up).mp3", REFUSED),
    ("Lady Gaga - Just Dance", "Lady Gaga - Just Dance slowed reverb.mp3", REFUSED),
    ("Lady Gaga - Just Dance", "Lady Gaga - Just Dance [8D AUDIO].mp3", REFUSED),
    ("Lady Gaga - Just Dance", "Lady Gaga - Just Dance (Instrumental).mp3", REFUSED),
    ("Lady Gaga - Just Dance", "Lady Gaga - Just Dance (Official Video) (HD).mp3", TAKEN),
    ("Lady Gaga - Just Dance", "Lady Gaga - The Fame/01-Just Dance (Feat. Colby O'Donis).mp3", TAKEN),
    ("ABBA - Dancing Queen", "ABBA/Medleys/Dancing Queen - Mamma Mia - Waterloo (Medley).mp3", REFUSED),
    ("ABBA - Dancing Queen", "ABBA Gold/01 Dancing Queen.mp3", TAKEN),
    ("Kanye West - Runaway", "Kanye West/MBDTF/Runaway (Interlude).mp3", REFUSED),
    ("The xx - Intro", "The xx/xx/01 Intro.flac", TAKEN),
    ("The xx - Intro", "Muse/The 2nd Law/01 Intro.flac", REFUSED),
    (
        "Kendrick Lamar - Swimming Pools (Drank)",
        "Kendrick Lamar/GKMC/12 Swimming Pools (Drank) [Extended Version].mp3",
        REFUSED,
    ),
    ("Kendrick Lamar - Swimming Pools (Drank)", "Kendrick Lamar/GKMC/09 Swimming Pools.mp3", TAKEN),
    ("Kendrick Lamar - Alright", "Kendrick Lamar/Alright (Skit).mp3", REFUSED),
    ("Johnny Cash - Hurt", "Nine Inch Nails/The Downward Spiral/14 Hurt.flac", REFUSED),
    ("Johnny Cash - Hurt", "Johnny Cash - Hurt (Nine Inch Nails Cover).mp3", REFUSED),
    # numbers
    ("Ariana Grande - 7 rings", "Ariana Grande/thank u, next/10 7 rings.mp3", TAKEN),
    ("Prince - 1999", "Prince/1999/01 - 1999.mp3", TAKEN),
    ("Prince - 1999", "Prince/1999/02 - Little Red Corvette.mp3", REFUSED),
    ("Prince - 1999", "Prince/1999/1999.mp3", TAKEN),
    ("Taylor Swift - 22", "Taylor Swift/Red/06 22.flac", TAKEN),
    ("Taylor Swift - 22", "Taylor Swift/Red (Taylor's Version)/06 22 (Taylor's Version).flac", REFUSED),
    ("Blur - Song 2", "Blur/Blur/02 Song 2.mp3", TAKEN),
    ("Blur - Song 2", "Blur/Blur/02 - Song 1.mp3", REFUSED),
    ("Metallica - The Unforgiven", "Metallica/Reload/04 The Unforgiven II.mp3", REFUSED),
    ("Metallica - The Unforgiven II", "Metallica/Metallica/04 The Unforgiven.mp3", REFUSED),
    (
        "Pink Floyd - Another Brick in the Wall, Pt. 2",
        "Pink Floyd/The Wall/05 Another Brick in the Wall (Part Two).flac",
        TAKEN,
    ),
    (
        "Pink Floyd - Another Brick in the Wall, Pt. 2",
        "Pink Floyd/The Wall/03 Another Brick In The Wall Part 1.flac",
        REFUSED,
    ),
    ("Pink Floyd - Another Brick in the Wall, Pt. 2", "Pink Floyd/The Wall/05 Another Brick In The Wall.flac", REFUSED),
    ("Traveling Wilburys - End of the Line", "The Traveling Wilburys/Vol. 1/10 End of the Line.flac", TAKEN),
    ("U2 - 40", "U2/War/10 - 40.mp3", TAKEN),
    ("blink-182 - All the Small Things", "Blink 182/Enema of the State/08 All The Small Things.mp3", TAKEN),
    ("50 Cent - In da Club", "50 Cent - In Da Club.mp3", TAKEN),
    ("3 Doors Down - Kryptonite", "3 Doors Down/The Better Life/01 Kryptonite.mp3", TAKEN),
    ("The 1975 - Chocolate", "The 1975/The 1975/03 Chocolate.flac", TAKEN),
    ("YFN Lucci - Everyday", "YFN Lucci/Long Live Nut/01 Everyday.mp3", TAKEN),
    ("Hole - Violet", "Hole/Live Through This/01 - Violet.flac", TAKEN),
    ("Hole - Violet", "Hole/Live in Reading/01 - Violet.flac", REFUSED),
    # names that are the same
    ("Black Sabbath - Black Sabbath", "Black Sabbath/Black Sabbath/01 Black Sabbath.flac", TAKEN),
    ("Black Sabbath - Black Sabbath", "Black Sabbath/Black Sabbath/05 N.I.B..flac", REFUSED),
    ("Iron Maiden - Iron Maiden", "Iron Maiden - Iron Maiden - 08 - Iron Maiden.mp3", TAKEN),
    ("Bad Company - Bad Company", "Bad Company - Bad Company.mp3", TAKEN),
    ("Weezer - Buddy Holly", "Weezer/Weezer (Blue Album)/04 Buddy Holly.mp3", TAKEN),
    ("Weezer - Buddy Holly", "Buddy Holly/Weezer - Say It Ain't So.mp3", REFUSED),
    ("Radiohead - Creep", "TLC/CrazySexyCool/02 Creep.mp3", REFUSED),
    ("Radiohead - Creep", "Radiohead - Pablo Honey/02 - Creep (Acoustic).mp3", REFUSED),
    ("Radiohead - Creep", "Radiohead - Pablo Honey/2.Creep.mp3", TAKEN),
    ("M83 - Wait", "M83/Hurry Up, We're Dreaming/05. Wait.mp3", TAKEN),
    ("U2 - One", "U2 - Achtung Baby (1991) [320]/03 - One.mp3", TAKEN),
    ("U2 - One", "U2/Achtung Baby/03 - One Step Closer.mp3", REFUSED),
    ("Mary J. Blige - One", "U2/Achtung Baby/03 - One.mp3", REFUSED),
    ("Live - Lightning Crashes", "Live/Throwing Copper/06 Lightning Crashes.mp3", TAKEN),
    ("Live - Lightning Crashes", "Live/Live at the Paradiso/06 Lightning Crashes.mp3", REFUSED),
    ("Paul McCartney & Wings - Live and Let Die", "Wings/Wings Greatest/05 Live And Let Die.mp3", TAKEN),
    ("Guns N' Roses - Live and Let Die", "Guns N' Roses/Use Your Illusion I/03 Live And Let Die.mp3", TAKEN),
    ("Guns N' Roses - Live and Let Die", "Paul McCartney/All the Best/Live and Let Die.mp3", REFUSED),
    ("Mark Ronson - Uptown Funk (feat. Bruno Mars)", "Bruno Mars - Uptown Funk.mp3", REFUSED),
    # whose song it is
    ("Lreds - Metal Horse", "X Ambassadors/VHS/10. Metal Horse (feat. Lreds).mp3", REFUSED),
    ("Lreds - Metal Horse", "X Ambassadors - Metal Horse (feat. Lreds).mp3", REFUSED),
    ("Lreds - Metal Horse", "Top 40/Metal Horse (feat. Lreds).mp3", REFUSED),
    ("Etta James - Purple Rain", "Etta James/Purple Rain (Prince).mp3", TAKEN),
    ("Prince - Purple Rain", "Etta James/Purple Rain (Prince).mp3", REFUSED),
    ("Elton John - Rocket Man", "Kate Bush/Rocket Man (Elton John).mp3", REFUSED),
    ("The Black Keys - Tighten Up", "Brothers/(14) [The Black Keys] Tighten Up.mp3", TAKEN),
    ("Ozuna - Noches de Aventura", "Greatest Hits/(12) [OZUNA] Noches de Aventura.mp3", TAKEN),
    ("The Chainsmokers - All We Know", "The Chainsmokers - Greatest Hits/04-The Chainsmokers-all we know.mp3", TAKEN),
    ("Trust - Me", "Somebody Else/Trust Me.mp3", REFUSED),
    ("Möwe - Boy Oh Boy", "Moewe/Back in the Summer/A6 Boy Oh Boy.mp3", TAKEN),
    ("Noah Cyrus - Team", "new/09 Noah Cyrus - Team - Team 2.mp3", REFUSED),
    ("Noah Cyrus - Team", "new/09 Noah Cyrus - Team - Team.mp3", TAKEN),
    ("Noah Cyrus - Team", "new/09 Team - Noah Cyrus - Best of Pop.mp3", TAKEN),
    (
        "Pat Benatar - Love Is a Battlefield",
        "Pat Benatar - Love Is A Battlefield - Hit Me With Your Best Shot.mp3",
        REFUSED,
    ),
    ("Bobby Brown - Every Little Step", "Bobby Brown - Every Little Step (feat. Guest Pt. 3).mp3", REFUSED),
    ("Clean Bandit - Tears", "mp3/Clean_Bandit_-_New_Eyes_-_10_-_Tears_(feat._Louisa-Jane).mp3", TAKEN),
    ("Kylie - Bad Things (with Camila)", "Kylie/Bad Things/15 - Kylie - Bad Things - With Camila 2.mp3", REFUSED),
    ("Bizarrap - BZRP Music Sessions, Vol. 3", "Bizarrap/Music Sessions/02. BZRP Music Sessions, Vol. 3.m4a", TAKEN),
    ("Bizarrap - BZRP Music Sessions, Vol. 3", "Bizarrap/Music Sessions/02. BZRP Music Sessions, Vol. 7.m4a", REFUSED),
    ("Efrén - Kobol", "Efren-Semilla-WEB-2019-GRP/11-efren-kobol_-_original_mix-cms.mp3", TAKEN),
    ("Clean Bandit - Tears", "mp3/Clean_Bandit_-_New_Eyes_-_10_-_Tears_(feat._Louisa-Jane)_II.mp3", REFUSED),
    (
        "Camel - Migration - Instrumental Album Version",
        "Top 40/Migration - Instrumental Album Version - Camel.mp3",
        TAKEN,
    ),
    # slips and what is left out
    ("Nirvana - Smells Like Teen Spirit", "Nirvana - Smells Like Teen Sprit.mp3", TAKEN),
    ("Alanis Morissette - Ironic", "Alanis Morisette/Jagged Little Pill/10 Ironic.mp3", TAKEN),
    ("Avril Lavigne - Sk8er Boi", "Avril Lavigne/Let Go/03 Sk8er Boi.mp3", TAKEN),
    ("CeeLo Green - Fuck You", "CeeLo Green/The Lady Killer/02 F**k You.mp3", TAKEN),
    ("CeeLo Green - F**k You", "CeeLo Green - Fuck You.mp3", TAKEN),
    ("YG - My Nigga", "YG - My N*gga (feat. Jeezy & Rich Homie Quan).mp3", TAKEN),
    ("Kelis - Milkshake", "kelis - milkshake.mp3", TAKEN),
    ("R.E.M. - Losing My Religion", "REM/Out of Time/02 Losing My Religion.mp3", TAKEN),
    ("N.W.A. - Express Yourself", "NWA - Straight Outta Compton/08 - Express Yourself.mp3", TAKEN),
    ("The Rolling Stones - (I Can't Get No) Satisfaction", "Rolling Stones, The/Hot Rocks/Satisfaction.mp3", TAKEN),
    ("Guns N' Roses - Sweet Child O' Mine", "Guns n Roses - Appetite For Destruction/09 Sweet Child O Mine.mp3", TAKEN),
    ("Outkast - Ms. Jackson", "OutKast/Stankonia/05 Ms. Jackson.mp3", TAKEN),
    ("Outkast - Hey Ya!", "Outkast - Speakerboxxx - The Love Below/2-09 Hey Ya.mp3", TAKEN),
    ("Alt-J - Breezeblocks", "alt-J (∆)/An Awesome Wave/03 - Breezeblocks.mp3", TAKEN),
    (
        "Panic! At the Disco - I Write Sins Not Tragedies",
        "Panic at the Disco/AFYCSO/10 I Write Sins Not Tragedies.mp3",
        TAKEN,
    ),
    ("Charli xcx - 360", "Charli XCX - BRAT (2024)/01. 360.flac", TAKEN),
    ("Sinéad O'Connor - Nothing Compares 2 U", "Sinead O'Connor - Nothing Compares 2 U.mp3", TAKEN),
    ("Sinéad O'Connor - Nothing Compares 2 U", "Prince/The Hits/Nothing Compares 2 U.mp3", REFUSED),
    # more of what is right
    ("Pink Floyd - Comfortably Numb", "Pink Floyd The Wall 1979 FLAC/CD2/06 Comfortably Numb.flac", TAKEN),
    ("Michael Jackson - Thriller", "Michael Jackson Thriller (25th Anniversary)/04 Thriller.mp3", TAKEN),
    ("Michael Jackson - Billie Jean", "Michael_Jackson_-_Thriller/06_Michael_Jackson_-_Billie_Jean.mp3", TAKEN),
    ("Michael Jackson - Billie Jean", "MJ/Thriller/06.Michael Jackson-Billie Jean.mp3", TAKEN),
    ("Michael Jackson - Billie Jean", "mp3/Michael Jackson-Billie Jean.mp3", TAKEN),
    ("Michael Jackson - Billie Jean", "mp3/Billie Jean - Michael Jackson.mp3", TAKEN),
    ("Michael Jackson - Billie Jean", "mp3/Michael Jackson Billie Jean.mp3", TAKEN),
    ("Michael Jackson - Billie Jean", "mp3/Michael Jackson__Billie Jean.mp3", TAKEN),
    ("Michael Jackson - Billie Jean", "mp3/michael.jackson.billie.jean.mp3", TAKEN),
    ("Michael Jackson - Billie Jean", "mp3/[Michael Jackson] Billie Jean.mp3", TAKEN),
    ("Michael Jackson - Billie Jean", "mp3/Michael Jackson - Billie Jean [Thriller].mp3", TAKEN),
    ("Michael Jackson - Billie Jean", "mp3/Michael Jackson ~ Billie Jean.mp3", TAKEN),
    ("Michael Jackson - Billie Jean", "mp3/Michael Jackson • Billie Jean.mp3", TAKEN),
    ("Michael Jackson - Billie Jean", "mp3/06 Billie Jean (Michael Jackson).mp3", TAKEN),
    ("Michael Jackson - Billie Jean", "Jackson Michael/1982 Thriller/Billie Jean.mp3", TAKEN),
    ("Michael Jackson - Billie Jean", "M/Michael Jackson/Albums/1982. Thriller/06. Billie Jean.mp3", TAKEN),
    ("Michael Jackson - Billie Jean", "Michael Jackson/Thriller/Thriller - 06 - Billie Jean.mp3", TAKEN),
    ("Michael Jackson - Billie Jean", "Michael Jackson/Thriller/06 - Billie Jean - Thriller.mp3", TAKEN),
    ("Michael Jackson - Billie Jean", "Michael Jackson/Thriller/Michael Jackson - Thriller - Billie Jean.mp3", TAKEN),
    (
        "Michael Jackson - Billie Jean",
        "Pop/Michael Jackson - Thriller [1982]/Michael Jackson - Thriller - 06 - Billie Jean.mp3",
        TAKEN,
    ),
    ("Michael Jackson - Billie Jean", "Michael Jackson/Number Ones/06 Billie Jean.mp3", TAKEN),
    (
        "Michael Jackson - Billie Jean",
        "Michael Jackson/HIStory - Past, Present and Future, Book I/1-01 Billie Jean.mp3",
        TAKEN,
    ),
    ("Michael Jackson - Billie Jean", "Michael Jackson - Billie Jean (Single Version).mp3", TAKEN),
    ("Michael Jackson - Billie Jean", "Michael Jackson - Billie Jean (Remastered Version) 320kbps.mp3", TAKEN),
    ("Michael Jackson - Billie Jean", "Michael Jackson - Billie Jean (1982).mp3", TAKEN),
    (
        "Michael Jackson - Billie Jean",
        "YouTube/Michael Jackson - Billie Jean (Official Video) [Zi_XLOBDo_Y].mp3",
        TAKEN,
    ),
    ("The Weeknd - Blinding Lights", "The Weeknd - Blinding Lights (320 kbps).mp3", TAKEN),
    ("The Weeknd - Blinding Lights", "Weeknd - After Hours (2020) [24Bit-44.1kHz]/09 - Blinding Lights.flac", TAKEN),
    ("The Weeknd - Blinding Lights", "09 The Weeknd - Blinding Lights.mp3", TAKEN),
    ("The Weeknd - Blinding Lights", "Top 100 2020/012. The Weeknd - Blinding Lights.mp3", TAKEN),
    ("The Weeknd - Blinding Lights", "Billboard 2020/1 - The Weeknd - Blinding Lights.mp3", TAKEN),
    ("The Weeknd - Blinding Lights", "DJ/The Weeknd - Blinding Lights (Clean).mp3", REFUSED),
    ("Queen - Bohemian Rhapsody", "Queen/A Night at the Opera/1-11 - Bohemian Rhapsody.flac", TAKEN),
    ("Queen - Bohemian Rhapsody", "Queen - Bohemian Rhapsody (2011 Remastered).mp3", TAKEN),
    (
        "Queen - Bohemian Rhapsody",
        "Queen - Greatest Hits I II & III The Platinum Collection/CD1/01 Bohemian Rhapsody.mp3",
        TAKEN,
    ),
    ("Nena - 99 Luftballons", "Nena/99 Luftballons/01 99 Luftballons.mp3", TAKEN),
    ("Nena - 99 Luftballons", "80s/Nena - 99 Luftballons.mp3", TAKEN),
    ("The Smashing Pumpkins - 1979", "Smashing Pumpkins/Mellon Collie/Disc 2/05 - 1979.mp3", TAKEN),
    ("The Smashing Pumpkins - 1979", "The Smashing Pumpkins - 1979.mp3", TAKEN),
    ("M83 - Intro", "M83/Hurry Up, We're Dreaming/01. Intro (feat. Zola Jesus).mp3", TAKEN),
    ("Pink Floyd - Wish You Were Here", "Pink Floyd/1975 - Wish You Were Here/04 - Wish You Were Here.flac", TAKEN),
    ("Chumbawamba - Tubthumping", "Now That's What I Call Music 38/1-05 Tubthumping - Chumbawamba.mp3", TAKEN),
    ("The Verve - Bitter Sweet Symphony", "The Verve - Urban Hymns/01 Bittersweet Symphony.mp3", TAKEN),
    (
        "The Buggles - Video Killed the Radio Star",
        "Buggles/The Age of Plastic/02 Video Killed The Radio Star.mp3",
        TAKEN,
    ),
    (
        "Rage Against the Machine - Killing in the Name",
        "RATM/Rage Against The Machine/02 Killing in the Name.mp3",
        TAKEN,
    ),
    (
        "Rage Against the Machine - Killing in the Name",
        "Rage Against The Machine (1992)/02 Killing In The Name Of.mp3",
        TAKEN,
    ),
    (
        "Simon & Garfunkel - The Sound of Silence",
        "Simon & Garfunkel/Sounds of Silence/01 The Sound Of Silence.mp3",
        TAKEN,
    ),
    ("Alphaville - Für immer jung", "Alphaville/Fuer immer jung.mp3", TAKEN),
    ("Rammstein - Du hast", "Rammstein-Sehnsucht-(DE)-1997/05-rammstein-du_hast.mp3", TAKEN),
    ("Plastic Bertrand - Ça plane pour moi", "Plastic Bertrand - Ca plane pour moi.mp3", TAKEN),
    ("Édith Piaf - La Vie en rose", "Edith Piaf/Best Of/La vie en rose.mp3", TAKEN),
    ("Fool's Garden - Lemon Tree", "Fools Garden - Lemon Tree.mp3", TAKEN),
    ("David Bowie - Heroes", 'David Bowie/"Heroes" (1977)/03 - "Heroes".flac', TAKEN),
    ("Michael Jackson - Beat It", "Michael Jackson feat. Eddie Van Halen - Beat It.mp3", TAKEN),
    ("Eminem - Stan", "Eminem/The Marshall Mathers LP/03 Stan (feat. Dido).mp3", TAKEN),
    ("No Doubt - Don't Speak", "No Doubt - Don´t Speak.mp3", TAKEN),
    ("The Proclaimers - I'm Gonna Be (500 Miles)", "The Proclaimers - I'm Gonna Be (500 Miles).mp3", TAKEN),
    ("The Prodigy - Smack My Bitch Up", "Prodigy/Fat of the Land/01 - Smack My B*tch Up.mp3", TAKEN),
    ("Bo Burnham - Sh*t", "Bo Burnham/Inside/Shit.mp3", TAKEN),
    (
        "Foster the People - Pumped Up Kicks",
        "Foster The People - Torches/Foster The People - Torches - 02 - Pumped Up Kicks.mp3",
        TAKEN,
    ),
    ("4 Non Blondes - What's Up?", "4 Non Blondes - What's Up.mp3", TAKEN),
    ("4 Non Blondes - What's Up?", "04 4 Non Blondes - Whats Up.mp3", TAKEN),
    ("The Killers - Mr. Brightside", "The Killers/Hot Fuss/02 Mr Brightside.mp3", TAKEN),
    ("The Rolling Stones - Angie", "Stones/The Rolling Stones - Angie.mp3", TAKEN),
    ("YOASOBI - 夜に駆ける", "J-Pop/YOASOBI - 夜に駆ける (Yoru ni Kakeru).mp3", TAKEN),
    ("YOASOBI - 夜に駆ける", "YOASOBI - 夜に駆ける [リマスター].mp3", TAKEN),
    ("Кино - Звезда по имени Солнце", "Kino/Zvezda po imeni Solntse/Zvezda po imeni Solnce.mp3", TAKEN),
    ("Goran Bregović - Ederlezi", "Goran Bregovic - Ederlezi.mp3", TAKEN),
    ("Elton John - Sacrifice", "Elton John - Sacrifice [www.site.com].mp3", TAKEN),
    ("The Moody Blues - Nights in White Satin", "Moody Blues - Nights In White Satin (Single Edit).mp3", REFUSED),
    # more of what is not
    ("Michael Jackson - Billie Jean", "Chris Cornell - Billie Jean (Michael Jackson cover).mp3", REFUSED),
    ("Michael Jackson - Billie Jean", "The Civil Wars/Billie Jean.mp3", REFUSED),
    ("Michael Jackson - Billie Jean", "Michael Jackson/Thriller 25/Billie Jean 2008 (Kanye West Mix).mp3", REFUSED),
    ("Michael Jackson - Billie Jean", "Michael Jackson/Thriller/Billie Jean (Home Demo from 1981).mp3", REFUSED),
    ("Michael Jackson - Billie Jean", "Michael Jackson/Live at Wembley July 16, 1988/Billie Jean.mp3", REFUSED),
    ("Michael Jackson - Billie Jean", "Michael Jackson - Billie Jean vs Sweet Dreams (mashup).mp3", REFUSED),
    ("Michael Jackson - Billie Jean", "Michael Jackson - Billie Jean acapella.mp3", REFUSED),
    (
        "Michael Jackson - Billie Jean",
        "Piano Tribute Players/Piano Tribute to Michael Jackson/Billie Jean.mp3",
        REFUSED,
    ),
    ("Michael Jackson - Billie Jean", "Michael Jackson Tribute/Billie Jean.mp3", REFUSED),
    ("Michael Jackson - Billie Jean", "Karaoke Hits - Michael Jackson/Billie Jean.mp3", REFUSED),
    ("Michael Jackson - Billie Jean", "Various - Hits of Michael Jackson/Billie Jean.mp3", REFUSED),
    ("Michael Jackson - Billie Jean", "8-Bit Universe/8-Bit Versions of Michael Jackson/Billie Jean.mp3", REFUSED),
    (
        "Michael Jackson - Billie Jean",
        "Ministry of Sound/Michael Jackson - Billie Jean (DJ Somebody Bootleg).mp3",
        REFUSED,
    ),
    ("Queen - Bohemian Rhapsody", "Queen/Live Aid/Bohemian Rhapsody.mp3", REFUSED),
    ("Queen - Bohemian Rhapsody", "Queen/Live Killers/Bohemian Rhapsody.mp3", REFUSED),
    ("Queen - Bohemian Rhapsody", "Panic! At The Disco - Bohemian Rhapsody.mp3", REFUSED),
    ("Queen - Bohemian Rhapsody", "Queen Latifah/Bohemian Rhapsody.mp3", REFUSED),
    ("Queen - Bohemian Rhapsody", "Queen Tribute Band - Bohemian Rhapsody.mp3", REFUSED),
    ("Queen - Bohemian Rhapsody", "Royal Philharmonic Orchestra - Bohemian Rhapsody (Queen).mp3", REFUSED),
    ("Queen - Bohemian Rhapsody", "The Muppets feat. Queen - Bohemian Rhapsody.mp3", REFUSED),
    ("Adele - Hello", "Lionel Richie/Hello.mp3", REFUSED),
    ("Adele - Hello", "Adele - Hello (Marshmello Remix).mp3", REFUSED),
    ("Adele - Hello", "Adele - Hello Goodbye.mp3", REFUSED),
    ("Adele - Hello", "Leroy Sanchez - Hello (Adele).mp3", REFUSED),
    ("Adele - Hello", "Covers/Hello - Adele (Cover by Somebody).mp3", REFUSED),
    ("Adele - Hello", "Adele - 25/02 Send My Love.mp3", REFUSED),
    ("Adele - Hello", "Glee Cast - Hello.mp3", REFUSED),
    ("The Beatles - Yesterday", "The Beatles/Anthology 2/Yesterday (Take 1).mp3", REFUSED),
    ("The Beatles - Yesterday", "Boyz II Men - Yesterday.mp3", REFUSED),
    ("The Beatles - Yesterday", "Beatles Reggae/Yesterday.mp3", REFUSED),
    ("The Beatles - Yesterday", "The Beatles - Yesterday Once More.mp3", REFUSED),
    ("The Smashing Pumpkins - 1979", "The Smashing Pumpkins (1979)/02 Zero.mp3", REFUSED),
    ("The Smashing Pumpkins - 1979", "The Smashing Pumpkins/1979 Mixes/02 1979 (Vocal Mix).mp3", REFUSED),
    ("Katy Perry - Part of Me", "Katy Perry - Part of Me (Part 2).mp3", REFUSED),
    ("Frank Sinatra - Theme from New York, New York", "Liza Minnelli/Theme from New York, New York.mp3", REFUSED),
    ("a-ha - Take On Me", "a-ha/MTV Unplugged - Summer Solstice/CD2/Take On Me.mp3", REFUSED),
    ("a-ha - Take On Me", "Reel Big Fish/Take on Me.mp3", REFUSED),
    ("Coldplay - Clocks", "Coldplay/Clocks [Royksopp Trembling Heart Remix].mp3", REFUSED),
    ("Coldplay - Clocks", "Rhythms del Mundo - Clocks (feat. Coldplay).mp3", REFUSED),
    ("Peggy Lee - Fever", "Madonna/Erotica/Fever.mp3", REFUSED),
    ("宇多田ヒカル - First Love", "宇多田ヒカル - First Love (オルゴール).mp3", REFUSED),
    ("YOASOBI - 夜に駆ける", "歌ってみた/夜に駆ける - YOASOBI - Covered by Mafumafu.mp3", REFUSED),
    ("Кино - Группа крови", "Кино/Концерт 1990/Группа крови.mp3", REFUSED),
    ("Кино - Группа крови", "Кино - Группа крови (акустика).mp3", REFUSED),
    ("Кино - Группа крови", "Metallica - Группа крови.mp3", REFUSED),
    ("Ofra Haza - Im Nin'alu", "Ofra Haza - Im Nin'Alu (Played In Full Mix).mp3", REFUSED),
    ("Robbie Williams - Rock DJ", "Robbie Williams - Rock DJ (Player One Remix).mp3", REFUSED),
    ("The Cardigans - Lovefool", "The Cardigans - Lovefool (Tee's Radio).mp3", REFUSED),
    ("Michael Bublé - Home", "Edward Sharpe & The Magnetic Zeros - Home.mp3", REFUSED),
    ("Snap! - The Power", "Snap! - The Power '96.mp3", REFUSED),
]


@pytest.mark.parametrize(("wanted", "path", "taken"), CASES)
def test_a_person_would_decide_so(wanted: str, path: str, taken: bool) -> None:
    """Without a length and an album, as from a plain list."""
    artist, _, title = wanted.partition(" - ")
    found = decide(WantedTrack(title, (artist,)), [FileCandidate(f"@@shared\\Music\\{path}".replace("/", "\\"))])
    assert (found.picked is not None) is taken, found.reason + str([one.refused for one in found.refused])


WITH_A_LENGTH = [
    ("Radiohead - Creep", "", "Radiohead/1993-02-22 - Pablo Honey/02 - Creep.mp3", TAKEN),
    ("Radiohead - Creep", "The Best Of", "Radiohead/1993-02-22 - Pablo Honey/02 - Creep.mp3", TAKEN),
    ("Pearl Jam - Alive", "Ten", "Pearl Jam/1991-08-27 Ten/03 - Alive.mp3", TAKEN),
    ("Bill Withers - Ain't No Sunshine", "", "x/Bill Withers - Ain't No Sunshine - YouTube.mp3", TAKEN),
    ("Bill Withers - Ain't No Sunshine", "", "x/Bill Withers - Ain't No Sunshine - Notting Hill.mp3", TAKEN),
    ("Bill Withers - Ain't No Sunshine", "", "x/Bill Withers - Ain't No Sunshine - Just As I Am.mp3", TAKEN),
    ("Taylor Swift - Shake It Off (Taylor's Version)", "", "Taylor Swift/1989/06 - Shake It Off.mp3", REFUSED),
    (
        "Taylor Swift - Shake It Off (Taylor's Version)",
        "",
        "Taylor Swift/1989 (Taylor's Version)/06 - Shake It Off.mp3",
        TAKEN,
    ),
    ("Taylor Swift - Shake It Off", "", "Taylor Swift/1989 (Taylor's Version)/06 - Shake It Off.mp3", REFUSED),
    ("Daft Punk - Get Lucky (Radio Edit)", "", "Daft Punk/Get Lucky (Radio Edit)/01 - Get Lucky.mp3", TAKEN),
    ("Daft Punk - Get Lucky (Radio Edit)", "", "Daft Punk/Random Access Memories/01 - Get Lucky.mp3", REFUSED),
]


@pytest.mark.parametrize(("wanted", "album", "path", "taken"), WITH_A_LENGTH)
def test_the_same_length_and_the_folder_settle_a_doubt(wanted: str, album: str, path: str, taken: bool) -> None:
    artist, _, title = wanted.partition(" - ")
    found = decide(WantedTrack(title, (artist,), album, 200.0), [FileCandidate(path, 200.0)])
    assert (found.picked is not None) is taken, found.reason + str([one.refused for one in found.refused])


VERSIONS = """
Live à Paris|Version acoustique|version karaoké|Instrumentalversion|生放送|ライブ・バージョン|デモ音源|versión en directo|versión extendida|Langversion|
Akustikversion|Liveversion|Konzertmitschnitt|Club Mix|Dub|Cover Version|Early Take|Take 2|Rehearsal|8D|Lo-Fi Version|VIP Mix|Edit|Video Edit|
DJ Tool|2020 Version|New Version|Stripped|Minus One|Guitar Cover|歌ってみた|弾き語り|オルゴール|Dance Mix|Reggae Version|Choir Version|Voice Memo|
Sped-Up|Slowed & Reverb|Nightcore|8-Bit Version|Karaoke|A Cappella|Tiësto Remix|Interlude|Skit|концерт|акустика|En Vivo
"""
SAME = """
Remaster|2011 Remaster|Remastered 2009|Remasterisé|リマスター|24-Bit Remaster|Remastered in 2018|Mono|Stereo Mix|Album Mix|Explicit|Album Version|
Original Mix|Single Version|Bonus Track|Japan Bonus Track|Official Video|Official Audio|Clip Officiel|Offizielles Video|Video Oficial|Lyrics|HD|
From "Barbie"|feat. Somebody Else|ft. Somebody Else|prod. Somebody Else|Uncensored|Version originale|Originalversion|Theme from Barbie
"""


def said(text: str) -> list[str]:
    return text.replace("\n", "").split("|")


@pytest.mark.parametrize("version", said(VERSIONS))
@pytest.mark.parametrize("form", ["Known Tune ({})", "Known Tune [{}]", "Known Tune - {}"])
def test_a_version_is_told_in_brackets_and_behind_a_dash(form: str, version: str) -> None:
    wanted = WantedTrack("Known Tune", ("Somebody Known",))
    found = decide(wanted, [FileCandidate(f"Somebody Known/Album/03 - {form.format(version)}.mp3")])
    assert found.picked is None


@pytest.mark.parametrize("version", said(SAME))
@pytest.mark.parametrize("form", ["Known Tune ({})", "Known Tune [{}]", "Known Tune - {}"])
def test_what_says_nothing_of_the_recording_changes_nothing(form: str, version: str) -> None:
    plain, named = "Known Tune", form.format(version)
    for title, name in ((plain, named), (named, plain)):
        found = decide(
            WantedTrack(title, ("Somebody Known",)), [FileCandidate(f"Somebody Known/Album/03 - {name}.mp3")]
        )
        assert found.picked is not None, found.refused


SIBLINGS = tuple(
    f"Michael Jackson - Thriller - {one}.mp3" for one in ("Beat It", "Billie Jean", "Thriller", "Human Nature")
)


@pytest.mark.parametrize(("name", "taken"), [(SIBLINGS[0], REFUSED), (SIBLINGS[2], TAKEN)])
def test_files_beside_it_say_which_piece_is_the_album(name: str, taken: bool) -> None:
    """In the name of each the second piece is the album, and the third one the title."""
    wanted = WantedTrack("Thriller", ("Michael Jackson",))
    assert (decide(wanted, [FileCandidate(f"mp3/{name}", siblings=SIBLINGS)]).picked is not None) is taken


def test_songs_beside_their_versions_keep_their_title() -> None:
    wanted = WantedTrack("Hello", ("Adele",))
    names = ("Adele - Hello.mp3", "Adele - Hello - Live.mp3", "Adele - Hello - Acoustic.mp3")
    found = decide(wanted, [FileCandidate(f"Hello/{name}", siblings=names) for name in names])
    assert found.picked is not None
    assert found.picked.index == 0
