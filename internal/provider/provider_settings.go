package provider

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	"golang.org/x/net/http/httpguts"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/agefile"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
)

// Environment variables, those of the influxdb3 command line where it has one.
// An empty one counts as unset.
const (
	envURL         = "INFLUXDB3_HOST_URL"
	envToken       = "INFLUXDB3_AUTH_TOKEN" //nolint:gosec // the name of a variable, no credential
	envRecoveryURL = "INFLUXDB3_RECOVERY_URL"
	envCACert      = "INFLUXDB3_TLS_CA"
	envNoVerify    = "INFLUXDB3_TLS_NO_VERIFY"

	envAgeIdentity     = "INFLUXDB3_AGE_IDENTITY"
	envAgeIdentityFile = "INFLUXDB3_AGE_IDENTITY_FILE"
)

// Attributes of the provider block that are named in other files.
const (
	identityAttribute     = "age_identity"
	identityFileAttribute = "age_identity_file"
)

const (
	defaultRequestTimeout = 30 * time.Second
	defaultStartupTimeout = time.Minute
	maxStartupTimeout     = time.Hour
	defaultMaxRetries     = 3
	maxRetries            = 20
)

// settings is a provider block with its environment, ready for use.
type settings struct {
	client  influxdb3.Config
	token   influxdb3.Secret
	startup time.Duration // how long a creation waits for the server, 0: not at all

	identities agefile.Identities // to decrypt what is in state with

	addressed bool // its address is set, and not the default

	unknown string // name of the attribute that is not known yet, "" if all are
}

// place is where a server's settings are written: in the provider block itself, or in an
// entry of servers. Environment variables are for the block itself.
type place struct {
	name string // of the entry, "" for the block itself
}

// at is the path of an attribute.
func (p place) at(attribute string) path.Path {
	if p.name == "" {
		return path.Root(attribute)
	}
	return path.Root("servers").AtMapKey(p.name).AtName(attribute)
}

// attributeError is an error on an attribute. In an entry of servers it has no path: the CLI
// prints the line under a path, and newer ones that of the entry, where its token can be.
// So the text has to name the attribute.
func attributeError(at path.Path, summary, detail string) diag.Diagnostic {
	if steps := at.Steps(); len(steps) > 1 && steps[0].Equal(path.PathStepAttributeName("servers")) {
		return diag.NewErrorDiagnostic(summary, detail)
	}
	return diag.NewAttributeErrorDiagnostic(at, summary, detail)
}

// label is how an attribute is spoken of.
func (p place) label(attribute string) string {
	if p.name == "" {
		return attribute
	}
	return fmt.Sprintf("servers[%q].%s", p.name, attribute)
}

// env is the value of a variable for what the entries have of their own.
func (p place) env(name string) string {
	if p.name != "" {
		return ""
	}
	return os.Getenv(name)
}

// validate checks what is written in the provider block and known.
func (m providerModel) validate(ctx context.Context) (diags diag.Diagnostics) {
	given.add(os.Getenv(envToken))
	diags.Append(m.serverModel.validate(place{})...)
	switch {
	case !m.AgeIdentity.IsNull() && !m.AgeIdentityFile.IsNull():
		diags.AddError("Conflicting Age Identities", "age_identity and age_identity_file cannot both be set. Put all identities into one of them.")
	case !m.AgeIdentity.IsNull() && !m.AgeIdentity.IsUnknown():
		_, more := parseIdentities("age_identity", m.AgeIdentity.ValueString())
		diags.Append(more...)
	}
	entries, more := m.entries(ctx)
	diags.Append(more...)
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		if !serverName.MatchString(name) {
			diags.AddError("Invalid Server Name", fmt.Sprintf("servers has the name %q. A name has letters, digits, -, _ and . only.", loggable(name)))
		}
		if entry := entries[name]; entry != nil {
			diags.Append(entry.validate(place{name})...)
		}
	}
	diags.Append(m.validateListeners(entries)...)
	return diags
}

// validateListeners refuses a recovery listener that two servers have: it belongs to one, so
// the other's recovery would make the token of that one useless. Two names for one address
// are one server.
func (m providerModel) validateListeners(entries map[string]*serverModel) (diags diag.Diagnostics) {
	type server struct{ label, url string }
	has := map[string]server{}
	models := map[string]*serverModel{"": &m.serverModel}
	maps.Copy(models, entries)
	for _, name := range slices.Sorted(maps.Keys(models)) {
		if models[name] == nil || models[name].URL.IsUnknown() {
			continue
		}
		at := place{name}
		in := server{at.label("recovery_url"), strings.TrimRight(cmp.Or(models[name].URL.ValueString(), at.env(envURL)), "/")}
		address := models[name].RecoveryURL.ValueString()
		if models[name].RecoveryURL.IsNull() && in.url != "" { // nobody has chosen the default one
			in.label, address = envRecoveryURL, at.env(envRecoveryURL)
		}
		if address == "" {
			continue
		}
		address = strings.TrimRight(address, "/")
		other, twice := has[address]
		if has[address] = in; twice && other.url != in.url {
			diags.AddError("Two Servers With One Recovery Listener", fmt.Sprintf("%s and %s are the same. A recovery listener belongs to one server. If it were used for the other one, it would make the operator token of its own useless. Correct one of them, or leave it out.",
				other.label, in.label))
		}
	}
	return diags
}

// serverName is what an entry of servers can be called.
var serverName = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

// entries are the servers of the block by name, nil for one that is not known yet. There
// are none if the map itself is not known.
func (m providerModel) entries(ctx context.Context) (map[string]*serverModel, diag.Diagnostics) {
	var diags diag.Diagnostics
	entries := map[string]*serverModel{}
	for name, value := range m.Servers.Elements() {
		entries[name] = nil
		if object, ok := value.(types.Object); ok && !object.IsUnknown() {
			var entry serverModel
			if !object.IsNull() { // otherwise it has no url, which validate tells
				diags.Append(object.As(ctx, &entry, basetypes.ObjectAsOptions{})...)
			}
			entries[name] = &entry
		}
	}
	return entries, diags
}

// validate checks what is written of a server and known.
func (m serverModel) validate(in place) (diags diag.Diagnostics) {
	given.add(m.Token.ValueString())
	if in.name != "" && m.URL.IsNull() {
		// Without the path of servers: the CLI would print all its lines. If the schema
		// required it, the CLI would do so as well, and an entry could not be unknown.
		diags.AddError("Invalid URL", in.label("url")+" is missing. Every entry of servers needs the address of its server.")
	}
	if v := m.URL.ValueString(); !m.URL.IsNull() && !m.URL.IsUnknown() {
		_, problem := parseURL(v)
		diags.Append(urlDiagnostics(in.at("url"), in.label("url"), v, problem)...)
	}
	if v := m.RecoveryURL.ValueString(); !m.RecoveryURL.IsNull() && !m.RecoveryURL.IsUnknown() {
		_, problem := parseURL(v)
		diags.Append(urlDiagnostics(in.at("recovery_url"), in.label("recovery_url"), v, problem)...)
	}
	if !m.Token.IsNull() && !m.Token.IsUnknown() {
		diags.Append(checkToken(in.label("token"), m.Token.ValueString())...)
	}
	if !m.CACertFile.IsNull() && m.CACertFile.ValueString() == "" && !m.CACertFile.IsUnknown() {
		diags.Append(attributeError(in.at("ca_cert_file"), "Invalid CA Certificate File", in.label("ca_cert_file")+" must be the path of a PEM file, and it is empty. Leave it out to trust only the CA certificates of the system."))
	}
	if !m.CACertFile.IsNull() && !m.CACertPEM.IsNull() {
		conflict := attributeError(in.at("ca_cert_file"), "Conflicting CA Certificates", in.label("ca_cert_file")+" and ca_cert_pem cannot both be set. Put all CA certificates into one of them.")
		diags.Append(discreetly(diag.Diagnostics{conflict}, in.label("ca_cert_file"), m.CACertFile.ValueString())...)
	}
	if !m.CACertPEM.IsNull() && !m.CACertPEM.IsUnknown() {
		if err := x509.NewCertPool().AppendCertsFromPEM([]byte(m.CACertPEM.ValueString())); !err {
			diags.AddError("Invalid CA Certificates", in.label("ca_cert_pem")+" has no certificate in PEM format. It takes one or more blocks that begin with -----BEGIN CERTIFICATE-----.")
		}
	}
	if n := m.MaxRetries.ValueInt64(); n < 0 || n > maxRetries {
		diags.Append(attributeError(in.at("max_retries"), "Invalid Number of Retries", fmt.Sprintf("%s must be between 0 and %d, got %d.", in.label("max_retries"), maxRetries, n)))
	}
	times := map[string]int{}
	for name, value := range m.Headers.Elements() {
		diags.Append(checkHeader(name, value)...)
		times[http.CanonicalHeaderKey(name)]++
	}
	for name, n := range times {
		if n > 1 { // one of them would be sent, any one
			diags.AddError("Invalid Header", fmt.Sprintf("The header %s is set %d times in %s, because upper and lower case make no difference in its name. Keep one of them.", loggable(name), n, in.label("headers")))
		}
	}
	return diags
}

// inherit is an entry with what it takes from the block. What belongs to one server, its
// address, its token and its recovery listener, is never taken.
func (m serverModel) inherit(block serverModel) serverModel {
	if m.CACertFile.IsNull() && m.CACertPEM.IsNull() {
		m.CACertFile, m.CACertPEM = block.CACertFile, block.CACertPEM
	}
	if m.InsecureSkipVerify.IsNull() {
		m.InsecureSkipVerify = block.InsecureSkipVerify
	}
	if m.RequestTimeout.IsNull() {
		m.RequestTimeout = block.RequestTimeout
	}
	if m.StartupTimeout.IsNull() {
		m.StartupTimeout = block.StartupTimeout
	}
	if m.MaxRetries.IsNull() {
		m.MaxRetries = block.MaxRetries
	}
	if m.Headers.IsNull() {
		m.Headers = block.Headers
	}
	return m
}

// resolve fills in the environment and the defaults and reads the files, for the block
// itself ("") and every entry of servers.
func (m providerModel) resolve(ctx context.Context) (map[string]settings, diag.Diagnostics) {
	// A validation of known values comes before every plan and apply, but the
	// values that were unknown then have not been seen yet.
	diags := m.validate(ctx)
	if diags.HasError() {
		return nil, diags
	}
	var common settings
	// They are of use before there is a server.
	switch {
	case m.AgeIdentity.IsUnknown():
		common.unknown = identityAttribute // influxdb3_token asks for it, and works without the rest
	case m.AgeIdentityFile.IsUnknown():
		common.unknown = identityFileAttribute
	default:
		diags.Append(m.resolveIdentities(&common)...)
	}
	entries, more := m.entries(ctx)
	diags.Append(more...)
	all := map[string]settings{}
	models := map[string]serverModel{"": m.serverModel}
	for name, entry := range entries {
		if entry == nil {
			all[name] = settings{unknown: fmt.Sprintf("servers[%q]", name), identities: common.identities}
			continue
		}
		models[name] = entry.inherit(m.serverModel)
	}
	for name, model := range models {
		s, more := model.resolve(place{name}, common)
		s.addressed = !model.URL.IsNull() || place{name}.env(envURL) != ""
		diags.Append(more...) // what is inherited is told once: it does not take the same twice
		all[name] = s
	}
	if !diags.HasError() {
		diags.Append(plainHTTPWarnings(all)...)
	}
	return all, diags
}

// resolve fills in the environment and the defaults and reads the files.
func (m serverModel) resolve(in place, s settings) (_ settings, diags diag.Diagnostics) {
	if s.unknown != "" {
		return s, diags
	}
	for _, v := range []struct {
		name    string
		unknown bool
	}{
		{"url", m.URL.IsUnknown()},
		{"token", m.Token.IsUnknown()},
		{"recovery_url", m.RecoveryURL.IsUnknown()},
		{"ca_cert_file", m.CACertFile.IsUnknown()},
		{"ca_cert_pem", m.CACertPEM.IsUnknown()},
		{"insecure_skip_verify", m.InsecureSkipVerify.IsUnknown()},
		{"request_timeout", m.RequestTimeout.IsUnknown()},
		{"startup_timeout", m.StartupTimeout.IsUnknown()},
		{"max_retries", m.MaxRetries.IsUnknown()},
		{"headers", m.Headers.IsUnknown() || slices.ContainsFunc(slices.Collect(maps.Values(m.Headers.Elements())), attr.Value.IsUnknown)},
	} {
		if v.unknown {
			s.unknown = in.label(v.name)
			return s, diags
		}
	}
	headers := map[string]influxdb3.Secret{}
	for name, value := range m.Headers.Elements() {
		if text, ok := value.(interface{ ValueString() string }); ok {
			headers[name] = influxdb3.NewSecret(text.ValueString())
		}
	}
	s.client = influxdb3.Config{Headers: headers, Timeout: defaultRequestTimeout, MaxRetries: defaultMaxRetries}
	if !m.RequestTimeout.IsNull() {
		s.client.Timeout = durationOf(m.RequestTimeout)
	}
	if s.startup = defaultStartupTimeout; !m.StartupTimeout.IsNull() {
		s.startup = durationOf(m.StartupTimeout)
	}
	if !m.MaxRetries.IsNull() {
		s.client.MaxRetries = int(m.MaxRetries.ValueInt64())
	}
	diags.Append(m.resolveURLs(in, &s)...)
	diags.Append(m.resolveToken(in, &s)...)
	diags.Append(m.resolveTLS(&s)...)
	return s, diags
}

func (m serverModel) resolveURLs(in place, s *settings) (diags diag.Diagnostics) {
	text, from := m.URL.ValueString(), "url"
	if m.URL.IsNull() {
		if text, from = in.env(envURL), envURL; text == "" {
			text = defaultURL
		}
	}
	base, problem := parseURL(text)
	if problem != "" && from == envURL { // a literal one was reported by validate
		diags.Append(urlDiagnostics(in.at("url"), from, text, problem)...)
	}
	s.client.URL = base

	text, from = m.RecoveryURL.ValueString(), "recovery_url"
	if m.RecoveryURL.IsNull() {
		text, from = in.env(envRecoveryURL), envRecoveryURL
	}
	if text != "" {
		recovery, problem := parseURL(text)
		if problem != "" && from == envRecoveryURL {
			diags.Append(urlDiagnostics(in.at("recovery_url"), from, text, problem)...)
		}
		s.client.RecoveryURL = recovery
	}
	return diags
}

func (m serverModel) resolveToken(in place, s *settings) (diags diag.Diagnostics) {
	if !m.Token.IsNull() {
		s.token = influxdb3.NewSecret(m.Token.ValueString())
		return diags
	}
	if text := in.env(envToken); text != "" {
		diags.Append(checkToken(envToken, text)...)
		s.token = influxdb3.NewSecret(text)
	}
	return diags
}

// resolveIdentities reads what an encrypted state is decrypted with. The attributes come
// before the variables.
func (m providerModel) resolveIdentities(s *settings) (diags diag.Diagnostics) {
	text, from := m.AgeIdentity.ValueString(), "age_identity"
	file, fileFrom := m.AgeIdentityFile.ValueString(), "age_identity_file"
	if m.AgeIdentity.IsNull() && m.AgeIdentityFile.IsNull() {
		text, from = os.Getenv(envAgeIdentity), envAgeIdentity
		file, fileFrom = os.Getenv(envAgeIdentityFile), envAgeIdentityFile
		if text != "" && file != "" {
			diags.AddError("Conflicting Age Identities", envAgeIdentity+" and "+envAgeIdentityFile+" are both set. Set one of them.")
			return diags
		}
	}
	if !m.AgeIdentityFile.IsNull() || file != "" {
		content, err := os.ReadFile(file) //nolint:gosec // reading the file that the user names is the purpose
		if err != nil {
			unreadable := diag.NewErrorDiagnostic("Unreadable Age Identity File", fmt.Sprintf("The file that %s names cannot be read: %s.", fileFrom, err))
			return discreetly(diag.Diagnostics{unreadable}, fileFrom, file)
		}
		text, from = string(content), "The file that "+fileFrom+" names"
	} else if text == "" {
		return diags // nothing is set; of an empty attribute validate has told
	}
	s.identities, diags = parseIdentities(from, text)
	if from == "age_identity" {
		return nil // of a literal one validate has told
	}
	return diags
}

// parseIdentities reads identities. What is said of them has no path, because the CLI
// would print the line, and does not quote.
func parseIdentities(from, text string) (agefile.Identities, diag.Diagnostics) {
	for line := range strings.Lines(text) {
		given.add(strings.TrimSpace(line))
	}
	identities, err := agefile.ParseIdentities(influxdb3.NewSecret(text))
	if err != nil {
		return nil, diag.Diagnostics{diag.NewErrorDiagnostic("Invalid Age Identity", fmt.Sprintf("%s cannot be used: %s.", from, err))}
	}
	return identities, nil
}

func (m serverModel) resolveTLS(s *settings) (diags diag.Diagnostics) {
	s.client.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	skip := m.InsecureSkipVerify.ValueBool()
	if text := os.Getenv(envNoVerify); m.InsecureSkipVerify.IsNull() && text != "" {
		parsed, err := strconv.ParseBool(text)
		if err != nil {
			problem := diag.NewErrorDiagnostic("Invalid "+envNoVerify, fmt.Sprintf("The environment variable %s must be true or false, got %q.", envNoVerify, text))
			diags.Append(discreetly(diag.Diagnostics{problem}, envNoVerify, text)...)
		}
		skip = parsed
	}
	if skip {
		s.client.TLS.InsecureSkipVerify = true
		diags.AddWarning("TLS Certificates Are Not Verified",
			"insecure_skip_verify is on, so anybody between Terraform and the server can read every token, new ones included. Use ca_cert_file with the server's CA certificate instead.")
	}

	pem, from := []byte(m.CACertPEM.ValueString()), "ca_cert_pem"
	if file := m.CACertFile.ValueString(); file != "" {
		pem, from = nil, "ca_cert_file"
		diags.Append(readCACert(file, from, &pem)...)
	} else if file := os.Getenv(envCACert); m.CACertPEM.IsNull() && file != "" {
		pem, from = nil, envCACert
		diags.Append(readCACert(file, from, &pem)...)
	}
	if diags.HasError() || len(pem) == 0 {
		return diags
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		garbage := diag.NewAttributeErrorDiagnostic(pathCACertFile, "Invalid CA Certificate File", "The file that "+from+" names has no certificate in PEM format. It takes one or more blocks that begin with -----BEGIN CERTIFICATE-----.")
		diags.Append(discreetly(diag.Diagnostics{garbage}, from, m.CACertFile.ValueString())...)
	}
	s.client.TLS.RootCAs = pool
	return diags
}

func readCACert(file, from string, pem *[]byte) (diags diag.Diagnostics) {
	content, err := os.ReadFile(file) //nolint:gosec // reading the file that the user names is the purpose
	switch {
	case err != nil:
		diags.AddAttributeError(pathCACertFile, "Unreadable CA Certificate File", fmt.Sprintf("The file that %s names cannot be read: %s.", from, err))
	case len(content) == 0:
		diags.AddAttributeError(pathCACertFile, "Invalid CA Certificate File", fmt.Sprintf("The file that %s names is empty: %s. It takes one or more certificates in PEM.", from, file))
	}
	*pem = content
	return discreetly(diags, from, file)
}

// parseURL reads the address of a server. The problem says what is accepted and
// never quotes the text, which can hold a password.
func parseURL(text string) (*url.URL, string) {
	const accepted = "it takes an address such as http://127.0.0.1:8181 or https://influxdb.example.com/prefix"
	u, err := url.Parse(text)
	switch {
	case holdsToken(text): // the address is shown in messages
		return nil, "it holds a token"
	case err != nil:
		return nil, "it is not a URL; " + accepted
	case u.User != nil:
		return nil, "it holds a user name or password, which InfluxDB 3 does not take there; use token, or headers for a proxy"
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, "its scheme is neither http nor https; " + accepted
	case u.Hostname() == "" || strings.ContainsAny(u.Host, " \t"):
		return nil, "it names no host; " + accepted
	case u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
		return nil, "it has a query or a fragment; " + accepted
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return nil, "its port is not between 1 and 65535; " + accepted
		}
	}
	return u, ""
}

// urlDiagnostics reports a bad address at its attribute, unless the line that the
// CLI would print with it can hold a password.
func urlDiagnostics(at path.Path, from, text, problem string) (diags diag.Diagnostics) {
	if problem == "" {
		return diags
	}
	defer func() { diags = discreetly(diags, from, text) }()
	summary, detail := "Invalid URL", fmt.Sprintf("%s cannot be used: %s.", from, problem)
	if strings.ContainsAny(text, "@?#") || strings.HasPrefix(from, "INFLUXDB3_") {
		diags.AddError(summary, detail)
	} else {
		diags.Append(attributeError(at, summary, detail))
	}
	return diags
}

// checkToken reports a token that cannot be sent, without its attribute: the CLI
// would print the line.
func checkToken(from, text string) (diags diag.Diagnostics) {
	if agefile.HoldsIdentity(text) { // it would be sent
		diags.AddError("Private Key in the Wrong Place", misplacedIdentity(from))
		return diags
	}
	if !influxdb3.ValidToken(text) {
		diags.AddError("Invalid Token", fmt.Sprintf("%s is empty or holds spaces, control characters or characters outside ASCII. "+
			"It takes a token as InfluxDB 3 shows it: apiv3_ and 86 more characters. If the token comes from a file, remove the line break at its end with trimspace().", from))
	}
	return diags
}

// reservedHeaders are set by the client or by net/http.
var reservedHeaders = []string{"Authorization", "Host", "Accept", "Accept-Encoding", "User-Agent", "Content-Type", "Content-Length", "Transfer-Encoding", "Connection", "Te", "Trailer", "Upgrade"}

// checkHeader names a header that can be one, but not its value and not its place.
func checkHeader(name string, value interface {
	IsNull() bool
	IsUnknown() bool
	String() string
},
) (diags diag.Diagnostics) {
	if !httpguts.ValidHeaderFieldName(name) {
		// It is not shown: a whole line with its value may have been pasted.
		diags.AddError("Invalid Header", "headers has a key that cannot be the name of an HTTP header. Use the name, without a colon, as the key of the map, and the value of the header as its value.")
		return diags
	}
	for _, reserved := range reservedHeaders {
		if http.CanonicalHeaderKey(name) == reserved {
			diags.AddError("Invalid Header", fmt.Sprintf("headers cannot set %s, which the provider sets itself. Use token for InfluxDB's token, and Proxy-Authorization or another header for the login of a proxy.", reserved))
		}
	}
	text, ok := value.(interface{ ValueString() string })
	if value.IsNull() || ok && !value.IsUnknown() && !httpguts.ValidHeaderFieldValue(text.ValueString()) {
		diags.AddError("Invalid Header", fmt.Sprintf("The value of the header %s is null or holds control characters.", loggable(name)))
	}
	return diags
}

// plainHTTPWarnings warns of secrets that go over a network unencrypted.
func plainHTTPWarnings(all map[string]settings) (diags diag.Diagnostics) {
	var hosts []string
	for _, s := range all {
		for _, u := range []*url.URL{s.client.URL, s.client.RecoveryURL} {
			if u != nil && u.Scheme == "http" && !isLoopback(u.Hostname()) && !slices.Contains(hosts, u.Host) {
				hosts = append(hosts, u.Host)
			}
		}
	}
	slices.Sort(hosts)
	const most = 5
	if len(hosts) > most {
		hosts = append(hosts[:most], fmt.Sprintf("%d more", len(hosts)-most))
	}
	if len(hosts) > 0 {
		diags.AddWarning("Tokens Go Unencrypted", "The provider reaches other machines over plain http: "+strings.Join(hosts, ", ")+". "+
			"Anybody on the way can read every token, new ones included. Use https.")
	}
	return diags
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
