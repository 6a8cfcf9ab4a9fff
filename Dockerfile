# etl: one static binary in an empty image.
#
#   docker build -t etl .
#
# A directory .vendor-cache/ in the context, a copy of ~/.cache/etl-build, saves
# the ten minutes that the libraries take; without it they are built here. The
# binary has the bytes of a host build where the base is the host's release.

ARG BUILD_BASE=debian:bookworm-slim
FROM ${BUILD_BASE} AS build

WORKDIR /src
COPY scripts/install-deps scripts/
RUN scripts/install-deps build

# Libraries in a layer of their own. The pattern makes the cache optional: COPY
# refuses a missing source, so a file that is always there stands beside it.
ENV XDG_CACHE_HOME=/cache
COPY Makefile .vendor-cach[e] /cache/etl-build/
COPY Makefile ./
COPY vendor vendor
RUN make -j"$(nproc)" vendor

COPY LICENSE NOTICES ./
COPY scripts/sbom scripts/
COPY cmd cmd
COPY lib lib
RUN make -j"$(nproc)" all sbom

# The image's files. Any UID may write to the working directory, for those who
# run it without a volume there.
RUN install -D build/etl /image/usr/bin/etl && \
	install -D -m 644 /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ca-certificates.crt && \
	install -D -m 644 -t /image/usr/share/doc/etl LICENSE NOTICES build/etl.cdx.json && \
	cp -r /usr/share/zoneinfo /image/usr/share/zoneinfo && \
	cd /image/usr/share/zoneinfo && rm -rf posix right localtime && \
	install -d -m 1777 /image/work

FROM scratch
ARG VERSION=0.1.0
ARG REVISION=
LABEL org.opencontainers.image.title="etl" \
	org.opencontainers.image.description="Moves tables between databases and files: jobs, runs and workers" \
	org.opencontainers.image.licenses="Apache-2.0" \
	org.opencontainers.image.version="${VERSION}" \
	org.opencontainers.image.revision="${REVISION}"
COPY --from=build /image/ /

# Configuration is read from ./etl.ini or /etc/etl/etl.ini (a ConfigMap). What
# the program writes goes to the working directory: mount an emptyDir or a
# volume there, and the root file system can be read-only. Any other UID does.
WORKDIR /work
USER 65532:65532
ENTRYPOINT ["/usr/bin/etl"]
CMD ["demo"]
