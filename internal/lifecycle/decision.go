package lifecycle

import "time"

// Status is what is known of a token.
type Status string

// The states of an operator token.
const (
	StatusActive      Status = "active"       // the server accepts it
	StatusRotationDue Status = "rotation_due" // accepted, and older than it should become
	StatusRejected    Status = "rejected"     // the server refused it
	StatusExpired     Status = "expired"      // refused, because its time is over; every successor is too
)

// StatusAt says whether an accepted token has become too old. rotateAfter is
// the age at which it should be replaced; 0 means never. Nothing is said of a
// token whose age is not known.
func StatusAt(now, rotatedAt time.Time, rotateAfter time.Duration) Status {
	if rotateAfter > 0 && !rotatedAt.IsZero() && !now.Before(rotatedAt.Add(rotateAfter)) {
		return StatusRotationDue
	}
	return StatusActive
}

// Accepted says whether the server accepted the token when it was last asked.
func (s Status) Accepted() bool { return s == StatusActive || s == StatusRotationDue }

// Reason says why a token is to be regenerated.
type Reason string

// The reasons, in the order in which they are looked for.
const (
	ReasonNone     Reason = ""
	ReasonTriggers Reason = "its rotation triggers changed"
	ReasonAge      Reason = "it is older than it should become"
	ReasonConsent  Reason = "the server refused it and the configuration consents to regenerating"
)

// Circumstances are what a rotation is decided from. None of them is the time:
// the decision is made twice, at plan and at apply, and must come out the same.
// The clock has its say when the token is inspected, through Status.
type Circumstances struct {
	Status             Status
	AgeUnresolved      bool // a rotation that was due by age was begun, and how it ended is not known
	TriggersChanged    bool
	RotateAfterChanged bool // the age limit itself is being changed: it decides anew, next time
	Imported           bool // nothing was applied since the import: triggers are recorded, not acted upon
	Consent            bool // an existing token may be regenerated
}

// Due says whether a rotation is due, and why. The age of a token that is refused is
// no reason: whoever has regenerated it did not ask for that. Only where our own
// rotation may have killed it, the reason for that one still holds.
func (c Circumstances) Due() Reason {
	switch {
	case c.TriggersChanged && !c.Imported:
		return ReasonTriggers
	case (c.Status == StatusRotationDue || c.Status == StatusRejected && c.AgeUnresolved) && !c.RotateAfterChanged:
		return ReasonAge
	case c.Status == StatusRejected && c.Consent:
		return ReasonConsent
	default:
		return ReasonNone
	}
}

// Stuck says whether the token is dead and nothing asks for a new one. Then a
// person must decide, because somebody else may hold the current one.
func (c Circumstances) Stuck() bool {
	return c.Status == StatusRejected && c.Due() == ReasonNone
}

// Fallback says what would heal a rotation whose reply is lost.
type Fallback string

// What the provider has besides the operator token itself.
const (
	FallbackActive   Fallback = "active"            // another token, which the server accepts
	FallbackExpiring Fallback = "expiring"          // the same, and it expires within fallbackNotice
	FallbackRefused  Fallback = "refused"           // another token, which the server does not know or which has expired
	FallbackSame     Fallback = "same"              // the operator token itself, which a rotation kills
	FallbackRecovery Fallback = "recovery_listener" // no working token, but the address of the recovery listener
	FallbackNone     Fallback = "none"              // nothing is configured
)

// Works says whether it could heal a rotation.
func (f Fallback) Works() bool {
	return f == FallbackActive || f == FallbackExpiring || f == FallbackRecovery
}

// fallbackNotice is how long before its end a fallback counts as expiring.
const fallbackNotice = 30 * 24 * time.Hour
