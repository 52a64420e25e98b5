// Command releasecheck looks whether a release that GoReleaser has built holds what
// the registries of Terraform and OpenTofu want, and nothing else:
//
//	releasecheck build/release terraform-registry-manifest.json
package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	project  = "terraform-provider-influxdb3"
	protocol = "6.0" // that main.go serves
)

// platforms are what a release is built for.
var platforms = []string{
	"darwin_amd64", "darwin_arm64",
	"freebsd_386", "freebsd_amd64", "freebsd_arm", "freebsd_arm64",
	"linux_386", "linux_amd64", "linux_arm", "linux_arm64",
	"windows_386", "windows_amd64", "windows_arm64",
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: releasecheck DIR MANIFEST")
		os.Exit(2)
	}
	version, err := check(os.Args[1], os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("%s %s: %d platforms, as the registries want them\n", project, version, len(platforms))
}

// check returns the version of the release, or everything that is wrong with it.
func check(dir, manifest string) (version string, err error) {
	files, err := filepath.Glob(filepath.Join(dir, project+"_*_SHA256SUMS"))
	if err != nil || len(files) != 1 {
		return "", fmt.Errorf("%s has %d files of checksums, want one", dir, len(files))
	}
	version = strings.TrimSuffix(strings.TrimPrefix(filepath.Base(files[0]), project+"_"), "_SHA256SUMS")
	listed, err := checksums(files[0])
	if err != nil {
		return "", err
	}

	prefix := project + "_" + version + "_"
	wrong := []error{checkManifest(manifest)}
	want := map[string]string{prefix + "manifest.json": manifest}
	for _, platform := range platforms {
		archive, modules := prefix+platform+".zip", prefix+platform+".cdx.json"
		want[archive], want[modules] = filepath.Join(dir, archive), filepath.Join(dir, modules)
		wrong = append(wrong, checkArchive(want[archive], version, platform), checkModules(want[modules], version))
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		sum, err := checksum(want[name])
		switch {
		case err != nil:
			wrong = append(wrong, err)
		case listed[name] != sum:
			wrong = append(wrong, fmt.Errorf("%s has the checksum %s, and %q in the list", name, sum, listed[name]))
		}
	}
	for name := range listed {
		if want[name] == "" {
			wrong = append(wrong, fmt.Errorf("%s is in the list of checksums, and nobody wants it", name))
		}
	}
	archives, _ := filepath.Glob(filepath.Join(dir, "*.zip")) // the pattern is valid
	for _, archive := range archives {
		if want[filepath.Base(archive)] == "" {
			wrong = append(wrong, fmt.Errorf("%s is for no platform", archive))
		}
	}
	return version, errors.Join(wrong...)
}

// checksums reads what sha256sum writes.
func checksums(file string) (map[string]string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	listed := map[string]string{}
	for line := range strings.Lines(string(text)) {
		sum, name, ok := strings.Cut(strings.TrimSpace(line), "  ")
		if !ok {
			return nil, fmt.Errorf("%s: %q is no checksum", file, line)
		}
		listed[name] = sum
	}
	return listed, nil
}

func checksum(file string) (string, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:]), nil
}

// checkManifest looks for the protocol: without it a registry takes a provider for one
// of protocol 5.
func checkManifest(file string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var manifest struct {
		Version  int `json:"version"`
		Metadata struct {
			ProtocolVersions []string `json:"protocol_versions"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(content, &manifest); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if manifest.Version != 1 || !slices.Equal(manifest.Metadata.ProtocolVersions, []string{protocol}) {
		return fmt.Errorf("%s names protocol %v in version %d, want %s in version 1", file, manifest.Metadata.ProtocolVersions, manifest.Version, protocol)
	}
	return nil
}

// checkArchive looks into a zip file: a CLI runs the one file that has the provider's
// name.
func checkArchive(file, version, platform string) error {
	archive, err := zip.OpenReader(file)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	defer func() { _ = archive.Close() }() // it was only read

	binary := project + "_v" + version
	if strings.HasPrefix(platform, "windows_") {
		binary += ".exe"
	}
	want := []string{"LICENSE", "THIRD_PARTY_LICENSES.md", binary}
	var names []string
	for _, entry := range archive.File {
		names = append(names, entry.Name)
		if entry.Name != binary {
			continue
		}
		if mode := entry.Mode().Perm(); mode != 0o755 {
			return fmt.Errorf("%s: %s has the mode %o, want 755", file, binary, mode)
		}
		if err := checkBinary(entry, platform); err != nil {
			return fmt.Errorf("%s: %s: %w", file, binary, err)
		}
	}
	slices.Sort(names)
	if !slices.Equal(names, want) {
		return fmt.Errorf("%s holds %v, want %v", file, names, want)
	}
	return nil
}

// checkBinary asks a binary what it was built for.
func checkBinary(entry *zip.File, platform string) error {
	r, err := entry.Open()
	if err != nil {
		return err
	}
	content, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	info, err := buildinfo.Read(bytes.NewReader(content))
	if err != nil {
		return err
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	if got := settings["GOOS"] + "_" + settings["GOARCH"]; got != platform {
		return fmt.Errorf("built for %s", got)
	}
	if settings["CGO_ENABLED"] != "0" || settings["-trimpath"] != "true" {
		return errors.New("built with cgo or without -trimpath: another machine cannot repeat it")
	}
	return nil
}

// checkModules looks whether a list of modules is one of this release.
func checkModules(file, version string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var bom struct {
		Format   string `json:"bomFormat"`
		Metadata struct {
			Component struct {
				Version string `json:"version"`
			} `json:"component"`
		} `json:"metadata"`
		Components []struct {
			Name string `json:"name"`
		} `json:"components"`
	}
	if err := json.Unmarshal(content, &bom); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if bom.Format != "CycloneDX" || bom.Metadata.Component.Version != "v"+version || len(bom.Components) == 0 {
		return fmt.Errorf("%s is a list of format %q for version %q with %d modules", file, bom.Format, bom.Metadata.Component.Version, len(bom.Components))
	}
	return nil
}
