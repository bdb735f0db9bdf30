// Package deploy checks what users apply to a cluster, without a cluster: with
// kustomize's, Kubernetes' and Dapr's own code.
package deploy

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	componentsapi "github.com/dapr/dapr/pkg/apis/components/v1alpha1"
	"github.com/dapr/dapr/pkg/injector/patcher"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	clientscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

const (
	root            = "../../deploy/kubernetes"
	componentName   = "mqtt-component"
	socketsVolume   = "dapr-components-unix-domain-socket"
	socketsFolder   = "/tmp/dapr-components-sockets"
	socketsVariable = "DAPR_COMPONENT_SOCKETS_FOLDER"
	daprUser        = int64(65532)
)

// apps are the ways to run an app with the component.
var apps = []string{"base", "overlays/durable", "overlays/injected", "overlays/native-sidecar"}

// build gives what `kubectl apply -k` would apply, decoded strictly: a field that
// the API does not know is an error, as is one that stands twice.
func build(t *testing.T, folder string) []runtime.Object {
	t.Helper()
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).
		Run(filesys.MakeFsOnDisk(), filepath.Join(root, folder))
	require.NoError(t, err)
	all, err := resources.AsYaml()
	require.NoError(t, err)

	scheme := runtime.NewScheme()
	require.NoError(t, clientscheme.AddToScheme(scheme))
	require.NoError(t, componentsapi.AddToScheme(scheme))
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	var objects []runtime.Object
	for _, document := range bytes.Split(all, []byte("\n---\n")) {
		object, _, err := decoder.Decode(document, nil, nil)
		require.NoError(t, err, "%s", document)
		objects = append(objects, object)
	}
	require.NotEmpty(t, objects)
	return objects
}

// the returns the only object of type T.
func the[T runtime.Object](t *testing.T, objects []runtime.Object) T {
	t.Helper()
	var found []T
	for _, object := range objects {
		if match, ok := object.(T); ok {
			found = append(found, match)
		}
	}
	require.Len(t, found, 1)
	return found[0]
}

// template returns the pod template of whichever workload there is, and the
// volumes that a StatefulSet's claims add to it.
func template(t *testing.T, objects []runtime.Object) (corev1.PodTemplateSpec, []string) {
	t.Helper()
	for _, object := range objects {
		switch workload := object.(type) {
		case *appsv1.Deployment:
			require.Equal(t, workload.Spec.Selector.MatchLabels, workload.Spec.Template.Labels)
			return workload.Spec.Template, nil
		case *appsv1.StatefulSet:
			require.Equal(t, workload.Spec.Selector.MatchLabels, workload.Spec.Template.Labels)
			var claims []string
			for _, claim := range workload.Spec.VolumeClaimTemplates {
				claims = append(claims, claim.Name)
			}
			return workload.Spec.Template, claims
		}
	}
	t.Fatal("no workload")
	return corev1.PodTemplateSpec{}, nil
}

// injected is the pod as it comes out of Dapr's sidecar injector, by its own code.
func injected(t *testing.T, objects []runtime.Object) *corev1.Pod {
	t.Helper()
	podTemplate, _ := template(t, objects)
	pod := &corev1.Pod{ObjectMeta: podTemplate.ObjectMeta, Spec: podTemplate.Spec}
	sidecar := patcher.NewSidecarConfig(pod)
	sidecar.Namespace = "default"
	sidecar.SidecarImage = "daprd"
	sidecar.RunAsNonRoot = true
	sidecar.GetInjectedComponentContainers = func(appID, _ string) ([]corev1.Container, error) {
		return patcher.Injectable(appID, []componentsapi.Component{*the[*componentsapi.Component](t, objects)}), nil
	}
	sidecar.SetFromPodAnnotations()
	require.True(t, sidecar.NeedsPatching())
	patch, err := sidecar.GetPatch()
	require.NoError(t, err)
	patched, err := patcher.PatchPod(pod, patch)
	require.NoError(t, err)
	return patched
}

// find returns a container's place among all, init containers first.
func find(t *testing.T, pod *corev1.Pod, name string) (int, corev1.Container) {
	t.Helper()
	all := slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers)
	at := slices.IndexFunc(all, func(c corev1.Container) bool { return c.Name == name })
	require.GreaterOrEqual(t, at, 0, name)
	return at, all[at]
}

// mounted returns the volume behind a path of a container.
func mounted(c corev1.Container, path string) string {
	for _, mount := range c.VolumeMounts {
		if mount.MountPath == path && !mount.ReadOnly {
			return mount.Name
		}
	}
	return ""
}

func each(t *testing.T, folders []string, test func(t *testing.T, objects []runtime.Object)) {
	for _, folder := range folders {
		t.Run(folder, func(t *testing.T) { test(t, build(t, folder)) })
	}
}

func TestKubernetes_every_manifest_is_what_the_API_takes(t *testing.T) {
	each(t, append(apps, "broker"), func(t *testing.T, objects []runtime.Object) {})
	known, err := filepath.Glob(filepath.Join(root, "*", "kustomization.yaml"))
	require.NoError(t, err)
	overlays, err := filepath.Glob(filepath.Join(root, "overlays", "*", "kustomization.yaml"))
	require.NoError(t, err)
	for _, file := range append(known, overlays...) {
		folder, err := filepath.Rel(root, filepath.Dir(file))
		require.NoError(t, err)
		require.Contains(t, append(apps, "broker", "common"), folder, "not tested")
	}
}

func TestKubernetes_strict_decoding_finds_a_field_that_is_not_there(t *testing.T) {
	scheme := runtime.NewScheme()
	require.NoError(t, clientscheme.AddToScheme(scheme))
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	_, _, err := decoder.Decode([]byte("apiVersion: v1\nkind: Service\nspec:\n  selectr: {}\n"), nil, nil)
	require.ErrorContains(t, err, "selectr")
}

func TestKubernetes_component_and_daprd_share_the_folder_of_sockets(t *testing.T) {
	each(t, apps, func(t *testing.T, objects []runtime.Object) {
		pod := injected(t, objects)
		_, component := find(t, pod, componentName)
		_, daprd := find(t, pod, "daprd")
		volume := mounted(component, socketsFolder)
		require.NotEmpty(t, volume)
		// daprd looks there unless told otherwise, in a variable that the injector does not set.
		require.Equal(t, volume, mounted(daprd, socketsFolder))
		at := slices.IndexFunc(pod.Spec.Volumes, func(v corev1.Volume) bool { return v.Name == volume })
		require.GreaterOrEqual(t, at, 0)
		require.NotNil(t, pod.Spec.Volumes[at].EmptyDir)
		if volume == socketsVolume { // the injector's: it tells the component where
			require.Contains(t, component.Env, corev1.EnvVar{Name: socketsVariable, Value: socketsFolder})
		}
	})
}

func TestKubernetes_component_serves_before_daprd_looks_for_it(t *testing.T) {
	each(t, []string{"base", "overlays/durable"}, func(t *testing.T, objects []runtime.Object) {
		pod := injected(t, objects)
		before, component := find(t, pod, componentName)
		after, _ := find(t, pod, "daprd")
		require.Less(t, before, after)
		require.Contains(t, component.Lifecycle.PostStart.Exec.Command, "--wait")
	})
	each(t, []string{"overlays/native-sidecar"}, func(t *testing.T, objects []runtime.Object) {
		pod := injected(t, objects)
		require.Len(t, pod.Spec.InitContainers, 1)
		require.Equal(t, corev1.ContainerRestartPolicyAlways, *pod.Spec.InitContainers[0].RestartPolicy)
		require.NotNil(t, pod.Spec.InitContainers[0].StartupProbe)
	})
	each(t, []string{"overlays/injected"}, func(t *testing.T, objects []runtime.Object) {
		// After daprd: so its type must be one that daprd cannot have of its own.
		component := the[*componentsapi.Component](t, objects)
		require.NotContains(t, []string{"pubsub.mqtt", "pubsub.mqtt3"}, component.Spec.Type)
		_, container := find(t, injected(t, objects), componentName)
		require.Contains(t, container.Args, "--name="+strings.TrimPrefix(component.Spec.Type, "pubsub."))
	})
}

func TestKubernetes_component_has_no_rights_that_it_does_not_need(t *testing.T) {
	each(t, apps, func(t *testing.T, objects []runtime.Object) {
		pod := injected(t, objects)
		_, component := find(t, pod, componentName)
		security := component.SecurityContext
		require.NotNil(t, security)
		require.True(t, *security.RunAsNonRoot)
		require.Equal(t, daprUser, *security.RunAsUser, "the socket is open to its own user")
		require.False(t, *security.AllowPrivilegeEscalation)
		require.True(t, *security.ReadOnlyRootFilesystem)
		require.Equal(t, []corev1.Capability{"ALL"}, security.Capabilities.Drop)
		require.Empty(t, security.Capabilities.Add)
		require.Equal(t, corev1.SeccompProfileTypeRuntimeDefault, security.SeccompProfile.Type)
		require.False(t, component.Resources.Limits.Memory().IsZero())
		require.False(t, component.Resources.Requests.Cpu().IsZero())
	})
}

func TestKubernetes_component_is_probed_by_itself_since_kubelet_knows_no_Unix_sockets(t *testing.T) {
	each(t, apps, func(t *testing.T, objects []runtime.Object) {
		_, component := find(t, injected(t, objects), componentName)
		for _, probe := range []*corev1.Probe{component.StartupProbe, component.ReadinessProbe, component.LivenessProbe} {
			require.NotNil(t, probe)
			require.Equal(t, []string{"/usr/bin/dapr-pubsub-mqtt", "probe"}, probe.Exec.Command[:2])
			// The probe's own end, with its words, comes before kubelet's.
			require.Contains(t, probe.Exec.Command, "4s")
			require.Equal(t, int32(5), probe.TimeoutSeconds)
		}
	})
}

func TestKubernetes_daprd_is_started_again_after_a_restart_of_the_component(t *testing.T) {
	each(t, apps, func(t *testing.T, objects []runtime.Object) {
		pod := injected(t, objects)
		_, component := find(t, pod, componentName)
		require.Contains(t, component.Args, "--heal-daprd=shutdown")
		require.Contains(t, []corev1.RestartPolicy{"", corev1.RestartPolicyAlways}, pod.Spec.RestartPolicy)
		// Another restart of the component would heal nothing.
		require.Contains(t, component.StartupProbe.Exec.Command, "--alive")
		require.Contains(t, component.LivenessProbe.Exec.Command, "--alive")
		require.NotContains(t, component.ReadinessProbe.Exec.Command, "--alive")
	})
}

func TestKubernetes_drain_fits_into_the_grace_period(t *testing.T) {
	each(t, apps, func(t *testing.T, objects []runtime.Object) {
		pod := injected(t, objects)
		_, component := find(t, pod, componentName)
		require.Contains(t, component.Args, "--drain-timeout=20s")
		require.GreaterOrEqual(t, *pod.Spec.TerminationGracePeriodSeconds, int64(30))
	})
}

// The table of publishes that fit names the limit that the manifests have.
func TestKubernetes_memory_limit_is_the_one_that_docs_count_with(t *testing.T) {
	page, err := os.ReadFile("../../docs/guarantees.md")
	require.NoError(t, err)
	require.Contains(t, string(page), "| 256 MiB (the manifests in [deploy/kubernetes]")
	each(t, apps, func(t *testing.T, objects []runtime.Object) {
		_, component := find(t, injected(t, objects), componentName)
		require.Equal(t, "256Mi", component.Resources.Limits.Memory().String())
	})
}

// Who keeps messages: the broker for pods without a volume, a volume claim for the others.
func TestKubernetes_state_has_a_volume_claim_or_stays_at_the_broker(t *testing.T) {
	each(t, apps, func(t *testing.T, objects []runtime.Object) {
		_, claims := template(t, objects)
		_, component := find(t, injected(t, objects), componentName)
		volume := mounted(component, "/var/lib/dapr-pubsub-mqtt")
		keys := map[string]string{}
		for _, item := range the[*componentsapi.Component](t, objects).Spec.Metadata {
			keys[item.Name] = strings.Trim(item.Value.String(), `"`)
		}
		require.Equal(t, "false", keys["cleanSession"])
		if len(claims) == 0 {
			require.Empty(t, volume, "an emptyDir goes with the pod")
			require.Equal(t, "broker", keys["inbox"])
		} else {
			require.Contains(t, claims, volume)
			require.Equal(t, "disk", keys["inbox"])
		}
	})
}

func TestKubernetes_Component_has_known_keys_and_its_secrets_from_a_Secret(t *testing.T) {
	text, err := os.ReadFile("../../deploy/metadata.yaml")
	require.NoError(t, err)
	var bundle struct {
		Metadata []struct {
			Name      string `json:"name"`
			Sensitive bool   `json:"sensitive"`
		} `json:"metadata"`
		AuthenticationProfiles []struct {
			Metadata []struct {
				Name      string `json:"name"`
				Sensitive bool   `json:"sensitive"`
			} `json:"metadata"`
		} `json:"authenticationProfiles"`
	}
	require.NoError(t, yaml.Unmarshal(text, &bundle))
	keys := bundle.Metadata
	for _, profile := range bundle.AuthenticationProfiles {
		keys = append(keys, profile.Metadata...)
	}
	each(t, apps, func(t *testing.T, objects []runtime.Object) {
		component := the[*componentsapi.Component](t, objects)
		secret := the[*corev1.Secret](t, objects)
		for _, item := range component.Spec.Metadata {
			known := false
			for _, key := range keys {
				if key.Name != item.Name {
					continue
				}
				known = true
				if key.Sensitive && item.Name != "url" {
					require.Equal(t, secret.Name, item.SecretKeyRef.Name, item.Name)
				}
			}
			require.True(t, known, "%s is not in metadata.yaml", item.Name)
			if item.SecretKeyRef.Name != "" {
				require.Equal(t, secret.Name, item.SecretKeyRef.Name)
				require.Contains(t, secret.StringData, item.SecretKeyRef.Key)
			}
		}
		podTemplate, _ := template(t, objects)
		require.Contains(t, component.Scopes, podTemplate.Annotations["dapr.io/app-id"])
	})
}

func TestKubernetes_broker_listens_beyond_loopback_where_the_Component_looks(t *testing.T) {
	objects := build(t, "broker")
	config := the[*corev1.ConfigMap](t, objects)
	require.Contains(t, config.Data["mosquitto.conf"], "\nlistener 1883\n")
	service := the[*corev1.Service](t, objects)
	podTemplate, _ := template(t, objects)
	require.Equal(t, service.Spec.Selector, podTemplate.Labels)
	component := the[*componentsapi.Component](t, build(t, "base"))
	require.Equal(t, `"tcp://`+service.Name+`:1883"`, string(component.Spec.Metadata[0].Value.Raw))
}
