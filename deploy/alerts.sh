# shellcheck shell=bash
# Who is told of alerts, by ALERT_WEBHOOK_URL and ALERT_EMAIL_…; whoever needs more writes a file of Alertmanager's own
# and names it by ALERTMANAGER_CONFIG (on Kubernetes: makes the Secret alertmanager-receivers of it).

readonly ALERT_SETTINGS='ALERT_WEBHOOK_URL ALERT_EMAIL_TO ALERT_EMAIL_FROM ALERT_EMAIL_SERVER ALERT_EMAIL_TLS ALERT_EMAIL_USER ALERT_EMAIL_PASSWORD'

# Prints Alertmanager's configuration, with secrets. Ends with 2 where a setting is wrong.
render_alert_receiver() {
  local name
  for name in $ALERT_SETTINGS; do export "$name=$(setting "$name" '')"; done
  "$ROOT/monitoring/alertmanager/render.sh" || refuse 'alerts would reach nobody' 'mend the setting that is named above'
}

alerts_are_told() { [ -n "$(setting ALERT_WEBHOOK_URL '')$(setting ALERT_EMAIL_TO '')" ]; }
