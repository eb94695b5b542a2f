# The cluster's images, one file: targets coordinator, cpu-worker, gpu-worker (nginx has its own, nginx/Dockerfile).
#
#   docker build --target coordinator -t threads-cluster/coordinator .
#   docker buildx build --platform linux/amd64,linux/arm64 --target gpu-worker .
#
# All of them run as user 10001 on a root that can't be written, with a tmpfs at /tmp. What is built for a browser, and
# what npm brings, is the same for every processor and made once on the building machine; only Dawn and the compile
# cache are made for the target.
ARG NODE_IMAGE=node:24-bookworm-slim
ARG DEBIAN_IMAGE=debian:bookworm-slim

# Kernels and pages.
FROM --platform=$BUILDPLATFORM ${NODE_IMAGE} AS build
WORKDIR /app
ENV npm_config_cache=/tmp/npm
COPY package.json package-lock.json .npmrc ./
# Without install scripts: the one that is needed fetches Node, which is here.
RUN --mount=type=cache,id=threads-npm,target=/tmp/npm npm ci --ignore-scripts
COPY tsconfig.json ./
COPY scripts scripts
COPY protocol protocol
COPY shaders shaders
COPY client client
RUN node scripts/build.ts

# What runs uses at run time, without what the pages are made of: that is in the pages.
FROM --platform=$BUILDPLATFORM ${NODE_IMAGE} AS dependencies
WORKDIR /app
ENV npm_config_cache=/tmp/npm
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=cache,id=threads-npm,target=/tmp/npm npm ci --omit=dev --ignore-scripts
RUN mkdir /dawn && mv node_modules/webgpu /dawn/webgpu \
 && rm -r node_modules/preact node_modules/@preact node_modules/comlink node_modules/@noble node_modules/.bin \
 && find node_modules -type d '(' -name test -o -name tests -o -name __tests__ ')' -prune -exec rm -r {} + \
 && find node_modules -name '*.test.ts' -delete \
 && find node_modules '(' -name '*.map' -o -name '*.md' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' ')' -delete

# The project's own files, as they run: sources and what is built of them, without the pages' sources.
FROM --platform=$BUILDPLATFORM ${NODE_IMAGE} AS project
WORKDIR /app
COPY package.json ./
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/build/kernels build/kernels
COPY protocol protocol
COPY shaders shaders
COPY coordinator coordinator
COPY client client
COPY cli cli
COPY scripts/health-check.mjs scripts/
RUN rm -r client/browser && find . -name tsconfig.json -not -path './node_modules/*' -delete

FROM ${NODE_IMAGE} AS node

# Debian, Node and a user: no npm, no compiler.
FROM ${DEBIAN_IMAGE} AS runtime
COPY --from=node /usr/local/bin/node /usr/local/bin/node
# Shows at build time whether Node finds its libraries on this base.
RUN node --version \
 && groupadd --gid 10001 threads \
 && useradd --uid 10001 --gid 10001 --home-dir /nonexistent --no-create-home --shell /usr/sbin/nologin threads \
 && install -d -o 10001 -g 10001 -m 0700 /data /run/threads
WORKDIR /app
# node:sqlite says on every start that it is experimental. The compile cache is filled below and only read later. One heap
# of glibc's instead of one for each thread: 15 to 50 MB less of a GPU worker.
ENV NODE_ENV=production \
    MALLOC_ARENA_MAX=1 \
    NODE_OPTIONS=--disable-warning=ExperimentalWarning \
    NODE_COMPILE_CACHE=/app/.cache/compile
ENTRYPOINT ["node", "/app/cli/main.ts"]

FROM runtime AS app
COPY --from=project /app /app
USER 10001:10001

# What Node makes of the TypeScript, written while a coordinator and a worker run through a job. Without it every
# process loads the type stripper: 25 MB and nearly twice the CPU time to start (docs/measurements.md).
FROM app AS compiled
USER root
RUN install -d -o 10001 -g 10001 /app/.cache/compile
COPY scripts/fill-compile-cache.ts /app/scripts/
USER 10001:10001
RUN node /app/scripts/fill-compile-cache.ts cpu && chmod -R a+rX /app/.cache/compile

FROM app AS coordinator
COPY --from=build /app/build/pages build/pages
COPY --from=compiled --chown=0:0 /app/.cache /app/.cache
ENV HOST=0.0.0.0 \
    COORDINATOR_PORT=3000 \
    METRICS_PORT=9090 \
    DATA_DIR=/data \
    WORKER_KEY_FILE=/run/threads/worker.key
EXPOSE 3000 9090
VOLUME /data
# Where nothing else is said, the platform asks this: /ready is 200 while the store takes results.
HEALTHCHECK --interval=3s --timeout=5s --start-period=30s --retries=5 \
  CMD ["node", "/app/scripts/health-check.mjs", "http://127.0.0.1:3000/ready"]
CMD ["coordinator"]
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Threads Cluster coordinator" \
      org.opencontainers.image.description="Gives out ranges of work, checks and keeps results; serves the pages and the API" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

FROM app AS cpu-worker
COPY --from=compiled --chown=0:0 /app/.cache /app/.cache
ENV HOST=0.0.0.0 \
    WORKER_PORT=9100 \
    COORDINATOR_URL=http://coordinator:3000 \
    API_KEY_FILE=/run/threads/worker.key \
    DATA_DIR=/tmp/threads
EXPOSE 9100
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
  CMD ["node", "/app/scripts/health-check.mjs", "http://127.0.0.1:9100/health"]
CMD ["worker", "--kind", "cpu"]
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Threads Cluster CPU worker" \
      org.opencontainers.image.description="Computes for a coordinator on this machine's processors" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

# The Vulkan loader and Mesa's drivers (AMD, Intel, software). From backports, since Dawn refuses the software driver
# of Debian 12's own Mesa. NVIDIA's driver comes from the host by its container runtime; it needs X's client libraries
# and EGL beside it, and a file that tells the loader its name.
FROM runtime AS vulkan
RUN . /etc/os-release \
 && sed "s/\b${VERSION_CODENAME}-updates\b/${VERSION_CODENAME}-backports/" /etc/apt/sources.list.d/debian.sources \
      > /etc/apt/sources.list.d/backports.sources \
 && apt-get update \
 && apt-get install --yes --no-install-recommends --target-release "${VERSION_CODENAME}-backports" \
      libvulkan1 mesa-vulkan-drivers libegl1 libx11-6 libxext6 \
 && rm -rf /etc/apt/sources.list.d/backports.sources /var/lib/apt/lists/* /var/cache/apt/* /var/log/*.log /var/log/apt
RUN install -d /etc/vulkan/icd.d && printf '%s\n' \
      '{ "file_format_version": "1.0.0", "ICD": { "library_path": "libGLX_nvidia.so.0", "api_version": "1.3.0" } }' \
      > /etc/vulkan/icd.d/nvidia_icd.json
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=graphics,compute,utility

# Of Dawn's builds only the target's.
FROM --platform=$BUILDPLATFORM ${NODE_IMAGE} AS dawn
ARG TARGETARCH
COPY --from=dependencies /dawn /dawn
RUN case "${TARGETARCH}" in amd64) built=linux-x64 ;; arm64) built=linux-arm64 ;; \
      *) echo "there is no Dawn for ${TARGETARCH}" >&2; exit 1 ;; esac \
 && find /dawn/webgpu/dist -mindepth 1 -maxdepth 1 ! -name "${built}" -exec rm -r {} + \
 && test -f "/dawn/webgpu/dist/${built}/dawn.node"

FROM vulkan AS gpu-app
COPY --from=project /app /app
COPY --from=dawn /dawn/webgpu /app/node_modules/webgpu
USER 10001:10001

FROM gpu-app AS gpu-compiled
USER root
RUN install -d -o 10001 -g 10001 /app/.cache/compile
COPY scripts/fill-compile-cache.ts /app/scripts/
USER 10001:10001
RUN node /app/scripts/fill-compile-cache.ts gpu && chmod -R a+rX /app/.cache/compile

FROM gpu-app AS gpu-worker
COPY --from=gpu-compiled --chown=0:0 /app/.cache /app/.cache
ENV HOST=0.0.0.0 \
    WORKER_PORT=9100 \
    COORDINATOR_URL=http://coordinator:3000 \
    API_KEY_FILE=/run/threads/worker.key \
    DATA_DIR=/tmp/threads \
    XDG_CACHE_HOME=/tmp
EXPOSE 9100
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
  CMD ["node", "/app/scripts/health-check.mjs", "http://127.0.0.1:9100/health"]
CMD ["worker", "--kind", "gpu"]
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Threads Cluster GPU worker" \
      org.opencontainers.image.description="Computes for a coordinator on this machine's graphics processors, by Vulkan" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
