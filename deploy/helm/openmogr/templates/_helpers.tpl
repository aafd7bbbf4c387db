{{- define "openmogr.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" }}
{{- end }}

{{- define "openmogr.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else if contains (include "openmogr.name" .) .Release.Name }}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "openmogr.name" .) | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "openmogr.selector" -}}
app.kubernetes.io/name: {{ include "openmogr.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "openmogr.labels" -}}
{{ include "openmogr.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "openmogr.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "openmogr.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "openmogr.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{/* Not empty where many pods share one store. */}}
{{- define "openmogr.many" -}}
{{- if .Values.storage.url }}yes{{ end }}
{{- end }}

{{/* What does not go together is said before anything is made. */}}
{{- define "openmogr.check" -}}
{{- if and .Values.storage.url (not .Values.database.url) }}
{{- fail "storage.url needs database.url: pods that share a store share what is known of its objects" }}
{{- end }}
{{- if and .Values.database.url (not .Values.storage.url) }}
{{- fail "database.url needs storage.url: many pods cannot share the volume of one" }}
{{- end }}
{{- if and .Values.storage.url (not .Values.auth.existingSecret) }}
{{- fail "storage.url needs auth.existingSecret: each pod would make keys of its own" }}
{{- end }}
{{- if and .Values.ingress.enabled (not .Values.ingress.hosts) }}
{{- fail "ingress.enabled needs ingress.hosts" }}
{{- end }}
{{- if and .Values.autoscaling.enabled (not .Values.storage.url) }}
{{- fail "autoscaling.enabled needs storage.url: one node is one pod" }}
{{- end }}
{{- if and .Values.autoscaling.enabled (not .Values.autoscaling.cpuPercent) (not .Values.autoscaling.admittedBytes) }}
{{- fail "autoscaling.enabled needs autoscaling.cpuPercent or autoscaling.admittedBytes" }}
{{- end }}
{{- end }}

{{/* Settings whose values have to be whole numbers must not come as 1e+09, which Helm makes of large ones. */}}
{{- define "openmogr.toml" -}}
{{- range $section, $fields := . }}
[{{ $section }}]
{{- range $field, $value := $fields }}
{{ $field | quote }} = {{ include "openmogr.tomlValue" $value }}
{{- end }}
{{ end }}
{{- end }}

{{- define "openmogr.tomlValue" -}}
{{- if kindIs "float64" . }}
{{- if eq (floor .) . }}{{ int64 . }}{{ else }}{{ . }}{{ end }}
{{- else if kindIs "map" . }}
{{- $pairs := list }}
{{- range $name, $value := . }}
{{- $pairs = append $pairs (printf "%s = %s" ($name | quote) (include "openmogr.tomlValue" $value)) }}
{{- end }}
{{- printf "{ %s }" (join ", " $pairs) }}
{{- else if kindIs "slice" . }}
{{- $values := list }}
{{- range . }}
{{- $values = append $values (include "openmogr.tomlValue" .) }}
{{- end }}
{{- printf "[%s]" (join ", " $values) }}
{{- else }}
{{- toJson . }}
{{- end }}
{{- end }}
