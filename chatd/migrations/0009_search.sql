-- Searching what people wrote and were answered.

-- One row per message, and one with message_id 0 for a title.  A task fills it behind the turns, so
-- that nobody waits for it.
CREATE TABLE search_doc (
    conversation_id bigint NOT NULL,
    message_id      bigint NOT NULL,
    owner_id        bigint NOT NULL,
    words           tsvector NOT NULL,
    PRIMARY KEY (conversation_id, message_id)
);
CREATE INDEX search_by_words ON search_doc USING gin (words);
CREATE INDEX search_newest ON search_doc (owner_id, message_id DESC, conversation_id);

-- Messages that are to be read into it.
CREATE TABLE search_todo (message_id bigint PRIMARY KEY);
INSERT INTO search_todo SELECT id FROM message WHERE status <> 'pending';

-- The language it is made for; after a change all messages above `upto` are read again.
CREATE TABLE search_state (
    one      boolean PRIMARY KEY DEFAULT true CHECK (one),
    language text NOT NULL,
    upto     bigint
);

-- The words of a text: as they are, for beginnings of words, and reduced by the language's rules.
-- The owner is a word, too (no text can hold that one), so that the index knows whose words they are.
CREATE FUNCTION search_words(language text, owner bigint, content text) RETURNS tsvector
LANGUAGE sql STABLE AS $$
    SELECT array_to_tsvector(ARRAY[E'\x01' || owner]) || to_tsvector('simple', left(content, 200000)) ||
           CASE WHEN language = 'simple' THEN '' ELSE to_tsvector(language::regconfig, left(content, 200000)) END
$$;

-- Beginnings of words: each word of the text, in one language.
CREATE FUNCTION search_prefix(language text, content text) RETURNS tsquery
LANGUAGE sql STABLE AS $$
    SELECT coalesce(string_agg('''' || replace(replace(lexeme, E'\\', E'\\\\'), '''', '''''') || ''':*', ' & '), '')::tsquery
      FROM unnest(to_tsvector(language::regconfig, content))
$$;

-- What somebody looks for: all words, "a phrase", -without, either or other; the last word may be
-- the beginning of one, unless it is in quotes or excluded.
CREATE FUNCTION search_query(language text, asked text) RETURNS tsquery
LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN last IS NULL OR last ~ '^-|"' OR lower(last) = 'or' OR head ~* '\sor\s*$'
             OR (length(asked) - length(replace(asked, '"', ''))) % 2 = 1
        THEN websearch_to_tsquery(language::regconfig, asked)
        ELSE websearch_to_tsquery(language::regconfig, head) &&
             CASE WHEN language = 'simple' THEN search_prefix('simple', last)
                  ELSE search_prefix('simple', last) || search_prefix(language, last) END
        END
      FROM (SELECT regexp_replace(asked, '\S+\s*$', '') AS head, substring(asked FROM '(\S+)\s*$') AS last) a
$$;
