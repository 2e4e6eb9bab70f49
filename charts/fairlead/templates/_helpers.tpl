{{- /* Names and labels shared by all templates. */ -}}

{{- /* Begins the name of every object: the release, with nameOverride appended, or fullnameOverride. */ -}}
{{- define "fairlead.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if .Values.nameOverride -}}
{{- printf "%s-%s" .Release.Name .Values.nameOverride -}}
{{- else -}}
{{- .Release.Name -}}
{{- end -}}
{{- end }}

{{- define "fairlead.name" -}}
{{- printf "%s-operator" (include "fairlead.fullname" .) | trunc 63 | trimSuffix "-" -}}
{{- end }}

{{- /* What selects the operator's pods; immutable once installed. */ -}}
{{- define "fairlead.selectorLabels" -}}
app.kubernetes.io/name: fairlead
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end }}

{{- define "fairlead.labels" -}}
{{ include "fairlead.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "fairlead.router.name" -}}
{{- printf "%s-router" (include "fairlead.fullname" .) | trunc 63 | trimSuffix "-" -}}
{{- end }}

{{- /* What selects the routers' pods, also for the operator. Immutable once installed. */ -}}
{{- define "fairlead.router.selectorLabels" -}}
app.kubernetes.io/name: fairlead
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: router
{{- end }}

{{- define "fairlead.router.labels" -}}
{{ merge (include "fairlead.router.selectorLabels" . | fromYaml) (include "fairlead.labels" . | fromYaml) | toYaml }}
{{- end }}

{{- /* Type and options of the Service by which clients outside reach the router. */ -}}
{{- define "fairlead.router.outside" -}}
{{- $options := dict "type" .Values.router.service.type -}}
{{- range $name := list "loadBalancerClass" "loadBalancerSourceRanges" "externalTrafficPolicy" -}}
{{- with index $.Values.router.service $name -}}{{- $_ := set $options $name . -}}{{- end -}}
{{- end -}}
{{- toYaml $options -}}
{{- end }}

{{- /* What the router may do, the same rules for Role and ClusterRole: it only reads. */ -}}
{{- define "fairlead.router.rules" -}}
- apiGroups: [fairlead.dev]
  resources: [modeldeployments]
  verbs: [get, list, watch]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [get, list, watch]
{{- end }}

{{- /*
An image reference from {registry, repository, tag, digest}. The tag defaults to the chart's appVersion, and a digest
replaces it. global.imageRegistry takes the place of the registry of the image itself.
*/ -}}
{{- define "fairlead.image" -}}
{{- $suffix := printf ":%s" (.image.tag | default .root.Chart.AppVersion) -}}
{{- with .image.digest }}{{- $suffix = printf "@%s" . -}}{{- end -}}
{{- $name := printf "%s%s" .image.repository $suffix -}}
{{- with .image.registry }}{{- $name = printf "%s/%s" (trimSuffix "/" .) $name -}}{{- end -}}
{{- include "fairlead.mirrored" (dict "image" $name "root" .root) -}}
{{- end }}

{{- /*
An image with global.imageRegistry as its registry, if there is one. As for Kubernetes, the first part of a name is a
registry if it has a dot or a colon, or is localhost.
*/ -}}
{{- define "fairlead.mirrored" -}}
{{- $name := .image -}}
{{- with (.root.Values.global).imageRegistry -}}
{{- $first := splitList "/" $name | first -}}
{{- if and (contains "/" $name) (or (contains "." $first) (contains ":" $first) (eq $first "localhost")) -}}
{{- $name = trimPrefix (printf "%s/" $first) $name -}}
{{- end -}}
{{- $name = printf "%s/%s" (trimSuffix "/" .) $name -}}
{{- end -}}
{{- $name -}}
{{- end }}

{{- /* The pull Secrets of the chart's own pods: the global ones and its own. */ -}}
{{- define "fairlead.pullSecrets" -}}
{{- $names := concat ((.Values.global).imagePullSecrets | default list) (.Values.imagePullSecrets | default list) | uniq -}}
{{- with $names }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{- /* Whether the router is installed. Values of a release from before it existed do not name it. */ -}}
{{- define "fairlead.router.enabled" -}}
{{- if (.Values.router).enabled }}true{{ end -}}
{{- end }}

{{- define "fairlead.clusterDomain" -}}
{{- .Values.clusterDomain | default "cluster.local" -}}
{{- end }}

{{- /* The user and groups of models' pods, as JSON. OpenShift assigns its own and refuses others. */ -}}
{{- define "fairlead.models.podSecurityContext" -}}
{{- if (.Values.openshift).enabled -}}
{}
{{- else -}}
{{- (.Values.models).podSecurityContext | default dict | toJson -}}
{{- end -}}
{{- end }}

{{- /* Least number of pods that may be up: replicas, or the autoscaler's minimum. */ -}}
{{- define "fairlead.router.leastReplicas" -}}
{{- if (.Values.router.autoscaling).enabled -}}
{{- .Values.router.autoscaling.minReplicas | int -}}
{{- else -}}
{{- .Values.router.replicas | int -}}
{{- end -}}
{{- end }}

{{- /* The pod's security context: `podSecurityContext` of operator or router, or the restricted standard's. */ -}}
{{- define "fairlead.podSecurity" -}}
{{- toYaml (.podSecurityContext | default (dict "runAsNonRoot" true "seccompProfile" (dict "type" "RuntimeDefault"))) -}}
{{- end }}

{{- define "fairlead.containerSecurity" -}}
{{- $restricted := dict "allowPrivilegeEscalation" false "readOnlyRootFilesystem" true "capabilities" (dict "drop" (list "ALL")) -}}
{{- toYaml (.containerSecurityContext | default $restricted) -}}
{{- end }}

{{- /* The share of requests with spans; 0 is one too. */ -}}
{{- define "fairlead.samplingPercent" -}}
{{- hasKey .Values.tracing "samplingPercent" | ternary .Values.tracing.samplingPercent 100 | int -}}
{{- end }}

{{- /* Labels as a selector in the form of a query: key=value,key=value. */ -}}
{{- define "fairlead.query" -}}
{{- $parts := list -}}
{{- range $key, $value := . }}{{- $parts = append $parts (printf "%s=%s" $key $value) -}}{{- end -}}
{{- join "," $parts -}}
{{- end }}

{{- /* What the operator may do with models and their children, the same rules for Role and ClusterRole. */ -}}
{{- define "fairlead.rules" -}}
- apiGroups: [fairlead.dev]
  resources: [modeldeployments]
  verbs: [get, list, watch]
- apiGroups: [fairlead.dev]
  resources: [modeldeployments/status]
  verbs: [patch]
# Owner references with blockOwnerDeletion need this where OwnerReferencesPermissionEnforcement is on.
- apiGroups: [fairlead.dev]
  resources: [modeldeployments/finalizers]
  verbs: [update]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, patch, delete]
# Optional kinds: device claims, and replicas over several nodes.
- apiGroups: [resource.k8s.io]
  resources: [resourceclaimtemplates]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [leaderworkerset.x-k8s.io]
  resources: [leaderworkersets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [services, serviceaccounts, configmaps, persistentvolumeclaims]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch, patch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [list, create, patch]
{{- end }}
