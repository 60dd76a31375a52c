FROM python:3.13-slim
RUN apt-get update && apt-get install -y --no-install-recommends ffmpeg gosu && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY requirements/runtime.txt requirements/
RUN pip install --no-cache-dir --require-hashes -r requirements/runtime.txt
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN pip install --no-cache-dir --no-deps .
COPY contrib/entrypoint /entrypoint
ENV PUID=1000 PGID=1000 NIGHTCREW_HOST=0.0.0.0 NIGHTCREW_DATA_DIR=/config
VOLUME ["/config", "/media"]
EXPOSE 8780
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8780/health', timeout=8)"]
ENTRYPOINT ["/entrypoint"]
CMD ["serve"]
