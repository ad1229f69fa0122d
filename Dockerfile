# Images of the service: `api` without TensorFlow, `worker` for the CPU, `worker-gpu` with CUDA, and `redis`, the store
# with one user per role.
#
# To use mirrors, set PYTHON_IMAGE, REDIS_IMAGE and PIP_INDEX_URL with --build-arg. Packages from any index must match
# the hashes in requirements/.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm
ARG REDIS_IMAGE=redis:7-bookworm

FROM ${PYTHON_IMAGE} AS python
# Logs are unbuffered. Containers have a read-only file system, so Python must not write bytecode.
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PATH=/opt/noisesweep/bin:${PATH}
RUN useradd --uid 10001 --create-home noisesweep \
    && install -d -o noisesweep -g noisesweep /cache
# Folders for downloaded data sets and for the font cache of Matplotlib.
ENV XDG_CACHE_HOME=/cache MPLCONFIGDIR=/tmp/matplotlib
WORKDIR /app
LABEL org.opencontainers.image.description="How much noise can a digit classifier take?" \
      org.opencontainers.image.licenses="Apache-2.0"

# A virtual environment without pip and without the tests of packages, from requirements with hashes. It rarely changes
# and is copied as one layer.
FROM ${PYTHON_IMAGE} AS build
ARG PIP_INDEX_URL
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_CACHE_DIR=/var/cache/pip
RUN python -m venv --without-pip /opt/noisesweep

FROM build AS build-api
COPY requirements/api.txt requirements/
RUN --mount=type=cache,target=/var/cache/pip \
    pip --python /opt/noisesweep/bin/python install --require-hashes -r requirements/api.txt \
    && find /opt/noisesweep -type d -name tests -prune -exec rm -r {} + \
    # Only package_data/plotly.min.js of plotly is used.
    && cd /opt/noisesweep/lib/python3*/site-packages/plotly && rm -r graph_objs labextension validators

FROM build AS build-worker
COPY requirements/worker-cpu.txt requirements/
RUN --mount=type=cache,target=/var/cache/pip \
    pip --python /opt/noisesweep/bin/python install --require-hashes -r requirements/worker-cpu.txt \
    && find /opt/noisesweep -type d -name tests -prune -exec rm -r {} +

FROM build AS build-worker-gpu
COPY requirements/worker-gpu.txt requirements/
RUN --mount=type=cache,target=/var/cache/pip \
    pip --python /opt/noisesweep/bin/python install --require-hashes -r requirements/worker-gpu.txt \
    && find /opt/noisesweep -type d -name tests -prune -exec rm -r {} +

# The documentation, which the API serves at /guide/.
FROM ${PYTHON_IMAGE} AS guide
ARG PIP_INDEX_URL
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_CACHE_DIR=/var/cache/pip
WORKDIR /app
COPY requirements/docs.txt requirements/
RUN --mount=type=cache,target=/var/cache/pip pip install --require-hashes -r requirements/docs.txt
COPY zensical.toml .
COPY docs docs
RUN zensical build --strict

# The code comes last and is not installed, so a change rebuilds only these small layers.
FROM python AS api
COPY --from=build-api /opt/noisesweep /opt/noisesweep
COPY noisesweep noisesweep
COPY shared shared
COPY api api
COPY --from=guide /app/api/guide api/guide
RUN python -m compileall -q noisesweep shared api
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz')"]
CMD ["python", "-m", "api"]
ARG REVISION=unknown
LABEL org.opencontainers.image.title="noisesweep api" org.opencontainers.image.revision="${REVISION}"

FROM python AS worker
COPY --from=build-worker /opt/noisesweep /opt/noisesweep
COPY noisesweep noisesweep
COPY shared shared
COPY worker worker
RUN python -m compileall -q noisesweep shared worker
USER 10001:10001
HEALTHCHECK --interval=30s --timeout=20s --start-period=60s CMD ["python", "-m", "worker.health"]
CMD ["python", "-m", "worker"]
ARG REVISION=unknown
LABEL org.opencontainers.image.title="noisesweep worker" org.opencontainers.image.revision="${REVISION}"

FROM python AS worker-gpu
COPY --from=build-worker-gpu /opt/noisesweep /opt/noisesweep
COPY noisesweep noisesweep
COPY shared shared
COPY worker worker
RUN python -m compileall -q noisesweep shared worker
USER 10001:10001
HEALTHCHECK --interval=30s --timeout=20s --start-period=60s CMD ["python", "-m", "worker.health"]
CMD ["python", "-m", "worker"]
ARG REVISION=unknown
LABEL org.opencontainers.image.title="noisesweep worker, with CUDA" org.opencontainers.image.revision="${REVISION}"

FROM ${REDIS_IMAGE} AS redis
COPY deploy/redis/redis.conf shared/store/noisesweep.lua /etc/noisesweep/
COPY deploy/redis/roles /etc/noisesweep/roles
COPY deploy/redis/noisesweep-redis /usr/local/bin/
RUN chmod -R a+rX /etc/noisesweep \
    && install -d -o redis -g redis /data /run/noisesweep/api /run/noisesweep/worker
USER redis
# A store of gigabytes is healthy while it loads its append-only file, which takes minutes.
HEALTHCHECK --interval=2s --timeout=2s --start-period=10m --retries=5 CMD ["noisesweep-redis", "healthy"]
ENTRYPOINT ["noisesweep-redis"]
CMD ["serve"]
ARG REVISION=unknown
LABEL org.opencontainers.image.title="noisesweep redis" org.opencontainers.image.revision="${REVISION}"
