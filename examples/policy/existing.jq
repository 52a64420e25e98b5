select(.diagnostic.summary? == "A Living Operator Token Will Be Regenerated")
| "\(.diagnostic.address): a living operator token will be regenerated"
