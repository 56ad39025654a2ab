# docker build --tag telemock .
# docker run --read-only --tmpfs /tmp --volume telemetry:/data --publish 127.0.0.1:8080:8080 telemock

FROM python:3.13-slim-trixie AS python


# Makes a wheel of the checkout and an environment of the wheel. Only /opt/telemock, /data and /ca leave this stage.
FROM python AS build
ENV PIP_CACHE_DIR=/var/cache/pip \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY migrations migrations/
COPY telemock telemock/
RUN --mount=type=cache,target=/var/cache/pip \
    python -m pip wheel --no-deps --wheel-dir /dist . \
    && python -m venv --without-pip /opt/telemock \
    && python -m pip --python /opt/telemock/bin/python install /dist/*.whl \
    && mkdir -p /data /ca/public \
    && chmod 700 /ca


FROM python
LABEL org.opencontainers.image.title="telemock" \
      org.opencontainers.image.description="Point any product at telemock and see exactly what it phones home." \
      org.opencontainers.image.licenses="MIT"
# A container listens on all its addresses; what is published decides who reaches it. Its logs are read by programs.
ENV PATH=/opt/telemock/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TELEMOCK_HOST=0.0.0.0 \
    TELEMOCK_DB=/data/telemetry.db \
    TELEMOCK_CA_DIR=/ca \
    TELEMOCK_LOG_FORMAT=json
COPY --from=build /opt/telemock /opt/telemock
COPY --from=build --chown=10001:10001 /data /data
COPY --from=build --chown=10001:10001 /ca /ca
# By number, so that whoever runs the image can see that it is not root; folders mounted on /data and /ca must be writable to it.
USER 10001:10001
WORKDIR /data
VOLUME ["/data", "/ca"]
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=6s --start-period=10s --retries=3 \
    CMD ["telemock", "health", "--url", "http://127.0.0.1:8080"]
ENTRYPOINT ["telemock"]
CMD ["serve"]
