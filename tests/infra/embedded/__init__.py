"""The embedded Postgres, Valkey and S3 server: started, stopped, killed and started again.

Real servers in directories of their own. How `fluximage up` uses them is tested in
tests/infra/commands.
"""
