package brokers

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// requireTools skips the test, with the reason, where a program is missing.
func requireTools(t *testing.T, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed", program)
		}
	}
}

// installed runs do once for each value of what, in folder, which is empty then. Where
// that fails the test is skipped with the reason, unless all brokers were asked for.
func installed(t *testing.T, folder, what string, do func(run func(command ...string))) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		t.Fatal(err)
	}
	lock, err := os.Create(folder + ".lock")
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close() // unlocks
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	stamp := filepath.Join(folder, "installed")
	if was, err := os.ReadFile(stamp); err == nil && string(was) == what {
		return
	}
	begin := time.Now()
	_ = os.RemoveAll(folder)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	do(func(command ...string) {
		c := exec.Command(command[0], command[1:]...)
		c.Dir = folder
		// A timeout of its own: a registry that hangs must not take the test's.
		kill := time.AfterFunc(4*time.Minute, func() { _ = c.Process.Kill() })
		defer kill.Stop()
		out, err := c.CombinedOutput()
		if err == nil {
			return
		}
		report := t.Skipf
		if wantedAll() {
			report = t.Fatalf
		}
		report("cannot be installed: %s: %v\n%s", strings.Join(command, " "), err, out)
	})
	if err := os.WriteFile(stamp, []byte(what), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Logf("%s installed in %.1f s", what, time.Since(begin).Seconds())
}

// npmPackage installs one package and what it needs.
func npmPackage(t *testing.T, folder, name, version string) {
	requireTools(t, "node", "npm")
	installed(t, folder, name+"@"+version, func(run func(...string)) {
		run("npm", "install", "--prefix", ".", "--no-audit", "--no-fund", "--no-save", name+"@"+version)
	})
}

// pythonPackage installs one package into a virtual environment.
func pythonPackage(t *testing.T, folder, name, version string) {
	requireTools(t, "python3")
	installed(t, folder, name+"=="+version, func(run func(...string)) {
		run("python3", "-m", "venv", ".")
		run("bin/pip", "install", "--quiet", "--disable-pip-version-check", name+"=="+version)
	})
}

// goProgram installs one program of a Go module.
func goProgram(t *testing.T, folder, module, version string) {
	requireTools(t, "go")
	installed(t, folder, module+"@"+version, func(run func(...string)) {
		run("env", "GOBIN="+folder, "CGO_ENABLED=0", "nice", "go", "install", module+"@"+version)
	})
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// mavenPackages puts Java archives and what they need into folder/lib.
func mavenPackages(t *testing.T, folder string, coordinates ...string) {
	requireTools(t, "java", "javac", "mvn")
	installed(t, folder, strings.Join(coordinates, " "), func(run func(...string)) {
		var pom strings.Builder
		pom.WriteString("<project><modelVersion>4.0.0</modelVersion><groupId>test</groupId>" +
			"<artifactId>broker</artifactId><version>1</version><dependencies>")
		for _, c := range coordinates {
			part := strings.Split(c, ":")
			pom.WriteString("<dependency><groupId>" + part[0] + "</groupId><artifactId>" + part[1] +
				"</artifactId><version>" + part[2] + "</version></dependency>")
		}
		pom.WriteString("</dependencies></project>")
		if err := os.WriteFile(filepath.Join(folder, "pom.xml"), []byte(pom.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		run("mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=lib", "-DincludeScope=runtime")
	})
}

// testdata is the path of a file beside the tests.
func testdata(t testing.TB, name string) string {
	path, err := filepath.Abs(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}
