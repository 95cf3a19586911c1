# The model server with a model in it: what retrain.yml publishes, and what Kubernetes runs.
ARG SERVER
FROM ${SERVER}
COPY --chown=10002:10002 --chmod=644 kospi-prediction-model.json /var/lib/drift-model/
