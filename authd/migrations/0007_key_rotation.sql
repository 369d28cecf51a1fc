-- Signing keys that follow each other: the older ones verify until their last token has ended.

ALTER TABLE signing_key
    ADD COLUMN verify_until timestamptz, -- of a retired key
    ADD COLUMN revoked_at   timestamptz; -- it verifies nothing from then on
ALTER TABLE revocation_counter
    ADD COLUMN key_seq bigint NOT NULL DEFAULT 0; -- counts changes that gateways must hear of
GRANT DELETE ON signing_key TO authd;
