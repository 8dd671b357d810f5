FROM node:24-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
COPY src/juno-ext/client/package.json src/juno-ext/client/
RUN npm ci
COPY . .
RUN npm run build && npm prune --omit=dev --omit=optional

FROM node:24-bookworm-slim
RUN apt-get update \
  && apt-get install -y --no-install-recommends libatomic1 \
  && rm -rf /var/lib/apt/lists/* \
  && useradd --system --create-home --home-dir /var/lib/junokv junokv
WORKDIR /opt/junokv
COPY --from=build /build/package.json /build/LICENSE ./
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/bin bin
COPY --from=build /build/dist dist
USER junokv
ENV JUNOKV_BIND=0.0.0.0 JUNOKV_DATA=/var/lib/junokv/data
VOLUME /var/lib/junokv
EXPOSE 6379
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
  CMD ["node", "-e", "require('node:net').connect(process.env.JUNOKV_PORT || 6379, '127.0.0.1').on('data', (d) => process.exit(/^[+-]/.test(d) ? 0 : 1)).on('error', () => process.exit(1)).write('PING\\r\\n')"]
ENTRYPOINT ["node", "/opt/junokv/bin/junokv.mjs"]
CMD ["start"]
