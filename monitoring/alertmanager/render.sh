#!/usr/bin/env bash
# Prints the Alertmanager configuration that tells somebody: alertmanager.yml with a receiver made of the environment.
# It carries the password or secret address as it stands: keep it with a mode that only Alertmanager can read.
#   ALERT_WEBHOOK_URL          alerts are posted there as JSON
#   ALERT_EMAIL_TO             mail goes there (several: separated by commas), and then
#   ALERT_EMAIL_FROM           the sender (default: the recipient)
#   ALERT_EMAIL_SERVER         host:port of the mail server; TLS is required unless ALERT_EMAIL_TLS=false
#   ALERT_EMAIL_USER, ALERT_EMAIL_PASSWORD   where the server asks for them
# With neither, the configuration that tells nobody is printed.
set -euo pipefail

fail() {
  printf 'render.sh: %s\n' "$1" >&2
  exit 2
}

# A YAML string: in single quotes only the quote itself means something.
quoted() {
  case $1 in
    *[[:cntrl:]]*) fail 'a setting ALERT_… has a line break or another control character: write it on one line' ;;
  esac
  printf "'%s'" "${1//\'/\'\'}"
}

base="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/alertmanager.yml"
url=${ALERT_WEBHOOK_URL:-}
to=${ALERT_EMAIL_TO:-}

if [ -z "$url" ] && [ -z "$to" ]; then
  cat "$base"
  exit 0
fi
case $url in
  '' | http://?* | https://?*) ;;
  *) fail 'ALERT_WEBHOOK_URL is no address of HTTP or HTTPS: https://example.org/alerts' ;;
esac
server=${ALERT_EMAIL_SERVER:-}
if [ -n "$to" ] && ! [[ $server =~ ^[^[:space:]]+:[0-9]+$ ]]; then
  fail 'ALERT_EMAIL_TO is set, so ALERT_EMAIL_SERVER has to name the mail server: smtp.example.org:587'
fi
tls=${ALERT_EMAIL_TLS:-true}
case $tls in
  true | false) ;;
  *) fail 'ALERT_EMAIL_TLS is true or false' ;;
esac

text="$(sed -e '/^#/d' -e 's/^\(  receiver:\) nobody$/\1 operator/' -e 's/^\(  - name:\) nobody$/\1 operator/' "$base")"
if [ -n "$url" ]; then
  text+="
    webhook_configs:
      - url: $(quoted "$url")
        send_resolved: true"
fi
if [ -n "$to" ]; then
  text+="
    email_configs:
      - to: $(quoted "$to")
        from: $(quoted "${ALERT_EMAIL_FROM:-${to%%,*}}")
        smarthost: $(quoted "$server")
        require_tls: $tls
        send_resolved: true"
  if [ -n "${ALERT_EMAIL_USER:-}" ]; then
    text+="
        auth_username: $(quoted "$ALERT_EMAIL_USER")
        auth_password: $(quoted "${ALERT_EMAIL_PASSWORD:-}")"
  fi
fi
printf '%s\n' "$text"
