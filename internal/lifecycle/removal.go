package lifecycle

import (
	"time"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
)

// Removal is what is known of an operator token that is to leave the state.
type Removal struct {
	Status    Status
	Protected bool // from deletion
	Replaced  bool // see OperatorToken.ReplacedBy
	// HeldTwice says whether another object has the same token in state: what
	// create_before_destroy has left is one. It is asked last, because that one may
	// not have been read yet. nil: there is nobody to ask.
	HeldTwice func() bool
}

// Allowed says whether the token may go. A protected one may if it is of no use, or if
// it is not the only copy.
func (r Removal) Allowed() bool {
	return !r.Protected || r.Status == StatusRejected || r.Status == StatusExpired ||
		r.Replaced || r.HeldTwice != nil && r.HeldTwice()
}

// ReplacedBy says whether a token is of no use any more because this process has made
// that one after it, or has put the same one into another resource.
func (t OperatorToken) ReplacedBy(made OperatorToken) bool {
	return t.ClusterUUID == made.ClusterUUID && t.CreatedAt.Equal(made.CreatedAt)
}

// Mark tells an operator token from those of other servers, without its secret.
type Mark struct {
	ClusterUUID string // "" before 3.7, or not known
	Hash        string
	CreatedAt   time.Time // zero if not known
}

// Mark is that of a token.
func (t OperatorToken) Mark() Mark {
	return Mark{ClusterUUID: t.ClusterUUID, Hash: t.Hash(), CreatedAt: t.CreatedAt}
}

// Same says whether two marks are those of one server: a cluster has one operator token.
// Where none is named the hash tells, and when the token was created, because servers can
// be started with the same token file.
func (m Mark) Same(other Mark) bool {
	if m.ClusterUUID != "" && other.ClusterUUID != "" {
		return m.ClusterUUID == other.ClusterUUID
	}
	return influxdb3.SameHash(m.Hash, other.Hash) && (m.CreatedAt.IsZero() || other.CreatedAt.IsZero() || m.CreatedAt.Equal(other.CreatedAt))
}

// IssuedRemoval is what is known of an issued token that is to leave the state.
type IssuedRemoval struct {
	Status        IssuedStatus
	KeepOnDestroy bool
	Own           bool // the provider works with what would be deleted: Credentials.DependOn
}

// Removed says what becomes of an issued token at its server.
type Removed int

// What can become of it.
const (
	RemovedDeleted  Removed = iota // it is deleted
	RemovedKept                    // it stays, because keep_on_destroy says so
	RemovedGivesWay                // it is somebody else's, and goes only if its name is needed
	RemovedRefused                 // nothing could be done after it
)

// Outcome says what becomes of the token. An expired one is deleted whatever was said:
// the server never purges it.
func (r IssuedRemoval) Outcome() Removed {
	switch {
	case r.Status == IssuedExpired:
		return RemovedDeleted
	case r.Status != IssuedForeign && r.KeepOnDestroy:
		return RemovedKept
	case r.Own:
		return RemovedRefused
	case r.Status == IssuedForeign:
		return RemovedGivesWay
	default:
		return RemovedDeleted
	}
}
