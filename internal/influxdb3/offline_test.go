package influxdb3_test

import (
	"regexp"
	"testing"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
)

func TestNewOfflineToken(t *testing.T) {
	t.Parallel()
	token := influxdb3.NewOfflineToken()
	if !regexp.MustCompile(`^apiv3_[A-Za-z0-9_-]{86}$`).MatchString(token.Reveal()) {
		t.Errorf("%d characters do not have the server's form", len(token.Reveal()))
	}
	if token.Equal(influxdb3.NewOfflineToken()) {
		t.Error("two tokens are the same")
	}
}

// The text is what the influxdb3 command line writes: serde's pretty JSON and a line
// break.
func TestAdminTokenFile(t *testing.T) {
	t.Parallel()
	want := "{\n  \"token\": \"apiv3_x\",\n  \"name\": \"_admin\"\n}\n"
	if got := influxdb3.AdminTokenFile(influxdb3.NewSecret("apiv3_x")); got.Reveal() != want {
		t.Errorf("got %s", got.Reveal())
	}
}
