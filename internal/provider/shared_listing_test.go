package provider

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
)

// listings answers with a listing of one token whose name is the number of the
// request, when the test lets it.
type listings struct {
	calls atomic.Int32
	begun chan struct{}
	let   chan error // the outcome of the next request
}

func newListings() *listings {
	return &listings{begun: make(chan struct{}, 100), let: make(chan error, 100)}
}

func (l *listings) fetch(context.Context) (*influxdb3.Listing, error) {
	n := l.calls.Add(1)
	l.begun <- struct{}{}
	if err := <-l.let; err != nil {
		return nil, err
	}
	return &influxdb3.Listing{Tokens: []influxdb3.TokenInfo{{ID: uint64(n), Name: "t"}}}, nil //nolint:gosec // small and positive
}

func shared(l *listings, clock *testClock) *sharedListing {
	return &sharedListing{now: clock.Now, fetch: l.fetch}
}

// id is which request a listing came from, 0 with an error.
func id(listing *indexedListing, err error) uint64 {
	if err != nil {
		return 0
	}
	return listing.byName["t"].ID
}

func TestSharedListing_servesAllReads(t *testing.T) {
	t.Parallel()
	l, clock := newListings(), &testClock{}
	s := shared(l, clock)
	l.let <- nil
	var readers sync.WaitGroup
	for range 50 {
		readers.Go(func() {
			if got := id(s.get(context.Background())); got != 1 {
				t.Errorf("got listing %d, want 1", got)
			}
		})
	}
	readers.Wait()
	clock.advance(listingMaxAge - time.Second)
	if got := id(s.get(t.Context())); got != 1 {
		t.Errorf("got listing %d within its age, want 1", got)
	}
	clock.advance(2 * time.Second)
	l.let <- nil
	if got := id(s.get(t.Context())); got != 2 {
		t.Errorf("got listing %d when it was too old, want 2", got)
	}
}

// A write is seen by the next read, also where a listing was under way already.
func TestSharedListing_seesWrites(t *testing.T) {
	t.Parallel()
	l := newListings()
	s := shared(l, &testClock{})
	first := make(chan uint64)
	go func() { first <- id(s.get(context.Background())) }()
	<-l.begun
	s.invalidate()
	second := make(chan uint64)
	go func() { second <- id(s.get(context.Background())) }()
	<-l.begun // it did not join the one from before the write
	l.let <- nil
	l.let <- nil
	if a, b := <-first, <-second; a+b != 3 {
		t.Errorf("got listings %d and %d", a, b)
	}
	if got := id(s.get(t.Context())); got != 2 {
		t.Errorf("got listing %d, want the one from after the write", got)
	}
	s.invalidate()
	l.let <- nil
	if got := id(s.get(t.Context())); got != 3 {
		t.Errorf("got listing %d, want a new one", got)
	}
}

// Who waits with somebody whose request fails asks for himself.
func TestSharedListing_failedCaller(t *testing.T) {
	t.Parallel()
	l := newListings()
	s := shared(l, &testClock{})
	first := make(chan error)
	go func() {
		_, err := s.get(context.Background())
		first <- err
	}()
	<-l.begun
	second := make(chan uint64)
	joined := make(chan struct{})
	go func() {
		close(joined)
		second <- id(s.get(context.Background()))
	}()
	<-joined
	broken := errors.New("broken")
	l.let <- broken
	if err := <-first; !errors.Is(err, broken) {
		t.Errorf("the first got %v", err)
	}
	l.let <- nil
	if got := <-second; got != 2 {
		t.Errorf("the second got listing %d, want one of its own", got)
	}
}

// Who gives up does not take the listing from those who wait with him.
func TestSharedListing_cancelledCaller(t *testing.T) {
	t.Parallel()
	l := newListings()
	s := shared(l, &testClock{})
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error)
	go func() {
		_, err := s.get(ctx)
		first <- err
	}()
	<-l.begun
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("the first got %v", err)
	}
	second := make(chan uint64)
	go func() { second <- id(s.get(context.Background())) }()
	l.let <- nil
	if got := <-second; got != 1 {
		t.Errorf("the second got listing %d, want the one that the first began", got)
	}
}
