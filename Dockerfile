# Two images from one file:
#   docker build -t myelin .                        Myelin with Ollama beside it, kept running by supervisord
#   docker build -t myelin:cloud --target cloud .   Myelin alone: Gemini, the built-in finder, an Ollama elsewhere
# Both run as uid 10001, need no root and write to /data and /tmp only. For releases give the bases with their digests.
ARG UBUNTU=ubuntu:24.04
ARG OLLAMA=ollama/ollama:latest

FROM ${OLLAMA} AS ollama

FROM ${UBUNTU} AS base
ENV DEBIAN_FRONTEND=noninteractive LANG=C.UTF-8
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates python3.12 tesseract-ocr tesseract-ocr-por tesseract-ocr-eng \
 && rm -rf /var/lib/apt/lists/*

FROM base AS packages
RUN apt-get update && apt-get install -y --no-install-recommends python3.12-venv && rm -rf /var/lib/apt/lists/*
COPY requirements.txt /tmp/requirements.txt
RUN python3.12 -m venv /opt/myelin \
 && /opt/myelin/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r /tmp/requirements.txt

FROM base AS cloud
COPY --from=packages /opt/myelin /opt/myelin
COPY . /app
RUN /opt/myelin/bin/python -m compileall -q /app \
 && groupadd --gid 10001 myelin \
 && useradd --uid 10001 --gid 10001 --home-dir /data --shell /usr/sbin/nologin myelin \
 && install -d -o 10001 -g 10001 -m 0700 /data
WORKDIR /app
ENV HOME=/data DATA_DIR=/data HOST=0.0.0.0 PORT=8000 PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
VOLUME /data
EXPOSE 8000
USER 10001:10001
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=4 \
  CMD ["/opt/myelin/bin/python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/readyz', timeout=4)"]
STOPSIGNAL SIGTERM
CMD ["/opt/myelin/bin/python", "main.py"]

FROM cloud AS full
USER root
RUN apt-get update && apt-get install -y --no-install-recommends supervisor && rm -rf /var/lib/apt/lists/*
COPY --from=ollama /usr/bin/ollama /usr/bin/ollama
COPY --from=ollama /usr/lib/ollama /usr/lib/ollama
# Only Myelin talks to this Ollama, and the waiting line is in Myelin. MAX_LOADED_MODELS is the number of ALWAYS_ON_MODELS + 2.
ENV OLLAMA_HOST=127.0.0.1:11434 OLLAMA_MODELS=/data/ollama OLLAMA_MAX_LOADED_MODELS=2 OLLAMA_NUM_PARALLEL=1 \
    OLLAMA_CONTEXT_LENGTH=8192 OLLAMA_KEEP_ALIVE=15m OLLAMA_FLASH_ATTENTION=1 OLLAMA_NOPRUNE=1 OLLAMA_MAX_QUEUE=32 \
    OLLAMA_URL=http://127.0.0.1:11434 LD_LIBRARY_PATH=/usr/local/nvidia/lib:/usr/local/nvidia/lib64 \
    NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
USER 10001:10001
CMD ["/usr/bin/supervisord", "--configuration", "/app/supervisord.conf"]
