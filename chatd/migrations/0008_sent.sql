-- What a turn was sent with: {"prompts": [{"id", "version"}], "temperature", "max_output_tokens"}; its
-- model and files have columns of their own.  It takes the place of prompts, which nobody writes any more.
ALTER TABLE turn ADD COLUMN sent jsonb NOT NULL DEFAULT '{}';
UPDATE turn SET sent = jsonb_build_object('prompts', prompts) WHERE prompts <> '[]';
