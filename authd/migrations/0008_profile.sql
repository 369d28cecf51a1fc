-- What people say of themselves, and what their clients remember.

ALTER TABLE account
    ADD COLUMN name        text CHECK (octet_length(name) <= 120),
    ADD COLUMN language    text CHECK (octet_length(language) <= 35), -- BCP 47; NULL: the browser's
    ADD COLUMN preferences json NOT NULL DEFAULT '{}';               -- as it came, not as jsonb would have it
