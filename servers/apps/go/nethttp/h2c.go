//go:build go1.24
// +build go1.24

package main

import "net/http"

// acceptH2C uses what Go 1.24 brought: https://go.dev/doc/go1.24#nethttppkgnethttp
func acceptH2C(server *http.Server) {
	server.Protocols = new(http.Protocols)
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
}
