#!/bin/sh
# At PostgreSQL's first start, run by its image (docker-entrypoint-initdb.d): a database, and a role that owns it and is no
# superuser. The superuser can't come by the network afterwards, since it has no password.
set -eu
psql --no-psqlrc --set ON_ERROR_STOP=1 --username postgres --dbname postgres << 'SQL'
\set password `cat "$POSTGRES_PASSWORD_FILE"`
CREATE ROLE threads LOGIN PASSWORD :'password';
CREATE DATABASE threads OWNER threads;
REVOKE ALL ON DATABASE threads FROM PUBLIC;
ALTER ROLE postgres PASSWORD NULL;
SQL
