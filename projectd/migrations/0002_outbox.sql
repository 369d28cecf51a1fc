\ir ../../common/migrations/outbox.sql
