.resource_changes[]?
| select(.type == "influxdb3_admin_token")
| select(.change.after.deletion_protection == false and .change.before.deletion_protection != false)
| "\(.address): deletion protection will be off"
