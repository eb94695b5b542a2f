#!/bin/bash
# Backs the store up: one file for each time, whole or not there. It is read once more before it counts, since a backup that
# can't be read is none; then the oldest beyond the number that is kept go.
#
#   STORE_URL_FILE       the store's address, with its password
#   BACKUPS_DIR          where backups are kept, and figures.prom beside them for Prometheus
#   KEPT_BACKUPS         how many are kept (14)
set -euo pipefail
: "${KEPT_BACKUPS:=14}"
umask 077

fail() {
  printf 'store backup: %s\n' "$1" >&2
  exit 1
}

# The password leaves the address for a file that only this process's user can read: arguments can be read by others of
# the same machine.
url=$(cat "$STORE_URL_FILE")
[[ $url =~ ^(postgres(ql)?://[^:/@]+):([^@/]*)@(.+)$ ]] ||
  fail 'STORE_URL_FILE holds no address such as postgres://user:password@host/database'
password=$(printf '%b' "${BASH_REMATCH[3]//%/\\x}")
password=${password//\\/\\\\}
PGPASSFILE=$(mktemp)
export PGPASSFILE
trap 'rm -f "$PGPASSFILE"' EXIT
printf '*:*:*:*:%s\n' "${password//:/\\:}" > "$PGPASSFILE"
address=${BASH_REMATCH[1]}@${BASH_REMATCH[4]}

cd "$BACKUPS_DIR" || fail "$BACKUPS_DIR is not there"
# Of times before that were cut off.
rm -f .new-*
file=threads-cluster-$(date -u +%Y%m%dT%H%M%SZ).dump
new=.new-$file
pg_dump --no-password --format=custom --no-unlogged-table-data --file="$new" --dbname="$address" ||
  fail 'pg_dump failed: the lines above say why'
pg_restore --list "$new" > /dev/null || fail 'what pg_dump wrote cannot be read'
sync "$new"
mv "$new" "$file"
sync .
{
  echo '# HELP store_backup_success_seconds When the newest backup of the store was made.'
  echo '# TYPE store_backup_success_seconds gauge'
  echo "store_backup_success_seconds $(date +%s)"
  echo '# HELP store_backup_bytes How large it is.'
  echo '# TYPE store_backup_bytes gauge'
  echo "store_backup_bytes $(stat -c %s "$file")"
} > figures.new
# Read by the container beside, which runs in the same group.
chmod 0640 figures.new
mv figures.new figures.prom

# Their names are their times.
kept=(threads-cluster-*.dump)
for ((i = 0; i < ${#kept[@]} - KEPT_BACKUPS; i++)); do rm -f -- "${kept[i]}"; done
echo "store backup: $file, $(stat -c %s "$file") bytes; ${#kept[@]} were there, at most $KEPT_BACKUPS are kept"
