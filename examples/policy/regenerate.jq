.resource_changes[]?
| select(.type == "influxdb3_admin_token")
| select((.change.actions | index("create")) and .change.after.existing_token == "regenerate")
| "\(.address): an operator token that somebody else holds may be regenerated"
