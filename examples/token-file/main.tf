# The server starts with a token that is known before: there is no moment in which
# anybody else could create its operator token. The same apply regenerates it, so the one
# in the file no longer works.

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

# A provider block cannot use a resource of the same block. The first token needs no
# server, so its block is empty.
provider "influxdb3" {
  alias = "offline"
}

resource "influxdb3_offline_admin_token" "first" {
  provider = influxdb3.offline
}

# It stands for whatever starts the server: a container, a virtual machine, a Helm release.
resource "terraform_data" "server" {
  input            = "influxdb3.pid"
  triggers_replace = influxdb3_offline_admin_token.first.hash

  provisioner "local-exec" {
    environment = {
      TOKEN_FILE = influxdb3_offline_admin_token.first.file_content
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
    command = "kill $(cat ${self.output}) && rm -rf data"
  }
}

provider "influxdb3" {
  url   = "http://${var.address}"
  token = influxdb3_offline_admin_token.first.token
}

resource "influxdb3_admin_token" "operator" {
  existing_token      = "regenerate"
  deletion_protection = false # a server that is made anew has another operator token

  lifecycle {
    replace_triggered_by = [terraform_data.server]
  }
}

output "operator_token" {
  value     = influxdb3_admin_token.operator.token
  sensitive = true
}
