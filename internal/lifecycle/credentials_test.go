package lifecycle

import (
	"testing"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
)

// A process goes on with the new operator token if the old one was its credential, and
// never with one that the server refuses.
func TestCredentials_rotated(t *testing.T) {
	t.Parallel()
	before, after := influxdb3.NewSecret("apiv3_before"), influxdb3.NewSecret("apiv3_after")
	for name, tt := range map[string]struct {
		previous string
		status   Status
		want     influxdb3.Secret
	}{
		"its own":            {before.Hash(), StatusActive, after},
		"its own, due":       {before.Hash(), StatusRotationDue, after},
		"its own, dead":      {before.Hash(), StatusRejected, before},
		"its own, expired":   {before.Hash(), StatusExpired, before},
		"another":            {"0123456789", StatusActive, before},
		"of which, not told": {"", StatusActive, before},
		"nobody can read it": {before.Hash(), StatusActive, before},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := NewCredentials(before)
			token := OperatorToken{Secret: after, Status: tt.status, PreviousHash: tt.previous}
			if name == "nobody can read it" {
				token.Secret, token.Unreadable = influxdb3.Secret{}, after.Hash()
			}
			c.Rotated(token)
			if got := c.Current(); !got.Equal(tt.want) || !c.Configured().Equal(before) {
				t.Errorf("it goes on with %s", got.Hash())
			}
		})
	}
}

// The token that was created last takes the place of one that is deleted, and of no
// other.
func TestCredentials_deleted(t *testing.T) {
	t.Parallel()
	own, successor := influxdb3.NewSecret("apiv3_own"), influxdb3.NewSecret("apiv3_successor")
	c := NewCredentials(own)
	if !c.DependOn(own.Hash()) || c.DependOn(successor.Hash()) || c.Deleted(own.Hash()) {
		t.Error("it needs its own token, and no other, as long as there is none after it")
	}
	c.Created(successor)
	if c.DependOn(own.Hash()) || c.Deleted("0123456789") || !c.Current().Equal(own) {
		t.Error("another token's deletion changed its credential")
	}
	if !c.Deleted(own.Hash()) || !c.Current().Equal(successor) || !c.Configured().Equal(own) {
		t.Error("it does not go on with the successor")
	}
	if none := NewCredentials(influxdb3.Secret{}); none.DependOn("") || none.Deleted("") {
		t.Error("it depends on a token that it does not have")
	}
}
