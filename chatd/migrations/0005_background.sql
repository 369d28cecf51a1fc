-- Answers that the provider makes in the background: whoever takes such a turn over goes on reading.
ALTER TABLE turn ADD COLUMN response_id text;    -- the provider's, known before any text is shown
ALTER TABLE turn ADD COLUMN response_seq bigint; -- its event that the stored text ends with
