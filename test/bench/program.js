rpc.expose('echo', (value) => value)
