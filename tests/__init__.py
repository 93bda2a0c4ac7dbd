"""The test suites, and what they share in tests.support."""
