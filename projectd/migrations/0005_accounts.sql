-- Accounts that are deleted: nothing is made for them any more.
\ir ../../common/migrations/account_ref.sql
