import {
  to = influxdb3_resource_token.telegraf
  id = "telegraf-1"
}
