package lifecycle

import (
	"testing"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
)

func TestOperatorTokenPresence(t *testing.T) {
	t.Parallel()
	admin := influxdb3.TokenInfo{Name: "file", Hash: mine.Hash(), Permissions: "*:*:*"}
	limited := influxdb3.TokenInfo{Name: "app", Hash: mine.Hash(), Permissions: `["db:mydb:read"]`}
	elsewhereListing := listing(row(mine, noon))
	elsewhereListing.ClusterUUID = elsewhere
	open := func(clusterUUID string) error {
		return &influxdb3.Error{Kind: influxdb3.KindNotEnabled, Status: 500, ClusterUUID: clusterUUID}
	}
	for name, test := range map[string]struct {
		known   Identity
		listing *influxdb3.Listing
		err     error
		want    Presence
	}{
		"is the credential":             {known: core, listing: listing(row(mine, noon)), want: PresencePresent},
		"seen by a named admin token":   {known: core, listing: listing(row(other, noon), admin), want: PresencePresent},
		"seen by a resource token":      {known: core, listing: listing(row(other, noon), limited), want: PresencePresent},
		"not seen by an admin":          {known: core, listing: listing(admin), want: PresenceAbsent},
		"not seen by a resource token":  {known: core, listing: listing(limited)},
		"not seen, nor the credential":  {known: core, listing: listing()},
		"of another server":             {known: core, listing: elsewhereListing},
		"no authentication":             {known: core, err: open(here), want: PresenceAbsent},
		"no authentication before 3.7":  {known: Identity{Build: "Core", Version: "3.4.0"}, err: open(""), want: PresenceAbsent},
		"no authentication, not proven": {known: core, err: open("")},
		"no authentication elsewhere":   {known: core, err: open(elsewhere)},
		"refused":                       {known: core, err: refusal()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := OperatorTokenPresence(test.known, mine, test.listing, test.err); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
