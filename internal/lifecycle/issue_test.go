package lifecycle

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
)

// named is the row of a token that was made then.
func named(secret influxdb3.Secret, made time.Time) influxdb3.TokenInfo {
	return influxdb3.TokenInfo{ID: 7, Name: "ci", Hash: secret.Hash(), CreatedAt: made}
}

// A creation, by the answers to it and by what the looks show before and after.
func TestIssue_scripted(t *testing.T) {
	t.Parallel()
	type reply = func() (*influxdb3.Token, error)
	failing := func(failed *influxdb3.Error) reply {
		return func() (*influxdb3.Token, error) { return nil, failed }
	}
	issued := func(secret influxdb3.Secret, change ...func(*influxdb3.Token)) reply {
		token := &influxdb3.Token{Name: "ci", Secret: secret, ClusterUUID: here, Date: noon}
		for _, c := range change {
			c(token)
		}
		return func() (*influxdb3.Token, error) { return token, nil }
	}
	after := func(wait time.Duration) reply {
		failed := unknown(influxdb3.Secret{})
		failed.RetryAfter = wait
		return failing(failed)
	}
	lost, cut := failing(unknown(influxdb3.Secret{})), failing(unknown(next))
	cached := issued(next, func(r *influxdb3.Token) { r.Cached = true })
	stale := issued(next, func(r *influxdb3.Token) { r.Date = noon.Add(-clockSlack - 1) })
	conflict := &influxdb3.Error{Kind: influxdb3.KindConflict, ClusterUUID: here}
	type look = func() (*influxdb3.Listing, error)
	shows := func(rows ...influxdb3.TokenInfo) look {
		return func() (*influxdb3.Listing, error) { return listing(rows...), nil }
	}
	fails := func(failed *influxdb3.Error) look { return func() (*influxdb3.Listing, error) { return nil, failed } }
	nothing, theirs := shows(), shows(named(mine, noon.Add(-time.Hour)))
	down := fails(&influxdb3.Error{Kind: influxdb3.KindUnexpected, ClusterUUID: here})
	ours, another := shows(named(next, noon)), shows(named(other, noon))
	elsewhereLook := func() (*influxdb3.Listing, error) { return &influxdb3.Listing{ClusterUUID: elsewhere, Date: noon}, nil }
	for name, tt := range map[string]struct {
		unique  bool
		replies []reply
		looks   []look // the last one stays
		finds   int    // that are made
		deleted int
		made    influxdb3.Secret
		warned  int
		slept   time.Duration
		wake    error
		build   string // "" for Core
		want    Problem
	}{
		"made":                         {looks: []look{nothing}, replies: []reply{issued(next)}, finds: 1, made: next},
		"made, of its own name":        {unique: true, replies: []reply{issued(next)}, made: next},
		"made, without a date":         {looks: []look{nothing}, replies: []reply{issued(next, func(r *influxdb3.Token) { r.Date = time.Time{} })}, finds: 1, made: next},
		"lost, one node shows it":      {looks: []look{nothing, another, nothing, another}, replies: []reply{lost, issued(next)}, finds: 4, deleted: 1, made: next, warned: 1, slept: syncPoll, build: "Enterprise"},
		"the name is taken":            {looks: []look{theirs}, replies: []reply{failing(conflict)}, finds: 1, want: ProblemNameTaken},
		"lost, and it was taken":       {looks: []look{theirs}, replies: []reply{lost}, finds: 5, slept: settleInterval, want: ProblemNameTaken},
		"a reply from before":          {looks: []look{theirs}, replies: []reply{issued(mine)}, finds: 5, slept: settleInterval, want: ProblemNameTaken},
		"out of a cache, and good":     {looks: []look{nothing, ours}, replies: []reply{cached}, finds: 2, made: next},
		"of an older date, and good":   {looks: []look{nothing, ours}, replies: []reply{stale}, finds: 2, made: next},
		"out of a cache, in vain":      {looks: []look{nothing}, replies: []reply{cached}, finds: 5, slept: settleInterval, want: ProblemNotDone},
		"out of a cache, no look":      {looks: []look{nothing, down}, replies: []reply{cached}, finds: 2, made: next, want: ProblemUnverified},
		"cut behind it, no look":       {looks: []look{nothing, down}, replies: []reply{cut}, finds: 2, made: next, warned: 1},
		"cut behind it, elsewhere":     {looks: []look{nothing, elsewhereLook}, replies: []reply{cut}, finds: 2, made: next, warned: 1},
		"lost, looked elsewhere":       {looks: []look{nothing, elsewhereLook}, replies: []reply{lost}, finds: 2, want: ProblemUnresolved},
		"lost, at once made again":     {looks: []look{nothing, another, another, nothing}, replies: []reply{lost, issued(next)}, finds: 3, deleted: 1, made: next, warned: 1},
		"lost, and somebody's by then": {looks: []look{nothing, another, ours}, replies: []reply{lost, issued(mine)}, finds: 3, made: mine, warned: 1},
		"lost, and deleted elsewhere":  {looks: []look{nothing, another, elsewhereLook}, replies: []reply{lost}, finds: 3, want: ProblemLost},
		"lost, it is the credential":   {unique: true, looks: []look{shows(named(influxdb3.NewSecret("apiv3_admin"), noon))}, replies: []reply{lost}, finds: 1, want: ProblemNameTaken},
		"refused, and so is the look":  {unique: true, looks: []look{fails(refusal())}, replies: []reply{failing(refusal())}, finds: 1, want: ProblemNoCredential},
		"refused, the look is not":     {unique: true, looks: []look{nothing}, replies: []reply{failing(refusal())}, finds: 4, slept: settleInterval, want: ProblemNotDone},
		"refused, and no look":         {unique: true, looks: []look{down}, replies: []reply{failing(refusal())}, finds: 1, want: ProblemUnresolved},
		"lost, the look is refused":    {unique: true, looks: []look{fails(refusal())}, replies: []reply{lost}, finds: 1, want: ProblemUnresolved},
		"asked to come back":           {looks: []look{nothing}, replies: []reply{after(7 * time.Second), issued(next)}, finds: 5, slept: 12 * time.Second, made: next},
		"asked to come back, at most":  {looks: []look{nothing}, replies: []reply{after(maxRetryWait), issued(next)}, finds: 5, slept: 35 * time.Second, made: next},
		"asked to come back too late":  {looks: []look{nothing}, replies: []reply{after(maxRetryWait + 1)}, finds: 5, slept: settleInterval, want: ProblemNotDone},
		"asked to come back twice":     {looks: []look{nothing}, replies: []reply{after(time.Second), after(time.Second)}, finds: 9, slept: 11 * time.Second, want: ProblemNotDone},
		"interrupted meanwhile":        {looks: []look{nothing}, replies: []reply{after(time.Second)}, finds: 2, slept: syncPoll, wake: context.Canceled, want: ProblemUnresolved},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, clock := &scripted{t: t}, &watch{now: noon.Add(time.Hour), wake: tt.wake} // not the server's
			if tt.looks != nil {
				s.find = func(influxdb3.Secret) (*influxdb3.Listing, error) {
					return tt.looks[min(s.count("find"), len(tt.looks))-1]()
				}
			}
			s.remove = func(string) (string, error) { return here, nil }
			s.ping = func() (*influxdb3.ServerInfo, error) {
				return &influxdb3.ServerInfo{Build: cmp.Or(tt.build, "Core"), Version: "3.10.1", ClusterUUID: here}, nil
			}
			replies := 0
			i := &Issuer{Server: s, Credential: influxdb3.NewSecret("apiv3_admin"), Clock: clock}
			token, warnings, err := i.Issue(t.Context(), "ci", tt.unique, func(context.Context) (*influxdb3.Token, error) {
				replies++
				return tt.replies[replies-1]()
			})
			expectProblem(t, err, tt.want)
			if got := secretOf(token); !got.Equal(tt.made) || replies != len(tt.replies) || s.count("find") != tt.finds || s.count("delete") != tt.deleted || len(warnings) != tt.warned || clock.slept != tt.slept {
				t.Errorf("got %s with %v after %d creations and %v, slept %s", got.Hash(), warnings, replies, s.calls, clock.slept)
			}
			if token != nil && (token.Name != "ci" || token.ClusterUUID != here || !token.CreatedAt.IsZero() && !token.CreatedAt.Equal(noon)) {
				t.Errorf("got %+v", token)
			}
		})
	}
}

func secretOf(token *influxdb3.Token) influxdb3.Secret {
	if token == nil {
		return influxdb3.Secret{}
	}
	return token.Secret
}

// What is left of a creation whose every reply was lost.
func TestIssue_lostForEver(t *testing.T) {
	t.Parallel()
	s := &scripted{t: t, remove: func(string) (string, error) { return here, nil }}
	s.find = func(influxdb3.Secret) (*influxdb3.Listing, error) { return listing(named(other, noon)), nil }
	failed := unknown(influxdb3.Secret{})
	i := &Issuer{Server: s, Credential: mine, Clock: &watch{now: noon}}
	_, _, err := i.Issue(t.Context(), "ci", true, func(context.Context) (*influxdb3.Token, error) { return nil, failed })
	expectProblem(t, err, ProblemNotDone)
	// It is known what became of it.
	if errors.Is(err, failed) || !strings.Contains(err.Error(), failed.Error()) || s.count("delete") != 1+maxHeals {
		t.Errorf("%v after %v", err, s.calls)
	}
}

// What asks to come back is not waited for on a context that has ended.
func TestInterruptedWhileAskedToWait(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	busy := unknown(influxdb3.Secret{})
	busy.RetryAfter = 7 * time.Second
	s := &scripted{t: t, find: func(influxdb3.Secret) (*influxdb3.Listing, error) {
		return listing(row(mine, noon.Add(-time.Hour))), nil
	}}
	s.regenerate = func(influxdb3.Secret) (*influxdb3.Token, error) {
		cancel()
		return nil, busy
	}
	_, _, err := (&Operator{Server: s, Clock: &watch{now: noon}}).Rotate(ctx, held())
	expectProblem(t, err, ProblemNotDone)
	ctx, cancel = context.WithCancel(t.Context())
	created := 0
	_, _, err = (&Issuer{Server: s, Credential: mine, Clock: &watch{now: noon}}).Issue(ctx, "ci", false, func(context.Context) (*influxdb3.Token, error) {
		created++
		cancel()
		return nil, busy
	})
	expectProblem(t, err, ProblemNotDone)
	if s.count("regenerate") != 1 || created != 1 {
		t.Errorf("%v and %d creations", s.calls, created)
	}
}

// A token that a look has found has everything that the listing tells of it.
func TestListed(t *testing.T) {
	t.Parallel()
	r := named(next, noon.Add(-time.Second))
	expires := noon.Add(time.Hour)
	r.ExpiresAt = &expires
	got := listed(&r, next, listing())
	if got.ID != r.ID || got.Name != "ci" || !got.Secret.Equal(next) || !got.CreatedAt.Equal(r.CreatedAt) || got.ExpiresAt != &expires || got.ClusterUUID != here || !got.Date.Equal(noon) {
		t.Errorf("got %+v", got)
	}
}

// What is kept of a cut reply while nobody can be asked.
func TestIssuerKept(t *testing.T) {
	t.Parallel()
	known := Identity{ClusterUUID: here}
	for name, tt := range map[string]struct {
		failed influxdb3.Error
		made   time.Time
		want   Problem
	}{
		"its own":                {influxdb3.Error{Partial: next, ClusterUUID: here, Date: noon}, noon, 0},
		"without a date":         {influxdb3.Error{Partial: next, ClusterUUID: here}, noon.Add(time.Hour), 0},
		"another cluster's":      {influxdb3.Error{Partial: next, ClusterUUID: elsewhere, Date: noon}, noon, ProblemUnverified},
		"not named":              {influxdb3.Error{Partial: next, Date: noon}, noon, ProblemUnverified},
		"doubted":                {influxdb3.Error{Partial: next, ClusterUUID: here, Date: noon, Err: doubt("cached")}, noon, ProblemUnverified},
		"cut for another reason": {influxdb3.Error{Partial: next, ClusterUUID: here, Date: noon, Err: errors.New("EOF")}, noon, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := &Issuer{Clock: &watch{now: noon.Add(time.Hour + time.Millisecond)}}
			token, warnings, err := i.kept("ci", known, &tt.failed, refusal())
			expectProblem(t, err, tt.want)
			if !token.Secret.Equal(next) || token.Name != "ci" || !token.CreatedAt.Equal(tt.made) || token.ClusterUUID != tt.failed.ClusterUUID || (len(warnings) == 1) != (tt.want == 0) {
				t.Errorf("kept %+v, %v", token, warnings)
			}
		})
	}
}

// A deletion, by the answers to it and by what the looks show.
func TestRevoke_scripted(t *testing.T) {
	t.Parallel()
	type reply = func() (string, error)
	failing := func(failed *influxdb3.Error) reply { return func() (string, error) { return "", failed } }
	gone := func() (string, error) { return here, nil }
	unnamed := func() (string, error) { return "", nil }
	lost := failing(&influxdb3.Error{Kind: influxdb3.KindOutcomeUnknown})
	after := func(wait time.Duration) reply {
		return failing(&influxdb3.Error{Kind: influxdb3.KindOutcomeUnknown, RetryAfter: wait})
	}
	notFound := failing(&influxdb3.Error{Kind: influxdb3.KindNotFound, ClusterUUID: here})
	there, none := listing(named(next, noon)), listing()
	before := &influxdb3.Listing{Tokens: there.Tokens, Date: noon} // 3.7
	down := &influxdb3.Error{Kind: influxdb3.KindUnexpected, ClusterUUID: here}
	look := func(seen ...any) []any { return seen }
	young := func(i *Issued) { i.CreatedAt = noon }
	unknownCluster := func(i *Issued) { i.ClusterUUID = "" }
	for name, tt := range map[string]struct {
		looks   []any // listings and errors, the last one stays
		replies []reply
		token   func(*Issued)
		build   string
		finds   int
		slept   time.Duration
		wake    error
		want    Problem
	}{
		"deleted":                     {looks: look(there), replies: []reply{gone}, finds: 1},
		"gone":                        {looks: look(none), finds: 1},
		"young, and there":            {looks: look(there), replies: []reply{gone}, token: young, build: "Enterprise", finds: 1},
		"young, and to be seen later": {looks: look(none, there), replies: []reply{gone}, token: young, build: "Enterprise", finds: 2, slept: syncPoll},
		"young, on one node":          {looks: look(none), token: young, build: "Core", finds: 1},
		"lost, and gone":              {looks: look(there, none), replies: []reply{lost}, token: young, build: "Enterprise", finds: 2},
		"lost, and not done":          {looks: look(there), replies: []reply{lost, gone}, finds: 2},
		"lost, before 3.7":            {looks: look(before), replies: []reply{lost, unnamed}, token: unknownCluster, finds: 2},
		"done, before 3.7":            {looks: look(before), replies: []reply{unnamed}, token: unknownCluster, finds: 1},
		"done, says a proxy":          {looks: look(there), replies: []reply{unnamed, gone}, finds: 2},
		"not found, and gone":         {looks: look(there, none), replies: []reply{notFound}, finds: 2},
		"not found, and there":        {looks: look(there), replies: []reply{notFound, gone}, finds: 2},
		"no first look":               {looks: look(down), finds: 1, want: ProblemUnavailable},
		"refused before":              {looks: look(refusal()), finds: 1, want: ProblemNoCredential},
		"lost, and no look":           {looks: look(there, down), replies: []reply{lost}, finds: 2, want: ProblemUnresolved},
		"lost every time":             {looks: look(there), replies: []reply{lost, lost, lost, lost}, finds: 5, want: ProblemNotDone},
		"lost every time, and gone":   {looks: look(there, there, there, there, none), replies: []reply{lost, lost, lost, lost}, finds: 5},
		"lost, and whose look?":       {looks: look(there, before), replies: []reply{lost}, finds: 2, want: ProblemUnresolved},
		"whose look?":                 {looks: look(before), finds: 1, want: ProblemUnavailable},
		"refused by another cluster":  {looks: look(&influxdb3.Error{Kind: influxdb3.KindUnauthorized, ClusterUUID: elsewhere}), finds: 1, want: ProblemWrongServer},
		"asked to come back":          {looks: look(there), replies: []reply{after(7 * time.Second), gone}, finds: 2, slept: 7 * time.Second},
		"asked to come back, at most": {looks: look(there), replies: []reply{after(maxRetryWait), gone}, finds: 2, slept: maxRetryWait},
		"asked to come back too late": {looks: look(there), replies: []reply{after(maxRetryWait + 1), gone}, finds: 2},
		"interrupted meanwhile":       {looks: look(there), replies: []reply{after(time.Second)}, finds: 2, slept: time.Second, wake: context.Canceled, want: ProblemNotDone},
		"interrupted before":          {looks: look(none), token: young, build: "Enterprise", finds: 1, slept: syncPoll, wake: context.Canceled, want: ProblemInterrupted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, clock := &scripted{t: t}, &watch{now: noon, wake: tt.wake}
			s.find = func(influxdb3.Secret) (*influxdb3.Listing, error) {
				switch seen := tt.looks[min(s.count("find"), len(tt.looks))-1].(type) {
				case *influxdb3.Listing:
					return seen, nil
				case *influxdb3.Error:
					return nil, seen
				}
				return nil, nil
			}
			s.remove = func(string) (string, error) { return tt.replies[s.count("delete")-1]() }
			s.ping = func() (*influxdb3.ServerInfo, error) { return &influxdb3.ServerInfo{Build: tt.build}, nil }
			token := Issued{Name: "ci", Hash: next.Hash(), ClusterUUID: here, CreatedAt: noon.Add(-time.Hour)}
			if tt.token != nil {
				tt.token(&token)
			}
			err := (&Issuer{Server: s, Credential: mine, Clock: clock}).Revoke(t.Context(), token)
			expectProblem(t, err, tt.want)
			if s.count("find") != tt.finds || s.count("delete") != len(tt.replies) || clock.slept != tt.slept {
				t.Errorf("%v, slept %s", s.calls, clock.slept)
			}
		})
	}
}

func TestMayLag(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		createdAt, began, now time.Time
		build                 string
		want                  bool
		pinged                int
	}{
		"young, a cluster":      {noon, noon, noon.Add(syncInterval - 1), "Enterprise", true, 1},
		"young, one node":       {noon, noon, noon.Add(syncInterval - 1), "Core", false, 1},
		"young, nobody says":    {noon, noon, noon, "", true, 1},
		"old":                   {noon, noon, noon.Add(syncInterval), "Enterprise", false, 0},
		"looked for long":       {noon, noon.Add(-syncInterval), noon, "Enterprise", false, 0},
		"looked for almost":     {noon, noon.Add(1 - syncInterval), noon, "Enterprise", true, 1},
		"no date, young":        {noon.Add(1 - syncInterval), noon, time.Time{}, "Enterprise", true, 1},
		"no date, old":          {noon.Add(-syncInterval), noon, time.Time{}, "Enterprise", false, 0},
		"of when is not known":  {time.Time{}, noon, noon, "Enterprise", false, 0},
		"the server is ahead":   {noon, noon, noon.Add(time.Hour), "Enterprise", false, 0},
		"the machine is behind": {noon.Add(time.Hour), noon, noon.Add(time.Hour), "Enterprise", true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &scripted{t: t}
			if tt.build != "" {
				s.ping = func() (*influxdb3.ServerInfo, error) { return &influxdb3.ServerInfo{Build: tt.build}, nil }
			}
			i := &Issuer{Server: s, Credential: mine, Clock: &watch{now: noon}}
			if got := i.MayLag(t.Context(), tt.createdAt, tt.began, tt.now); got != tt.want || s.count("ping") != tt.pinged {
				t.Errorf("got %t after %v", got, s.calls)
			}
		})
	}
}

// A refresh that another cluster answers with a failure is at the wrong server.
func TestIssuedReadProblem_elsewhere(t *testing.T) {
	t.Parallel()
	for _, kind := range []influxdb3.Kind{influxdb3.KindUnauthorized, influxdb3.KindUnexpected} {
		expectProblem(t, IssuedReadProblem(&influxdb3.Error{Kind: kind, ClusterUUID: elsewhere}, here), ProblemWrongServer)
	}
	expectProblem(t, IssuedReadProblem(&influxdb3.Error{Kind: influxdb3.KindUnauthorized, ClusterUUID: here}, here), ProblemNoCredential)
}
