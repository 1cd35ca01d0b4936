module lastcall.example/gate

go 1.24
