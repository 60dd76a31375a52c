"""The containers that bytes of strangers are opened as."""

FORMATS = "mpegts,mov,mp4,matroska,webm,flv,live_flv,aac,mp3,ac3,eac3,ogg,flac,mpeg,mpegvideo,h264,hevc,wav"
"""By libav's names. Not among them: playlists and lists of files, which would make libav open other addresses."""
