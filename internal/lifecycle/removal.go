package lifecycle

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
