# shellcheck shell=bash
# A backup is one .tar.gz, readable by its owner alone (it holds keys): `about`, `checksums`, `store` (the coordinator's
# own snapshot) and a tar of each other volume. Of several coordinators on PostgreSQL it has `store.dump` (pg_dump's) in the
# place of `store`, and the admin's key. Docker and Kubernetes write and read the same.

# begin_backup FILE: BACKUP_FOLDER is where its parts are put, BACKUP_FILE what it becomes.
begin_backup() {
  BACKUP_FILE=${1:-$ROOT/backups/threads-cluster-$(date +%Y%m%d-%H%M%S).tar.gz}
  case $BACKUP_FILE in /*) ;; *) BACKUP_FILE=$PWD/$BACKUP_FILE ;; esac
  [ ! -e "$BACKUP_FILE" ] || fail "$BACKUP_FILE is there already" 'name another file'
  umask 077
  mkdir -p "$(dirname "$BACKUP_FILE")" || fail "$(dirname "$BACKUP_FILE") can't be made" 'name a file where you may write'
  make_backup_folder
}

# A folder that goes with the script.
make_backup_folder() {
  BACKUP_FOLDER=$(mktemp -d)
  trap 'rm -rf "$BACKUP_FOLDER"' EXIT
}

end_backup() {
  printf 'threads-cluster backup 1\n%s\n%s\n%s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$(recall place)" "$(recall coordinators)" >"$BACKUP_FOLDER/about"
  (cd "$BACKUP_FOLDER" && sha256_of about store* ./*.tar >checksums)
  tar -C "$BACKUP_FOLDER" -czf "$BACKUP_FILE.new" . || fail "$BACKUP_FILE could not be written" 'make room there, or name another file'
  mv "$BACKUP_FILE.new" "$BACKUP_FILE"
  say "Backup: $BACKUP_FILE ($(du -h "$BACKUP_FILE" | cut -f 1)). It holds keys: keep it where only you can read it."
}

# macOS has no sha256sum.
sha256_of() {
  if command -v sha256sum >/dev/null 2>&1; then sha256sum "$@"; else shasum -a 256 "$@"; fi
}

# restore FILE [PLACE]: where this folder's cluster is; without one, where the backup was made.
restore() {
  [ -f "$1" ] || fail "there is no file $1" 'give the path of a backup, such as backups/threads-cluster-….tar.gz'
  local place=${2:-$(recall place)}
  place=${place:-$(tar -xzOf "$1" ./about 2>/dev/null | sed -n 3p)}
  case $place in docker | kubernetes) ;; *) place=docker ;; esac
  other_place_is_free "$place"
  "${place}_restore" "$1"
}

# begin_restore FILE: its parts are in BACKUP_FOLDER then; it is one, and whole.
begin_restore() {
  make_backup_folder
  if ! tar -C "$BACKUP_FOLDER" -xzf "$1" 2>/dev/null || [ "$(head -n 1 "$BACKUP_FOLDER/about" 2>/dev/null)" != 'threads-cluster backup 1' ]; then
    fail "$1 is no backup of a cluster, or not a whole one" 'take a file that ./deploy-cluster.sh backup made'
  fi
  (cd "$BACKUP_FOLDER" && sha256_of --check --quiet checksums >/dev/null 2>&1) ||
    fail "$1 is damaged: its parts are not what was written" 'take another backup'
}

# How many coordinators were on PostgreSQL when the backup was made.
backup_coordinators() {
  local count
  count=$(sed -n 4p "$BACKUP_FOLDER/about")
  printf '%s\n' "${count:-3}"
}
