"""Leads, their assignments and holds, turns, reps, accounts, the timeline, and the tables of flow."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from baton.service.migrations import create_flow_tables, drop_flow_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = "router"
TABLES = (
    "leads",
    "assignments",
    "holds",
    "turns",
    "reps",
    "misses",
    "accounts",
    "account_domains",
    "waiting_touches",
    "aliases",
    "reviews",
    "timeline",
    "feeds",
    "clocks",
    "erased",
)


def upgrade() -> None:
    create_flow_tables(SCHEMA)
    _create_leads()
    _create_assignments()
    _create_holds()
    _create_turns()
    _create_reps()
    _create_misses()
    _create_accounts()
    _create_account_domains()
    _create_waiting_touches()
    _create_aliases()
    _create_reviews()
    _create_timeline()
    _create_feeds()
    _create_clocks()
    _create_erased()


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table, schema=SCHEMA)
    drop_flow_tables(SCHEMA)


def _create_leads() -> None:
    op.create_table(
        "leads",
        sa.Column("lead_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rep", sa.Text()),
        sa.Column("pool", sa.Text()),
        sa.Column("profile_version", sa.BigInteger(), nullable=False),
        sa.Column("captured_at", sa.DateTime(timezone=True)),
        sa.Column("lead", postgresql.BYTEA()),
        sa.Column("score", postgresql.BYTEA()),
        sa.Column("answer", postgresql.BYTEA()),
        sa.Column("declined", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("missed", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("paused_at", sa.DateTime(timezone=True)),
        sa.Column("resume_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("lead_id"),
        schema=SCHEMA,
    )
    op.create_index("leads_by_change", "leads", ["changed_at", "lead_id"], schema=SCHEMA)
    op.create_index("leads_by_pool", "leads", ["pool", "changed_at"], schema=SCHEMA)
    op.create_index("leads_by_rep", "leads", ["rep", "changed_at"], schema=SCHEMA)
    op.create_index("leads_by_state", "leads", ["state", "changed_at"], schema=SCHEMA)
    op.create_index(
        "leads_to_resume", "leads", ["resume_at"], schema=SCHEMA, postgresql_where=sa.text("resume_at is not null")
    )


def _create_assignments() -> None:
    op.create_table(
        "assignments",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("lead_id", sa.Text(), nullable=False),
        sa.Column("rep", sa.Text(), nullable=False),
        sa.Column("pool", sa.Text()),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True)),
        sa.Column("closed_as", sa.Text()),
        sa.Column("accepted_at", sa.DateTime(timezone=True)),
        sa.Column("touched_at", sa.DateTime(timezone=True)),
        sa.Column("turn_pool", sa.Text()),
        sa.Column("turn_balance", sa.Text()),
        sa.Column("account", sa.Text()),
        sa.Column("phone", sa.Text()),
        sa.Column("data", postgresql.BYTEA(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema=SCHEMA,
    )
    op.create_index(
        "assignments_of_account",
        "assignments",
        ["account", "at"],
        schema=SCHEMA,
        postgresql_where=sa.text("account is not null"),
    )
    op.create_index("assignments_of_lead", "assignments", ["lead_id", "at"], schema=SCHEMA)
    op.create_index(
        "assignments_of_phone",
        "assignments",
        ["phone", "at"],
        schema=SCHEMA,
        postgresql_where=sa.text("phone is not null"),
    )
    op.create_index("assignments_of_rep", "assignments", ["rep", "at"], schema=SCHEMA)
    op.create_index(
        "assignments_one_open", "assignments", ["lead_id"], unique=True, schema=SCHEMA, postgresql_where=sa.text("open")
    )
    op.create_index(
        "assignments_open_of_rep", "assignments", ["rep", "pool"], schema=SCHEMA, postgresql_where=sa.text("open")
    )


def _create_holds() -> None:
    op.create_table(
        "holds",
        sa.Column("lead_id", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("look_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("pools", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("cause", postgresql.BYTEA(), nullable=False),
        sa.PrimaryKeyConstraint("lead_id"),
        schema=SCHEMA,
    )
    op.create_index("holds_by_look", "holds", ["look_at"], schema=SCHEMA)
    op.create_index("holds_in_order", "holds", ["since", "position"], schema=SCHEMA)


def _create_turns() -> None:
    op.create_table(
        "turns",
        sa.Column("pool", sa.Text(), nullable=False),
        sa.Column("balance", sa.Text(), nullable=False),
        sa.Column("rep", sa.Text(), nullable=False),
        sa.Column("count", sa.Double(), nullable=False),
        sa.Column("present", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("pool", "balance", "rep"),
        schema=SCHEMA,
    )


def _create_reps() -> None:
    op.create_table(
        "reps",
        sa.Column("rep", sa.Text(), nullable=False),
        sa.Column("said", postgresql.BYTEA(), nullable=False),
        sa.Column("benched_until", sa.DateTime(timezone=True)),
        sa.Column("move_at", sa.DateTime(timezone=True)),
        sa.Column("moved_up_to", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("rep"),
        schema=SCHEMA,
    )
    op.create_index("reps_to_move", "reps", ["move_at"], schema=SCHEMA, postgresql_where=sa.text("move_at is not null"))


def _create_misses() -> None:
    op.create_table(
        "misses",
        sa.Column("clock_id", sa.Text(), nullable=False),
        sa.Column("rep", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lead_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("clock_id"),
        schema=SCHEMA,
    )
    op.create_index("misses_of_rep", "misses", ["rep", "policy", "at"], schema=SCHEMA)


def _create_accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text()),
        sa.Column("first_word", sa.Text()),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("data", postgresql.BYTEA(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema=SCHEMA,
    )
    op.create_index("accounts_by_first_word", "accounts", ["first_word"], schema=SCHEMA)
    op.create_index("accounts_by_name", "accounts", ["name_key"], schema=SCHEMA)


def _create_account_domains() -> None:
    op.create_table(
        "account_domains",
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("domain", "account_id"),
        schema=SCHEMA,
    )
    op.create_index("account_domains_of_account", "account_domains", ["account_id"], schema=SCHEMA)


def _create_waiting_touches() -> None:
    op.create_table(
        "waiting_touches",
        sa.Column("cause", sa.UUID(), nullable=False),
        sa.Column("lead_id", sa.Text(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("data", postgresql.BYTEA(), nullable=False),
        sa.PrimaryKeyConstraint("cause"),
        schema=SCHEMA,
    )
    op.create_index("waiting_touches_of_lead", "waiting_touches", ["lead_id"], schema=SCHEMA)


def _create_aliases() -> None:
    op.create_table(
        "aliases",
        sa.Column("lead_id", sa.Text(), nullable=False),
        sa.Column("into_lead", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("lead_id"),
        schema=SCHEMA,
    )
    op.create_index("aliases_of_lead", "aliases", ["into_lead"], schema=SCHEMA)


def _create_reviews() -> None:
    op.create_table(
        "reviews",
        sa.Column("lead_id", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("candidates", postgresql.BYTEA(), nullable=False),
        sa.PrimaryKeyConstraint("lead_id"),
        schema=SCHEMA,
    )
    op.create_index("reviews_by_time", "reviews", ["at", "lead_id"], schema=SCHEMA)


def _create_timeline() -> None:
    op.create_table(
        "timeline",
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("lead_id", sa.Text(), nullable=False),
        sa.Column("event_id", sa.UUID(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("data", postgresql.BYTEA(), nullable=False),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("lead_id", "event_id", name="timeline_once"),
        schema=SCHEMA,
    )
    op.create_index("timeline_of_lead", "timeline", ["lead_id", "at"], schema=SCHEMA)


def _create_feeds() -> None:
    op.create_table(
        "feeds",
        sa.Column("rep", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("rep", "position"),
        schema=SCHEMA,
    )
    op.create_index("feeds_by_position", "feeds", ["position"], schema=SCHEMA)


def _create_clocks() -> None:
    op.create_table(
        "clocks",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("lead_id", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("rep", sa.Text()),
        sa.Column("status", sa.Text()),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("data", postgresql.BYTEA(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema=SCHEMA,
    )
    op.create_index("clocks_of_lead", "clocks", ["lead_id"], schema=SCHEMA)


def _create_erased() -> None:
    op.create_table(
        "erased",
        sa.Column("lead_id", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("lead_id"),
        schema=SCHEMA,
    )
