package provider

import (
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
)

// isBridge says whether a bridge runs the provider, and not Terraform or OpenTofu, by the
// version of Terraform that the provider is told. Pulumi's names itself there, and
// Crossplane's Upjet gives a version of its own. Both drop a state that comes with an error,
// and Pulumi's plans the same change several times in one process.
func isBridge(version string) bool {
	return strings.Contains(version, "pulumi") || strings.HasPrefix(version, "crossTF")
}

// withState are the problems of an operation that has put a token into state. Where an error
// would lose that token, which can be the only copy, it is a warning.
func (s *configuredServer) withState(problems ...diag.Diagnostic) (diags diag.Diagnostics) {
	for _, problem := range problems {
		if s.bridged && problem.Severity() == diag.SeverityError {
			problem = diag.NewWarningDiagnostic(problem.Summary(), problem.Detail()+"\n\n"+
				"This is a warning and not an error, because what runs this provider drops a state that comes with an error, and the token in it.")
		}
		diags.Append(problem)
	}
	return diags
}
