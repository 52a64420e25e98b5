.resource_changes[]?
| select(.type == "influxdb3_admin_token")
| select((.change.actions | index("update")) and .change.after_unknown.hash == true)
| "\(.address): the operator token will be regenerated"
