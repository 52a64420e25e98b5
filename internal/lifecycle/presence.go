package lifecycle

import (
	"errors"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
)

// Presence says whether a server has an operator token.
type Presence string

// What can be seen of a server's operator token.
const (
	PresenceUnknown Presence = ""
	PresencePresent Presence = "present"
	PresenceAbsent  Presence = "absent" // anybody can create it, or needs no token at all
)

// OperatorTokenPresence is what a look with a credential (FindToken, asked for the
// operator token and the credential's own hash) tells of the operator token of a server
// that is known. Without a good look it is unknown: a refusal is the same whether there
// is one or not (recorded), and trying to create it is no look.
func OperatorTokenPresence(known Identity, credential influxdb3.Secret, listing *influxdb3.Listing, err error) Presence {
	var failed *influxdb3.Error
	if errors.As(err, &failed) {
		// The server runs without authentication.
		if failed.Kind == influxdb3.KindNotEnabled && known.originOf(failed.ClusterUUID, true).own() {
			return PresenceAbsent
		}
		return PresenceUnknown
	}
	switch {
	case listing.ClusterUUID != known.ClusterUUID:
		return PresenceUnknown
	case listing.Find(influxdb3.OperatorTokenName) != nil:
		return PresencePresent
	}
	// Only an admin sees every token for sure.
	if own := listing.FindHash(credential.Hash()); own != nil && KindOf(*own) == KindNamedAdmin {
		return PresenceAbsent
	}
	return PresenceUnknown
}
