package influxdb3

import (
	"context"
	"encoding/json"
	"net/http"
)

// ServerInfo is what a server tells of itself.
type ServerInfo struct {
	Product     string // "InfluxDB 3 Core"; "" where the server does not say (3.4)
	Build       string // "Core", "Enterprise"
	Version     string
	ClusterUUID string // "" before 3.7
}

// Ping asks a server what it is. It does not prove that the credential is good:
// with --disable-authz ping the server answers anybody (recorded).
func (c *Client) Ping(ctx context.Context, credential Secret) (*ServerInfo, error) {
	call := call{op: "ask the server for its version", method: http.MethodGet, path: "/ping", token: credential}
	reply, failed := c.do(ctx, call)
	if failed != nil {
		return nil, failed
	}
	var wire struct {
		Product string `json:"product_name"`
		Version string `json:"version"`
	}
	err := reply.err
	if err == nil {
		err = json.Unmarshal(reply.body, &wire)
	}
	if err != nil {
		return nil, &Error{Kind: KindUnexpected, Op: call.op, Target: address(c.config.URL.JoinPath(call.path)), ClusterUUID: reply.clusterUUID, Err: err}
	}
	return &ServerInfo{Product: wire.Product, Version: wire.Version, Build: reply.build, ClusterUUID: reply.clusterUUID}, nil
}

// Names asks whether a server names its cluster to somebody without a credential: the
// answer to OPTIONS has a cluster-uuid from 3.8 on, and before it has none (recorded).
func (c *Client) Names(ctx context.Context) (clusterUUID string, err error) {
	reply, failed := c.do(ctx, call{op: "ask for the server's options", method: http.MethodOptions, path: "/ping"})
	if failed != nil {
		return "", failed
	}
	return reply.clusterUUID, nil
}
