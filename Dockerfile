FROM python:3.13-slim
LABEL org.opencontainers.image.title="Nightcrew" \
    org.opencontainers.image.description="All the background work of a home media server in one supervised, durable, visible program." \
    org.opencontainers.image.licenses="MIT"
RUN apt-get update && apt-get install -y --no-install-recommends ffmpeg libchromaprint-tools tzdata && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY requirements/runtime.txt requirements/
RUN pip install --no-cache-dir --require-hashes -r requirements/runtime.txt
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN pip install --no-cache-dir --no-deps . && rm -rf build src
COPY contrib/entrypoint contrib/healthcheck /usr/local/bin/
# Settings are kept in /config, recordings and music in /media. Only /config, /media and /tmp are written to.
ENV PUID=1000 PGID=1000 UMASK=022 TZ=Etc/UTC \
    NIGHTCREW_HOST=0.0.0.0 NIGHTCREW_PORT=8780 NIGHTCREW_DATA_DIR=/config NIGHTCREW_ALIVE_FILE=/tmp/nightcrew-alive \
    NIGHTCREW_RECORDINGS_LIBRARY=/media/recordings NIGHTCREW_MUSIC_LIBRARY=/media/music
VOLUME ["/config", "/media"]
EXPOSE 8780
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s CMD ["healthcheck"]
ENTRYPOINT ["entrypoint"]
CMD ["serve"]
