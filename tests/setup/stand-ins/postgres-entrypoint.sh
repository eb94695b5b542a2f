#!/bin/bash
# What the upstream image documents of its first start, as far as it is used here: an empty PGDATA becomes a database whose
# superuser has the password in POSTGRES_PASSWORD_FILE, without which it refuses; then /docker-entrypoint-initdb.d/*.sh are
# run against a server that only its own socket reaches. Never as root.
set -euo pipefail
if [ "$1" != postgres ]; then exec "$@"; fi
if [ "$(id -u)" = 0 ]; then
  echo 'the stand-in for postgres does not run as root' >&2
  exit 1
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  [ -s "${POSTGRES_PASSWORD_FILE:-}" ] || { echo 'superuser password is not specified' >&2; exit 1; }
  mkdir -p "$PGDATA"
  chmod 700 "$PGDATA"
  # shellcheck disable=SC2086 # several arguments
  initdb --username=postgres --pwfile="$POSTGRES_PASSWORD_FILE" ${POSTGRES_INITDB_ARGS:-}
  printf '\nhost all all all scram-sha-256\n' >> "$PGDATA/pg_hba.conf"
  pg_ctl -D "$PGDATA" -o "$(printf '%q ' "${@:2}" -c listen_addresses=)" -w start
  for script in /docker-entrypoint-initdb.d/*.sh; do
    if [ -x "$script" ]; then "$script"; fi
  done
  pg_ctl -D "$PGDATA" -m fast -w stop
fi
# Upstream's sample has it.
exec "$@" -c listen_addresses='*'
