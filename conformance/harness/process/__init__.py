"""The server under test as processes: started, made ready, signalled, ended, removed."""
