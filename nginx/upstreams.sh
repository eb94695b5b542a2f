#!/bin/sh
# Writes the addresses of the coordinators and of Grafana as they are now to STATE_DIR/upstreams.conf. nginx 1.22 asks for
# a name at its start only, and knows no `resolve`; a variable in proxy_pass would be asked again, but passes by
# `upstream` and with it least_conn. Status 0 if something changed, 1 if not.
set -eu

[ "${1:-}" = write ] || { echo 'usage: upstreams.sh write' >&2; exit 2; }
file=$STATE_DIR/upstreams.conf

# Sorted, each once; IPv6 in brackets. None where the name is not known, and what is an address stays one.
addresses() {
  getent ahosts "$1" | awk '{ print $1 }' | sort -u | sed '/:/s/.*/[&]/'
}

# A name that leads nowhere for now is down: an upstream must have a server, and nginx answers 503 then.
servers() {
  found=$(addresses "$1" || true)
  if [ -z "$found" ]; then
    echo '  server 127.0.0.1:9 down;'
  else
    for address in $found; do printf '  server %s:%s max_fails=2 fail_timeout=3s;\n' "$address" "$2"; done
  fi
}

cat > "$STATE_DIR/upstreams.prom" <<EOF
# HELP load_balancer_upstreams Coordinators that nginx knows.
# TYPE load_balancer_upstreams gauge
load_balancer_upstreams $(addresses "$UPSTREAM_HOST" | wc -l)
EOF
cat > "$file.new" <<EOF
upstream coordinators {
  zone coordinators 128k;
  least_conn;
$(servers "$UPSTREAM_HOST" "$UPSTREAM_PORT")
  keepalive 32;
}
upstream grafana {
  zone grafana 64k;
$(servers "$GRAFANA_HOST" "$GRAFANA_PORT")
}
EOF
if cmp -s "$file.new" "$file"; then exit 1; fi
mv "$file.new" "$file"
