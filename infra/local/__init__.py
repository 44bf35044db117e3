"""`fluximage compress --local`: the engine in processes of this machine, without any server."""
