.resource_changes[]?
| select(.type == "influxdb3_admin_token")
| select(.change.actions | index("delete") or index("forget"))
| "\(.address): the operator token will leave the state"
