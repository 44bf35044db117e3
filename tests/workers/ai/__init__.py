"""What is sent to the Messages API, how its faults are survived, and which answers are accepted.

The provider is asked over HTTP; a stand-in for the Messages API answers, and limits and breaker are
kept in a real Valkey. `-m live` asks the real model. The step that uses it is in test_describing.
"""
