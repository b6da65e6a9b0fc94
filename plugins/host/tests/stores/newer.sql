-- What a version of the schema that does not exist yet may add to a plugin's store.
ALTER TABLE kv ADD COLUMN origin TEXT NOT NULL DEFAULT 'plugin';
ALTER TABLE event ADD COLUMN moment INTEGER;
UPDATE kv SET origin = 'acs';
CREATE TABLE certificate (name TEXT PRIMARY KEY, pem TEXT NOT NULL);
INSERT INTO certificate VALUES ('a', 'PEM');
INSERT INTO kv VALUES ('later/what', CAST('a plugin of tomorrow' AS BLOB), 'plugin');
PRAGMA user_version = 99;
