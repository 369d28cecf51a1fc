-- Accounts that are deleted: nothing is made for them any more, and what they have is erased.
\ir ../../common/migrations/account_ref.sql
CREATE INDEX project_ref_by_owner ON project_ref (owner_id);

-- Whose file it was, of copies that are being deleted at the provider.
ALTER TABLE copy ADD COLUMN owner_id bigint;
CREATE INDEX copy_by_owner ON copy (owner_id) WHERE owner_id IS NOT NULL;
