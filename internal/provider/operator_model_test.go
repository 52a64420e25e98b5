package provider

import (
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/lifecycle"
)

func triggers(values ...attr.Value) types.Map {
	elements := map[string]attr.Value{}
	for i, value := range values {
		elements[string(rune('a'+i))] = value
	}
	return types.MapValueMust(types.StringType, elements)
}

func limit(d time.Duration) duration { return duration{types.StringValue(d.String())} }

// What lifecycle works with survives being written into state and private state.
func TestOperatorToken_roundTrip(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 1, 12, 0, 0, 331e6, time.UTC)
	expires := at.Add(time.Hour)
	want := lifecycle.OperatorToken{
		Identity: lifecycle.Identity{ClusterUUID: "here", Build: "Core", Version: "3.10.1"}, Secret: influxdb3.NewSecret("apiv3_x"),
		Status: lifecycle.StatusRotationDue, CreatedAt: at, RotatedAt: at.Add(time.Minute), ListedAt: at.Add(time.Second), ExpiresAt: &expires, PreviousHash: "0123456789",
		Address: "http://localhost:8181",
	}
	for range 2 {
		var model adminTokenModel
		model.RotateAfter = durationNull()
		if diags := model.take(want); diags.HasError() {
			t.Error(diags)
		}
		got := model.operatorToken(factsOf(want), nil)
		sameExpiry := (got.ExpiresAt == nil) == (want.ExpiresAt == nil) && (want.ExpiresAt == nil || got.ExpiresAt.Equal(*want.ExpiresAt))
		if got.Identity != want.Identity || !got.Secret.Equal(want.Secret) || got.Status != want.Status || !got.CreatedAt.Equal(want.CreatedAt) ||
			!got.RotatedAt.Equal(want.RotatedAt) || !got.ListedAt.Equal(want.ListedAt) || !sameExpiry || got.PreviousHash != want.PreviousHash || got.Address != want.Address {
			t.Errorf("got %+v, want %+v", got, want)
		}
		if model.Hash.ValueString() != want.Hash() {
			t.Errorf("the hash is %s", model.Hash)
		}
		want.ExpiresAt, want.ClusterUUID, want.ListedAt = nil, "", time.Time{} // an older server, just rotated
	}
}

// What a plan says of a rotation: a value that is not known yet may make one due.
func TestAdminTokenModel_due(t *testing.T) {
	t.Parallel()
	one, two, later := types.StringValue("1"), types.StringValue("2"), types.StringUnknown()
	for name, tt := range map[string]struct {
		status     lifecycle.Status
		plan       func(*adminTokenModel)
		due, maybe bool
	}{
		"nothing":                        {lifecycle.StatusActive, func(*adminTokenModel) {}, false, false},
		"a trigger":                      {lifecycle.StatusActive, func(m *adminTokenModel) { m.RotationTriggers = triggers(two) }, true, true},
		"a trigger more":                 {lifecycle.StatusActive, func(m *adminTokenModel) { m.RotationTriggers = triggers(one, two) }, true, true},
		"no triggers":                    {lifecycle.StatusActive, func(m *adminTokenModel) { m.RotationTriggers = types.MapNull(types.StringType) }, true, true},
		"a trigger not known":            {lifecycle.StatusActive, func(m *adminTokenModel) { m.RotationTriggers = triggers(later) }, false, true},
		"triggers not known":             {lifecycle.StatusActive, func(m *adminTokenModel) { m.RotationTriggers = types.MapUnknown(types.StringType) }, false, true},
		"too old":                        {lifecycle.StatusRotationDue, func(*adminTokenModel) {}, true, true},
		"too old, by another limit":      {lifecycle.StatusRotationDue, func(m *adminTokenModel) { m.RotateAfter = limit(2 * time.Hour) }, false, false},
		"too old, by a limit not known":  {lifecycle.StatusRotationDue, func(m *adminTokenModel) { m.RotateAfter = duration{types.StringUnknown()} }, false, true},
		"refused":                        {lifecycle.StatusRejected, func(*adminTokenModel) {}, false, false},
		"refused, consent":               {lifecycle.StatusRejected, func(m *adminTokenModel) { m.ExistingToken = types.StringValue(existingRegenerate) }, true, true},
		"refused, consent not known":     {lifecycle.StatusRejected, func(m *adminTokenModel) { m.ExistingToken = types.StringUnknown() }, false, true},
		"consent not known, and no need": {lifecycle.StatusActive, func(m *adminTokenModel) { m.ExistingToken = types.StringUnknown() }, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			state := adminTokenModel{
				Status: types.StringValue(string(tt.status)), RotationTriggers: triggers(one), RotateAfter: limit(time.Hour), ExistingToken: types.StringValue(existingAdopt),
			}
			plan := state
			tt.plan(&plan)
			c := plan.circumstances(state, false, false)
			if due, maybe := c.Due() != lifecycle.ReasonNone, plan.mayBecomeDue(c); due != tt.due || maybe != tt.maybe {
				t.Errorf("due %t, may become due %t", due, maybe)
			}
		})
	}
	m := adminTokenModel{Status: types.StringValue("active"), RotationTriggers: triggers(two)}
	if c := m.circumstances(adminTokenModel{RotationTriggers: triggers(one), Status: types.StringValue("rejected")}, true, true); !c.Imported || !c.AgeUnresolved || c.Status != lifecycle.StatusRejected {
		t.Errorf("got %+v", c)
	}
}

// A limit that is not known yet is a change, also where there was none.
func TestAdminTokenModel_limitNotKnown(t *testing.T) {
	t.Parallel()
	plan := adminTokenModel{RotateAfter: duration{types.StringUnknown()}}
	if !plan.circumstances(adminTokenModel{RotateAfter: durationNull()}, false, false).RotateAfterChanged {
		t.Error("it is no change")
	}
	plan.RotateAfter = durationNull()
	if plan.circumstances(adminTokenModel{RotateAfter: durationNull()}, false, false).RotateAfterChanged {
		t.Error("no limit and no limit differ")
	}
}

func TestRotationDueAt(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	m := adminTokenModel{RotatedAt: timestamp(&at), RotateAfter: limit(time.Hour)}
	if got := timeOf(m.rotationDueAt()); !got.Equal(at.Add(time.Hour)) {
		t.Errorf("got %s", got)
	}
	m.RotateAfter = duration{types.StringUnknown()}
	if got := m.rotationDueAt(); !got.IsUnknown() {
		t.Errorf("got %s by a limit that is not known", got)
	}
	m.RotateAfter = durationNull()
	if got := m.rotationDueAt(); !got.IsNull() {
		t.Errorf("got %s without a limit", got)
	}
	m.RotateAfter, m.RotatedAt = limit(time.Hour), timestamp(nil)
	if got := m.rotationDueAt(); !got.IsNull() {
		t.Errorf("got %s of an unknown age", got)
	}
}

func TestTimestamp(t *testing.T) {
	t.Parallel()
	far := time.Date(12027, 1, 1, 0, 0, 0, 0, time.UTC)
	if got := timestamp(&far).ValueString(); got != "9999-12-31T23:59:59Z" {
		t.Errorf("got %s", got)
	}
	if got := timestamp(&time.Time{}); !got.IsNull() || !timeOf(got).IsZero() {
		t.Errorf("got %s", got)
	}
}
