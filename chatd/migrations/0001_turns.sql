-- Conversations, their messages, and the turns that make the answers.
--
-- No foreign keys between them: one program writes them, each turn's rows in one statement, and the
-- seven checks would cost as much as everything else that accepting a message does.

CREATE TABLE conversation (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner_id    bigint NOT NULL,
    project_id  bigint NOT NULL,
    title       text,
    pinned      boolean NOT NULL DEFAULT false,
    archived    boolean NOT NULL DEFAULT false,
    active_leaf bigint,            -- newest message of the branch that is shown
    active_turn bigint,            -- turn that runs or waits on it
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now() -- when it was last written to
) WITH (fillfactor = 90);
CREATE INDEX conversation_by_project ON conversation (owner_id, project_id, updated_at DESC, id DESC);

CREATE TABLE message (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    conversation_id bigint NOT NULL,
    owner_id        bigint NOT NULL,
    parent_id       bigint,
    depth           bigint NOT NULL, -- messages above it
    role            text NOT NULL CHECK (role IN ('user', 'assistant')),
    status          text NOT NULL CHECK (status IN ('complete', 'pending', 'incomplete', 'failed', 'cancelled')),
    content         text NOT NULL,
    turn_id         bigint,
    created_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX message_by_conversation ON message (conversation_id, id);
CREATE INDEX message_by_parent ON message (parent_id);

-- A process that runs turns.  It raises its beat each second; others take its turns when they have
-- seen the beat stand still for long enough on their own clocks.
CREATE TABLE owner (
    id         text PRIMARY KEY,
    beat       bigint NOT NULL DEFAULT 0,
    started_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE turn (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner_id         bigint NOT NULL,            -- the account
    project_id       bigint NOT NULL,
    conversation_id  bigint NOT NULL,
    user_message_id  bigint NOT NULL,
    message_id       bigint NOT NULL,
    state            text NOT NULL CHECK (state IN ('queued', 'running', 'completed', 'failed', 'cancelled')),
    process          text,                       -- owner.id while running
    fence            bigint NOT NULL DEFAULT 0,  -- grows with every change of hands
    attempt          bigint NOT NULL DEFAULT 0,
    takeovers        bigint NOT NULL DEFAULT 0,
    cancel_requested boolean NOT NULL DEFAULT false,
    model            text NOT NULL,
    prompts          jsonb NOT NULL DEFAULT '[]', -- [{id, version}] that it was sent with
    reserved         bigint NOT NULL DEFAULT 0,   -- tokens held of the daily limits
    tries            jsonb NOT NULL DEFAULT '[]', -- requests sent to the provider, of all attempts
    finish_reason    text,
    input_tokens     bigint,
    output_tokens    bigint,
    dropped_messages bigint,
    error_code       text,
    error_detail     text,
    error_retryable  boolean,
    created_at       timestamptz NOT NULL DEFAULT now(),
    started_at       timestamptz,
    finished_at      timestamptz
);
CREATE INDEX turn_queued ON turn (id) WHERE state = 'queued';
CREATE INDEX turn_running_by_owner ON turn (owner_id) WHERE state = 'running';
CREATE INDEX turn_running_by_process ON turn (process) WHERE state = 'running';
CREATE INDEX turn_by_conversation ON turn (conversation_id, id);

-- Tokens per account, project and day (UTC).
CREATE TABLE usage_day (
    owner_id      bigint NOT NULL,
    project_id    bigint NOT NULL,
    day           date NOT NULL,
    turns         bigint NOT NULL,
    input_tokens  bigint NOT NULL,
    output_tokens bigint NOT NULL,
    PRIMARY KEY (owner_id, project_id, day)
);

-- Tokens spent and held against the daily limits; account 0 is all accounts together.
CREATE TABLE budget_day (
    account_id bigint NOT NULL,
    day        date NOT NULL,
    spent      bigint NOT NULL,
    reserved   bigint NOT NULL,
    PRIMARY KEY (account_id, day)
);

\ir ../../common/migrations/idempotency.sql
