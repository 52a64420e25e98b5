package lifecycle

import (
	"time"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
)

// Kind is what sort of token a server lists.
type Kind string

// The kinds of tokens.
const (
	KindOperator   Kind = "operator"
	KindNamedAdmin Kind = "named_admin"
	KindResource   Kind = "resource"
)

// KindOf is the kind of a listed token.
func KindOf(row influxdb3.TokenInfo) Kind {
	if row.Name == influxdb3.OperatorTokenName {
		return KindOperator
	}
	if _, limited := influxdb3.ParsePermissions(row.Permissions); limited {
		return KindResource
	}
	return KindNamedAdmin
}

// IssuedStatus is what is known of a token that was issued.
type IssuedStatus string

// The states of an issued token.
const (
	IssuedActive     IssuedStatus = "active"
	IssuedRenewalDue IssuedStatus = "renewal_due" // it expires within the time that was set for renewing it
	IssuedExpired    IssuedStatus = "expired"
	IssuedForeign    IssuedStatus = "foreign" // somebody else made another one under its name
)

// IssuedStatusAt says what the clock makes of a token. expiresAt is zero if it
// never expires; renewBefore is the time before that in which it should be
// renewed, 0 for none.
func IssuedStatusAt(now, expiresAt time.Time, renewBefore time.Duration) IssuedStatus {
	switch {
	case expiresAt.IsZero():
		return IssuedActive
	case !now.Before(expiresAt):
		return IssuedExpired
	case renewBefore > 0 && !now.Before(expiresAt.Add(-renewBefore)):
		return IssuedRenewalDue
	default:
		return IssuedActive
	}
}

// IssuedStatusOf is the status of the token with that hash, by the row that its server
// has under its name.
func IssuedStatusOf(row influxdb3.TokenInfo, hash string, now time.Time, renewBefore time.Duration) IssuedStatus {
	switch {
	case !influxdb3.SameHash(hash, row.Hash):
		return IssuedForeign
	case row.ExpiresAt == nil:
		return IssuedActive
	default:
		return IssuedStatusAt(now, *row.ExpiresAt, renewBefore)
	}
}

// IssuedCircumstances are what the replacement of an issued token is decided from. Like
// those of the operator token they are not the time. Except for the last, what is not
// known yet counts as changed.
type IssuedCircumstances struct {
	Status             IssuedStatus
	Imported           bool // nothing was applied since the import: lifetime and triggers are recorded, not acted upon
	NameStays          bool // the name is written, and is that of the token, and its server stays
	NameChanged        bool // another one is written
	NamePrefixLacking  bool // a prefix is written that the name does not have
	ExpiresInChanged   bool
	TriggersChanged    bool
	PermissionsChanged bool
	RenewBeforeChanged bool // the limit itself is being changed: it decides anew, next time
}

// ReplacedBy names the attributes that make a replacement necessary, none if the token
// stays.
func (c IssuedCircumstances) ReplacedBy() (attributes []string) {
	for _, reason := range []struct {
		attribute string
		holds     bool
	}{
		{"name", c.NameChanged},
		{"name_prefix", c.NamePrefixLacking},
		{"expires_in", c.ExpiresInChanged && !c.Imported},
		{"rotation_triggers", c.TriggersChanged && !c.Imported},
		{"permissions", c.PermissionsChanged},
		{"status", c.Status == IssuedExpired || c.Status == IssuedForeign || c.Status == IssuedRenewalDue && !c.RenewBeforeChanged},
	} {
		if reason.holds {
			attributes = append(attributes, reason.attribute)
		}
	}
	return attributes
}

// GivesWay says whether the replacement deletes somebody else's token: it needs the
// name.
func (c IssuedCircumstances) GivesWay() bool { return c.Status == IssuedForeign && c.NameStays }
