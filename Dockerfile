# syntax=docker/dockerfile:1
# One image for all processes: `gateway`, `reconciler`, `migrate` and every other command.
# It brings along no servers: `doorbuster up` is not for images.

FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
# What changes seldom comes first: a change of our code does not install the libraries again.
COPY ops/image/requirements.txt ops/image/build-requirements.txt ./
RUN python -m venv /opt/doorbuster \
    && /opt/doorbuster/bin/pip install --require-hashes --only-binary=:all: -r requirements.txt \
    && python -m venv /opt/build \
    && /opt/build/bin/pip install --require-hashes --only-binary=:all: -r build-requirements.txt
COPY pyproject.toml README.md ./
COPY doorbuster doorbuster
COPY gateway gateway
COPY lua lua
COPY reconciler reconciler
COPY sql sql
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
    && /opt/doorbuster/bin/pip install --no-deps --no-index dist/*.whl \
    && /opt/doorbuster/bin/pip uninstall --yes pip

FROM python:3.13-slim
# A number, so that Kubernetes can see that it is not root.
ARG USER_ID=10001
RUN useradd --uid "$USER_ID" --user-group --no-create-home --home-dir /nonexistent \
    --shell /usr/sbin/nologin doorbuster
COPY --from=build /opt/doorbuster /opt/doorbuster
# The file system may be read-only, but for /tmp: there, workers add up what they count.
ENV PATH=/opt/doorbuster/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /
USER ${USER_ID}:${USER_ID}
EXPOSE 8000
STOPSIGNAL SIGTERM
ENTRYPOINT ["doorbuster"]
CMD ["gateway", "--host", "0.0.0.0"]
