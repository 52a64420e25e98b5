package provider

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/lifecycle"
)

// later is when another resource of the same process does its part.
const later = othersWait / 10

func TestOperatorResources_begin(t *testing.T) {
	t.Parallel()
	made := lifecycle.OperatorToken{Identity: lifecycle.Identity{ClusterUUID: "here"}, CreatedAt: time.Unix(1, 0)}
	o := newOperatorResources()
	if o.replaced(made) || o.replaced(lifecycle.OperatorToken{}) {
		t.Error("nothing was made yet")
	}
	if !o.begin() || o.begin() {
		t.Error("one resource may begin, once")
	}
	if o.replaced(lifecycle.OperatorToken{}) {
		t.Error("nothing was made yet")
	}
	o.end(nil)
	if o.begin() || o.replaced(lifecycle.OperatorToken{}) || o.handOver(handedOver{}) || o.hasHandedOver() {
		t.Error("after a failure nothing begins and nothing is handed over")
	}
	o = newOperatorResources()
	o.begin()
	o.end(&made)
	if !o.replaced(made) || o.replaced(lifecycle.OperatorToken{}) || o.begin() {
		t.Error("what was made replaces the token of its own server only")
	}
	if !o.handOver(handedOver{token: made}) {
		t.Error("after a success there may be a hand-over")
	}
}

func TestOperatorResources_handOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := newOperatorResources()
		if o.takeOver() != nil || o.hasHandedOver() {
			t.Error("nothing was handed over")
		}
		token := lifecycle.OperatorToken{Status: lifecycle.StatusRejected}
		if !o.handOver(handedOver{token: token}) || !o.hasHandedOver() {
			t.Error("it was not kept")
		}
		if got := o.takeOver(); got == nil || got.token.Status != token.Status || o.takeOver() != nil {
			t.Error("it is taken over once")
		}
		began := time.Now()
		go func() {
			time.Sleep(later)
			o.handOver(handedOver{token: token})
		}()
		if o.awaitHandOver() == nil || time.Since(began) != later {
			t.Error("what is handed over a little later is waited for, and no longer than that")
		}
		if began = time.Now(); o.awaitHandOver() != nil || time.Since(began) != othersWait {
			t.Error("what never comes is waited for")
		}
	})
}

func TestOperatorResources_seen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := newOperatorResources()
		if !o.stays(false) || o.stays(false) || o.creates(false) {
			t.Error("one resource of a server stays, and none is created beside it")
		}
		if o := newOperatorResources(); !o.stays(false) || !o.creates(true) || !o.creates(false) {
			t.Error("a replacement is planned twice, and then does not stay")
		}
		again := newOperatorResources()
		first, second := again.stays(true), again.stays(true)
		if !first || !second || again.creates(false) {
			t.Error("one that is planned again counts as a second one, or one that is created does not")
		}
		if o := newOperatorResources(); !o.creates(false) || o.stays(false) {
			t.Error("none stays beside one that is created")
		}
		o.sawState("0123456789", false)
		if held, protected := o.holds("012345678"); !held || protected {
			t.Errorf("held %t, protected %t", held, protected)
		}
		go func() {
			time.Sleep(later)
			o.sawState("0123456789", true)
			o.sawState("0123456789", false)
		}()
		began := time.Now()
		if !o.heldTwice("0123456789") || time.Since(began) != later {
			t.Error("a second state that is refreshed a little later is waited for, and no longer")
		}
		o.sawState("0123456789", false)
		if held, protected := o.holds("0123456789"); !held || !protected {
			t.Errorf("held %t, protected %t, although one of them is", held, protected)
		}
		if held, _ := o.holds("ffffff"); held {
			t.Error("another token is held")
		}
		if held, _ := o.holds(""); held {
			t.Error("a token that is not known is held")
		}
		o.sawState("once", false)
		if o.heldTwice("once") {
			t.Error("one state counts twice")
		}
	})
}
