"""The tables of the router."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, UUID

from baton.flow.tables import add_flow_tables
from baton.service.tables import add_idempotency
from baton_router import SCHEMA

metadata = sa.MetaData(schema=SCHEMA)
add_flow_tables(metadata)
add_idempotency(metadata)

leads = sa.Table(
    "leads",
    metadata,
    sa.Column("lead_id", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("rep", sa.Text),
    sa.Column("pool", sa.Text),
    sa.Column("profile_version", sa.BigInteger, nullable=False),
    sa.Column("captured_at", sa.DateTime(timezone=True)),
    sa.Column("lead", BYTEA),
    sa.Column("score", BYTEA),
    sa.Column("answer", BYTEA),
    sa.Column("declined", ARRAY(sa.Text), nullable=False),
    sa.Column("missed", ARRAY(sa.Text), nullable=False),
    sa.Column("paused_at", sa.DateTime(timezone=True)),
    sa.Column("resume_at", sa.DateTime(timezone=True)),
    sa.Index("leads_by_change", "changed_at", "lead_id"),
    sa.Index("leads_by_rep", "rep", "changed_at"),
    sa.Index("leads_by_pool", "pool", "changed_at"),
    sa.Index("leads_by_state", "state", "changed_at"),
    sa.Index("leads_to_resume", "resume_at", postgresql_where=sa.text("resume_at is not null")),
)

assignments = sa.Table(
    "assignments",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("lead_id", sa.Text, nullable=False),
    sa.Column("rep", sa.Text, nullable=False),
    sa.Column("pool", sa.Text),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("open", sa.Boolean, nullable=False),
    sa.Column("closed_at", sa.DateTime(timezone=True)),
    sa.Column("closed_as", sa.Text),
    sa.Column("accepted_at", sa.DateTime(timezone=True)),
    sa.Column("touched_at", sa.DateTime(timezone=True)),
    sa.Column("turn_pool", sa.Text),
    sa.Column("turn_balance", sa.Text),
    sa.Column("account", sa.Text),
    sa.Column("phone", sa.Text),
    sa.Column("data", BYTEA, nullable=False),
    sa.Index("assignments_one_open", "lead_id", unique=True, postgresql_where=sa.text("open")),
    sa.Index("assignments_of_lead", "lead_id", "at"),
    sa.Index("assignments_open_of_rep", "rep", "pool", postgresql_where=sa.text("open")),
    sa.Index("assignments_of_rep", "rep", "at"),
    sa.Index("assignments_of_account", "account", "at", postgresql_where=sa.text("account is not null")),
    sa.Index("assignments_of_phone", "phone", "at", postgresql_where=sa.text("phone is not null")),
)

holds = sa.Table(
    "holds",
    metadata,
    sa.Column("lead_id", sa.Text, primary_key=True),
    sa.Column("position", sa.BigInteger, sa.Identity(always=True), nullable=False),
    sa.Column("since", sa.DateTime(timezone=True), nullable=False),
    sa.Column("until", sa.DateTime(timezone=True), nullable=False),
    sa.Column("look_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("pools", ARRAY(sa.Text), nullable=False),
    sa.Column("cause", BYTEA, nullable=False),
    sa.Index("holds_by_look", "look_at"),
    sa.Index("holds_in_order", "since", "position"),
)

turns = sa.Table(
    "turns",
    metadata,
    sa.Column("pool", sa.Text, primary_key=True),
    sa.Column("balance", sa.Text, primary_key=True),
    sa.Column("rep", sa.Text, primary_key=True),
    sa.Column("count", sa.Double, nullable=False),
    sa.Column("present", sa.Boolean, nullable=False),
)

reps = sa.Table(
    "reps",
    metadata,
    sa.Column("rep", sa.Text, primary_key=True),
    sa.Column("said", BYTEA, nullable=False),
    sa.Column("benched_until", sa.DateTime(timezone=True)),
    sa.Column("move_at", sa.DateTime(timezone=True)),
    sa.Column("moved_up_to", sa.Text, nullable=False),
    sa.Index("reps_to_move", "move_at", postgresql_where=sa.text("move_at is not null")),
)

misses = sa.Table(
    "misses",
    metadata,
    sa.Column("clock_id", sa.Text, primary_key=True),
    sa.Column("rep", sa.Text, nullable=False),
    sa.Column("policy", sa.Text, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("lead_id", sa.Text, nullable=False),
    sa.Index("misses_of_rep", "rep", "policy", "at"),
)

accounts = sa.Table(
    "accounts",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("name_key", sa.Text),
    sa.Column("first_word", sa.Text),
    sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("data", BYTEA, nullable=False),
    sa.Index("accounts_by_name", "name_key"),
    sa.Index("accounts_by_first_word", "first_word"),
)

account_domains = sa.Table(
    "account_domains",
    metadata,
    sa.Column("domain", sa.Text, primary_key=True),
    sa.Column("account_id", sa.Text, primary_key=True),
    sa.Index("account_domains_of_account", "account_id"),
)

waiting_touches = sa.Table(
    "waiting_touches",
    metadata,
    sa.Column("cause", UUID, primary_key=True),
    sa.Column("lead_id", sa.Text, nullable=False),
    sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("data", BYTEA, nullable=False),
    sa.Index("waiting_touches_of_lead", "lead_id"),
)

aliases = sa.Table(
    "aliases",
    metadata,
    sa.Column("lead_id", sa.Text, primary_key=True),
    sa.Column("into_lead", sa.Text, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Index("aliases_of_lead", "into_lead"),
)

reviews = sa.Table(
    "reviews",
    metadata,
    sa.Column("lead_id", sa.Text, primary_key=True),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("candidates", BYTEA, nullable=False),
    sa.Index("reviews_by_time", "at", "lead_id"),
)

timeline = sa.Table(
    "timeline",
    metadata,
    sa.Column("position", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("lead_id", sa.Text, nullable=False),
    sa.Column("event_id", UUID, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("data", BYTEA, nullable=False),
    sa.Column("reps", sa.Text),
    sa.UniqueConstraint("lead_id", "event_id", name="timeline_once"),
    sa.Index("timeline_captured", "at", "lead_id", postgresql_where=sa.text("type = 'lead.captured'")),
    sa.Index("timeline_at", "at", postgresql_using="brin"),
)

feeds = sa.Table(
    "feeds",
    metadata,
    sa.Column("rep", sa.Text, primary_key=True),
    sa.Column("position", sa.BigInteger, primary_key=True),
)

clocks = sa.Table(
    "clocks",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("lead_id", sa.Text, nullable=False),
    sa.Column("policy", sa.Text, nullable=False),
    sa.Column("rep", sa.Text),
    sa.Column("status", sa.Text),
    sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("data", BYTEA, nullable=False),
    sa.Index("clocks_of_lead", "lead_id"),
)

erased = sa.Table(
    "erased",
    metadata,
    sa.Column("lead_id", sa.Text, primary_key=True),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
)
