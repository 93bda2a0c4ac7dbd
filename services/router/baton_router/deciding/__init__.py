"""Routing decisions, purely: facts in, decision and written reason out.

In the order of reading: `values` (what goes in and comes out), `routing` (the whole decision), `planning` (which rule
sends a lead where; a new kind of target goes here), `matching` (whose account it is), `picking` (who of a pool has it),
`strategies` (how a pool shares its leads; a new way goes here), `eligibility` (who may have it), `fairness` (whose turn
it is), `telling` (candidates in the trace), `ledger` (the counters).
"""
