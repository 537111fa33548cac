{{- /* The agent's command line. */}}
{{- define "fairlead.flags" -}}
- --http-address=0.0.0.0:8080
- --namespace={{ .Release.Namespace }}
- --lease-name={{ include "fairlead.lease" . }}
- --secret-reader={{ include "fairlead.name" . }}-secret-reader
- --pod-name=$(POD_NAME)
- --log-level={{ .Values.agent.logLevel }}
- --resync-seconds={{ .Values.agent.resyncSeconds }}
- --signals={{ .Values.signals.from }}
- --signals-seconds={{ .Values.signals.seconds }}
{{- with .Values.signals.prometheusURL }}
- --prometheus-url={{ . }}
{{- else }}
{{- if eq .Values.signals.from "Prometheus" }}
{{- fail "signals.from is Prometheus: set signals.prometheusURL, such as http://prometheus.monitoring:9090" }}
{{- end }}
{{- end }}
{{- if .Values.signals.endpointPicker }}
- --picker-token-file=/var/run/secrets/fairlead.dev/endpoint-picker/token
{{- end }}
{{- with .Values.watchNamespaces }}
- --watch-namespaces={{ . | uniq | join "," }}
{{- end }}
{{- with .Values.agent.cloudflareAPI }}
- --cloudflare-api={{ . }}
{{- end }}
{{- end }}
