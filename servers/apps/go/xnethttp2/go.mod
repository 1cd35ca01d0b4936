module lastcall.example/xnethttp2

go 1.26.0

require lastcall.example/gate v0.0.0

require golang.org/x/net v0.62.0

require golang.org/x/text v0.43.0 // indirect

replace lastcall.example/gate => ../gate
