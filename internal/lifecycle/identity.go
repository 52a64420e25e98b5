package lifecycle

import (
	"context"
	"fmt"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
)

// Identity is what is known of the server that a token belongs to. It says which
// answers are the server's own.
type Identity struct {
	ClusterUUID string // "" before 3.7, or not known yet
	Build       string // "Core" or "Enterprise", "" if not known yet
	Version     string // such as "3.7.0", "" if not known yet
}

// oneNode says whether the server is known to be one node: Core is, and a node
// cannot lag behind itself.
func (i Identity) oneNode() bool { return i.Build == "Core" }

// refusesUnnamed says whether the server is known to be older than 3.8, the first
// version that names its cluster in a refusal (recorded: 3.7 and 3.9).
func (i Identity) refusesUnnamed() bool {
	var major, minor int
	n, _ := fmt.Sscanf(i.Version, "%d.%d", &major, &minor)
	return n == 2 && (major < 3 || major == 3 && minor < 8)
}

// origin says who sent an answer.
type origin int

const (
	originUnknown origin = iota // the server's, or that of anything in front of it
	originOther                 // another cluster's
	originLikely                // in the server's form, which could be copied
	originProven                // names the cluster that is known
)

// own says whether an answer counts as the server's. Where its cluster is known, and
// it names it in such an answer, its form alone does not.
func (o origin) own() bool { return o >= originLikely }

// originOf says who sent an answer that names that cluster, "" for none. recorded: it
// has a form that a server is known to send.
func (i Identity) originOf(clusterUUID string, recorded bool) origin {
	switch {
	case clusterUUID == "" && i.ClusterUUID == "" && recorded:
		return originLikely
	case clusterUUID == "":
		return originUnknown
	case i.ClusterUUID == "":
		return originLikely
	case i.ClusterUUID == clusterUUID:
		return originProven
	default:
		return originOther
	}
}

// asker is what is asked of a server about itself.
type asker interface {
	Ping(ctx context.Context, credential influxdb3.Secret) (*influxdb3.ServerInfo, error)
	Names(ctx context.Context) (clusterUUID string, err error)
}

// elsewhere is the error about a token that would be sent to another cluster, because its
// server has got another address. It is asked only then, and without a token. Servers
// before 3.8 do not tell (recorded): there the answer to the token has to do.
func (o *Operator) elsewhere(ctx context.Context, t OperatorToken) error {
	if t.Secret.IsEmpty() || t.ClusterUUID == "" || t.Address == "" || t.Address == o.Address {
		return nil
	}
	failed, err := o.other(ctx, t)
	if failed != nil && failed.NotUp() { // the token would get no further
		return unavailable(failed)
	}
	return err
}

// other is the error about another cluster than that of a token, or why it could not be
// asked. No token is sent.
func (o *Operator) other(ctx context.Context, t OperatorToken) (*influxdb3.Error, error) {
	named, failed := call(o.Server.Names(ctx))
	if named == "" && !is(failed, influxdb3.KindNotSent) {
		// A gateway can answer that one itself, or drop it. A refusal has the name too.
		var info *influxdb3.ServerInfo
		if info, failed = call(o.Server.Ping(ctx, influxdb3.Secret{})); failed != nil {
			named = failed.ClusterUUID
		} else {
			named = info.ClusterUUID
		}
	}
	if named != "" && t.ClusterUUID != "" && named != t.ClusterUUID {
		return nil, wrongServer("the token belongs to cluster %s, and cluster %s answers", t.ClusterUUID, named)
	}
	return failed, nil
}

// whose says who sent a failure. A 3.7 names its cluster in good replies and not in a
// refusal: it is believed if the version is known, and if what answers now does not
// name itself to anybody, because a server can have been upgraded since.
func whose(ctx context.Context, server asker, known Identity, failed *influxdb3.Error) origin {
	who := known.originOf(failed.ClusterUUID, failed.Recorded)
	if who == originUnknown && failed.ClusterUUID == "" && failed.Recorded && failed.Unnamed && known.refusesUnnamed() {
		if named, err := server.Names(ctx); err == nil && named == "" {
			return originLikely
		}
	}
	return who
}

// learn asks a server for its build and version with a credential that it accepts, if
// they are not known yet. Without an answer they stay unknown.
func (i Identity) learn(ctx context.Context, server asker, credential influxdb3.Secret) Identity {
	if i.Version != "" || credential.IsEmpty() {
		return i
	}
	info, err := server.Ping(ctx, credential)
	if err != nil || i.ClusterUUID != "" && info.ClusterUUID != i.ClusterUUID {
		return i
	}
	i.Build, i.Version = info.Build, info.Version
	return i
}

// learned is what is known of the server, completed where a refusal cannot be judged
// without it: one that names no cluster counts by the version, and what was made or
// replaced since the last refresh does not have that yet. The configured credential may
// be good where another one was refused.
func (o *Operator) learned(ctx context.Context, known Identity, failed *influxdb3.Error) Identity {
	if failed == nil || known.ClusterUUID == "" || !failed.Unnamed {
		return known
	}
	return known.learn(context.WithoutCancel(ctx), o.Server, o.Credential)
}

// unproven is a failure of which it is not known who sent it: whatever was asked for
// may have been done.
func unproven(failed *influxdb3.Error) *influxdb3.Error {
	unknown := *failed
	unknown.Kind = influxdb3.KindOutcomeUnknown
	return &unknown
}

// judge says what the failure of a call means that changes something: one that is not
// known to be the server's own says nothing about what the server did.
func judge(ctx context.Context, server asker, known Identity, failed *influxdb3.Error) *influxdb3.Error {
	switch {
	case failed == nil, failed.Kind == influxdb3.KindNotSent, failed.Kind == influxdb3.KindOutcomeUnknown:
		return failed
	case whose(ctx, server, known, failed).own():
		return failed
	default:
		return unproven(failed)
	}
}
