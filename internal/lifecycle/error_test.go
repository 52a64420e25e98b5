package lifecycle

import (
	"errors"
	"testing"
)

// What an error says of the token that it is about.
func TestErrorVerdicts(t *testing.T) {
	t.Parallel()
	dead := map[Problem]bool{ProblemLost: true, ProblemAllRefused: true, ProblemRegeneratedElsewhere: true}
	needs := map[Problem]bool{ProblemNoCredential: true, ProblemNotOperatorToken: true, ProblemLost: true}
	done := map[Problem]bool{
		ProblemLost: true, ProblemUnresolved: true, ProblemUnverified: true, ProblemRaced: true, ProblemElsewhere: true, ProblemAllRefused: true,
	}
	for problem := ProblemUnavailable; problem <= ProblemNotSupported; problem++ {
		err := &Error{Problem: problem}
		if got := MayBeDone(err); got != done[problem] {
			t.Errorf("problem %d: may be done %t", problem, got)
		}
		if got := TokenIsDead(err); got != dead[problem] {
			t.Errorf("problem %d: dead %t", problem, got)
		}
		if got := NeedsHandOver(err); got != needs[problem] {
			t.Errorf("problem %d: needs a hand-over %t", problem, got)
		}
	}
	for _, err := range []error{nil, errors.New("another")} {
		if TokenIsDead(err) || NeedsHandOver(err) || MayBeDone(err) {
			t.Errorf("%v tells of a token", err)
		}
	}
}

// A refusal says nothing of what was done if the last refresh has seen the token accepted:
// it can be that of a request that was sent twice.
func TestBefore(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		first  Problem
		second Problem
		status Status
		want   Problem
	}{
		"accepted before":              {ProblemAllRefused, ProblemNotDone, StatusActive, ProblemUnresolved},
		"accepted before, and too old": {ProblemAllRefused, ProblemUnavailable, StatusRotationDue, ProblemUnresolved},
		"refused before":               {ProblemAllRefused, ProblemNotDone, StatusRejected, ProblemNotDone},
		"not allowed to":               {ProblemForbidden, ProblemNotDone, StatusActive, ProblemNotDone},
		"and something was done":       {ProblemAllRefused, ProblemLost, StatusActive, ProblemLost},
		"and the second way went well": {ProblemAllRefused, 0, StatusActive, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var second error
			if tt.second != 0 {
				second = &Error{Problem: tt.second}
			}
			expectProblem(t, (&Error{Problem: tt.first}).before(second, OperatorToken{Status: tt.status}), tt.want)
		})
	}
}
