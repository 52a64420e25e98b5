# As with a token file that a resource writes, but the token of the first start is in no
# state and in no plan.

terraform {
  required_providers {
    influxdb3 = {
      source = "influxdb3-community/influxdb3"
    }
  }
}

variable "address" {
  description = "Host and port that the server listens on."
  type        = string
  default     = "127.0.0.1:8181"
}

variable "rotation" {
  description = "Change it to regenerate the operator token."
  type        = string
  default     = "initial"
}

# A provider block cannot use an ephemeral resource of the same block. The first token
# needs no server, so its block is empty.
provider "influxdb3" {
  alias = "offline"
}

# Another token in every run. Only the run that creates the server writes it down.
ephemeral "influxdb3_offline_admin_token" "first" {
  provider = influxdb3.offline
}

# It stands for whatever starts the server and takes an ephemeral value: a provisioner, or
# a secret with a write-only argument.
resource "terraform_data" "server" {
  input = "influxdb3.pid"

  provisioner "local-exec" {
    environment = {
      TOKEN_FILE = ephemeral.influxdb3_offline_admin_token.first.file_content
    }
    command = <<-EOT
      umask 077
      printf %s "$TOKEN_FILE" >admin-token.json
      nohup influxdb3 serve --node-id node0 --object-store file --data-dir "$PWD/data" \
        --http-bind ${var.address} --admin-token-file "$PWD/admin-token.json" >influxdb3.log 2>&1 </dev/null &
      echo $! >influxdb3.pid
    EOT
  }

  provisioner "local-exec" {
    when    = destroy
    command = "kill $(cat ${self.output})"
  }
}

# In later runs no server knows this token, which does no harm: the one in state comes first.
provider "influxdb3" {
  url   = "http://${var.address}"
  token = ephemeral.influxdb3_offline_admin_token.first.token
}

resource "influxdb3_admin_token" "operator" {
  existing_token = "regenerate"

  rotation_triggers = {
    rotation = var.rotation
  }

  depends_on = [terraform_data.server]
}

output "operator_token" {
  value     = influxdb3_admin_token.operator.token
  sensitive = true
}
