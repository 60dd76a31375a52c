"""What trackers say about torrents: how many share them, asked over UDP (BEP 15) and HTTP (BEP 48)."""
