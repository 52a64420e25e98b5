package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/lifecycle"
)

// Keys of private state. Values are JSON.
const (
	privateImported    = "import_stage"   // lifecycle.ImportStage
	privateFacts       = "operator_facts" // what is known of the operator token besides its state
	privateAge         = "age_unresolved" // a rotation that was due by age was begun, and how it ended is not known
	privatePlanned     = "planned"        // the plan has looked at the resource as one that stays
	privateForeignHash = "foreign_hash"   // of the token that somebody else made under the name, as of the last refresh
	privateGivesWay    = "gives_way"      // the hash of it, if the plan replaces it with one of that name
)

// operatorFacts are kept of an operator token and its server and shown to nobody.
type operatorFacts struct {
	PreviousHash string `json:"previous_hash,omitempty"` // that the last rotation replaced
	ListedAt     string `json:"listed_at,omitempty"`     // when the server says that it was made, RFC 3339
	Build        string `json:"build,omitempty"`
	Version      string `json:"version,omitempty"`
	Address      string `json:"address,omitempty"` // where it was last accepted or made
}

// factsOf are the facts to keep of a token.
func factsOf(token lifecycle.OperatorToken) operatorFacts {
	facts := operatorFacts{PreviousHash: token.PreviousHash, Build: token.Build, Version: token.Version, Address: token.Address}
	if !token.ListedAt.IsZero() {
		facts.ListedAt = token.ListedAt.Format(time.RFC3339Nano)
	}
	return facts
}

func (f operatorFacts) listedAt() time.Time {
	at, _ := time.Parse(time.RFC3339Nano, f.ListedAt) // zero if there is none
	return at
}

// privateGetter is what requests and responses have in common here.
type privateGetter interface {
	GetKey(ctx context.Context, key string) ([]byte, diag.Diagnostics)
}

type privateSetter interface {
	SetKey(ctx context.Context, key string, value []byte) diag.Diagnostics
}

// getPrivate reads a value of private state, the zero value if there is none.
func getPrivate[T any](ctx context.Context, private privateGetter, key string) (T, diag.Diagnostics) {
	var value T
	raw, diags := private.GetKey(ctx, key)
	if len(raw) == 0 || diags.HasError() {
		return value, diags
	}
	if err := json.Unmarshal(raw, &value); err != nil {
		diags.AddError("Unexpected Private State", fmt.Sprintf("The key %q of the resource's private state is not what this provider writes there: %s.", key, err))
	}
	return value, diags
}

// setPrivate writes a value into private state and removes the key for the zero
// value.
func setPrivate[T comparable](ctx context.Context, private privateSetter, key string, value T) diag.Diagnostics {
	var zero T
	if value == zero {
		return private.SetKey(ctx, key, nil)
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return diag.Diagnostics{diag.NewErrorDiagnostic("Unexpected Private State", err.Error())}
	}
	return private.SetKey(ctx, key, raw)
}
