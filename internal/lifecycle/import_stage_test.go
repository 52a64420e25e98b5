package lifecycle

import "testing"

func TestImportStage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		before ImportStage
		here   bool
		want   ImportStage
	}{
		{NotImported, false, NotImported},
		{NotImported, true, NotImported},
		{Imported, true, Imported},
		{Imported, false, ImportedAndSeen},
		{ImportedAndSeen, true, ImportedAndSeen},
		{ImportedAndSeen, false, NotImported},
	} {
		if got := tt.before.Refreshed(tt.here); got != tt.want {
			t.Errorf("%d, here %t: got %d, want %d", tt.before, tt.here, got, tt.want)
		}
	}
}
