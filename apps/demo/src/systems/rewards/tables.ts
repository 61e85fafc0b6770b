/** Points are whole; a balance is never below zero, whatever the program believes. */
export const tables: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS wallets (
    kind text NOT NULL,
    id text NOT NULL,
    available_balance int NOT NULL CHECK (available_balance >= 0),
    escrow_balance int NOT NULL CHECK (escrow_balance >= 0),
    version int NOT NULL,
    PRIMARY KEY (kind, id)
  )`,
  `CREATE TABLE IF NOT EXISTS escrows (
    id text PRIMARY KEY,
    user_id text NOT NULL,
    amount int NOT NULL CHECK (amount > 0),
    state text NOT NULL
  )`,
  `CREATE TABLE IF NOT EXISTS ledger_entries (
    transaction_id text PRIMARY KEY,
    operation text NOT NULL,
    idempotency_key text NOT NULL,
    currency text NOT NULL,
    lines jsonb NOT NULL,
    result jsonb NOT NULL,
    UNIQUE (operation, idempotency_key)
  )`,
  `CREATE TABLE IF NOT EXISTS activity_feed (
    event_id text PRIMARY KEY,
    user_id text NOT NULL,
    event_type text NOT NULL,
    at timestamptz NOT NULL,
    metadata jsonb NOT NULL
  )`,
]
