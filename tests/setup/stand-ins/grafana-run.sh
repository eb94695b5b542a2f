#!/bin/sh
exec node /usr/share/grafana/grafana.mjs
