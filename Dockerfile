# The server of dit, on CPUs. See docs/INSTALLING.md.
#
#   docker build -t dit .
#   docker run -p 8080:8080 -e DIT_TOKEN=secret dit                # the built-in model
#   docker run -p 8080:8080 -e DIT_TOKEN=secret -v $PWD/models:/models:ro dit \
#     --dit-checkpoint /models/DiT-XL-2-256x256.pt --vae-checkpoint /models/vae.safetensors

FROM swift:6.3-bookworm AS build
RUN apt-get update \
  && apt-get install -y --no-install-recommends binutils dpkg-dev git make patchelf python3 python3-pip zstd \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN make package ARGS="--allow-changes --level 1 --xz 1"

FROM debian:bookworm-slim
RUN --mount=type=bind,from=build,source=/src/.build/packages,target=/packages \
  apt-get update \
  && apt-get install -y --no-install-recommends /packages/dit_*_amd64.deb \
  && rm -rf /var/lib/apt/lists/* \
  && useradd --system --create-home --home-dir /home/dit --shell /usr/sbin/nologin dit
USER dit
WORKDIR /home/dit
EXPOSE 8080
# Healthy once the model is loaded.
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s --retries=3 \
  CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /healthz HTTP/1.0\\r\\nHost: 127.0.0.1\\r\\n\\r\\n' >&3 && grep -q '^HTTP/1.[01] 200' <&3"]
# Addresses other than loopback need a token: DIT_TOKEN, or --token-file.
ENTRYPOINT ["dit", "serve", "--host", "0.0.0.0", "--port", "8080"]
