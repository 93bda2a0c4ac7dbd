"""What ingest holds of a person."""

from typing import Final

from baton.flow.held import OF_FLOW, Held
from baton.service import idempotency
from baton_ingest.captures import REPEAT_WINDOW

_WINDOW: Final = f"interval '{REPEAT_WINDOW}'"

HELD: Final = (
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
        # What the sender has an id or a key for stays known as seen, nobody's; of what we know by its words nothing
        # stays.
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
