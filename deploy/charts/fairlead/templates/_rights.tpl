{{- /* Rules of a role of files/rights.yaml. Takes {root, role, names}; names are those of a role with `only: credentials`. */}}
{{- define "fairlead.rules" -}}
{{- $names := dict
  "lease" (list (include "fairlead.lease" .root))
  "credentials" (.names | default list)
  "watchNamespaces" (empty .root.Values.watchNamespaces | ternary list (prepend .root.Values.watchNamespaces "kube-system" | uniq))
-}}
{{- range index (.root.Files.Get "files/rights.yaml" | fromYaml) .role }}
{{- $rule := omit . "why" "only" }}
{{- with .only }}
{{- with index $names . }}
{{- $rule = set $rule "resourceNames" . }}
{{- end }}
{{- end }}
{{- list $rule | toYaml | nindent 0 }}
{{- end }}
{{- end }}

{{- define "fairlead.agentSubject" -}}
- kind: ServiceAccount
  name: {{ include "fairlead.serviceAccount" . }}
  namespace: {{ .Release.Namespace }}
{{- end }}
