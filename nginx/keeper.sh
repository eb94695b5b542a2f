#!/bin/sh
# Beside nginx, whose process id it is given, for as long as that runs: looks for other coordinators every two seconds,
# and for certificates that are to be renewed every hour (the first time at once).
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
nginx=$1
every_s=2
certificate_every_s=${CERTIFICATE_EVERY_S:-3600}
next_certificate=0
now=0

# Until nginx runs the id is that of the shell that becomes it, which a HUP would end.
while kill -0 "$nginx" 2>/dev/null && [ ! -s "$STATE_DIR/nginx.pid" ]; do sleep 0.2; done

# A configuration that does not pass leaves nginx as it is.
reload() {
  if nginx -t -q -c "$STATE_DIR/nginx.conf"; then kill -HUP "$nginx"; fi
}

while kill -0 "$nginx" 2>/dev/null; do
  changed=no
  if "$here/upstreams.sh" write; then changed=yes; fi
  if [ "$now" -ge "$next_certificate" ]; then
    next_certificate=$((now + certificate_every_s))
    if "$here/certificate.sh" renew; then changed=yes; fi
  fi
  if [ "$changed" = yes ]; then reload; fi
  # For Prometheus, served on the port for figures.
  cat "$STATE_DIR/certificate.prom" "$STATE_DIR/upstreams.prom" > "$STATE_DIR/figures.new"
  mv "$STATE_DIR/figures.new" "$STATE_DIR/figures.prom"
  sleep "$every_s"
  now=$((now + every_s))
done
