#!/bin/sh
# Whether nginx answers: asked by the container's health check. No client of HTTP is in the image but this.
set -eu
: "${STATE_DIR:=/run/nginx}" "${HTTPS_LISTEN:=443}"
port=${HTTPS_LISTEN##*:}
kill -0 "$(cat "$STATE_DIR/nginx.pid")"
printf 'GET /trust HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' |
  openssl s_client -quiet -connect "127.0.0.1:$port" -servername localhost 2>/dev/null |
  head -n 1 | grep -q ' 200 '
