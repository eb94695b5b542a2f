#!/bin/sh
# Writes the addresses of the coordinators and of Grafana as they are now to STATE_DIR/upstreams.conf. nginx 1.22 asks for
# a name at its start only, and knows no `resolve`; a variable in proxy_pass would be asked again, but passes by
# `upstream` and with it least_conn. Status 0 if something changed, 1 if not.
#
# A coordinator that says that it takes no requests gets no new ones while another one does: it lets its workers go, so that
# least_conn would send all that connect to it. One that says nothing is left to nginx, which asks the next one itself: a busy
# coordinator answers late, and each change here costs a reload.
#
# max_fails=0: nginx counts failures back only when a request ends well, and a worker's ends when it leaves. With max_fails=2
# and fail_timeout=3s a coordinator that had come back got one worker in 3 s: of 58, 34 were back a minute after
# all three had restarted; now all are within 7 s. What it costs: one that died and whose name is still known
# is tried by each that connects, which finds nobody listening at once, or waits for proxy_connect_timeout.
set -eu

[ "${1:-}" = write ] || { echo 'usage: upstreams.sh write' >&2; exit 2; }
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
file=$STATE_DIR/upstreams.conf

# Sorted, each once; IPv6 in brackets. None where the name is not known, and what is an address stays one.
addresses() {
  getent ahosts "$1" | awk '{ print $1 }' | sort -u | sed '/:/s/.*/[&]/'
}

# Of the coordinators, those that refuse while another one is ready, one a line. They are asked at once, not one by one.
refusing() {
  said=$(
    for address in $(addresses "$UPSTREAM_HOST" || true); do
      plain=${address#[}
      { printf '%s %s\n' "$address" "$(timeout 1 "$here/readiness.sh" "${plain%]}" "$UPSTREAM_PORT" 2> /dev/null || true)"; } &
    done
    wait
  )
  if printf '%s\n' "$said" | grep -q ' 200$'; then printf '%s\n' "$said" | sed -n 's/ 503$//p'; fi
}

# servers NAME PORT [REFUSING]. A name that leads nowhere for now is down: an upstream must have a server, and nginx
# answers 503 then.
servers() {
  found=$(addresses "$1" || true)
  if [ -z "$found" ]; then
    echo '  server 127.0.0.1:9 down;'
  else
    for address in $found; do
      down=''
      if printf '%s\n' "${3:-}" | grep -qxF "$address"; then down=' down'; fi
      printf '  server %s:%s max_fails=0%s;\n' "$address" "$2" "$down"
    done
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
$(servers "$UPSTREAM_HOST" "$UPSTREAM_PORT" "$(refusing)")
  keepalive 32;
}
upstream grafana {
  zone grafana 64k;
$(servers "$GRAFANA_HOST" "$GRAFANA_PORT")
}
EOF
if cmp -s "$file.new" "$file"; then exit 1; fi
mv "$file.new" "$file"
