"""slskd, the Soulseek client that people run: searching, downloading, following. Checked against its REST API v0 at 0.26."""
