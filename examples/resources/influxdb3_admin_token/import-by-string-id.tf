import {
  to = influxdb3_admin_token.operator
  id = "_admin"
}
