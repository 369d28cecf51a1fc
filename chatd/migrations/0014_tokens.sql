-- What the text of an unfinished answer costs, as the process that reads it reckons: all that is known of
-- its usage when that process dies.  NULL: nothing is stored yet.
ALTER TABLE message ADD COLUMN tokens bigint;
