.resource_changes[]?
| select(.type == "influxdb3_named_admin_token" or .type == "influxdb3_resource_token")
| select(.change.after != null and .change.after.expires_in == null)
| select(.change.after_unknown.expires_in != true)
| "\(.address): the token will never expire"
