package main

import (
	"os"
	"testing"
)

func TestSilenceSDK(t *testing.T) {
	const off = "OFF"
	for _, c := range []struct{ name, value, want string }{
		{"", "", off},
		{"TF_LOG", "INFO", ""},
		{"TF_LOG_PROVIDER", "TRACE", ""},
		{"TF_LOG_SDK", "DEBUG", "DEBUG"},
		{"TF_LOG_CORE", "TRACE", off}, // is for the CLI alone
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, name := range []string{"TF_LOG", "TF_LOG_PROVIDER", "TF_LOG_SDK", "TF_LOG_CORE"} {
				t.Setenv(name, "")
			}
			if c.name != "" {
				t.Setenv(c.name, c.value)
			}
			silenceSDK()
			if got := os.Getenv("TF_LOG_SDK"); got != c.want {
				t.Errorf("TF_LOG_SDK is %q, want %q", got, c.want)
			}
		})
	}
}
