package provider

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/lifecycle"
)

// leftOvers are the tokens of one server among which creations look for what
// keep_on_destroy has left. A process lists them once, however many tokens it creates.
type leftOvers struct {
	mu    sync.Mutex
	asked bool
	rows  []influxdb3.TokenInfo // that no creation has taken
}

// take returns what a resource has left, to one creation alone. The error of the listing
// is returned to the first one.
func (l *leftOvers) take(keeping lifecycle.Keeping, list func() (*indexedListing, error)) (taken []influxdb3.TokenInfo, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.asked {
		l.asked = true
		listing, err := list()
		if err != nil {
			return nil, err
		}
		l.rows = slices.Clone(listing.Tokens)
	}
	l.rows = slices.DeleteFunc(l.rows, func(row influxdb3.TokenInfo) bool {
		is := keeping.LeftOver(row)
		if is {
			taken = append(taken, row)
		}
		return is
	})
	return taken, nil
}

// deleteLeftOvers deletes the expired tokens that a resource has left on the server. The
// creation that it follows has succeeded, so a failure is a warning.
func (s *configuredServer) deleteLeftOvers(ctx context.Context, keeping lifecycle.Keeping) (diags diag.Diagnostics) {
	if ctx.Err() != nil {
		return diags // the next creation does it
	}
	rows, err := s.leftOvers.take(keeping, func() (*indexedListing, error) { return s.tokens.get(ctx) })
	if err != nil {
		diags.AddWarning("Expired Tokens Were Not Deleted", fmt.Sprintf("%s.\n\nThe new token was made. Expired tokens that keep_on_destroy has left may still be on the server. They no longer work.\n\n"+
			"The next creation of a token tries again.", capital(lifecycle.IssuedReadProblem(err, "").Error())))
	}
	for i, row := range rows {
		if err := s.issuer().Revoke(ctx, lifecycle.Issued{Name: row.Name, Hash: row.Hash, CreatedAt: row.CreatedAt}); err != nil {
			diags.AddWarning("Expired Tokens Were Not Deleted", fmt.Sprintf("%s.\n\nThe new token was made. %d of %d expired tokens that keep_on_destroy has left are still on the server, among them %q. They no longer work.\n\n"+
				"The next creation of a token tries again.", capital(err.Error()), len(rows)-i, len(rows), loggable(row.Name)))
			break
		}
		tflog.Info(ctx, "deleted an expired token that keep_on_destroy has left", map[string]any{"name": loggable(row.Name)})
	}
	if len(rows) > 0 {
		s.tokens.invalidate()
	}
	return diags
}
