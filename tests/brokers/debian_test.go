package brokers

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dapr-pubsub-mqtt/tests/e2e/harness"
)

// debian is where programs of Debian's packages are.
type debian struct {
	root string
	// chroot: root is a whole Debian 13, whose programs run with its own libc. Otherwise the machine's
	// own Debian is used for what root does not have.
	chroot bool
}

// machineIsDebian13 tells whether this machine's own packages are those of Debian 13.
func machineIsDebian13() bool {
	release, _ := os.ReadFile("/etc/os-release")
	lines := "\n" + string(release)
	return strings.Contains(lines, "\nID=debian\n") && strings.Contains(lines, "\nVERSION_ID=\"13\"\n")
}

// debian13 is where debian13Package has put the packages of Debian 13.
func debian13(cache string) debian {
	if machineIsDebian13() {
		return debian{root: filepath.Join(cache, "root")}
	}
	return debian{root: filepath.Join(debian13Folder(cache), "root"), chroot: true}
}

// debian13Folder is beside the brokers' own folders: all of them use it.
func debian13Folder(cache string) string { return filepath.Join(filepath.Dir(cache), "debian-13") }

// debian13Package makes a package of Debian 13 usable, on another machine in a root folder with all
// that the tests use of Debian 13.
func debian13Package(t *testing.T, cache, name string) (version string) {
	t.Helper()
	if machineIsDebian13() {
		return debianPackage(t, cache, name)
	}
	packages := []string{"ejabberd", "rabbitmq-server"}
	folder := debian13Folder(cache)
	script, err := filepath.Abs("../debian13/run.sh")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(script, "check", folder).CombinedOutput()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() == 77 {
		t.Skipf("there can be no Debian 13: %s", out)
	} else if err != nil {
		t.Fatalf("%s check: %v\n%s", script, err, out)
	}
	installed(t, folder, "Debian 13 with "+strings.Join(packages, ", "), func(run func(...string)) {
		run(append([]string{"nice", script, "install", folder}, packages...)...)
	})
	query := exec.Command("dpkg-query", "--admindir="+filepath.Join(folder, "root/var/lib/dpkg"),
		"-W", "-f", "${Version}", name)
	if out, err = query.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", query, err, out)
	}
	return upstream(string(out))
}

// path returns the one file or folder of a package with such a name, as its programs see it.
func (d debian) path(t testing.TB, pattern string) string {
	t.Helper()
	found, _ := filepath.Glob(filepath.Join(d.root, pattern))
	if len(found) == 0 && !d.chroot { // the machine has that package
		found, _ = filepath.Glob(pattern)
	}
	if len(found) != 1 {
		t.Fatalf("%s is %d times in %s", pattern, len(found), d.root)
	}
	if d.chroot {
		return strings.TrimPrefix(found[0], d.root)
	}
	return found[0]
}

// start runs a program of a package in folder, where its data is.
func (d debian) start(t testing.TB, name, folder string, env []string, command ...string) *harness.Process {
	t.Helper()
	programs := filepath.Join(d.root, "usr/bin")
	libraries, _ := filepath.Glob(filepath.Join(d.root, "usr/lib/*-linux-gnu*"))
	if d.chroot {
		programs, libraries = "/usr/bin", nil
		enter, err := filepath.Abs("../debian13/program.sh")
		if err != nil {
			t.Fatal(err)
		}
		command = append([]string{enter, d.root, folder}, command...)
	}
	env = append([]string{"HOME=" + folder, "PATH=" + programs + ":" + os.Getenv("PATH"),
		"LD_LIBRARY_PATH=" + strings.Join(libraries, ":")}, env...)
	return harness.StartProgram(t, name, folder, env, command...)
}

// debianPackage unpacks a package of this machine's Debian, and what it needs and the
// machine does not have, into folder. Nothing is installed on the machine itself.
func debianPackage(t *testing.T, folder, name string) (version string) {
	requireTools(t, "apt-get", "apt-cache", "dpkg-deb")
	candidate := func() string {
		out, _ := exec.Command("apt-cache", "policy", name).Output()
		for line := range strings.Lines(string(out)) {
			if value, found := strings.CutPrefix(strings.TrimSpace(line), "Candidate: "); found && value != "(none)" {
				return value
			}
		}
		return ""
	}
	if version = candidate(); version == "" && os.Geteuid() == 0 {
		_ = exec.Command("apt-get", "-qq", "update").Run() // a fresh machine knows no packages
		version = candidate()
	}
	if version == "" {
		t.Skipf("this machine's package lists have no %s", name)
	}
	installed(t, folder, name+"="+version, func(run func(...string)) {
		run("mkdir", "-p", "archives/partial")
		run("apt-get", "-qq", "-y", "--download-only", "--no-install-recommends",
			"-o", "Dir::Cache::archives="+filepath.Join(folder, "archives"), "-o", "Debug::NoLocking=1",
			"-o", "APT::Sandbox::User=", "install", name)
		archives, _ := filepath.Glob(filepath.Join(folder, "archives", "*.deb"))
		for _, archive := range archives {
			run("dpkg-deb", "-x", archive, "root")
		}
		root := filepath.Join(folder, "root")
		if erl := filepath.Join(root, "usr/lib/erlang/bin/erl"); exists(erl) { // knows where it should lie
			run("sed", "-i", "s|ROOTDIR=/usr|ROOTDIR="+root+"/usr|", erl)
		}
	})
	return upstream(version)
}

// upstream is a package's version without Debian's revision.
func upstream(version string) string {
	version, _, _ = strings.Cut(version, "-")
	return version
}
