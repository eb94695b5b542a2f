#!/bin/sh
# Starts nginx with what its environment says, and beside it what keeps upstreams and certificates up to date.
#
#   UPSTREAM_HOST, UPSTREAM_PORT   the coordinators: every address of the name      (coordinator, 3000)
#   GRAFANA_HOST, GRAFANA_PORT     what /grafana/ leads to                           (grafana, 3000)
#   DOMAIN, ACME_EMAIL             a certificate for the domain, from ACME_SERVER    (none: a local authority)
#   ACME_SERVER                    the directory's address                           (Let's Encrypt)
#   LAN_NAMES                      more names and addresses for the local authority's certificate, with commas or blanks
#   REQUESTS_PER_SECOND, REQUESTS_AT_ONCE, CONNECTIONS_PER_ADDRESS                   (100, 1000, 512)
#   HTTP_LISTEN, HTTPS_LISTEN      addresses and ports to listen on                  (80 and 443 of all addresses)
#   API_LISTEN                     plain HTTP for this machine alone: publish it on loopback   (none)
#   FIGURES_LISTEN                 for Prometheus: certificate and upstreams         (9113)
#   PUBLIC_HTTPS_PORT              the port that others see, for redirects           (443)
#   CERTIFICATES_DIR, STATE_DIR    what stays, and what goes with the container
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
: "${STATE_DIR:=/run/nginx}" "${CERTIFICATES_DIR:=/etc/threads/certificates}"
: "${UPSTREAM_HOST:=coordinator}" "${UPSTREAM_PORT:=3000}" "${GRAFANA_HOST:=grafana}" "${GRAFANA_PORT:=3000}"
: "${REQUESTS_PER_SECOND:=100}" "${REQUESTS_AT_ONCE:=1000}" "${CONNECTIONS_PER_ADDRESS:=512}"
: "${PUBLIC_HTTPS_PORT:=443}" "${ACCESS_LOG:=/dev/stdout}" "${MODULES_DIR:=/usr/lib/nginx/modules}"
: "${API_LISTEN:=}" "${DOMAIN:=}" "${ACME_EMAIL:=}" "${ACME_SERVER:=}" "${LAN_NAMES:=}"
[ -n "$ACME_SERVER" ] || ACME_SERVER=https://acme-v02.api.letsencrypt.org/directory
export STATE_DIR CERTIFICATES_DIR UPSTREAM_HOST UPSTREAM_PORT GRAFANA_HOST GRAFANA_PORT PUBLIC_HTTPS_PORT
export DOMAIN ACME_EMAIL ACME_SERVER LAN_NAMES

fail() {
  printf 'nginx of Threads Cluster: %s\n' "$1" >&2
  exit 1
}

if [ -z "${HTTP_LISTEN:-}" ]; then HTTP_LISTEN=80; fi
if [ -z "${HTTPS_LISTEN:-}" ]; then HTTPS_LISTEN=443; fi
if [ -z "${FIGURES_LISTEN:-}" ]; then FIGURES_LISTEN=9113; fi
if [ -n "$DOMAIN" ] && [ -z "$ACME_EMAIL" ]; then
  fail 'DOMAIN is set and ACME_EMAIL is not: give the address that the certificate authority may write to'
fi
case "$DOMAIN" in *[!A-Za-z0-9.-]*) fail "DOMAIN=$DOMAIN is no name of a host" ;; esac

umask 022
mkdir -p "$STATE_DIR/temp" "$STATE_DIR/acme-challenges" "$CERTIFICATES_DIR" ||
  fail "$STATE_DIR or $CERTIFICATES_DIR can't be written: it needs a tmpfs and a volume that belong to user $(id -u)"
[ -w "$CERTIFICATES_DIR" ] || fail "$CERTIFICATES_DIR can't be written by user $(id -u): change the volume's owner"

types='text/plain text/css text/javascript application/javascript application/json application/manifest+json application/wasm application/xml image/svg+xml'
fill() {
  sed -e "s|@STATE_DIR@|$STATE_DIR|g" -e "s|@SHARE_DIR@|$STATE_DIR/share|g" \
    -e "s|@CERTIFICATES_DIR@|$CERTIFICATES_DIR|g" -e "s|@MODULES_DIR@|$MODULES_DIR|g" \
    -e "s|@API_LISTEN@|$API_LISTEN|g" -e "s|@FIGURES_LISTEN@|$FIGURES_LISTEN|g" -e "s|@HTTP_LISTEN@|$HTTP_LISTEN|g" -e "s|@HTTPS_LISTEN@|$HTTPS_LISTEN|g" -e "s|@ACCESS_LOG@|$ACCESS_LOG|g" \
    -e "s|@REQUESTS_PER_SECOND@|$REQUESTS_PER_SECOND|g" -e "s|@REQUESTS_AT_ONCE@|$REQUESTS_AT_ONCE|g" \
    -e "s|@CONNECTIONS@|$CONNECTIONS_PER_ADDRESS|g" -e "s|@PUBLIC_HTTPS_PORT@|$PUBLIC_HTTPS_PORT|g" \
    -e "s|@COMPRESSED_TYPES@|$types|g" "$1" > "$2"
}
mkdir -p "$STATE_DIR/share"
fill "$here/nginx.conf.in" "$STATE_DIR/nginx.conf"
for name in forwarded to-coordinator own-answers coordinator-locations; do
  fill "$here/$name.conf.in" "$STATE_DIR/share/$name.conf"
done
# Local addresses are told to /trust: their certificate is one that nobody trusts yet.
if [ -n "$DOMAIN" ]; then fill "$here/plain-domain.conf.in" "$STATE_DIR/plain.conf"
else fill "$here/plain-local.conf.in" "$STATE_DIR/plain.conf"; fi
if [ -n "$API_LISTEN" ]; then fill "$here/api.conf.in" "$STATE_DIR/api.conf"; else : > "$STATE_DIR/api.conf"; fi
rm -rf "$STATE_DIR/share/pages"
cp -r "$here/pages" "$STATE_DIR/share/pages"

"$here/certificate.sh" local
"$here/upstreams.sh" write || true
nginx -t -q -c "$STATE_DIR/nginx.conf" || fail 'the configuration is wrong (above is where)'

rm -f "$STATE_DIR/nginx.pid"
# exec keeps this process's id: $$ is nginx below, and the keeper ends with it.
"$here/keeper.sh" "$$" &
exec nginx -c "$STATE_DIR/nginx.conf"
