{{/* The same pod, in the StatefulSet of one and in the Deployment of many. */}}
{{- define "openmogr.pod" -}}
metadata:
  labels:
    {{- include "openmogr.labels" . | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    checksum/settings: {{ include "openmogr.toml" .Values.settings | sha256sum }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "openmogr.serviceAccount" . }}
  # It never asks Kubernetes for anything.
  automountServiceAccountToken: false
  # Variables such as OPENMOGR_PORT=tcp://… would look like settings.
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ add .Values.shutdownDelay .Values.shutdownTimeout 10 }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 10001
    runAsGroup: 10001
    fsGroup: 10001
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile:
      type: RuntimeDefault
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if .Values.affinity }}
  affinity:
    {{- toYaml .Values.affinity | nindent 4 }}
  {{- else if include "openmogr.many" . }}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "openmogr.selector" . | nindent 10 }}
  {{- end }}
  containers:
    - name: openmogr
      image: {{ include "openmogr.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      ports:
        - name: http
          containerPort: 9000
        - name: operate
          containerPort: 9001
      env:
        {{- include "openmogr.variables" . | nindent 8 }}
      {{- with (include "openmogr.secrets" .) }}
      envFrom:
        {{- . | nindent 8 }}
      {{- end }}
      # Until the storage has answered once, nothing else is asked.
      startupProbe:
        httpGet:
          path: /-/health
          port: operate
        periodSeconds: 2
        failureThreshold: {{ max 1 (div .Values.probes.startSeconds 2) }}
      # A store that many share may be away for all of them, and a restart would not bring it back.
      livenessProbe:
        httpGet:
          path: {{ ternary "/-/ready" "/-/health" (not (empty (include "openmogr.many" .))) }}
          port: operate
        periodSeconds: {{ .Values.probes.periodSeconds }}
        timeoutSeconds: 5
        failureThreshold: 6
      readinessProbe:
        httpGet:
          path: /-/ready
          port: operate
        periodSeconds: {{ .Values.probes.periodSeconds }}
        timeoutSeconds: 5
        failureThreshold: 1
      resources:
        {{- toYaml .Values.resources | nindent 8 }}
      # Workers close themselves in further (Landlock, seccomp), for which no privileges are needed.
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities:
          drop: [ALL]
      volumeMounts:
        - name: data
          mountPath: /data
        - name: tmp
          mountPath: /tmp
        - name: settings
          mountPath: /etc/openmogr
          readOnly: true
  volumes:
    - name: tmp
      emptyDir:
        sizeLimit: {{ .Values.scratch.tmpSize }}
    - name: settings
      configMap:
        name: {{ include "openmogr.fullname" . }}
    {{- if include "openmogr.many" . }}
    - name: data
      emptyDir:
        sizeLimit: {{ .Values.scratch.dataSize }}
    {{- else if .Values.persistence.existingClaim }}
    - name: data
      persistentVolumeClaim:
        claimName: {{ .Values.persistence.existingClaim }}
    {{- end }}
{{- end }}

{{- define "openmogr.variables" -}}
- name: OPENMOGR_CONFIG
  value: /etc/openmogr/openmogr.toml
- name: OPENMOGR_HOST
  value: 0.0.0.0
- name: OPENMOGR_PORT
  value: "9000"
- name: OPENMOGR_SERVER_OPERATE_ADDRESS
  value: 0.0.0.0:9001
- name: OPENMOGR_SERVER_SHUTDOWN_DELAY
  value: {{ .Values.shutdownDelay | quote }}
- name: OPENMOGR_SERVER_SHUTDOWN_TIMEOUT
  value: {{ .Values.shutdownTimeout | quote }}
- name: OPENMOGR_LOG_FORMAT
  value: json
{{- with .Values.storage.url }}
- name: OPENMOGR_STORAGE_URL
  value: {{ . | quote }}
{{- end }}
{{- with .Values.storage.endpoint }}
- name: OPENMOGR_STORAGE_ENDPOINT
  value: {{ . | quote }}
{{- end }}
{{- with .Values.storage.region }}
- name: OPENMOGR_STORAGE_REGION
  value: {{ . | quote }}
{{- end }}
{{- with .Values.database.url }}
- name: OPENMOGR_DATABASE_URL
  value: {{ . | quote }}
{{- end }}
{{- with .Values.env }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "openmogr.secrets" -}}
{{- range compact (list .Values.auth.existingSecret .Values.storage.existingSecret .Values.database.existingSecret) | uniq }}
- secretRef:
    name: {{ . }}
{{- end }}
{{- with .Values.envFrom }}
{{ toYaml . }}
{{- end }}
{{- end }}
