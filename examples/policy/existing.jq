select(.diagnostic.summary? == "Existing Operator Token Will Be Regenerated")
| "\(.diagnostic.address): an existing operator token will be regenerated"
