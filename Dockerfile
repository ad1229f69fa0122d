# Two images from one file: `api`, which has no TensorFlow, and `worker`, which trains on the CPU.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS base
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN useradd --create-home --uid 10001 noisesweep
WORKDIR /app

# The requirements come first and change seldom: a change of code rebuilds only the last layers. The code is used
# where it lies, so that nothing unhashed is fetched to build it.
FROM base AS api
COPY requirements/api.txt requirements/
RUN pip install --require-hashes -r requirements/api.txt
COPY shared shared
COPY api api
ENV MPLCONFIGDIR=/tmp/matplotlib
USER noisesweep
EXPOSE 8000
CMD ["python", "-m", "api"]

FROM base AS worker
COPY requirements/worker-cpu.txt requirements/
RUN pip install --require-hashes -r requirements/worker-cpu.txt
COPY shared shared
COPY worker worker
USER noisesweep
CMD ["python", "-m", "worker"]
