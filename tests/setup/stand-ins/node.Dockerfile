# Stand-in for node:24-bookworm-slim (tests/setup/stand-in-images.ts).
FROM debian:bookworm-slim
COPY --chmod=0755 node /usr/local/bin/node
COPY npm /usr/local/lib/node_modules/npm
COPY npmrc /usr/local/etc/npmrc
# Node brings its own certificate authorities; the machine may have others before npm.
ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm \
 && npm --version
CMD ["node"]
