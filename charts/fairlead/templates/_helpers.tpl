{{- /* Names and labels shared by all templates. */ -}}

{{- define "fairlead.name" -}}
{{- printf "%s-operator" .Release.Name | trunc 63 | trimSuffix "-" -}}
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
{{- printf "%s-router" .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- end }}

{{- /* What selects the routers' pods; the operator finds them by the component. Immutable once installed. */ -}}
{{- define "fairlead.router.selectorLabels" -}}
app.kubernetes.io/name: fairlead
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: router
{{- end }}

{{- define "fairlead.router.labels" -}}
{{ merge (include "fairlead.router.selectorLabels" . | fromYaml) (include "fairlead.labels" . | fromYaml) | toYaml }}
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

{{- /* An image reference from {repository, tag}; the tag defaults to the chart's appVersion. */ -}}
{{- define "fairlead.image" -}}
{{- printf "%s:%s" .image.repository (.image.tag | default .root.Chart.AppVersion) -}}
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
