"""What ingest holds of a person."""

from typing import Final

from baton.flow.held import OF_FLOW, Held
from baton.service import idempotency
from baton_ingest.captures import REPEAT_WINDOW

_WINDOW: Final = f"interval '{REPEAT_WINDOW}'"
# The same file may come again: what it says of them is known by then, whether it has left or not.
_SEEN_ALL_THE_SAME: Final = """
with gone as (
    delete from imports where lead_id = any($1::text[]) returning source, identity, accepted_at
)
insert into ledger (source, identity, lead_id, event_id, received_at, repeats_until)
select source, identity, null, gen_random_uuid(), accepted_at, '9999-01-01Z' from gone
on conflict do nothing
"""

HELD: Final = (
    # First: whoever lets some of them go has these rows, and wants others of the person after them.
    Held("imports", "id", instead=(_SEEN_ALL_THE_SAME,)),
    # Found by the vendor's ids: so before them.
    Held(
        "quarantine",
        "id",
        where="(source, vendor_id) in (select source, vendor_id from vendor_ids where lead_id = any($1::text[]))",
    ),
    Held("vendor_ids", "source, vendor_id"),
    Held(
        "ledger",
        "received_at, source, identity",
        # What the sender has an id or a key for, and what was imported, stays known as seen, nobody's; of what came
        # live and is known by its words nothing stays.
        instead=(
            f"delete from ledger where lead_id = any($1::text[]) and repeats_until <= received_at + {_WINDOW}",  # noqa: S608 - ours
            "update ledger set lead_id = null where lead_id = any($1::text[])",
        ),
    ),
    idempotency.HELD,
    Held("aliases", "lead_id", where="(lead_id = any($1::text[]) or into_lead = any($1::text[]))"),
    Held("accounts", "lead_id"),
    *OF_FLOW,
)
