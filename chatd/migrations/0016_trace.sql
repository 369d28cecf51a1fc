-- The request that asked for the turn, as the bus tells it: its id, and where it is traced the span that
-- asked.  Whoever runs the turn later logs, and tells the provider, that trace.
ALTER TABLE turn ADD COLUMN trace text;
