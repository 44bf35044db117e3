"""The whole service beside other image servers: time, CPU, bytes and look over HTTP."""
