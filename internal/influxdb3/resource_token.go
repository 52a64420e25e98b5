package influxdb3

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

const resourceTokenPath = "/api/v3/enterprise/configure/token" //nolint:gosec // a path, no credential

// Permission is what a resource token may do (InfluxDB 3 Enterprise and Cloud).
// From the published OpenAPI and documents, not recorded.
type Permission struct {
	ResourceType  string   `json:"resource_type"`  // "db" or "system"
	ResourceNames []string `json:"resource_names"` // names, or "*" alone
	Actions       []string `json:"actions"`
}

// resourceActions are the actions by resource type.
var resourceActions = map[string][]string{
	"db":     {"read", "write", "create", "describe", "delete"},
	"system": {"read"},
}

// systemResources are the names that the type system knows, besides "*".
var systemResources = []string{"health", "metrics", "ping", "ready"}

// Validate says what is wrong with a permission, nil if nothing is. Whether a
// database exists is the server's to say.
func (p Permission) Validate() error {
	actions, known := resourceActions[p.ResourceType]
	switch {
	case !known:
		return fmt.Errorf("the resource type must be db or system, got %q", p.ResourceType)
	case len(p.ResourceNames) == 0:
		return errors.New("at least one resource name is needed, or * for all")
	case len(p.Actions) == 0:
		return fmt.Errorf("at least one action is needed: %s", strings.Join(actions, ", "))
	case len(p.ResourceNames) > 1 && slices.Contains(p.ResourceNames, "*"):
		return errors.New("* stands for all resources and cannot be mixed with names")
	}
	for _, action := range p.Actions {
		if !slices.Contains(actions, action) {
			return fmt.Errorf("the actions of %s are %s, got %q", p.ResourceType, strings.Join(actions, ", "), action)
		}
	}
	for _, name := range p.ResourceNames {
		switch {
		case name == "" || strings.ContainsFunc(name, isControl):
			return fmt.Errorf("%q is no resource name", name)
		case p.ResourceType == "system" && name != "*" && !slices.Contains(systemResources, name):
			return fmt.Errorf("the resources of system are %s and *, got %q", strings.Join(systemResources, ", "), name)
		}
	}
	return nil
}

// String writes a permission as the CLI and the listing do: db:mydb:read,write.
func (p Permission) String() string {
	return p.ResourceType + ":" + strings.Join(p.ResourceNames, ",") + ":" + strings.Join(p.Actions, ",")
}

// ParsePermission reads the CLI's notation, db:db1,db2:read,write, and validates
// it. A name may hold colons.
func ParsePermission(text string) (Permission, error) {
	first, last := strings.Index(text, ":"), strings.LastIndex(text, ":")
	if first < 0 || first == last {
		return Permission{}, fmt.Errorf("a permission is written TYPE:NAMES:ACTIONS, such as db:mydb:read,write; got %q", shorten(text, 80))
	}
	p := Permission{
		ResourceType:  text[:first],
		ResourceNames: distinct(strings.Split(text[first+1:last], ",")),
		Actions:       distinct(strings.Split(text[last+1:], ",")),
	}
	return p, p.Validate()
}

// distinct leaves out what stands in a list twice.
func distinct(list []string) (out []string) {
	for _, text := range list {
		if !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	return out
}

// ParsePermissions reads the permissions of a listing: a JSON array in a string
// for resource tokens. ok is false for everything else, "*:*:*" among it.
func ParsePermissions(text string) (permissions []Permission, ok bool) {
	var list []string
	if json.Unmarshal([]byte(text), &list) != nil || list == nil { // nil is what "null" makes
		return nil, false
	}
	for _, item := range list {
		p, err := ParsePermission(item)
		if err != nil {
			return nil, false
		}
		permissions = append(permissions, p)
	}
	return permissions, true
}

// CreateResourceToken creates a token with limited permissions. KindNotFound: the
// server is InfluxDB 3 Core, which has none (recorded). Otherwise as
// CreateNamedAdminToken.
func (c *Client) CreateResourceToken(ctx context.Context, credential Secret, name string, permissions []Permission, expiresIn *time.Duration) (*Token, error) {
	body := struct {
		Name        string       `json:"token_name"`
		Permissions []Permission `json:"permissions"`
		Seconds     *int64       `json:"expiry_secs"`
	}{name, permissions, wholeSeconds(expiresIn)}
	return c.mint(ctx, call{op: "create the resource token", method: http.MethodPost, path: resourceTokenPath, mints: name, token: credential, body: body, changes: true})
}

// wholeSeconds is a lifetime as the server takes it.
func wholeSeconds(d *time.Duration) *int64 {
	if d == nil {
		return nil
	}
	seconds := int64(*d / time.Second)
	return &seconds
}

func isControl(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }

// MaxTokenName is how long the name of a token may be, in bytes. The server creates
// longer ones, from a body; but it deletes by a name in the query of a URL, which
// its parser and most proxies limit: escaped, a name is up to three times as long.
const MaxTokenName = 1024

// ValidateTokenName says why a name makes no sense, nil if it does. The server
// takes every text (recorded); these cannot be told from a mistake afterwards.
func ValidateTokenName(name string) error {
	switch {
	case name == "":
		return errors.New("it must not be empty")
	case name == OperatorTokenName:
		return errors.New(OperatorTokenName + " is the operator token, which influxdb3_admin_token looks after")
	case strings.ContainsFunc(name, isControl):
		return errors.New("it must not hold control characters such as line breaks")
	case len(name) > MaxTokenName:
		return tooLong(name, MaxTokenName)
	}
	return nil
}

// ValidateTokenPrefix says why no name can begin like this and have a number of
// further bytes, nil if one can.
func ValidateTokenPrefix(prefix string, further int) error {
	if most := MaxTokenName - further; len(prefix) > most {
		return tooLong(prefix, most)
	}
	if prefix != "" {
		prefix += "0" // what follows makes a name of every beginning
	}
	return ValidateTokenName(prefix)
}

func tooLong(name string, most int) error {
	return fmt.Errorf("it must be at most %d bytes long, and %s has %d", most, shorten(anyToken.ReplaceAllString(name, redacted), 20), len(name))
}
