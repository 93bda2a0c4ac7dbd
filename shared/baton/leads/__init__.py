"""What a lead is: events, normalising, conditions, the playbook. Pure, no I/O."""
