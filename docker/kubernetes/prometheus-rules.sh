#!/bin/sh
# Prints prometheus-rules.yaml: the rule files of prometheus/ as prometheus-operator wants them.
#   docker/kubernetes/prometheus-rules.sh > docker/kubernetes/prometheus-rules.yaml
set -eu
cd "$(dirname "$0")/../../prometheus"
cat << 'HEAD'
# Made by prometheus-rules.sh from the files in prometheus/: change those.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: drift-relay
  namespace: kospi-prediction
  labels: { app.kubernetes.io/name: drift-relay }
spec:
  groups:
HEAD
for file in fleet-drift-rules.yml drift-rules.yml relay-rules.yml; do
    sed '1,/^groups:/d; s/^./  &/' "$file"
done
