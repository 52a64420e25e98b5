package provider

import (
	"sync"
	"time"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/lifecycle"
)

// othersWait is how long one resource of an operator token waits for what Terraform
// may be doing with another one at the same time. It handles resources that do not
// depend on each other in any order.
const othersWait = 2 * time.Second

// operatorResources is what one process knows of the resources of one server's
// operator token. Terraform shows a provider one resource at a time and never says
// which others there are, so that it is known from their calls.
type operatorResources struct {
	patience time.Duration // how long one waits for another one

	mu       sync.Mutex
	changed  chan struct{}           // closed at the next change
	read     map[string]int          // by hash, how many states with it were refreshed
	guarded  map[string]bool         // by hash, whether one of them is protected from deletion
	kept     bool                    // whether the plan keeps a resource
	created  bool                    // whether it creates one that takes no other's place
	stage    stage                   // of the one creation or rotation that a process may make
	made     lifecycle.OperatorToken // by that, once it has succeeded
	foreseen bool                    // that a creation will fail
	handed   *handedOver
}

// stage says how far the change of the operator token is that this process makes.
type stage int

const (
	stageNone stage = iota
	stageBegun
	stageFailed
	stageDone
)

// handedOver is what Delete takes out of state, for a Create that may follow in the
// same process.
type handedOver struct {
	model adminTokenModel
	token lifecycle.OperatorToken
}

func newOperatorResources() *operatorResources {
	return &operatorResources{
		patience: othersWait,
		changed:  make(chan struct{}), read: map[string]int{}, guarded: map[string]bool{},
	}
}

// change makes a change and wakes whoever waits for one.
func (o *operatorResources) change(apply func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	apply()
	close(o.changed)
	o.changed = make(chan struct{})
}

// wait says whether something holds, or comes to hold soon.
func (o *operatorResources) wait(holds func() bool) bool {
	timeout := time.After(o.patience)
	for {
		o.mu.Lock()
		ok, changed := holds(), o.changed
		o.mu.Unlock()
		if ok {
			return true
		}
		select {
		case <-changed:
		case <-timeout:
			return false
		}
	}
}

// sawState notes that the state of a resource was refreshed.
func (o *operatorResources) sawState(hash string, protected bool) {
	o.change(func() {
		o.read[hash]++
		o.guarded[hash] = o.guarded[hash] || protected
	})
}

// holds says whether a resource has a token in state already, and whether it is
// protected from deletion.
func (o *operatorResources) holds(hash string) (held, protected bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for have := range o.read {
		if influxdb3.SameHash(have, hash) {
			return true, o.guarded[have]
		}
	}
	return false, false
}

// heldTwice says whether the states of two objects have the same token, so that one
// of them can go: what create_before_destroy has left is one.
func (o *operatorResources) heldTwice(hash string) bool {
	return o.wait(func() bool { return o.read[hash] > 1 })
}

// stays notes that the plan keeps a resource, and says whether it may: another one that
// it keeps or creates is for the same server, whatever token it has in state. Where plans are
// made again and again, it can be the same one.
func (o *operatorResources) stays(again bool) (only bool) {
	o.change(func() { only, o.kept = (!o.kept || again) && !o.created, true })
	return only
}

// creates notes that the plan creates a resource, and says whether it may beside one
// that it keeps. A replacement is planned twice, first as if the resource stayed.
func (o *operatorResources) creates(replacement bool) (only bool) {
	o.change(func() {
		if replacement {
			o.kept, only = false, true
			return
		}
		only, o.created = !o.kept, true
	})
	return only
}

// begin says whether a resource may create or rotate the operator token: one may in
// a process, or they would rotate it away from each other.
func (o *operatorResources) begin() (first bool) {
	o.change(func() {
		if first = o.stage == stageNone; first {
			o.stage = stageBegun
		}
	})
	return first
}

// end notes how that ended.
func (o *operatorResources) end(made *lifecycle.OperatorToken) {
	o.change(func() {
		o.stage = stageFailed
		if made != nil {
			o.stage, o.made = stageDone, *made
		}
	})
}

// replaced says whether a token is of no use any more because this process has made
// its successor, or has put the same one into another resource.
func (o *operatorResources) replaced(token lifecycle.OperatorToken) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.stage == stageDone && token.ReplacedBy(o.made)
}

// willFail notes that a creation will not be begun, because its plan fails: at apply it
// is planned once more, and what it would have replaced has to stay in state.
func (o *operatorResources) willFail() {
	o.change(func() { o.foreseen = true })
}

// handOver keeps a token that leaves the state, unless the creation that it could be
// for has failed.
func (o *operatorResources) handOver(from handedOver) (kept bool) {
	o.change(func() {
		if kept = o.stage != stageFailed && !o.foreseen; kept {
			o.handed = &from
		}
	})
	return kept
}

// takeOver returns what was handed over, once, and nil if there is nothing.
func (o *operatorResources) takeOver() (handed *handedOver) {
	o.change(func() { handed, o.handed = o.handed, nil })
	return handed
}

// awaitHandOver is takeOver for a creation that has failed: what it stands in for may
// be deleted at the same time.
func (o *operatorResources) awaitHandOver() *handedOver {
	o.awaitsHandOver()
	return o.takeOver()
}

// awaitsHandOver says whether something waits to be taken over, or soon will.
func (o *operatorResources) awaitsHandOver() bool {
	return o.wait(func() bool { return o.handed != nil })
}

// hasHandedOver says whether something waits to be taken over.
func (o *operatorResources) hasHandedOver() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.handed != nil
}
