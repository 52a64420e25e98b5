// Package lifecycle knows what must happen to an operator token: how it is
// established, inspected and rotated, and how one is got back whose reply was
// lost. It knows neither Terraform nor HTTP.
//
// Three rules hold everywhere in it. The only copy of a secret is never dropped.
// A request that changes something is never repeated while its outcome is
// unknown; unknown is resolved by looking. What was minted is returned at once.
package lifecycle
