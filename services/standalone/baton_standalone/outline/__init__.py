"""A playbook as the facts that people would name: what its page shows, and what two playbooks are compared by."""
