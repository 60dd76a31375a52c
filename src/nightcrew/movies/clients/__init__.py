"""Download clients that people connect: each kind is one adapter, and `CLIENTS` has them all."""

from nightcrew.movies.clients.qbittorrent import CLIENT as QBITTORRENT
from nightcrew.movies.clients.transmission import CLIENT as TRANSMISSION

CLIENTS = (QBITTORRENT, TRANSMISSION)
