-- What a version of the schema that does not exist yet may add to a store: columns, tables, facts, and rows that today's agent
-- cannot read or does not know.
ALTER TABLE events ADD COLUMN at_unix INTEGER;
ALTER TABLE settings ADD COLUMN source TEXT NOT NULL DEFAULT 'unknown';
ALTER TABLE attributes ADD COLUMN heartbeat INTEGER;
ALTER TABLE instances ADD COLUMN made_by TEXT;
UPDATE events SET at_unix = 1700000000;
UPDATE settings SET source = 'acs';
UPDATE attributes SET heartbeat = 60;
UPDATE instances SET made_by = 'acs';
CREATE TABLE certificates (name TEXT PRIMARY KEY, pem TEXT NOT NULL);
CREATE TABLE uses (name TEXT NOT NULL REFERENCES certificates (name));
CREATE INDEX uses_by_name ON uses (name);
INSERT INTO certificates VALUES ('a', 'PEM');
INSERT INTO uses VALUES ('a');
INSERT INTO events VALUES
    (8, '15 DUSK', '', '{"lux": 3}', 1700000000),
    (9, 'M Teleport', 'far away', '', 1700000000);
INSERT INTO settings VALUES ('Device.ManagementServer.X_CWMPD_Later', 'set', 'acs');
INSERT INTO meta VALUES ('later', 'a fact');
INSERT INTO attributes VALUES ('Device.X_CWMPD_Demo.Offset', 300, NULL, 5);
INSERT INTO reported_values VALUES ('Device.X_CWMPD_Demo.Offset', 300, '7');
INSERT INTO transactions VALUES (78, 'finish'), (79, 'commit');
INSERT INTO transaction_changes VALUES
    (78, 0, 'demo', 1, 1, 'Device.X_CWMPD_Demo.Label', 'of a phase that nobody knows'),
    (79, 0, 'demo', 1, 1, 'Device.X_CWMPD_Demo.Label', 'half of it'),
    (79, 1, 'demo', 300, 1, 'Device.X_CWMPD_Demo.Level', '1');
PRAGMA user_version = 99;
