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
	for problem := ProblemUnavailable; problem <= ProblemNotSupported; problem++ {
		err := &Error{Problem: problem}
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
