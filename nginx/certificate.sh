#!/bin/sh
# Certificates, kept in CERTIFICATES_DIR: from an ACME authority for DOMAIN, or from a local authority that is made here
# for the machine's names on the local network.
#
#   certificate.sh local    makes what is missing so that nginx can start, and writes STATE_DIR/certificate.conf
#   certificate.sh renew    renews what is due; status 0 if nginx has to read certificates anew, 1 if not
#
# A domain starts with the local certificate, too: its own is asked for when nginx answers the authority's challenge.
set -eu
umask 077

# The local authority is to be trusted once; the server's certificate is short, since nobody has to do anything for it.
authority_days=3650
server_days=60
renew_s=$((30 * 24 * 3600))

authority=$CERTIFICATES_DIR/authority
server=$CERTIFICATES_DIR/server
acme=$CERTIFICATES_DIR/acme

say() { printf '{"level":"%s","part":"nginx","msg":"%s"}\n' "$1" "$2" >&2; }

# What the local authority may ever certify: a stolen key of it opens no bank. Names of local networks, private
# addresses, and what LAN_NAMES had when it was made.
permitted() {
  for name in localhost local lan home.arpa internal; do echo "DNS:$name"; done
  echo IP:127.0.0.0/255.0.0.0 IP:10.0.0.0/255.0.0.0 IP:172.16.0.0/255.240.0.0 IP:192.168.0.0/255.255.0.0 \
    IP:169.254.0.0/255.255.0.0 IP:100.64.0.0/255.192.0.0 \
    IP:0:0:0:0:0:0:0:1/ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff IP:fc00::/fe00:: IP:fe80::/ffc0:: | tr ' ' '\n'
  for name in $(lan_names); do
    case "$name" in
      IP:*:*) echo "$name/ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" ;;
      IP:*) echo "$name/255.255.255.255" ;;
      *) echo "$name" ;;
    esac
  done
}

# LAN_NAMES as entries of a certificate. What is no name or address is told and left out.
lan_names() {
  for name in $(printf '%s' "$LAN_NAMES" | tr ',;' '  '); do
    case "$name" in
      *[!A-Za-z0-9.:-]* | -*) say warn "LAN_NAMES: $name is no name or address" ;;
      *:*) echo "IP:$name" ;;
      *[!0-9.]*) echo "DNS:$name" ;;
      *) echo "IP:$name" ;;
    esac
  done
}

make_authority() {
  [ -s "$authority/key.pem" ] && [ -s "$authority/certificate.pem" ] && return
  mkdir -p "$authority"
  {
    echo 'basicConstraints=critical,CA:TRUE,pathlen:0'
    echo 'keyUsage=critical,keyCertSign,cRLSign'
    echo 'subjectKeyIdentifier=hash'
    printf 'nameConstraints=critical'
    permitted | sort -u | while read -r entry; do printf ',permitted;%s' "$entry"; done
    echo
  } > "$authority/extensions"
  openssl ecparam -name prime256v1 -genkey -noout -out "$authority/key.new"
  # Two clusters in one network have two authorities, which a device tells apart by this.
  openssl req -new -key "$authority/key.new" -subj "/O=Threads Cluster/CN=Threads Cluster $(openssl rand -hex 4)" |
    openssl x509 -req -signkey "$authority/key.new" -days "$authority_days" -sha256 \
      -extfile "$authority/extensions" -out "$authority/certificate.pem" 2>/dev/null
  mv "$authority/key.new" "$authority/key.pem"
  say info "made a local certificate authority: http://HOST/trust says how devices come to trust it"
}

# Localhost, this machine's own addresses on private networks, and LAN_NAMES.
server_names() {
  echo DNS:localhost
  echo IP:127.0.0.1
  echo IP:0:0:0:0:0:0:0:1
  lan_names
}

make_server_certificate() {
  names=$(server_names | sort -u | paste -s -d, -)
  if [ -s "$server/certificate.pem" ] && [ -s "$server/key.pem" ] && [ "$(cat "$server/names" 2>/dev/null)" = "$names" ] &&
    openssl x509 -in "$server/certificate.pem" -noout -checkend "$renew_s" > /dev/null; then
    return 1
  fi
  mkdir -p "$server"
  printf '%s\n' 'basicConstraints=critical,CA:FALSE' 'keyUsage=critical,digitalSignature' \
    'extendedKeyUsage=serverAuth' 'authorityKeyIdentifier=keyid' "subjectAltName=$names" > "$server/extensions"
  openssl ecparam -name prime256v1 -genkey -noout -out "$server/key.new"
  openssl req -new -key "$server/key.new" -subj '/O=Threads Cluster/CN=localhost' |
    openssl x509 -req -CA "$authority/certificate.pem" -CAkey "$authority/key.pem" -set_serial "0x$(openssl rand -hex 16)" \
      -days "$server_days" -sha256 -extfile "$server/extensions" -out "$server/leaf.new" 2>/dev/null
  # An authority that was made before a name was added may not certify it: say so, since browsers will only refuse.
  if ! problem=$(openssl verify -CAfile "$authority/certificate.pem" "$server/leaf.new" 2>&1); then
    say error "the local authority may not certify all of $names ($(printf '%s' "$problem" | tr '\n"' ' .')): remove authority/ in the volume of certificates and start again; devices then have to trust the new one"
    rm -f "$server/key.new" "$server/leaf.new"
    if [ -s "$server/certificate.pem" ]; then return 1; fi
    (LAN_NAMES='' && make_server_certificate)
    return
  fi
  cat "$server/leaf.new" "$authority/certificate.pem" > "$server/certificate.new"
  mv "$server/key.new" "$server/key.pem"
  mv "$server/certificate.new" "$server/certificate.pem"
  rm "$server/leaf.new"
  printf '%s' "$names" > "$server/names"
}

# dehydrated asks when the certificate has less than 30 days left, and else does nothing.
ask_acme() {
  mkdir -p "$acme"
  cat > "$STATE_DIR/dehydrated.conf" <<EOF
BASEDIR="$acme"
WELLKNOWN="$STATE_DIR/acme-challenges"
CA="$ACME_SERVER"
CONTACT_EMAIL="$ACME_EMAIL"
KEY_ALGO=prime256v1
KEYSIZE=2048
RENEW_DAYS=30
LOCKFILE="$STATE_DIR/dehydrated.lock"
CHALLENGETYPE=http-01
EOF
  # What it writes for the challenge is nginx's to read; its keys stay for their owner alone.
  if ! said=$(dehydrated --config "$STATE_DIR/dehydrated.conf" --register --accept-terms 2>&1 &&
    dehydrated --config "$STATE_DIR/dehydrated.conf" --cron --domain "$DOMAIN" 2>&1); then
    say error "no certificate for $DOMAIN from $ACME_SERVER: $(printf '%s' "$said" | tail -n 4 | tr '\n"' ' .') Check that http://$DOMAIN/ leads here from outside, port 80. The next try is in an hour"
  fi
}

# Points nginx at the certificate for the domain, if there is one that is valid, else at the local one. HSTS only with
# the former: it would lock out whoever has not yet come to trust the latter.
write_configuration() {
  certificate=$server/certificate.pem
  issuer=local
  key=$server/key.pem
  # An empty value is not sent; it keeps nginx from adding its own headers to the coordinator's.
  hsts=''
  if [ -n "$DOMAIN" ] && [ -s "$acme/certs/$DOMAIN/fullchain.pem" ] &&
    openssl x509 -in "$acme/certs/$DOMAIN/fullchain.pem" -noout -checkend 0 > /dev/null; then
    certificate=$acme/certs/$DOMAIN/fullchain.pem
    key=$acme/certs/$DOMAIN/privkey.pem
    issuer=acme
    hsts=max-age=31536000
  fi
  ends=$(openssl x509 -in "$certificate" -noout -enddate)
  {
    echo '# HELP certificate_not_after_seconds When the certificate that nginx shows ends.'
    echo '# TYPE certificate_not_after_seconds gauge'
    echo "certificate_not_after_seconds{issuer=\"$issuer\"} $(date -d "${ends#notAfter=}" +%s)"
    echo '# HELP certificate_checked_seconds When it was last looked at.'
    echo '# TYPE certificate_checked_seconds gauge'
    echo "certificate_checked_seconds{issuer=\"$issuer\"} $(date +%s)"
  } > "$STATE_DIR/certificate.prom"
  {
    echo "# $(openssl x509 -in "$certificate" -noout -fingerprint -sha256)"
    echo "ssl_certificate $certificate;"
    echo "ssl_certificate_key $key;"
  } > "$STATE_DIR/certificate.new"
  printf 'add_header Strict-Transport-Security "%s" always;\n' "$hsts" > "$STATE_DIR/hsts.new"
  mv "$STATE_DIR/hsts.new" "$STATE_DIR/hsts.conf"
  if cmp -s "$STATE_DIR/certificate.new" "$STATE_DIR/certificate.conf"; then return 1; fi
  mv "$STATE_DIR/certificate.new" "$STATE_DIR/certificate.conf"
}

make_authority
# At once whole: it is served while this runs, and a device would trust half of it for nothing.
cp "$authority/certificate.pem" "$CERTIFICATES_DIR/ca.crt.new"
chmod 0644 "$CERTIFICATES_DIR/ca.crt.new"
mv "$CERTIFICATES_DIR/ca.crt.new" "$CERTIFICATES_DIR/ca.crt"
make_server_certificate || true
case "${1:-}" in
  local) write_configuration || true ;;
  renew)
    if [ -n "$DOMAIN" ]; then ask_acme; fi
    write_configuration
    ;;
  *) echo 'usage: certificate.sh local|renew' >&2; exit 2 ;;
esac
