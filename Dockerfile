# The whole program in one image; what a container is, is the command: start (default), storage, proxy, cluster ...
# amd64 and arm64: docker buildx build --platform linux/amd64,linux/arm64 .
ARG NODE_IMAGE=node:24-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
COPY src/juno-ext/client/package.json src/juno-ext/client/
RUN npm ci
COPY . .
# The native files of the packages are for all platforms; only those of this one go into the image.
RUN npm run build \
  && npm prune --omit=dev --omit=optional \
  && node scripts/trim-prebuilds.mjs node_modules \
  # A link to sources that are not in the image; what the program uses of them is compiled with it.
  && rm node_modules/junokv-client

FROM ${NODE_IMAGE}
RUN apt-get update \
  && apt-get install -y --no-install-recommends libatomic1 \
  && rm -rf /var/lib/apt/lists/* \
  && useradd --uid 10001 --user-group --create-home --home-dir /var/lib/junokv --shell /usr/sbin/nologin junokv \
  # Volumes that are mounted here begin as these directories: they belong to the user, and nobody else reads them.
  && install -d -m 0700 -o junokv -g junokv /var/lib/junokv /run/junokv /etc/junokv /etc/junokv/secret /etc/junokv/keys
WORKDIR /opt/junokv
COPY --from=build /build/package.json /build/LICENSE ./
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/bin bin
COPY --from=build /build/dist dist
COPY --from=build /build/deploy/docker/healthcheck.mjs bin/
# What is native must load here, in the image that runs, or the build fails.
RUN node -e "require('rocksdb-native'); require('sodium-native')" && ln -s /opt/junokv/bin/junokv.mjs /usr/local/bin/junokv
# By its number: Kubernetes (runAsNonRoot) believes no name.
USER 10001:10001
WORKDIR /var/lib/junokv
ENV NODE_ENV=production JUNOKV_BIND=0.0.0.0 JUNOKV_DATA=/var/lib/junokv/data
VOLUME /var/lib/junokv
EXPOSE 6379
# Commands under way are answered first: give it longer than --shutdown-timeout (docker stop -t 30).
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["node", "/opt/junokv/bin/healthcheck.mjs"]
ENTRYPOINT ["node", "/opt/junokv/bin/junokv.mjs"]
CMD ["start"]
