package provider

import (
	"context"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
)

// listingMaxAge is how long a listing serves further reads. A refresh of many
// tokens takes less.
const listingMaxAge = 30 * time.Second

// sharedListing lets all reads of a refresh share one listing.
type sharedListing struct {
	now   func() time.Time
	fetch func(context.Context) (*influxdb3.Listing, error)

	flight singleflight.Group
	mu     sync.Mutex
	writes int // a listing begun before a write is not used after it
	at     time.Time
	latest *indexedListing
}

// indexedListing finds tokens by name without going through all of them.
type indexedListing struct {
	*influxdb3.Listing
	byName map[string]*influxdb3.TokenInfo
}

// get returns a listing that is no older than the last write of this process. It
// returns early when the context ends, without disturbing those who wait as well.
func (l *sharedListing) get(ctx context.Context) (*indexedListing, error) {
	listing, shared, err := l.join(ctx)
	if err != nil && shared && ctx.Err() == nil {
		// Somebody else's request has failed; that is not this one's answer.
		listing, _, err = l.join(ctx)
	}
	return listing, err
}

func (l *sharedListing) join(ctx context.Context) (_ *indexedListing, shared bool, _ error) {
	l.mu.Lock()
	writes := l.writes
	latest := l.fresh()
	l.mu.Unlock()
	if latest != nil {
		return latest, false, nil
	}

	began := false
	done := l.flight.DoChan(strconv.Itoa(writes), func() (any, error) {
		began = true
		return l.ask(context.WithoutCancel(ctx), writes)
	})
	select {
	case <-ctx.Done():
		return nil, false, ctx.Err()
	case result := <-done:
		listing, _ := result.Val.(*indexedListing) // nil with an error
		return listing, !began, result.Err
	}
}

// fresh returns the latest listing if it may still serve, nil otherwise. The
// caller holds the lock.
func (l *sharedListing) fresh() *indexedListing {
	if l.latest == nil || l.now().Sub(l.at) >= listingMaxAge {
		return nil
	}
	return l.latest
}

func (l *sharedListing) ask(ctx context.Context, writes int) (*indexedListing, error) {
	// Another request may have ended between the caller's look and this one.
	l.mu.Lock()
	latest := l.fresh()
	l.mu.Unlock()
	if latest != nil {
		return latest, nil
	}
	listing, err := l.fetch(ctx)
	if err != nil {
		return nil, err
	}
	indexed := &indexedListing{Listing: listing, byName: make(map[string]*influxdb3.TokenInfo, len(listing.Tokens))}
	for i := range listing.Tokens {
		indexed.byName[listing.Tokens[i].Name] = &listing.Tokens[i]
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.writes == writes {
		l.latest, l.at = indexed, l.now()
	}
	return indexed, nil
}

// invalidate makes the next read ask anew. It is called after every write, and
// after one of unknown outcome too.
func (l *sharedListing) invalidate() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writes++
	l.latest = nil
}
