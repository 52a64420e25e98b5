package lifecycle

import (
	"testing"
	"time"
)

func TestStatusAt(t *testing.T) {
	t.Parallel()
	made := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	tests := map[string]struct {
		now   time.Time
		after time.Duration
		want  Status
	}{
		"no limit":           {made.AddDate(10, 0, 0), 0, StatusActive},
		"before the limit":   {made.Add(time.Hour - time.Nanosecond), time.Hour, StatusActive},
		"at the limit":       {made.Add(time.Hour), time.Hour, StatusRotationDue},
		"behind the limit":   {made.Add(2 * time.Hour), time.Hour, StatusRotationDue},
		"clock behind":       {made.Add(-time.Hour), time.Hour, StatusActive},
		"made at no one day": {made, 1, StatusActive},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := StatusAt(tt.now, time.Time{}, tt.after); got != StatusActive {
				t.Errorf("a token of unknown age: got %s", got)
			}
			if got := StatusAt(tt.now, made, tt.after); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestCircumstances(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		given Circumstances
		due   Reason
		stuck bool
	}{
		"nothing":                         {Circumstances{Status: StatusActive}, ReasonNone, false},
		"consent alone":                   {Circumstances{Status: StatusActive, Consent: true}, ReasonNone, false},
		"triggers":                        {Circumstances{Status: StatusActive, TriggersChanged: true}, ReasonTriggers, false},
		"triggers after an import":        {Circumstances{Status: StatusActive, TriggersChanged: true, Imported: true}, ReasonNone, false},
		"too old":                         {Circumstances{Status: StatusRotationDue}, ReasonAge, false},
		"too old, by a limit that leaves": {Circumstances{Status: StatusRotationDue, RotateAfterChanged: true}, ReasonNone, false},
		"too old and triggers":            {Circumstances{Status: StatusRotationDue, TriggersChanged: true, RotateAfterChanged: true}, ReasonTriggers, false},
		"limit changed":                   {Circumstances{Status: StatusActive, RotateAfterChanged: true}, ReasonNone, false},
		"refused":                         {Circumstances{Status: StatusRejected}, ReasonNone, true},
		"refused, consent":                {Circumstances{Status: StatusRejected, Consent: true}, ReasonConsent, false},
		"refused, triggers":               {Circumstances{Status: StatusRejected, TriggersChanged: true}, ReasonTriggers, false},
		"refused, triggers after import":  {Circumstances{Status: StatusRejected, TriggersChanged: true, Imported: true}, ReasonNone, true},
		"refused, limit changed":          {Circumstances{Status: StatusRejected, RotateAfterChanged: true}, ReasonNone, true},
		"refused after a rotation by age": {Circumstances{Status: StatusRejected, AgeUnresolved: true}, ReasonAge, false},
		"refused after a rotation by age, by a limit that leaves": {Circumstances{Status: StatusRejected, AgeUnresolved: true, RotateAfterChanged: true}, ReasonNone, true},
		"a rotation by age that was not done":                     {Circumstances{Status: StatusActive, AgeUnresolved: true}, ReasonNone, false},
		"too old after an import":                                 {Circumstances{Status: StatusRotationDue, Imported: true}, ReasonAge, false},
		"expired":                                                 {Circumstances{Status: StatusExpired, AgeUnresolved: true, Consent: true}, ReasonNone, false},
		"expired, triggers":                                       {Circumstances{Status: StatusExpired, TriggersChanged: true}, ReasonTriggers, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tt.given.Due(); got != tt.due {
				t.Errorf("due: got %q, want %q", got, tt.due)
			}
			if got := tt.given.Stuck(); got != tt.stuck {
				t.Errorf("stuck: got %t, want %t", got, tt.stuck)
			}
		})
	}
}

func TestAccepted(t *testing.T) {
	t.Parallel()
	for status, want := range map[Status]bool{StatusActive: true, StatusRotationDue: true, StatusRejected: false, StatusExpired: false, "": false} {
		if got := status.Accepted(); got != want {
			t.Errorf("%q: %t", status, got)
		}
	}
}
