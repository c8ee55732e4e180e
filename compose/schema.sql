-- The demo's tables, with two users who share one list of three.
CREATE TABLE lists (
    id uuid PRIMARY KEY,
    owner_id text NOT NULL,
    name text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE members (
    id uuid PRIMARY KEY,
    list_id uuid NOT NULL REFERENCES lists ON DELETE CASCADE,
    user_id text NOT NULL,
    UNIQUE (list_id, user_id)
);

CREATE TABLE todos (
    id uuid PRIMARY KEY,
    list_id uuid NOT NULL REFERENCES lists ON DELETE CASCADE,
    title text NOT NULL CHECK (title <> ''),
    done boolean NOT NULL DEFAULT false,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Which uploaded transactions have taken effect: written in the same transaction as the effect.
CREATE TABLE topgun_uploads (
    user_id text NOT NULL,
    client_id text NOT NULL,
    tx bigint NOT NULL,
    digest bytea NOT NULL,
    refused text,
    applied_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, client_id, tx)
);

INSERT INTO lists (id, owner_id, name) VALUES
    ('a0000000-0000-4000-8000-000000000001', 'ann', 'Groceries'),
    ('a0000000-0000-4000-8000-000000000002', 'ann', 'Ann''s reading'),
    ('a0000000-0000-4000-8000-000000000003', 'bob', 'Bob''s garage');

INSERT INTO members (id, list_id, user_id) VALUES
    ('b0000000-0000-4000-8000-000000000001', 'a0000000-0000-4000-8000-000000000001', 'ann'),
    ('b0000000-0000-4000-8000-000000000002', 'a0000000-0000-4000-8000-000000000001', 'bob'),
    ('b0000000-0000-4000-8000-000000000003', 'a0000000-0000-4000-8000-000000000002', 'ann'),
    ('b0000000-0000-4000-8000-000000000004', 'a0000000-0000-4000-8000-000000000003', 'bob');

INSERT INTO todos (id, list_id, title, done, created_by) VALUES
    ('c0000000-0000-4000-8000-000000000001', 'a0000000-0000-4000-8000-000000000001', 'Milk', false, 'ann'),
    ('c0000000-0000-4000-8000-000000000002', 'a0000000-0000-4000-8000-000000000001', 'Bread', true, 'bob'),
    ('c0000000-0000-4000-8000-000000000003', 'a0000000-0000-4000-8000-000000000002', 'The Periodic Table', false, 'ann'),
    ('c0000000-0000-4000-8000-000000000004', 'a0000000-0000-4000-8000-000000000003', 'Change the oil', false, 'bob');
