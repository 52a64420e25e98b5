package lifecycle

// ImportStage counts how often an imported resource has been refreshed by a process
// other than the one that imported it. Up to the first apply triggers are recorded
// without acting upon them. Terraform does not tell a provider of an apply that
// changes nothing; but what a refresh has noted is in state afterwards, so that a
// second one that finds the note knows that there was one in between.
type ImportStage int

// The stages, in their order.
const (
	NotImported      ImportStage = iota
	Imported                     // and not yet refreshed by another process
	ImportedAndSeen              // refreshed once
	importStageLimit             // refreshed again: the first apply is over
)

// Refreshed is the stage after a refresh. here: by the process that has imported it.
func (s ImportStage) Refreshed(here bool) ImportStage {
	if s == NotImported || here {
		return s
	}
	return (s + 1) % importStageLimit
}
