"""What the conformance tests stand on: servers under test, peers that misbehave on request, and the record of what was called."""
